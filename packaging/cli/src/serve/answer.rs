//! One request, one file: validators, ranges and the right refusals (RFC 9110).

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::request::Parts;
use axum::http::response::Builder;
use axum::http::{HeaderName, Method, Response, StatusCode};
use exuvia_core::Digest;
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::range::{Wanted, wanted};

/// Answers a request for a file of the repository in `dir`.
pub(super) async fn answer(dir: &Path, request: &Parts) -> Response<Body> {
    if request.method != Method::GET && request.method != Method::HEAD {
        let refused = Response::builder().status(StatusCode::METHOD_NOT_ALLOWED);
        return empty(refused.header(ALLOW, "GET, HEAD"));
    }
    let Some(path) = locate(dir, request.uri.path()) else { return status(StatusCode::NOT_FOUND) };
    match file(&path, request).await {
        Ok(response) => response,
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => status(StatusCode::NOT_FOUND),
            io::ErrorKind::PermissionDenied => status(StatusCode::FORBIDDEN),
            _ => status(StatusCode::INTERNAL_SERVER_ERROR),
        },
    }
}

async fn file(path: &Path, request: &Parts) -> io::Result<Response<Body>> {
    let mut file = File::open(path).await?;
    let metadata = file.metadata().await?;
    if !metadata.is_file() {
        return Ok(status(StatusCode::NOT_FOUND));
    }
    let length = metadata.len();
    let etag = etag(&mut file, &metadata).await?;
    let builder = Response::builder()
        .header(ETAG, &etag)
        .header(ACCEPT_RANGES, "bytes")
        // A cache must ask before it reuses: the timestamp changes under its name.
        .header(CACHE_CONTROL, "no-cache");
    if header(request, IF_NONE_MATCH).is_some_and(|tags| matches_weakly(tags, &etag)) {
        return Ok(empty(builder.status(StatusCode::NOT_MODIFIED)));
    }
    // A range counts only if what the client holds is of this very file.
    let unchanged = header(request, IF_RANGE).is_none_or(|tag| tag == etag);
    let range = header(request, RANGE).filter(|_| unchanged && request.method == Method::GET);
    let builder = builder.header(CONTENT_TYPE, content_type(path));
    let (builder, start, end) = match wanted(range, length) {
        Wanted::Whole => (builder.status(StatusCode::OK), 0, length),
        Wanted::Part { start, end } => {
            let part = format!("bytes {start}-{}/{length}", end - 1);
            (builder.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, part), start, end)
        }
        Wanted::Unsatisfiable => {
            let range = format!("bytes */{length}");
            let builder = builder.status(StatusCode::RANGE_NOT_SATISFIABLE);
            return Ok(empty(builder.header(CONTENT_RANGE, range)));
        }
    };
    let builder = builder.header(CONTENT_LENGTH, end - start);
    if request.method == Method::HEAD {
        return Ok(empty(builder));
    }
    file.seek(io::SeekFrom::Start(start)).await?;
    Ok(respond(builder, body(file, end - start)))
}

/// The file that a request's path names: under `metadata/` or `targets/`, nothing hidden, no way up.
fn locate(dir: &Path, path: &str) -> Option<PathBuf> {
    let path = decode(path.strip_prefix('/')?)?;
    let mut segments = path.split('/');
    if !matches!(segments.next(), Some("metadata" | "targets")) {
        return None;
    }
    let plain = |segment: &str| {
        let odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
        !segment.is_empty() && !segment.starts_with('.') && !segment.contains(odd)
    };
    segments.all(plain).then(|| dir.join(&path))
}

/// Undoes percent-encoding; none for what is no encoding, or not text.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// A strong validator. Small files, metadata among them, by content, since a new timestamp often
/// has the length of the old one; payloads, whose names hold their digest, by length and time.
async fn etag(file: &mut File, metadata: &Metadata) -> io::Result<String> {
    const BY_CONTENT: u64 = 1 << 20;
    if metadata.len() <= BY_CONTENT {
        let mut bytes = Vec::new();
        file.take(BY_CONTENT).read_to_end(&mut bytes).await?;
        return Ok(format!("\"{}\"", Digest::of(&bytes)));
    }
    let time = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("\"{:x}-{:x}\"", metadata.len(), time.as_nanos()))
}

/// `If-None-Match` compares weakly, and holds a list or `*`.
fn matches_weakly(tags: &str, etag: &str) -> bool {
    let mut tags = tags.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn header(request: &Parts, name: HeaderName) -> Option<&str> {
    request.headers.get(name)?.to_str().ok()
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

/// Streams `length` bytes from where the file stands.
fn body(file: File, length: u64) -> Body {
    const CHUNK: usize = 64 * 1024;
    let next = |mut rest: tokio::io::Take<File>| async move {
        let mut chunk = Vec::with_capacity(CHUNK);
        match rest.read_buf(&mut chunk).await? {
            0 => Ok::<_, io::Error>(None),
            _ => Ok(Some((chunk, rest))),
        }
    };
    Body::from_stream(stream::try_unfold(file.take(length), next))
}

fn status(code: StatusCode) -> Response<Body> {
    empty(Response::builder().status(code))
}

fn empty(builder: Builder) -> Response<Body> {
    respond(builder, Body::empty())
}

fn respond(builder: Builder, body: Body) -> Response<Body> {
    // All headers are made above of plain ASCII, so this cannot fail.
    builder.body(body).unwrap_or_default()
}
