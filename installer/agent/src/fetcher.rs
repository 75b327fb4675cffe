//! Fetching without rights, for the agent of the machine (docs/adr/0030).
//!
//! Rules:
//! - What speaks HTTP and TLS, decompresses and applies deltas is a process of a user who may do
//!   nothing. It is asked for bytes, over one socket, and has nothing else of this process.
//! - Not a byte is believed: metadata is verified here once more, by its own root and floors, and the
//!   bundle by the digest in that. Whether anything is installed is decided here alone.
//! - Whatever it says or does not say is bounded, and costs a round at most.

mod child;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use child::serve;
pub(crate) use wire::Failed;

use std::ffi::OsString;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exuvia::Digest;
use exuvia::fetch::{Body, BoxFuture, Fetch, FetchError, Reply, Request};
use futures_util::{FutureExt, StreamExt, stream};
use serde_json::Value;

use crate::failure::Failure;
use crate::places::Places;
use crate::platform::{self, Channel, Nobody};
use wire::{Order, Word};

/// Somebody without rights who fetches for one application.
#[derive(Clone)]
pub(crate) struct Fetcher(Arc<Mutex<Link>>);

/// What leads to it.
struct Link {
    name: String,
    folder: PathBuf,
    who: Nobody,
    /// Begun when it is asked for something first.
    line: Option<Line>,
}

impl Fetcher {
    /// `None` where there are no rights to be without: this process is not root's, or acts for a user.
    pub(crate) fn new(name: &str, places: &Places) -> Result<Option<Fetcher>, Failure> {
        let Some(who) = platform::without_rights().filter(|_| places.system) else {
            return Ok(None);
        };
        let (name, folder) = (name.to_owned(), places.of_fetcher()?);
        Ok(Some(Fetcher(Arc::new(Mutex::new(Link { name, folder, who, line: None })))))
    }

    /// Has it bring what is known of the repository up to date.
    pub(crate) async fn check(&self) -> Result<(), Failure> {
        self.ask(Order::Check).await.map(drop)
    }

    /// Has it receive and rebuild a bundle of this length, which is then read from here.
    pub(crate) async fn bundle(&self, digest: Digest, length: u64) -> Result<Bundle, Failure> {
        let found = self.ask(Order::Bundle { digest }).await?;
        if found != Some(length) {
            return Err(gone(io::ErrorKind::InvalidData.into()));
        }
        Ok(Bundle { of: self.clone(), left: length })
    }

    /// Has it send a report to where the policy says.
    pub(crate) async fn report(&self, body: Value) -> Result<(), Failure> {
        self.ask(Order::Report { body }).await.map(drop)
    }

    /// The number of bytes that follow, if there are some.
    async fn ask(&self, order: Order) -> Result<Option<u64>, Failure> {
        let link = self.clone();
        let asked = tokio::task::spawn_blocking(move || link.link().ask(&order)).await;
        asked.unwrap_or_else(|gone| Err(Failure::FetcherGone { source: io::Error::other(gone) }))
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A whole file; `None` if there is none.
    fn file(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let mut link = self.link();
        let Some(length) = link.ask(&Order::File { name: name.to_owned() })? else {
            return Ok(None);
        };
        if length > LARGEST {
            return Err(link.fails(io::ErrorKind::FileTooLarge));
        }
        let mut bytes = Vec::new();
        let read = link.line()?.input.by_ref().take(length).read_to_end(&mut bytes);
        match read {
            Ok(read) if read as u64 == length => Ok(Some(bytes)),
            Ok(_) => Err(link.fails(io::ErrorKind::UnexpectedEof)),
            Err(error) => Err(link.fails(error.kind())),
        }
    }
}

impl Link {
    fn ask(&mut self, order: &Order) -> Result<Option<u64>, Failure> {
        match self.line()?.ask(order).map_err(|error| self.fails(error.kind()))? {
            Word::Bytes { length } => Ok(Some(length)),
            Word::Failed(failed) => Err(failed.into()),
            _ => Ok(None),
        }
    }

    /// Nobody knows what it would say next.
    fn fails(&mut self, why: io::ErrorKind) -> Failure {
        self.line = None;
        gone(why.into())
    }

    fn line(&mut self) -> Result<&mut Line, Failure> {
        if self.line.is_none() {
            platform::give(&self.folder, self.who)
                .map_err(|source| Failure::File { path: self.folder.clone(), source })?;
            // The same command line once more, which says where everything lies.
            let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
            args.extend(["--fetcher".into(), self.name.clone().into()]);
            let begun = platform::spawn_without_rights(self.who, &args, &self.folder);
            let (child, channel) = begun.map_err(gone)?;
            self.line = Some(Line::new(channel, Some(child)));
        }
        self.line.as_mut().ok_or_else(|| gone(io::ErrorKind::NotConnected.into()))
    }
}

/// A socket, and who sits at its other end.
struct Line {
    input: BufReader<Timed>,
    child: Option<Child>,
    warnings: usize,
}

/// Ends at its time, however little comes at once.
struct Timed {
    channel: Channel,
    deadline: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match Instant::now() < self.deadline {
            true => self.channel.read(buffer),
            false => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Line {
    fn new(channel: Channel, child: Option<Child>) -> Line {
        let timed = Timed { channel, deadline: Instant::now() + WHOLE };
        Line { input: BufReader::new(timed), child, warnings: 0 }
    }

    /// The first word that is an answer.
    fn ask(&mut self, order: &Order) -> io::Result<Word> {
        let channel = &mut self.input.get_mut().channel;
        channel.limit(SILENCE)?;
        wire::send(channel, order)?;
        loop {
            match wire::receive(&mut self.input)? {
                Word::Alive => {}
                Word::Warned { text } => {
                    self.warnings += 1;
                    if self.warnings <= WARNINGS {
                        eprintln!("warning: {}", wire::plain(&text));
                    }
                }
                answer => {
                    // What it has said it has.
                    self.input.get_ref().channel.limit(PAUSE)?;
                    return Ok(answer);
                }
            }
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // That nobody asks any more is its end.
        self.input.get_ref().channel.close();
        let Some(mut child) = self.child.take() else { return };
        let begun = Instant::now();
        while begun.elapsed() < FAREWELL && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        // The service's control group ends who does not go.
        let _ = child.kill();
        let _ = child.try_wait();
    }
}

/// A bundle on its way.
pub(crate) struct Bundle {
    of: Fetcher,
    left: u64,
}

impl Read for Bundle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut link = self.of.link();
        let Some(line) = link.line.as_mut() else { return Err(io::ErrorKind::NotConnected.into()) };
        let read = line.input.by_ref().take(self.left).read(buffer)?;
        self.left -= read as u64;
        match read {
            0 if self.left > 0 && !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

/// To the updater it is a mirror, of metadata alone.
impl Fetch for Fetcher {
    fn name(&self) -> &str {
        "who fetches without rights"
    }

    fn open<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Reply, FetchError>> {
        let (link, name) =
            (self.clone(), request.path.strip_prefix("metadata/").map(str::to_owned));
        async move {
            let Some(name) = name else { return Ok(Reply::Missing) };
            let file = tokio::task::spawn_blocking(move || link.file(&name)).await;
            let broken = |source: io::Error| FetchError::Broken { source: Arc::new(source) };
            match file.map_err(|gone| broken(io::Error::other(gone)))? {
                Ok(None) => Ok(Reply::Missing),
                Ok(Some(bytes)) => {
                    let chunks = stream::iter([Ok(bytes)]).boxed();
                    Ok(Reply::Body(Body { offset: 0, validator: None, in_pieces: false, chunks }))
                }
                Err(failure) => Err(broken(io::Error::other(failure.to_string()))),
            }
        }
        .boxed()
    }
}

fn gone(source: io::Error) -> Failure {
    Failure::FetcherGone { source }
}

/// Longer than any metadata file.
const LARGEST: u64 = 8 << 20;
/// For so long it may say nothing: a large bundle takes its time to be rebuilt.
const SILENCE: Duration = Duration::from_secs(15 * 60);
/// For so long it may pause while it hands over.
const PAUSE: Duration = Duration::from_secs(30);
/// For so long it may work in all.
const WHOLE: Duration = Duration::from_secs(2 * 3_600);
/// For so long its end is waited for.
const FAREWELL: Duration = Duration::from_secs(2);
/// So many lines of it are passed on to the log.
const WARNINGS: usize = 16;
