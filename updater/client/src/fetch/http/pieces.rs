//! A large file is asked for in pieces.
//!
//! What a server has sent and nobody has read yet lies in the buffers of two kernels, tens of mebibytes
//! on a fast line, and is lost if this process is killed. So no more than [`PIECE`] is asked for before
//! what came earlier is taken, which with the 256 KiB that are written at once makes a mebibyte.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::header::{CONNECTION, HeaderMap};
use reqwest::{Response, StatusCode, Version};
use tokio::task::JoinHandle;
use url::Url;

use super::{Http, reply};
use crate::fetch::{BoxStream, FetchError, Request};

/// Most bytes of a large file that are asked for and not taken yet.
const PIECE: u64 = 768 * 1024;
/// An answer that takes longer comes from so far away that waiting for each piece in turn would cost
/// speed: two of half the size are on their way then.
const FAR: Duration = Duration::from_millis(30);

/// Where to stop with the first piece; `None` for what is small or of unknown length.
pub(super) fn first_end(request: &Request<'_>) -> Option<u64> {
    let end = request.offset.checked_add(PIECE)?;
    request.length.filter(|length| end < *length).map(|_| end)
}

/// What follows a first piece.
pub(super) struct Rest {
    pub(super) http: Http,
    /// What gave the first piece.
    pub(super) url: Url,
    pub(super) from: u64,
    pub(super) length: u64,
    pub(super) validator: Option<String>,
}

/// How to ask for what follows a first answer that took so long.
pub(super) struct Pace {
    size: u64,
    at_once: usize,
}

impl Pace {
    pub(super) fn after(first: &Response, took: Duration) -> Pace {
        match (is_kept(first.version(), first.headers()), took > FAR) {
            // Each piece would cost a connection.
            (false, _) => Pace { size: u64::MAX, at_once: 1 },
            (true, true) => Pace { size: PIECE / 2, at_once: 2 },
            (true, false) => Pace { size: PIECE, at_once: 1 },
        }
    }
}

fn is_kept(version: Version, headers: &HeaderMap) -> bool {
    let fields = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut tokens = fields.flat_map(|field| field.split(','));
    version >= Version::HTTP_11 && !tokens.any(|t| t.trim().eq_ignore_ascii_case("close"))
}

impl Rest {
    /// The pieces, one after the other. An answer that is not the piece ends the file early, as a
    /// broken connection would: it is for whoever reads to ask again.
    pub(super) fn chunks(self, pace: Pace) -> BoxStream<'static, Result<Vec<u8>, FetchError>> {
        let Rest { http, url, from, length, validator } = self;
        let next = move |at: u64| Some(at).filter(|at| *at < length);
        let starts =
            std::iter::successors(next(from), move |at| next(at.saturating_add(pace.size)));
        let ask = move |start: u64| {
            let end = start.saturating_add(pace.size).min(length);
            let (http, url, validator) = (http.clone(), url.clone(), validator.clone());
            // A task, for it goes on while the piece before it is read.
            Task(tokio::spawn(async move {
                let validator = validator.as_deref();
                let get = http.get(&url, start, Some(end), validator).await?;
                let response = get.send().await.map_err(reply::transport)?;
                match is_piece(&response, start, end) {
                    true => Ok(reply::chunks(response)),
                    false => Err(FetchError::Truncated { received: start, expected: length }),
                }
            }))
        };
        stream::iter(starts).map(ask).buffered(pace.at_once).try_flatten().boxed()
    }
}

/// Whether an answer is those bytes of the file and no others: its transport sees to the number.
pub(super) fn is_piece(response: &Response, start: u64, end: u64) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
        && reply::range_start(response.headers()) == Some(start)
        && response.content_length() == Some(end - start)
        && reply::bounded(response.headers()).is_ok()
        && reply::encoding(response.headers()).is_none()
}

type Piece = Result<BoxStream<'static, Result<Vec<u8>, FetchError>>, FetchError>;

/// A request under way; given up when dropped.
struct Task(JoinHandle<Piece>);

impl Future for Task {
    type Output = Piece;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Piece> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|ended| ended.unwrap_or_else(|e| Err(FetchError::Broken { source: Arc::new(e) })))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
