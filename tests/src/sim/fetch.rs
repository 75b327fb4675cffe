//! The simulated repository as a mirror.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use exuvia::fetch::{Body, BoxFuture, Fetch, FetchError, Reply, Request};
use futures_util::StreamExt;
use futures_util::stream;

use super::{Sim, State};

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No connection.
    Unreachable,
    /// The connection breaks at this byte of the file, however often it is asked for.
    Cut(usize),
    /// The body never ends.
    Endless,
    /// This HTTP status.
    Status(u16),
    /// This pause after every single byte. Only over HTTP.
    Slow(Duration),
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path below the base.
    pub path: String,
    /// The first byte wanted.
    pub offset: u64,
    /// Whether it came with a validator.
    pub conditional: bool,
}

impl Fetch for Sim {
    fn name(&self) -> &str {
        "https://sim.invalid/"
    }

    fn open<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Reply, FetchError>> {
        let reply = self.lock().answer(&request);
        Box::pin(async move { reply })
    }
}

impl State {
    pub(super) fn answer(&mut self, request: &Request<'_>) -> Result<Reply, FetchError> {
        self.asked.push(Asked {
            path: request.path.to_owned(),
            offset: request.offset,
            conditional: request.validator.is_some(),
        });
        let trouble = self.troubles.get(request.path).copied();
        match trouble {
            Some(Trouble::Unreachable) => {
                return Err(FetchError::Unreachable {
                    source: Arc::new(io::Error::other("simulated")),
                });
            }
            Some(Trouble::Status(code)) => {
                return Err(FetchError::Status { code, retry_after: None });
            }
            _ => {}
        }
        let Some(file) = self.served.get(request.path) else { return Ok(Reply::Missing) };
        let validator = format!("\"{}\"", exuvia_core::Digest::of(file));
        let known = request.validator == Some(validator.as_str());
        if request.offset == 0 && known {
            return Ok(Reply::NotModified);
        }
        let Some(rest) = usize::try_from(request.offset).ok().and_then(|from| file.get(from..))
        else {
            return Ok(Reply::NotResumable);
        };
        let piece = if matches!(trouble, Some(Trouble::Slow(_))) { 1 } else { 16 * 1024 };
        let chunks = rest.chunks(piece).map(|chunk| Ok(chunk.to_vec()));
        let chunks: Vec<Result<Vec<u8>, FetchError>> = chunks.collect();
        let chunks = match trouble {
            Some(Trouble::Cut(at)) => {
                let from = file.len() - rest.len();
                let rest = rest[..at.saturating_sub(from).min(rest.len())].to_vec();
                let cut = io::Error::from(io::ErrorKind::ConnectionReset);
                let broken = FetchError::Broken { source: Arc::new(cut) };
                stream::iter([Ok(rest), Err(broken)]).boxed()
            }
            Some(Trouble::Endless) => {
                let more = stream::repeat_with(|| Ok(vec![b' '; 16 * 1024]));
                stream::iter(chunks).chain(more).boxed()
            }
            _ => stream::iter(chunks).boxed(),
        };
        let sent = Arc::clone(&self.sent);
        let chunks = chunks.inspect(move |chunk| {
            let length = chunk.as_ref().map_or(0, |chunk: &Vec<u8>| chunk.len() as u64);
            sent.fetch_add(length, Ordering::SeqCst);
        });
        let chunks = chunks.boxed();
        Ok(Reply::Body(Body {
            offset: request.offset,
            validator: Some(validator),
            in_pieces: false,
            chunks,
        }))
    }
}
