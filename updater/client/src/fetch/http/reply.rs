//! From a server's answer to what may be believed of it.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Response, StatusCode};
use url::Url;

use super::clients::Unresolved;
use super::{is_protected, pieces};
use crate::fetch::{Body, BoxStream, FetchError, Reply, Request};

/// Most bytes of header fields, names and values together.
const HEADER_BYTES: usize = 64 * 1024;
/// Most bytes of a page about a missing file that are worth receiving.
const WORDS: u64 = 4 * 1024;
/// Most header fields.
const HEADER_FIELDS: usize = 100;

pub(super) async fn read(request: Request<'_>, response: Response) -> Result<Reply, FetchError> {
    let headers = response.headers();
    let asked_for_part = request.offset > 0 || pieces::first_end(&request).is_some();
    let offset = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT if asked_for_part => {
            match range_start(headers) == Some(request.offset) {
                true => {}
                false if request.offset > 0 => return Ok(Reply::NotResumable),
                false => return Err(FetchError::BadReply),
            }
            request.offset
        }
        StatusCode::RANGE_NOT_SATISFIABLE if request.offset > 0 => return Ok(Reply::NotResumable),
        StatusCode::NOT_MODIFIED if request.offset == 0 && request.validator.is_some() => {
            return Ok(Reply::NotModified);
        }
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => {
            // Read to its end, so that the connection serves the next request.
            if response.content_length().is_some_and(|length| length <= WORDS) {
                let _ = response.bytes().await;
            }
            return Ok(Reply::Missing);
        }
        // How a network says that one has to log in first (RFC 6585 6).
        StatusCode::NETWORK_AUTHENTICATION_REQUIRED => return Err(FetchError::NotMetadata),
        other => {
            let retry_after = retry_after(headers, SystemTime::now());
            return Err(FetchError::Status { code: other.as_u16(), retry_after });
        }
    };
    if let Some(encoding) = encoding(headers) {
        return Err(FetchError::Encoded { encoding: encoding.to_owned() });
    }
    // A weak validator promises equivalence, not equal bytes (RFC 9110 8.8.1).
    let validator = text(headers, header::ETAG)
        .filter(|v| v.starts_with('"') && v.len() <= 256)
        .map(str::to_owned);
    Ok(Reply::Body(Body { offset, validator, in_pieces: false, chunks: chunks(response) }))
}

/// The body of an answer.
pub(super) fn chunks(response: Response) -> BoxStream<'static, Result<Vec<u8>, FetchError>> {
    let chunks = response.bytes_stream().map(|chunk| match chunk {
        Ok(bytes) => Ok(Vec::from(bytes)),
        Err(e) => Err(FetchError::Broken { source: Arc::new(e) }),
    });
    chunks.boxed()
}

/// A content encoding, which nobody asked for.
pub(super) fn encoding(headers: &HeaderMap) -> Option<&str> {
    text(headers, header::CONTENT_ENCODING).filter(|name| !name.eq_ignore_ascii_case("identity"))
}

/// Where an answer sends us, if it does. Followed here rather than by the client library, which would
/// send an access token along to wherever that is.
pub(super) fn redirect(from: &Url, response: &Response) -> Result<Option<Url>, FetchError> {
    bounded(response.headers())?;
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let to = text(response.headers(), header::LOCATION).and_then(|to| from.join(to).ok());
    let Some(mut to) = to else { return Ok(None) };
    if !is_protected(&to) || (from.scheme() == "https" && to.scheme() != "https") {
        // Errors are shown and logged, and a query may hold a key.
        to.set_query(None);
        return Err(FetchError::WeakerRedirect { to: to.to_string() });
    }
    Ok(Some(to))
}

pub(super) fn bounded(headers: &HeaderMap) -> Result<(), FetchError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    match bytes > HEADER_BYTES || headers.len() > HEADER_FIELDS {
        true => Err(FetchError::Header { fields: HEADER_FIELDS, bytes: HEADER_BYTES }),
        false => Ok(()),
    }
}

/// What came of a request that was not answered, by the innermost reason that says more.
pub(super) fn transport(error: reqwest::Error) -> FetchError {
    let mut reason: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(now) = reason {
        if let Some(Unresolved { host, .. }) = now.downcast_ref() {
            return FetchError::NoSuchHost { host: host.clone() };
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = now.downcast_ref() {
            return FetchError::Certificate { source: Arc::new(error) };
        }
        // The type of this one is not public; its words are all there is to know it by.
        if error.is_connect() && now.to_string().starts_with("tunnel error") {
            return FetchError::Proxy { source: Arc::new(error) };
        }
        // What an `io::Error` carries is not its source.
        let carried = now.downcast_ref::<std::io::Error>().and_then(|e| e.get_ref());
        reason = carried.map(|e| e as &(dyn Error + 'static)).or_else(|| now.source());
    }
    match error.is_connect() || error.is_timeout() {
        true => FetchError::Unreachable { source: Arc::new(error) },
        false => FetchError::Broken { source: Arc::new(error) },
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 10.2.3). A date is compared with the server's own,
/// where it gives one: the clock here may be wrong.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = text(headers, header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text| httpdate::parse_http_date(text).ok();
    let now = text(headers, header::DATE).and_then(date).unwrap_or(now);
    Some(date(value)?.duration_since(now).unwrap_or_default())
}

/// The first byte of `Content-Range: bytes 5-9/10`.
pub(super) fn range_start(headers: &HeaderMap) -> Option<u64> {
    let range = text(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.trim().parse().ok()
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |fields: &[(HeaderName, &str)]| {
            let fields = fields.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            retry_after(&fields.collect(), now).map(|wait| wait.as_secs())
        };
        let after = |value| read(&[(header::RETRY_AFTER, value)]);
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(after("-5"), None);
        assert_eq!(after("soon"), None);
        let by_its_own_clock = read(&[
            (header::RETRY_AFTER, "Sun, 06 Nov 2044 08:50:37 GMT"),
            (header::DATE, "Sun, 06 Nov 2044 08:50:07 GMT"),
        ]);
        assert_eq!(by_its_own_clock, Some(30));
    }
}
