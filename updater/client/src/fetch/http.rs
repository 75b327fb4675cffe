//! A repository behind HTTP.
//!
//! TLS by rustls with the system's roots and those that were added. Nothing here decides about trust;
//! it keeps a hostile or broken server from costing more than a failed request: no cookies, no content
//! encodings, headers of bounded size, few redirects and never to weaker protection, a deadline for
//! connecting. Deadlines for the header, the body and the rate are kept by whoever reads, for every
//! kind of mirror alike.

mod clients;
mod desktop;
mod options;
mod pieces;
mod post;
mod reply;

use std::sync::Arc;
use std::time::Instant;

use futures_util::{FutureExt, StreamExt, stream};
use reqwest::RequestBuilder;
use reqwest::header::{self, HeaderMap, HeaderValue};
use url::Url;

use self::clients::Clients;
pub use self::options::{HttpError, HttpOptions, Proxy, Token};
use self::pieces::{Pace, Rest};
pub use self::post::{PostError, post};
use super::{BoxFuture, Fetch, FetchError, Reply, Request, segments};

const REDIRECTS: usize = 5;

/// A mirror reached by `https`, or by plain `http` on this machine.
#[derive(Clone, Debug)]
pub struct Http {
    base: Url,
    clients: Arc<Clients>,
    /// For the mirror alone: what it redirects to is another's.
    headers: HeaderMap,
}

impl Http {
    /// The mirror at `base`, whose path should end in `/` (added when missing).
    ///
    /// # Errors
    /// [`HttpError`] for an address that is not https (or loopback http), and for a proxy, a header, a
    /// token or a certificate that cannot be used.
    pub fn new(base: &Url, options: &HttpOptions) -> Result<Self, HttpError> {
        if !is_protected(base) {
            return Err(HttpError::Unprotected { address: base.to_string() });
        }
        let mut base = base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let headers = options.headers_for(&base)?;
        let clients = Arc::new(Clients::new(options)?);
        Ok(Http { base, clients, headers })
    }

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

    /// A request for the bytes from `offset` to before `end`, or to the last.
    async fn get(
        &self,
        url: &Url,
        offset: u64,
        end: Option<u64>,
        validator: Option<&str>,
    ) -> Result<RequestBuilder, FetchError> {
        let mut get = self.clients.for_url(url).await?.get(url.clone());
        if url.origin() == self.base.origin() {
            get = get.headers(self.headers.clone());
        }
        get = get.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let ranged = offset > 0 || end.is_some();
        if ranged {
            let last = end.map_or(String::new(), |end| (end - 1).to_string());
            get = get.header(header::RANGE, format!("bytes={offset}-{last}"));
        }
        Ok(match validator {
            Some(validator) if ranged => get.header(header::IF_RANGE, validator),
            Some(validator) => get.header(header::IF_NONE_MATCH, validator),
            None => get,
        })
    }
}

impl Fetch for Http {
    fn name(&self) -> &str {
        self.base.as_str()
    }

    fn open<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Reply, FetchError>> {
        async move {
            let mut url = self.address(request.path)?;
            let end = pieces::first_end(&request);
            for _ in 0..=REDIRECTS {
                let get = self.get(&url, request.offset, end, request.validator).await?;
                let asked = Instant::now();
                let response = get.send().await.map_err(reply::transport)?;
                if let Some(to) = reply::redirect(&url, &response)? {
                    url = to;
                    continue;
                }
                let pace = Pace::after(&response, asked.elapsed());
                let end = end.filter(|end| pieces::is_piece(&response, request.offset, *end));
                let mut reply = reply::read(request, response).await?;
                if let (Reply::Body(body), Some(from), Some(length)) =
                    (&mut reply, end, request.length)
                {
                    let (http, validator) = (self.clone(), body.validator.clone());
                    let rest = Rest { http, url, from, length, validator }.chunks(pace);
                    let first = std::mem::replace(&mut body.chunks, stream::empty().boxed());
                    (body.in_pieces, body.chunks) = (true, first.chain(rest).boxed());
                }
                return Ok(reply);
            }
            Err(FetchError::TooManyRedirects { limit: REDIRECTS })
        }
        .boxed()
    }
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
