//! How each system starts the agent: files from templates (packaging/os), and the commands that make
//! the system take notice. Pure but for [`Plan::install`] and [`Plan::uninstall`].

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum;
use exuvia_durable::Dir;

use crate::failure::Failure;

/// What starts the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A systemd timer of the user.
    SystemdUser,
    /// A systemd timer of the machine.
    SystemdSystem,
    /// The desktop session, where there is no systemd.
    Autostart,
    /// cron; printed only.
    Cron,
    /// launchd of macOS; printed only.
    Launchd,
    /// Task Scheduler of Windows; printed only.
    Windows,
}

/// Where the files of a service belong.
#[derive(Debug)]
pub(crate) struct Where {
    /// The user's configuration.
    pub(crate) config: PathBuf,
    /// The user's data.
    pub(crate) data: PathBuf,
    /// The program that is started.
    pub(crate) agent: String,
}

/// A file with its content.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// All that a service consists of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) units: Vec<Unit>,
    /// Run before anything else.
    prepare: Vec<Vec<&'static str>>,
    /// Run after the files are written.
    enable: Vec<Vec<&'static str>>,
    /// Run before they go; what it says matters to nobody, they may have gone before.
    disable: Vec<Vec<&'static str>>,
    /// Run after they have gone.
    forget: Vec<Vec<&'static str>>,
    /// What the system keeps for it.
    kept: Vec<PathBuf>,
}

impl Kind {
    /// The one that fits this machine.
    pub(crate) fn usual(system: bool) -> Kind {
        match (system, Path::new("/run/systemd/system").exists()) {
            (true, _) => Kind::SystemdSystem,
            (false, true) => Kind::SystemdUser,
            (false, false) => Kind::Autostart,
        }
    }

    /// What it consists of; `None` for what can only be printed here.
    pub(crate) fn plan(self, at: &Where) -> Option<Plan> {
        let texts = self.texts();
        let unit = |dir: PathBuf, (name, text): &(&str, &str)| Unit {
            path: dir.join(name),
            text: self.fill(text, &at.agent),
        };
        let started: &[&str] = match self {
            Kind::SystemdSystem => &[TIMER, SOCKET],
            _ => &[TIMER],
        };
        let systemd = |dir: PathBuf, stamps: PathBuf, user: Option<&'static str>| {
            let call = |words: &[&'static str]| {
                ["systemctl"].iter().copied().chain(user).chain(words.iter().copied()).collect()
            };
            Plan {
                units: texts.iter().map(|text| unit(dir.clone(), text)).collect(),
                prepare: Vec::new(),
                enable: vec![
                    call(&["daemon-reload"]),
                    call(&[&["enable", "--now"], started].concat()),
                ],
                disable: vec![call(&[&["disable", "--now"], started].concat())],
                forget: vec![call(&["daemon-reload"])],
                kept: vec![stamps.join(format!("systemd/timers/stamp-{TIMER}"))],
            }
        };
        match self {
            Kind::SystemdUser => {
                Some(systemd(at.config.join("systemd/user"), at.data.clone(), Some("--user")))
            }
            Kind::SystemdSystem => {
                let mut plan = systemd("/etc/systemd/system".into(), "/var/lib".into(), None);
                plan.prepare.push(vec!["systemd-sysusers", "--inline", FETCH_USER]);
                plan.forget.push(vec!["userdel", "exuvia-fetch"]);
                plan.kept.push("/var/cache/exuvia-fetch".into());
                Some(plan)
            }
            Kind::Autostart => Some(Plan {
                units: vec![unit(at.config.join("autostart"), &texts[0])],
                prepare: Vec::new(),
                enable: Vec::new(),
                disable: Vec::new(),
                forget: Vec::new(),
                kept: Vec::new(),
            }),
            Kind::Cron | Kind::Launchd | Kind::Windows => None,
        }
    }

    /// Its files, one after the other, as they are written.
    pub(crate) fn print(self, at: &Where) -> String {
        let texts = self.texts();
        let texts: Vec<String> = texts
            .iter()
            .map(|(name, text)| (name, self.fill(text, &at.agent)))
            .map(|(name, text)| match self {
                Kind::SystemdUser | Kind::SystemdSystem => format!("# {name}\n{text}"),
                _ => text,
            })
            .collect();
        texts.join("\n").trim_end().to_owned()
    }

    fn texts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::SystemdUser => &[(SERVICE, USER_SERVICE), (TIMER, USER_TIMER)],
            Kind::SystemdSystem => &[
                (SERVICE, SYSTEM_SERVICE),
                (TIMER, SYSTEM_TIMER),
                (SOCKET_SERVICE, MACHINE_SERVICE),
                (SOCKET, MACHINE_SOCKET),
            ],
            Kind::Autostart => &[("exuvia-agent.desktop", AUTOSTART)],
            Kind::Cron => &[("exuvia-agent.cron", CRON)],
            Kind::Launchd => &[("org.exuvia.agent.plist", LAUNCHD)],
            Kind::Windows => &[("exuvia-agent.xml", WINDOWS)],
        }
    }

    fn fill(self, text: &str, agent: &str) -> String {
        text.replace("@AGENT@", &self.quote(agent))
    }

    /// A path as a word of the format.
    fn quote(self, path: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
        match self {
            Kind::Launchd | Kind::Windows => {
                path.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
            }
            _ if path.chars().all(plain) => path.to_owned(),
            // systemd.service(5) and the desktop entry specification.
            Kind::SystemdUser | Kind::SystemdSystem | Kind::Autostart => {
                let mut quoted = String::from("\"");
                for c in path.chars() {
                    match (c, self) {
                        ('"' | '\\', _) => quoted.extend(['\\', c]),
                        ('%', _) => quoted.push_str("%%"),
                        ('$' | '`', Kind::Autostart) => quoted.extend(['\\', c]),
                        ('$', _) => quoted.push_str("$$"),
                        _ => quoted.push(c),
                    }
                }
                quoted + "\""
            }
            // A shell's word, in which cron has a meaning of its own for `%`.
            Kind::Cron => format!("'{}'", path.replace('\'', "'\\''").replace('%', "\\%")),
        }
    }
}

impl Plan {
    /// Writes it and tells the system.
    pub(crate) fn install(&self) -> Result<(), Failure> {
        self.prepare.iter().try_for_each(|words| run(words))?;
        for Unit { path, text } in &self.units {
            let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { continue };
            Dir::open_or_create(dir)?.write(name, text.as_bytes())?;
        }
        self.enable.iter().try_for_each(|words| run(words))
    }

    /// Takes all of it away; whether there was something.
    pub(crate) fn uninstall(&self) -> Result<bool, Failure> {
        if !self.units.iter().any(|unit| unit.path.exists()) {
            return Ok(false);
        }
        for words in &self.disable {
            let _ = run(words);
        }
        for path in self.units.iter().map(|unit| &unit.path).chain(&self.kept) {
            let removed = match path.is_dir() {
                true => std::fs::remove_dir_all(path),
                false => std::fs::remove_file(path),
            };
            match removed {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Failure::File { path: path.clone(), source: error });
                }
                _ => {}
            }
            // Folders that others use are not empty.
            for folder in path.ancestors().skip(1).take(2) {
                let _ = std::fs::remove_dir(folder);
            }
        }
        self.forget.iter().try_for_each(|words| run(words))?;
        Ok(true)
    }
}

fn run(words: &[&str]) -> Result<(), Failure> {
    let command = words.join(" ");
    let output = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let said = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::Service { command, said })
}

/// sysusers.d(5): somebody who may do nothing (docs/adr/0030).
const FETCH_USER: &str = "u exuvia-fetch - \"Fetches updates\" /var/cache/exuvia-fetch";
const SERVICE: &str = "exuvia-agent.service";
const TIMER: &str = "exuvia-agent.timer";
const SOCKET_SERVICE: &str = "exuvia-machine.service";
const SOCKET: &str = "exuvia-machine.socket";
const USER_SERVICE: &str = include_str!("../../../packaging/os/systemd/user.service");
const USER_TIMER: &str = include_str!("../../../packaging/os/systemd/user.timer");
const SYSTEM_SERVICE: &str = include_str!("../../../packaging/os/systemd/system.service");
const SYSTEM_TIMER: &str = include_str!("../../../packaging/os/systemd/system.timer");
const MACHINE_SERVICE: &str = include_str!("../../../packaging/os/systemd/machine.service");
const MACHINE_SOCKET: &str = include_str!("../../../packaging/os/systemd/machine.socket");
const AUTOSTART: &str = include_str!("../../../packaging/os/autostart/exuvia-agent.desktop");
const CRON: &str = include_str!("../../../packaging/os/cron/exuvia-agent.cron");
const LAUNCHD: &str = include_str!("../../../packaging/os/launchd/org.exuvia.agent.plist");
const WINDOWS: &str = include_str!("../../../packaging/os/windows/exuvia-agent.xml");

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 6] = [
        Kind::SystemdUser,
        Kind::SystemdSystem,
        Kind::Autostart,
        Kind::Cron,
        Kind::Launchd,
        Kind::Windows,
    ];

    fn at(agent: &str) -> Where {
        Where { config: "/c".into(), data: "/d".into(), agent: agent.to_owned() }
    }

    #[test]
    fn every_kind_names_the_agent_as_its_format_wants_it() {
        let odd = "/o p/a&b%\"$'/exuvia-agent";
        let table = [
            (Kind::SystemdUser, "ExecStart=\"/o p/a&b%%\\\"$$'/exuvia-agent\" once"),
            (Kind::SystemdSystem, "ExecStart=\"/o p/a&b%%\\\"$$'/exuvia-agent\" --system once"),
            (Kind::Autostart, "Exec=\"/o p/a&b%%\\\"\\$'/exuvia-agent\" run"),
            (Kind::Cron, "17 * * * * '/o p/a&b\\%\"$'\\''/exuvia-agent' once"),
            (Kind::Launchd, "<string>/o p/a&amp;b%\"$'/exuvia-agent</string>"),
            (Kind::Windows, "<Command>/o p/a&amp;b%\"$'/exuvia-agent</Command>"),
        ];
        for (kind, line) in table {
            let text = kind.print(&at(odd));
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        for kind in KINDS {
            let text = kind.print(&at("/usr/bin/exuvia-agent"));
            assert!(text.contains("/usr/bin/exuvia-agent") && !text.contains("@AGENT@"), "{text}");
            assert!(!text.contains("\"/usr/bin"), "{text}");
        }
    }

    #[test]
    fn both_services_of_the_machine_are_confined_alike() {
        let confined = |text: &'static str| {
            let from = text.find("# Who fetches").unwrap();
            &text[from..]
        };
        assert_eq!(confined(SYSTEM_SERVICE), confined(MACHINE_SERVICE));
    }

    #[test]
    fn every_element_of_the_xml_files_is_closed() {
        for kind in [Kind::Launchd, Kind::Windows] {
            let (text, mut open) = (kind.print(&at("/a")), Vec::new());
            for tag in text.split('<').skip(1).map(|tag| tag.split('>').next().unwrap()) {
                match tag.strip_prefix('/') {
                    Some(name) => assert_eq!(open.pop(), Some(name), "{text}"),
                    None if tag.ends_with('/') || tag.starts_with(['?', '!']) => {}
                    None => open.push(tag.split(' ').next().unwrap()),
                }
            }
            assert!(open.is_empty(), "{open:?} stay open");
        }
    }

    #[test]
    fn only_what_this_system_has_can_be_installed() {
        let files = |kind: Kind| -> Vec<PathBuf> {
            let plan = kind.plan(&at("/a")).into_iter();
            plan.flat_map(|plan| plan.units).map(|unit| unit.path).collect()
        };
        let [service, timer] = [SERVICE, TIMER].map(|name| Path::new("/c/systemd/user").join(name));
        assert_eq!(files(Kind::SystemdUser), [service, timer]);
        assert_eq!(files(Kind::Autostart), [Path::new("/c/autostart/exuvia-agent.desktop")]);
        assert_eq!(files(Kind::SystemdSystem)[1], Path::new("/etc/systemd/system").join(TIMER));
        for kind in [Kind::Cron, Kind::Launchd, Kind::Windows] {
            assert!(files(kind).is_empty());
        }
    }
}
