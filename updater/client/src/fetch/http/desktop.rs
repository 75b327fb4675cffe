//! The proxy that a desktop is set to, where the environment names none.
//!
//! GNOME and its kin are asked by `gsettings`, KDE's settings are read from its file. Scripts that find
//! a proxy are not run: that would be a program from the network.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use url::Url;

/// A desktop's setting.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Desktop {
    pub(super) proxy: Url,
    /// Hosts that are reached directly, as in `no_proxy`.
    pub(super) exempt: String,
}

/// What the desktop of this session says, if the environment does not.
pub(super) fn proxy() -> Option<Desktop> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if NAMED.into_iter().any(|name| variable(name).is_some()) {
        return None;
    }
    let desktop = variable("XDG_CURRENT_DESKTOP")?;
    let is = |names: &[&str]| desktop.split(':').any(|name| names.contains(&name));
    if is(&LIKE_GNOME) {
        return gnome(&output_of(GSETTINGS, &["list-recursively", "org.gnome.system.proxy"])?);
    }
    let config = match variable("XDG_CONFIG_HOME") {
        Some(config) => PathBuf::from(config),
        None => PathBuf::from(variable("HOME")?).join(".config"),
    };
    let settings = || std::fs::read_to_string(config.join("kioslaverc")).ok();
    is(&["KDE"]).then(settings).flatten().and_then(|text| kde(&text))
}

/// From lines of `SCHEMA KEY VALUE`.
fn gnome(text: &str) -> Option<Desktop> {
    let find = |schema: &str, key: &str| {
        let start = format!("org.gnome.system.proxy{schema} {key} ");
        text.lines()
            .find_map(|line| line.strip_prefix(&start))
            .map(|value| value.trim_matches('\''))
    };
    if find("", "mode") != Some("manual") {
        return None;
    }
    let server = |schema: &str, scheme: &str| {
        let host = find(schema, "host").filter(|host| !host.is_empty())?;
        address(scheme, host, find(schema, "port")?)
    };
    let proxy = server(".https", "http").or_else(|| server(".socks", "socks5h"))?;
    let exempt = find("", "ignore-hosts").unwrap_or_default();
    // A list as in ['a', 'b'], or @as [] for none.
    let exempt = exempt.trim_start_matches("@as ").trim_matches(['[', ']']);
    Some(Desktop { proxy, exempt: hosts(exempt) })
}

/// From KDE's `kioslaverc`.
fn kde(text: &str) -> Option<Desktop> {
    let group = text.split("[Proxy Settings]\n").nth(1)?.split("\n[").next()?;
    let find = |key: &str| {
        let value = group.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value.map(str::trim).filter(|value| !value.is_empty())
    };
    // 1 is by hand; a list of those that alone go through the proxy cannot be told to our transport.
    if find("ProxyType") != Some("1") || find("ReversedException") == Some("true") {
        return None;
    }
    let server = |key: &str, scheme: &str| {
        let value = find(key)?;
        let rest = value.split_once("://").map_or(value, |(_, rest)| rest).trim_end_matches('/');
        let (host, port) = rest.rsplit_once([' ', ':'])?;
        address(scheme, host, port)
    };
    let proxy = server("httpsProxy", "http").or_else(|| server("socksProxy", "socks5h"))?;
    Some(Desktop { proxy, exempt: hosts(find("NoProxyFor").unwrap_or_default()) })
}

fn address(scheme: &str, host: &str, port: &str) -> Option<Url> {
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
    let host = if is_bare_ipv6 { format!("[{host}]") } else { host.to_owned() };
    Url::parse(&format!("{scheme}://{host}:{port}")).ok()
}

/// A list of hosts as `no_proxy` has it.
fn hosts(list: &str) -> String {
    let name = |host: &str| {
        let host = host.trim().trim_matches('\'');
        host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host).to_owned()
    };
    let names: Vec<String> = list.split(',').map(name).filter(|name| !name.is_empty()).collect();
    names.join(",")
}

/// What a small program says, if it says so soon.
fn output_of(program: &str, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let (mut child, end) = (command.spawn().ok()?, Instant::now() + PATIENCE);
    // It says less than a pipe holds.
    while child.try_wait().ok()?.is_none() {
        if Instant::now() >= end {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    String::from_utf8(child.wait_with_output().ok()?.stdout).ok()
}

/// Where it is on every distribution that has it: a name alone would be looked for in `PATH`.
const GSETTINGS: &str = "/usr/bin/gsettings";
const PATIENCE: Duration = Duration::from_secs(2);
const NAMED: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// Desktops that keep the setting where GNOME does.
const LIKE_GNOME: [&str; 6] = ["GNOME", "Unity", "X-Cinnamon", "Budgie", "Pantheon", "MATE"];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(found: Option<Desktop>) -> Option<(String, String)> {
        found.map(|Desktop { proxy, exempt }| (proxy.to_string(), exempt))
    }

    fn is(proxy: &str, exempt: &str) -> Option<(String, String)> {
        Some((proxy.to_owned(), exempt.to_owned()))
    }

    const GNOME: &str = "org.gnome.system.proxy autoconfig-url ''
org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8', '*.corp.example']
org.gnome.system.proxy mode 'manual'
org.gnome.system.proxy.http host 'wrong.example'
org.gnome.system.proxy.http port 1
org.gnome.system.proxy.https host 'proxy.example'
org.gnome.system.proxy.https port 3128
org.gnome.system.proxy.socks host '::1'
org.gnome.system.proxy.socks port 1080
";

    #[test]
    fn gnome_s_setting_counts_only_when_it_is_made_by_hand() {
        let exempt = "localhost,127.0.0.0/8,.corp.example";
        assert_eq!(said(gnome(GNOME)), is("http://proxy.example:3128/", exempt));
        let socks = GNOME.replace("'proxy.example'", "''");
        assert_eq!(said(gnome(&socks)), is("socks5h://[::1]:1080", exempt));
        let nobody = GNOME.replace("['localhost', '127.0.0.0/8', '*.corp.example']", "@as []");
        assert_eq!(said(gnome(&nobody)), is("http://proxy.example:3128/", ""));
        for other in [("'manual'", "'none'"), ("'manual'", "'auto'"), ("port", "gate")] {
            assert_eq!(gnome(&GNOME.replace(other.0, other.1)), None, "{other:?}");
        }
        assert_eq!(gnome("No such schema"), None);
    }

    const KDE: &str =
        "[$Version]\nupdate_info=x\n\n[Proxy Settings]\nNoProxyFor=localhost,.corp.example
Proxy Config Script=\nProxyType=1\nReversedException=false\nhttpProxy=http://wrong 1
httpsProxy=http://proxy.example 3128\nsocksProxy=socks://[::1]:1080\n\n[Other]\nProxyType=2\n";

    #[test]
    fn kde_s_setting_counts_only_when_it_is_made_by_hand() {
        let exempt = "localhost,.corp.example";
        assert_eq!(said(kde(KDE)), is("http://proxy.example:3128/", exempt));
        let old = KDE.replace("example 3128", "example:3128/");
        assert_eq!(said(kde(&old)), is("http://proxy.example:3128/", exempt));
        let socks = KDE.replace("httpsProxy=http://proxy.example 3128", "httpsProxy=");
        assert_eq!(said(kde(&socks)), is("socks5h://[::1]:1080", exempt));
        for other in [("Type=1", "Type=0"), ("Type=1", "Type=2"), ("=false", "=true")] {
            assert_eq!(kde(&KDE.replace(other.0, other.1)), None, "{other:?}");
        }
        for text in ["", "[Proxy Settings]", "[Other]\nProxyType=1\nhttpsProxy=http://a 1"] {
            assert_eq!(kde(text), None, "{text}");
        }
    }

    #[test]
    fn a_program_that_says_nothing_is_not_waited_for() {
        let begun = Instant::now();
        assert_eq!(output_of("/bin/sleep", &["60"]), None);
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert_eq!(output_of("/bin/echo", &["a"]).as_deref(), Some("a\n"));
        assert_eq!(output_of("/no/such/program", &[]), None);
    }
}
