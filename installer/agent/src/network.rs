//! How the network is reached: options and files of the command line to the crate's settings.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use exuvia::fetch::{HttpOptions, Proxy, Token};
use exuvia::{Builder, Limits};

use crate::failure::Failure;
use crate::policy::{Policy, Rate};

/// How the network is reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct Network {
    /// Reach mirrors through this proxy (http, https, socks4, socks4a, socks5, socks5h), or `none`; by
    /// default as https_proxy, all_proxy and no_proxy say, or the system's settings.
    #[arg(long, global = true, value_name = "URL", env = "EXUVIA_PROXY", hide_env_values = true)]
    proxy: Option<String>,
    /// Trust the certificate authorities in this PEM file, beside the system's; may be repeated.
    #[arg(long = "ca", global = true, value_name = "FILE", env = "EXUVIA_CA")]
    authorities: Vec<PathBuf>,
    /// Send this header to every mirror; may be repeated.
    #[arg(long = "header", global = true, value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<Header>,
    /// Send access tokens from this file, one `HOST TOKEN` a line, each to its host alone.
    #[arg(long, global = true, value_name = "FILE", env = "EXUVIA_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Download no faster than so many bytes a second, such as 500K or 2M.
    #[arg(long, global = true, value_name = "BYTES", value_parser = rate, env = "EXUVIA_LIMIT_RATE")]
    limit_rate: Option<NonZeroU64>,
    /// Give up what takes longer than so many seconds: a check, or the download of an update.
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
}

/// A header whose value is not printed.
#[derive(Clone)]
struct Header(String, String);

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Network {
    /// Takes from a policy what the command line leaves open.
    pub(crate) fn follow(&mut self, policy: &Policy) {
        self.proxy = self.proxy.take().or_else(|| policy.proxy.value.clone());
        self.limit_rate = self.limit_rate.or(policy.limit_rate.value.map(|rate| rate.0));
    }

    /// The builder with these settings.
    pub(crate) fn apply(&self, builder: Builder) -> Result<Builder, Failure> {
        let mut http = self.reached()?;
        http.headers = self.headers.iter().map(|h| (h.0.clone(), h.1.clone())).collect();
        if let Some(path) = &self.token_file {
            http.tokens = tokens(path, &String::from_utf8_lossy(&read(path)?))?;
        }
        let mut limits = Limits::default();
        limits.total = self.timeout.map_or(limits.total, Duration::from_secs);
        Ok(builder.http(http).limits(limits).limit_rate(self.limit_rate))
    }

    /// Sends a report to an address that is no mirror: without headers and tokens.
    pub(crate) async fn post(&self, address: &str, json: Vec<u8>) -> Result<(), Failure> {
        let http = self.reached()?;
        Ok(exuvia::fetch::post(address, &http, json).await?)
    }

    fn reached(&self) -> Result<HttpOptions, Failure> {
        let mut http = HttpOptions::default();
        match self.proxy.as_deref() {
            None => {}
            Some("none") => http.proxy = Proxy::Direct,
            Some(address) => {
                // The address may hold a password: it is not repeated.
                let url = address.parse().map_err(|_| Failure::Proxy)?;
                http.proxy = Proxy::At(url);
            }
        }
        for path in &self.authorities {
            http.authorities.push(read(path)?);
        }
        Ok(http)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|source| Failure::File { path: path.to_owned(), source })
}

/// Blank lines and lines that begin with `#` are passed over.
fn tokens(path: &Path, text: &str) -> Result<Vec<Token>, Failure> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, text)| match text.split_whitespace().collect::<Vec<_>>()[..] {
            [host, secret] => Ok(Token { host: host.to_owned(), secret: secret.to_owned() }),
            _ => Err(Failure::TokenLine { path: path.to_owned(), line }),
        })
        .collect()
}

fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("a header is written as `Name: value`")?;
    Ok(Header(name.trim().to_owned(), value.trim().to_owned()))
}

fn rate(text: &str) -> Result<NonZeroU64, String> {
    Rate::try_from(text.to_owned()).map(|rate| rate.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stand_one_a_line() {
        let path = Path::new("tokens");
        let read = tokens(path, "# ours\n\na.example  abc\nb.example:8443 def\n").unwrap();
        let hosts: Vec<&str> = read.iter().map(|token| token.host.as_str()).collect();
        assert_eq!(hosts, ["a.example", "b.example:8443"]);
        let refused = tokens(path, "a.example abc\nb.example\n");
        assert!(matches!(refused, Err(Failure::TokenLine { line: 2, .. })));
    }

    #[test]
    fn secrets_are_not_printed() {
        let given = header("Private-Token: s3cret").unwrap();
        assert_eq!((given.1.as_str(), format!("{given:?}").as_str()), ("s3cret", "Private-Token"));
    }
}
