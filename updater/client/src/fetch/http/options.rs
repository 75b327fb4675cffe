//! What is set up for HTTP mirrors.

use std::fmt;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

/// Which proxy requests go through. Mirrors on this machine are always reached directly.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Proxy {
    /// As the environment says (`https_proxy`, `all_proxy`, `no_proxy`, …), else as the settings of
    /// macOS, Windows, GNOME and its kin, or KDE say. Scripts that find a proxy are not run.
    #[default]
    System,
    /// None, whatever the environment and the system say.
    Direct,
    /// This one: `http`, `https`, `socks4`, `socks4a`, `socks5`, or `socks5h` where the proxy resolves
    /// names. A user name and a password may stand in the address.
    At(Url),
}

/// Settings of an [`Http`](super::Http) mirror.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How long connecting may take.
    pub connect: Duration,
    /// Which proxy to use.
    pub proxy: Proxy,
    /// Headers to send with every request to a mirror; what it redirects to elsewhere is asked without.
    /// Every mirror gets them: what only one may see belongs in [`tokens`](HttpOptions::tokens).
    pub headers: Vec<(String, String)>,
    /// Access tokens, each for the mirrors at one host.
    pub tokens: Vec<Token>,
    /// Certificates, as PEM, of authorities that are trusted for TLS beside the system's, such as a
    /// company's. What is installed is decided by the metadata's signatures all the same.
    pub authorities: Vec<Vec<u8>>,
}

/// An access token, sent as `Authorization: Bearer …` to one host and nowhere else.
#[derive(Clone)]
pub struct Token {
    /// The host as it stands in the mirror's address, with its port if one stands there.
    pub host: String,
    /// The token.
    pub secret: String,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            connect: Duration::from_secs(15),
            proxy: Proxy::System,
            headers: Vec::new(),
            tokens: Vec::new(),
            authorities: Vec::new(),
        }
    }
}

impl HttpOptions {
    /// What the mirror at `base` is sent.
    pub(super) fn headers_for(&self, base: &Url) -> Result<HeaderMap, HttpError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let refused = || HttpError::Header { name: name.clone() };
            let key = HeaderName::try_from(name).map_err(|_| refused())?;
            if OURS.contains(&key) {
                return Err(refused());
            }
            headers.insert(key, secret(value).ok_or_else(refused)?);
        }
        let here = match base.port() {
            Some(port) => format!("{}:{port}", base.host_str().unwrap_or_default()),
            None => base.host_str().unwrap_or_default().to_owned(),
        };
        for token in &self.tokens {
            let refused = || HttpError::Token { host: token.host.clone() };
            let value = secret(&format!("Bearer {}", token.secret)).ok_or_else(refused)?;
            if token.host.eq_ignore_ascii_case(&here) {
                headers.insert(header::AUTHORIZATION, value);
            }
        }
        Ok(headers)
    }
}

/// Says which, not what: secrets do not end up in a log.
impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("HttpOptions")
            .field("connect", &self.connect)
            .field("proxy", &self.proxy)
            .field("headers", &names)
            .field("tokens", &self.tokens)
            .field("authorities", &self.authorities.len())
            .finish()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("host", &self.host).finish_non_exhaustive()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Proxy::System => f.write_str("System"),
            Proxy::Direct => f.write_str("Direct"),
            Proxy::At(url) => {
                let (host, port) = (url.host_str().unwrap_or_default(), url.port());
                f.debug_tuple("At").field(&url.scheme()).field(&host).field(&port).finish()
            }
        }
    }
}

/// Why an [`Http`](super::Http) mirror cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Neither https nor http on this machine.
    #[error("{address} is neither https nor on this machine")]
    Unprotected {
        /// The address.
        address: String,
    },
    /// A header with a name or value that HTTP does not allow, or one that the updater sets itself.
    #[error("{name:?} is not a usable header")]
    Header {
        /// Its name.
        name: String,
    },
    /// A token that cannot stand in a header.
    #[error("the token for {host} holds characters that a header may not have")]
    Token {
        /// The host it is for.
        host: String,
    },
    /// The address of a proxy that cannot be one.
    #[error("the proxy's address is not one of http, https, socks4, socks4a, socks5 or socks5h")]
    Proxy,
    /// A certificate that cannot be read.
    #[error("an added certificate cannot be read: {source}")]
    Certificate {
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What resuming and asking again rest on, and what frames the request.
const OURS: [HeaderName; 8] = [
    header::RANGE,
    header::IF_RANGE,
    header::IF_NONE_MATCH,
    header::ACCEPT_ENCODING,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::HOST,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> HttpOptions {
        let token = |host: &str| Token { host: host.to_owned(), secret: "s3cret".to_owned() };
        let proxy = Proxy::At("socks5h://ann:s3cret@proxy.example:1080".parse().unwrap());
        HttpOptions {
            proxy,
            headers: vec![("Private-Token".to_owned(), "s3cret".to_owned())],
            tokens: vec![token("a.example"), token("b.example:8443")],
            ..HttpOptions::default()
        }
    }

    #[test]
    fn a_token_is_for_its_host_and_port_alone() {
        let sent = |base: &str| {
            let headers = options().headers_for(&base.parse().unwrap()).unwrap();
            headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned())
        };
        for base in ["https://a.example/x/", "https://A.example:443/", "https://b.example:8443/"] {
            assert_eq!(sent(base).as_deref(), Some("Bearer s3cret"), "{base}");
        }
        for base in ["https://a.example:8443/", "https://b.example/", "https://a.example.evil/"] {
            assert_eq!(sent(base), None, "{base}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let headers = options().headers_for(&"https://a.example/".parse().unwrap()).unwrap();
        let printed = format!("{:?} {headers:?}", options());
        assert!(printed.contains("Private-Token") && printed.contains("proxy.example"));
        assert!(!printed.contains("s3cret"), "{printed}");
    }

    #[test]
    fn headers_that_resuming_rests_on_are_refused() {
        for name in ["Range", "if-range", "Accept-Encoding", "Host", "a b", ""] {
            let headers = vec![(name.to_owned(), "x".to_owned())];
            let options = HttpOptions { headers, ..HttpOptions::default() };
            let refused = options.headers_for(&"https://a.example/".parse().unwrap());
            assert!(matches!(refused, Err(HttpError::Header { .. })), "{name}");
        }
    }
}
