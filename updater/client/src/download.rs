//! Receiving one payload: resume, try again, next mirror.
//!
//! No server is believed: lengths, validators and statuses only decide what is asked next. What is
//! kept is decided by the signed length and hash alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exuvia_core::{Digest, Target};
use exuvia_durable::Lock;
use tokio::time::{Instant, timeout_at};

use crate::background::in_background;
use crate::error::{Error, RepositoryError};
use crate::fetch::{Fetch, FetchError, Reply, Request};
use crate::limits::Limits;
use crate::meter::Meter;
use crate::mirrors::{Mirrors, network};
use crate::part::{Origin, Part, Payload, Refusal};
use crate::pull::Pull;

/// What came is written down once there is so much of it …
const BATCH: usize = 256 * 1024;
/// … or it is so old: more than either is not lost by a kill.
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// Receives `target` into `dir`, continuing what an earlier run left there.
///
/// # Errors
/// The most telling failure once no mirror is left; what was received is kept.
pub(crate) async fn receive(
    mirrors: &mut Mirrors,
    dir: &Path,
    target: &Target,
    digest: Digest,
    lock: &Arc<Lock>,
    meter: &mut Meter<'_>,
) -> Result<Payload, Error> {
    let (dir, wanted, lock) = (dir.to_owned(), target.clone(), lock.clone());
    let mut part = in_background(move || Part::open(&dir, &wanted, digest, lock)).await??;
    meter.received(part.received());
    loop {
        if part.is_full() {
            match part.finish() {
                Ok(payload) => {
                    meter.finish_file(payload.length());
                    return Ok(payload);
                }
                Err(rejected) => {
                    let refusal;
                    (part, refusal) = *rejected;
                    let pardoned = part.pardon(!mirrors.has_another());
                    part.restart()?;
                    if !pardoned {
                        let mirror = mirrors.current()?;
                        mirrors.leave(reason(&*mirror, &part, refusal)?, meter.progress);
                    }
                }
            }
        }
        let mirror = mirrors.current()?;
        let outcome;
        (part, outcome) = fill(mirrors, &*mirror, part, meter).await?;
        if let Err(refusal) = outcome {
            mirrors.leave(refusal, meter.progress);
        }
    }
}

/// Fills `part` from one mirror, asking again while that brings something.
///
/// The outer error ends the run; the inner one is the mirror's.
async fn fill(
    mirrors: &mut Mirrors,
    mirror: &dyn Fetch,
    mut part: Part,
    meter: &mut Meter<'_>,
) -> Result<(Part, Result<(), Error>), Error> {
    let mut trend = Trend::new(part.received());
    // A mirror that has the part begun anew gains nothing until it is beyond this.
    let mut most = part.received();
    while !part.is_full() {
        let outcome;
        (part, outcome) = transfer(mirrors, mirror, part, meter).await?;
        let error = match outcome {
            Ok(()) => continue,
            Err(Stop::Refused(refusal)) => {
                let refused = reason(mirror, &part, refusal)?;
                let pardoned = part.pardon(!mirrors.has_another());
                part.restart()?;
                if pardoned {
                    (most, trend.had) = (0, 0);
                    continue;
                }
                return Ok((part, Err(refused)));
            }
            Err(Stop::Missing) => {
                let path = path(part.target());
                return Ok((part, Err(RepositoryError::Missing { path }.into())));
            }
            Err(Stop::Silent(error)) => error,
        };
        let gained = part.received().saturating_sub(most);
        most = most.max(part.received());
        let in_vain = trend.in_vain(most, gained, mirrors.limits());
        let hopeless = !error.may_pass_within(mirrors.limits().patience);
        let little = gained < mirrors.limits().least;
        let better = mirrors.has_another() && (little || !error.is_answered());
        let error = network(mirror, &path(part.target()), error);
        if in_vain > mirrors.limits().retries || hopeless || better {
            return Ok((part, Err(error.into())));
        }
        // What breaks off but brings a good deal is gone on with at once: some servers give every
        // answer a connection of its own, or no more than so much.
        if gained < BATCH as u64 / 4 {
            mirrors.rest(mirror, error, in_vain, meter.progress).await?;
        }
    }
    Ok((part, Ok(())))
}

/// Whether transfers that break off come to anything. Some servers, or what stands before them, close
/// after very little: that will do as long as it is the least rate on the whole.
struct Trend {
    since: Instant,
    had: u64,
    in_vain: u32,
}

impl Trend {
    fn new(had: u64) -> Trend {
        Trend { since: Instant::now(), had, in_vain: 0 }
    }

    /// How often in turn it came to nothing: no byte, or too few of them in a whole window.
    fn in_vain(&mut self, have: u64, gained: u64, limits: &Limits) -> u32 {
        let is_late = self.since.elapsed() >= limits.window;
        let is_enough = have.saturating_sub(self.had) >= limits.least;
        if is_enough || is_late {
            (self.since, self.had) = (Instant::now(), have);
        }
        match is_enough {
            true => self.in_vain = 0,
            false if gained == 0 || is_late => self.in_vain += 1,
            false => {}
        }
        self.in_vain
    }
}

/// Why one transfer did not complete the part.
enum Stop {
    Silent(FetchError),
    Missing,
    Refused(Refusal),
}

/// One request for the rest of `part`.
async fn transfer(
    mirrors: &mut Mirrors,
    mirror: &dyn Fetch,
    mut part: Part,
    meter: &mut Meter<'_>,
) -> Result<(Part, Result<(), Stop>), Error> {
    meter.pass(mirrors, None, 0).await?;
    let path = path(part.target());
    let (offset, validator) = (part.received(), part.validator(mirror.name()).map(str::to_owned));
    // Without an offset a validator would ask for "not modified".
    let validator = validator.as_deref().filter(|_| offset > 0);
    let length = part.target().length();
    // Pieces that did not fit together once are not asked for again.
    let told = (!part.was_pardoned()).then_some(length);
    let request = Request { path: &path, offset, validator, length: told };
    let body = match mirrors.open(mirror, request).await {
        Ok(Reply::Body(body)) if body.offset == offset => body,
        Ok(Reply::Body(body)) if body.offset == 0 => {
            part.restart()?;
            body
        }
        Ok(Reply::NotResumable | Reply::Body(_)) if offset > 0 => {
            part.restart()?;
            return Ok((part, Ok(())));
        }
        Ok(Reply::Missing) => return Ok((part, Err(Stop::Missing))),
        Ok(_) => return Ok((part, Err(Stop::Silent(FetchError::BadReply)))),
        Err(Error::Network(error)) => return Ok((part, Err(Stop::Silent(error.source)))),
        Err(error) => return Err(error),
    };
    part.begin(
        body.validator
            .clone()
            .map(|validator| Origin { mirror: mirror.name().to_owned(), validator }),
        body.in_pieces,
    )?;
    let mut pull = Pull::new(body, mirrors.limits().payload, mirrors.limits());
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let left = usize::try_from(length - part.received()).unwrap_or(usize::MAX);
        let most = BATCH.min(meter.most_at_once()).min(left.saturating_add(1));
        let ended = mirrors.within(mirror, &path, fill_batch(&mut batch, &mut pull, most)).await?;
        mirrors.count_received(batch.len() as u64);
        if part.received() == 0 && is_page(&batch) {
            return Ok((part, Err(Stop::Silent(FetchError::NotMetadata))));
        }
        let appended;
        (part, appended, batch) = in_background(move || {
            let appended = part.append_or_give_back(&batch);
            (part, appended, batch)
        })
        .await?;
        meter.received(part.received());
        meter.pass(mirrors, Some(&mut pull), batch.len()).await?;
        batch.clear();
        match (appended, ended) {
            (Err(Refusal::Local(error)), _) => return Err(error.into()),
            (Err(refusal), _) => return Ok((part, Err(Stop::Refused(refusal)))),
            (Ok(()), None) => {}
            // All that was signed is here; how the connection ended is of no interest.
            (Ok(()), Some(_)) if part.is_full() => return Ok((part, Ok(()))),
            (Ok(()), Some(Ok(()))) => {
                let (received, expected) = (part.received(), length);
                let error = FetchError::Truncated { received, expected };
                return Ok((part, Err(Stop::Silent(error))));
            }
            (Ok(()), Some(Err(error))) => return Ok((part, Err(Stop::Silent(error)))),
        }
    }
}

/// Takes some more bytes; tells how the body ended if it did. No more than one chunk beyond `most` is
/// taken, which is enough to refuse a body that is too long.
async fn fill_batch(
    batch: &mut Vec<u8>,
    pull: &mut Pull,
    most: usize,
) -> Option<Result<(), FetchError>> {
    let due = Instant::now() + WRITE_EVERY;
    while batch.len() < most {
        let next = match batch.is_empty() {
            true => pull.next().await,
            false => match timeout_at(due, pull.next()).await {
                Ok(next) => next,
                Err(_) => return None,
            },
        };
        match next {
            Ok(Some(chunk)) => batch.extend_from_slice(&chunk),
            Ok(None) => return Some(Ok(())),
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

/// Whether a payload begins as a page does: something answers in the server's place.
fn is_page(bytes: &[u8]) -> bool {
    let begins = |tag: &[u8]| bytes.get(..tag.len()).is_some_and(|b| b.eq_ignore_ascii_case(tag));
    begins(b"<!doctype html") || begins(b"<html")
}

fn reason(mirror: &dyn Fetch, part: &Part, refusal: Refusal) -> Result<Error, Error> {
    let (mirror, path) = (mirror.name().to_owned(), path(part.target()));
    match refusal {
        Refusal::Mismatch(source) => {
            Ok(RepositoryError::WrongPayload { mirror, path, source }.into())
        }
        Refusal::Local(error) => Err(error.into()),
    }
}

fn path(target: &Target) -> String {
    target.remote_path()
}
