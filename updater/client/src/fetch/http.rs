//! A repository behind HTTP.
//!
//! TLS by rustls with the system's roots. Nothing here decides about trust; it keeps a hostile or
//! broken server from costing more than a failed request: no cookies, no content encodings, few
//! redirects and never to weaker protection, a deadline for connecting. Deadlines for the header, the
//! body and the rate are kept by whoever reads, for every kind of mirror alike.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use url::Url;

use super::{Body, BoxFuture, Fetch, FetchError, Reply, Request, segments};

const REDIRECTS: usize = 5;

/// Which proxy requests go through. Mirrors on this machine are always reached directly.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Proxy {
    /// As the environment says (`https_proxy`, `no_proxy`, …).
    #[default]
    Environment,
    /// None, whatever the environment says.
    Direct,
    /// This one.
    At(Url),
}

/// A mirror reached by `https`, or by plain `http` on this machine.
#[derive(Clone, Debug)]
pub struct Http {
    base: Url,
    client: reqwest::Client,
    /// For the mirror alone: what it redirects to is another's.
    headers: HeaderMap,
}

impl Http {
    /// The mirror at `base`, whose path should end in `/` (added when missing).
    ///
    /// # Errors
    /// [`HttpError`] for an address that is not https (or loopback http), and for a proxy or a header
    /// that cannot be used.
    pub fn new(base: &Url, options: &HttpOptions) -> Result<Self, HttpError> {
        if !is_protected(base) {
            return Err(HttpError::Unprotected { address: base.to_string() });
        }
        let mut base = base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let client = client(options, base.scheme() == "http")?;
        Ok(Http { base, client, headers: headers(options)? })
    }
}

impl Http {
    fn address(&self, path: &str) -> Result<Url, FetchError> {
        let bad = || FetchError::BadPath { path: path.to_owned() };
        let parts = segments(path)?;
        if let ["metadata", name] = parts[..] {
            // Encoded already, where a role's name calls for it.
            return self.base.join(&format!("metadata/{name}")).map_err(|_| bad());
        }
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| bad())?.pop_if_empty().extend(parts);
        Ok(url)
    }

    fn get(&self, url: &Url, request: Request<'_>) -> RequestBuilder {
        let mut get = self.client.get(url.clone());
        if url.origin() == self.base.origin() {
            get = get.headers(self.headers.clone());
        }
        if request.offset > 0 {
            get = get.header(header::RANGE, format!("bytes={}-", request.offset));
        }
        match request.validator {
            Some(validator) if request.offset > 0 => get.header(header::IF_RANGE, validator),
            Some(validator) => get.header(header::IF_NONE_MATCH, validator),
            None => get,
        }
    }
}

/// Settings of an [`Http`] mirror.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How long connecting may take.
    pub connect: Duration,
    /// Which proxy to use.
    pub proxy: Proxy,
    /// Headers to send with every request to the mirror, such as an access token; what it redirects to
    /// elsewhere is asked without.
    pub headers: Vec<(String, String)>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            connect: Duration::from_secs(15),
            proxy: Proxy::Environment,
            headers: Vec::new(),
        }
    }
}

/// Why an [`Http`] mirror cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Neither https nor http on this machine.
    #[error("{address} is neither https nor on this machine")]
    Unprotected {
        /// The address.
        address: String,
    },
    /// A header with a name or value that HTTP does not allow.
    #[error("{name:?} is not a usable header")]
    Header {
        /// Its name.
        name: String,
    },
    /// The client could not be set up (proxy, TLS).
    #[error("HTTP cannot be set up")]
    Setup {
        /// What the client library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Fetch for Http {
    fn name(&self) -> &str {
        self.base.as_str()
    }

    fn open<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Reply, FetchError>> {
        async move {
            let mut url = self.address(request.path)?;
            for _ in 0..=REDIRECTS {
                let response = self.get(&url, request).send().await.map_err(transport)?;
                match redirect(&url, &response)? {
                    Some(to) => url = to,
                    None => return read_reply(request, response),
                }
            }
            Err(FetchError::TooManyRedirects { limit: REDIRECTS })
        }
        .boxed()
    }
}

fn read_reply(request: Request<'_>, response: Response) -> Result<Reply, FetchError> {
    let headers = response.headers();
    let offset = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT if request.offset > 0 => {
            if range_start(headers) != Some(request.offset) {
                return Ok(Reply::NotResumable);
            }
            request.offset
        }
        StatusCode::RANGE_NOT_SATISFIABLE if request.offset > 0 => return Ok(Reply::NotResumable),
        StatusCode::NOT_MODIFIED if request.offset == 0 && request.validator.is_some() => {
            return Ok(Reply::NotModified);
        }
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => return Ok(Reply::Missing),
        other => {
            return Err(FetchError::Status {
                code: other.as_u16(),
                retry_after: text(headers, header::RETRY_AFTER)
                    .and_then(|v| v.parse().ok())
                    .map(Duration::from_secs),
            });
        }
    };
    if let Some(encoding) = text(headers, header::CONTENT_ENCODING)
        && !encoding.eq_ignore_ascii_case("identity")
    {
        return Err(FetchError::Encoded { encoding: encoding.to_owned() });
    }
    // A weak validator promises equivalence, not equal bytes (RFC 9110 8.8.1).
    let validator = text(headers, header::ETAG)
        .filter(|v| v.starts_with('"') && v.len() <= 256)
        .map(str::to_owned);
    let chunks = response.bytes_stream().map(|chunk| match chunk {
        Ok(bytes) => Ok(Vec::from(bytes)),
        Err(e) => Err(FetchError::Broken { source: Arc::new(e) }),
    });
    Ok(Reply::Body(Body { offset, validator, chunks: chunks.boxed() }))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The first byte of `Content-Range: bytes 5-9/10`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = text(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

fn transport(error: reqwest::Error) -> FetchError {
    match error.is_connect() || error.is_timeout() {
        true => FetchError::Unreachable { source: Arc::new(error) },
        false => FetchError::Broken { source: Arc::new(error) },
    }
}

/// Where an answer sends us, if it does. Followed here rather than by the client library, which would
/// send an access token along to wherever that is.
fn redirect(from: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    let to = text(response.headers(), header::LOCATION).and_then(|to| from.join(to).ok());
    let Some(mut to) = to.filter(|_| response.status().is_redirection()) else { return Ok(None) };
    if !is_protected(&to) || (from.scheme() == "https" && to.scheme() != "https") {
        // Errors are shown and logged, and a query may hold a key.
        to.set_query(None);
        return Err(FetchError::WeakerRedirect { to: to.to_string() });
    }
    Ok(Some(to))
}

/// https anywhere; plain http only where no network lies between.
fn is_protected(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(url::Host::Domain(name))) => name == "localhost",
        ("http", Some(url::Host::Ipv4(ip))) => ip.is_loopback(),
        ("http", Some(url::Host::Ipv6(ip))) => ip.is_loopback(),
        _ => false,
    }
}

fn headers(options: &HttpOptions) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &options.headers {
        let refused = || HttpError::Header { name: name.clone() };
        let key = HeaderName::try_from(name).map_err(|_| refused())?;
        let mut value = HeaderValue::try_from(value).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// Plain http is for this machine: a proxy would carry it elsewhere.
fn client(options: &HttpOptions, stays_here: bool) -> Result<reqwest::Client, HttpError> {
    let setup = |e: reqwest::Error| HttpError::Setup { source: Box::new(e) };
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .connect_timeout(options.connect)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("exuvia/", env!("CARGO_PKG_VERSION")));
    let builder = match &options.proxy {
        _ if stays_here => builder.no_proxy(),
        Proxy::Environment => builder,
        Proxy::Direct => builder.no_proxy(),
        Proxy::At(url) => builder.proxy(reqwest::Proxy::all(url.clone()).map_err(setup)?),
    };
    builder.build().map_err(setup)
}

/// Handed to the client ready made, so that no process-wide crypto provider is installed behind the
/// application's back.
fn tls() -> Result<rustls::ClientConfig, HttpError> {
    use rustls_platform_verifier::BuilderVerifierExt;
    let setup = |e: rustls::Error| HttpError::Setup { source: Box::new(e) };
    let versions = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(setup)
    };
    // A system without any root certificates can still reach loopback mirrors; with no root at all,
    // every https handshake fails.
    let config = match versions()?.with_platform_verifier() {
        Ok(config) => config,
        Err(_) => versions()?.with_root_certificates(rustls::RootCertStore::empty()),
    };
    Ok(config.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        let accepted = ["https://a.example/", "http://127.0.0.1:8/", "http://localhost/x/"];
        let refused = ["http://a.example/", "http://localhost.example/", "ftp://127.0.0.1/"];
        let new = |a: &str| Http::new(&a.parse().unwrap(), &HttpOptions::default());
        for address in accepted {
            assert!(new(address).is_ok(), "{address}");
        }
        for address in refused {
            assert!(new(address).is_err(), "{address}");
        }
    }
}
