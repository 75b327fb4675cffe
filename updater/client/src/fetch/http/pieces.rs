//! A large file is asked for in pieces.
//!
//! What a server has sent and nobody has read yet lies in the buffers of two kernels, tens of mebibytes
//! on a fast line, and is lost if this process is killed. So no more than [`PIECE`] is asked for before
//! what came earlier is taken, which with the 256 KiB that are written at once makes a mebibyte. A line
//! that is far and fast holds more than that by itself: there it is what comes in two round trips.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

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
/// Largest of those two: 40 MB/s at 200 ms.
const LARGEST: u64 = 4 << 20;

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

/// How to ask for what follows a first answer.
pub(super) struct Pace {
    size: u64,
    at_once: usize,
    /// The shortest wait for an answer so far.
    nearest: Nearest,
    /// When the last two pieces were asked for, and what had been read by then.
    before: [Option<(Instant, u64)>; 2],
}

impl Pace {
    pub(super) fn after(first: &Response, took: Duration) -> Pace {
        let (size, at_once) = match (is_kept(first.version(), first.headers()), took > FAR) {
            // Each piece would cost a connection.
            (false, _) => (u64::MAX, 1),
            (true, true) => (PIECE / 2, 2),
            (true, false) => (PIECE, 1),
        };
        Pace { size, at_once, nearest: Nearest::new(took), before: [None; 2] }
    }

    /// The size of the piece to ask for now that all before `read` is taken.
    fn next(&mut self, now: Instant, read: u64) -> u64 {
        let [then, last] = self.before;
        self.before = [last, Some((now, read))];
        let nearest = self.nearest.so_far();
        if self.at_once > 1
            && let Some((then, had)) = then
        {
            let trips = now.duration_since(then).as_secs_f64() / nearest.as_secs_f64();
            let in_a_trip = (read - had) as f64 / trips;
            // With two of them on their way this doubles until the line is full.
            let most = if nearest > FAR { LARGEST } else { PIECE / 2 };
            self.size = (in_a_trip as u64).clamp(PIECE / 2, most);
        }
        self.size
    }
}

/// The shortest time between a request and its answer, in microseconds: as good as the round trip.
#[derive(Clone)]
struct Nearest(Arc<AtomicU64>);

impl Nearest {
    fn new(took: Duration) -> Nearest {
        let nearest = Nearest(Arc::new(AtomicU64::new(u64::MAX)));
        nearest.note(took);
        nearest
    }

    fn note(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.fetch_min(micros.max(1), Ordering::Relaxed);
    }

    fn so_far(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
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
    pub(super) fn chunks(self, mut pace: Pace) -> BoxStream<'static, Result<Vec<u8>, FetchError>> {
        let Rest { http, url, from, length, validator } = self;
        let (at_once, nearest) = (pace.at_once, pace.nearest.clone());
        // Where the piece begins that is read next, and where the one that is asked for next.
        let (mut read, mut at) = (from, from);
        let pieces = std::iter::from_fn(move || {
            let start = at;
            let size = (start < length).then(|| pace.next(Instant::now(), read))?;
            (read, at) = (start, start.saturating_add(size).min(length));
            Some((start, at))
        });
        let ask = move |(start, end)| {
            let (http, url, validator) = (http.clone(), url.clone(), validator.clone());
            let nearest = nearest.clone();
            // A task, for it goes on while the piece before it is read.
            Task(tokio::spawn(async move {
                let validator = validator.as_deref();
                let get = http.get(&url, start, Some(end), validator).await?;
                let asked = Instant::now();
                let response = get.send().await.map_err(reply::transport)?;
                nearest.note(asked.elapsed());
                match is_piece(&response, start, end) {
                    true => Ok(reply::chunks(response)),
                    false => Err(FetchError::Truncated { received: start, expected: length }),
                }
            }))
        };
        stream::iter(pieces).map(ask).buffered(at_once).try_flatten().boxed()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes of pieces on a line of so many bytes in a second, of which each answer is so far away.
    fn sizes(rate: f64, trip: Duration) -> Vec<u64> {
        let nearest = Nearest::new(trip);
        let mut pace = Pace { size: PIECE / 2, at_once: 2, nearest, before: [None; 2] };
        let (start, mut sizes) = (Instant::now(), Vec::new());
        let (mut line_is_free, mut arrivals) = (0.0, Vec::new());
        let (mut now, mut read) = (0.0, 0);
        for piece in 0..40_usize {
            if let Some(done) = piece.checked_sub(2) {
                now = f64::max(now, arrivals[done]);
                read += sizes[done];
            }
            sizes.push(pace.next(start + Duration::from_secs_f64(now), read));
            line_is_free = f64::max(line_is_free, now + trip.as_secs_f64());
            line_is_free += sizes[piece] as f64 / rate;
            arrivals.push(line_is_free);
        }
        sizes
    }

    #[test]
    fn on_a_far_and_fast_line_pieces_grow_to_what_comes_in_a_round_trip() {
        let found = sizes(12.5e6, Duration::from_millis(200));
        assert!(found[..2] == [PIECE / 2; 2], "{found:?}");
        for size in &found[20..] {
            assert!((1_900_000..=2_600_000).contains(size), "{found:?}");
        }
        assert!(sizes(1e9, Duration::from_millis(200)).iter().all(|size| *size <= LARGEST));
    }

    #[test]
    fn on_a_near_or_slow_line_no_more_is_on_its_way_than_at_first() {
        for (rate, trip) in [(1e9, 1), (1e9, 30), (1e6, 200), (1.9e6, 200), (1e5, 3000)] {
            let found = sizes(rate, Duration::from_millis(trip));
            assert_eq!(found, [PIECE / 2; 40], "{rate} {trip}");
        }
    }
}
