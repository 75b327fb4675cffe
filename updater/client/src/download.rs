//! Receiving one payload: resume, try again, next mirror.
//!
//! No server is believed: lengths, validators and statuses only decide what is asked next. What is
//! kept is decided by the signed length and hash alone.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exuvia_core::{Digest, Target};
use exuvia_durable::Lock;
use tokio::time::Instant;

use crate::background::in_background;
use crate::error::{Error, RepositoryError};
use crate::events::{Event, Progress, RouteKind};
use crate::fetch::{Fetch, FetchError, Reply, Request};
use crate::mirrors::{Mirrors, network};
use crate::part::{Origin, Part, Payload, Refusal};
use crate::pull::Pull;

/// Most bytes that a kill can cost.
const BATCH: usize = 1 << 20;
const TELL_EVERY: Duration = Duration::from_millis(100);

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
                    let pardoned = part.pardon();
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
    let mut in_vain = 0;
    // A mirror that has the part begun anew gains nothing until it is beyond this.
    let mut most = part.received();
    while !part.is_full() {
        let outcome;
        (part, outcome) = transfer(mirrors, mirror, part, meter).await?;
        let error = match outcome {
            Ok(()) => continue,
            Err(Stop::Refused(refusal)) => {
                let refused = reason(mirror, &part, refusal)?;
                let pardoned = part.pardon();
                part.restart()?;
                if pardoned {
                    most = 0;
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
        in_vain = if gained < mirrors.limits().least { in_vain + 1 } else { 0 };
        if in_vain > mirrors.limits().retries || !error.is_passing() {
            let error = network(mirror, &path(part.target()), error);
            return Ok((part, Err(error.into())));
        }
        let pause = mirrors.limits().pause * 2u32.saturating_pow(in_vain);
        mirrors.watch().guard(tokio::time::sleep(pause)).await?;
    }
    Ok((part, Ok(())))
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
    let path = path(part.target());
    let (offset, validator) = (part.received(), part.validator(mirror.name()).map(str::to_owned));
    // Without an offset a validator would ask for "not modified".
    let validator = validator.as_deref().filter(|_| offset > 0);
    let body = match mirrors.open(mirror, Request { path: &path, offset, validator }).await {
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
    )?;
    let mut pull = Pull::new(body, mirrors.limits().payload, mirrors.limits());
    let length = part.target().length();
    loop {
        let (batch, ended) = batch(mirrors, &mut pull, length - part.received()).await?;
        mirrors.count_received(batch.len() as u64);
        let appended;
        (part, appended) = in_background(move || {
            let appended = part.append(&batch);
            (part, appended)
        })
        .await?;
        meter.received(part.received());
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

/// Some more bytes, and how the body ended if it did. At most one chunk beyond `left` is taken, which
/// is enough to refuse a body that is too long.
async fn batch(
    mirrors: &Mirrors,
    pull: &mut Pull,
    left: u64,
) -> Result<(Vec<u8>, Option<Result<(), FetchError>>), Error> {
    let mut batch = Vec::new();
    loop {
        match mirrors.watch().guard(pull.next()).await? {
            Ok(Some(chunk)) => batch.extend_from_slice(&chunk),
            Ok(None) => return Ok((batch, Some(Ok(())))),
            Err(error) => return Ok((batch, Some(Err(error)))),
        }
        if batch.len() >= BATCH || batch.len() as u64 > left {
            return Ok((batch, None));
        }
    }
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

/// Adds up what was received for a route and tells it, not too often.
pub(crate) struct Meter<'p> {
    pub(crate) progress: &'p mut dyn Progress,
    route: RouteKind,
    before: u64,
    total: u64,
    told: Option<Instant>,
}

impl<'p> Meter<'p> {
    pub(crate) fn new(progress: &'p mut dyn Progress, route: RouteKind, total: u64) -> Self {
        Meter { progress, route, before: 0, total, told: None }
    }

    fn received(&mut self, of_this_file: u64) {
        let now = Instant::now();
        if self.told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY) {
            self.told = Some(now);
            self.tell(of_this_file);
        }
    }

    fn finish_file(&mut self, length: u64) {
        self.tell(length);
        self.before += length;
    }

    fn tell(&mut self, of_this_file: u64) {
        let (route, total) = (self.route, self.total);
        let received = self.before + of_this_file;
        self.progress.event(Event::Downloading { route, received, total });
    }
}
