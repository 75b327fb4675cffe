//! The mirrors of one run, and what they cost.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::backoff;
use crate::cancel::Watch;
use crate::error::{Error, NetworkError, RepositoryError};
use crate::events::{Event, Progress};
use crate::fetch::{Fetch, FetchError, Reply, Request, Wait};
use crate::limits::Limits;
use crate::penalties::Failed;
use crate::pull::{self, Pull};

/// The mirrors in order of preference. One that fails is left for the rest of the run.
pub(crate) struct Mirrors {
    list: Vec<(Arc<dyn Fetch>, Standing)>,
    failure: Option<Error>,
    /// Slow mirrors have been given another chance.
    patient: bool,
    /// Who failed since it was last asked for.
    failed: Vec<Failed>,
    limits: Limits,
    end: Instant,
    watch: Watch,
    traffic: Traffic,
}

/// Requests made and bytes of bodies received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) requests: u32,
    pub(crate) received: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    /// Served something that was refused, or would not serve it: perhaps only that file is bad.
    Refused,
    /// Something came, but too slowly: better than none.
    Slow,
    /// Could not be heard.
    Silent,
}

/// A metadata file as one mirror gave it.
pub(crate) enum Got {
    Bytes { bytes: Vec<u8>, validator: Option<String> },
    Missing,
    NotModified,
}

impl Mirrors {
    pub(crate) fn new(sources: Vec<Arc<dyn Fetch>>, limits: Limits, watch: Watch) -> Self {
        let list = sources.into_iter().map(|source| (source, Standing::Good)).collect();
        let (traffic, end) = (Traffic::default(), Instant::now() + limits.total);
        Mirrors {
            list,
            failure: None,
            patient: false,
            failed: Vec::new(),
            limits,
            end,
            watch,
            traffic,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }

    pub(crate) fn count_received(&mut self, bytes: u64) {
        self.traffic.received += bytes;
    }

    /// The mirror to ask.
    ///
    /// # Errors
    /// The most telling failure, once none is left.
    pub(crate) fn current(&self) -> Result<Arc<dyn Fetch>, Error> {
        let good = self.list.iter().find(|(_, standing)| *standing == Standing::Good);
        good.map(|(mirror, _)| mirror.clone()).ok_or_else(|| self.verdict())
    }

    /// The whole time for what comes now begins.
    pub(crate) fn begin(&mut self) {
        self.end = Instant::now() + self.limits.total;
    }

    /// Time that was spent waiting on purpose does not count.
    pub(crate) fn excuse(&mut self, waited: Duration) {
        self.end += waited;
    }

    /// Waits for `work` on a file, within the whole time and until the run is ended.
    pub(crate) async fn within<T>(
        &self,
        mirror: &dyn Fetch,
        path: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let limit = self.limits.total;
        let late = || network(mirror, path, FetchError::Deadline { step: Wait::Run, limit });
        Ok(self.watch.guard(timeout_at(self.end, work)).await?.map_err(|_| late())?)
    }

    /// Waits before a mirror is asked again, telling why.
    pub(crate) async fn rest(
        &self,
        mirror: &dyn Fetch,
        reason: NetworkError,
        failures: u32,
        progress: &mut dyn Progress,
    ) -> Result<(), Error> {
        let pause = backoff::pause(&self.limits, failures, backoff::random());
        let pause = pause.max(reason.source.retry_after().unwrap_or_default());
        let path = reason.path.clone();
        let mirror_name = mirror.name().to_owned();
        progress.event(Event::Retrying { mirror: mirror_name, pause, reason: reason.into() });
        self.within(mirror, &path, tokio::time::sleep(pause)).await
    }

    /// Whether there is a mirror to turn to beside the current one.
    pub(crate) fn has_another(&self) -> bool {
        self.list.iter().filter(|(_, standing)| *standing == Standing::Good).count() > 1
    }

    /// Those that failed since this was last asked, and the one that served after them.
    pub(crate) fn lessons(&mut self) -> Option<(Vec<Failed>, String)> {
        let served = self.current().ok()?.name().to_owned();
        Some((std::mem::take(&mut self.failed), served))
    }

    /// Leaves the current mirror, telling why; the reason is kept in case none is left.
    pub(crate) fn leave(&mut self, reason: Error, progress: &mut dyn Progress) {
        let mut good = self.list.iter_mut().filter(|(_, s)| *s == Standing::Good);
        let Some((mirror, standing)) = good.next() else { return };
        *standing = match &reason {
            Error::Repository(_) => Standing::Refused,
            Error::Network(error) if error.source.is_slow() => Standing::Slow,
            Error::Network(error) if error.source.is_answered() => Standing::Refused,
            Error::Network(_) | Error::Local(_) => Standing::Silent,
        };
        let (name, wait) = (mirror.name().to_owned(), reason.retry_after());
        self.failed.push(Failed { mirror: name, wait });
        // Somebody serving wrong bytes says more than somebody being silent.
        if !matches!(self.failure, Some(Error::Repository(_))) {
            self.failure = Some(reason.clone());
        }
        progress.event(Event::MirrorFailed { mirror: mirror.name().to_owned(), reason });
        // Given up for a better one; where there is none, slow is better than not at all.
        if self.has_none() && !std::mem::replace(&mut self.patient, true) {
            self.pardon(Standing::Slow);
        }
    }

    /// Another file is wanted now: mirrors that served a wrong one get another chance, unless one
    /// that never did is left.
    pub(crate) fn turn_to_another_file(&mut self) {
        if self.has_none() {
            self.pardon(Standing::Refused);
            self.pardon(Standing::Slow);
        }
    }

    fn has_none(&self) -> bool {
        self.list.iter().all(|(_, standing)| *standing != Standing::Good)
    }

    fn pardon(&mut self, which: Standing) {
        for (_, standing) in self.list.iter_mut().filter(|(_, standing)| *standing == which) {
            *standing = Standing::Good;
            self.failure = None;
        }
    }

    /// Opens a file at the current mirror.
    pub(crate) async fn open(
        &mut self,
        mirror: &dyn Fetch,
        request: Request<'_>,
    ) -> Result<Reply, Error> {
        self.traffic.requests += 1;
        let reply =
            self.within(mirror, request.path, pull::open(mirror, request, &self.limits)).await?;
        Ok(reply.map_err(|source| network(mirror, request.path, source))?)
    }

    /// Receives one metadata file from one mirror, of at most `limit` bytes. What may pass (a broken
    /// connection, an overloaded server) is tried once more.
    pub(crate) async fn metadata(
        &mut self,
        mirror: &dyn Fetch,
        path: &str,
        limit: u64,
        validator: Option<&str>,
    ) -> Result<Got, Error> {
        match self.metadata_once(mirror, path, limit, validator).await {
            Err(Error::Network(error)) if self.is_worth_another_try(&error.source) => {
                self.rest(mirror, error, 0, &mut |_| {}).await?;
                self.metadata_once(mirror, path, limit, validator).await
            }
            done => done,
        }
    }

    fn is_worth_another_try(&self, error: &FetchError) -> bool {
        match error {
            FetchError::Broken { .. } => true,
            FetchError::Status { .. } => {
                error.may_pass_within(self.limits.patience) && !self.has_another()
            }
            _ => false,
        }
    }

    async fn metadata_once(
        &mut self,
        mirror: &dyn Fetch,
        path: &str,
        limit: u64,
        validator: Option<&str>,
    ) -> Result<Got, Error> {
        let body =
            match self.open(mirror, Request { path, offset: 0, validator, length: None }).await? {
                Reply::Body(body) => body,
                Reply::Missing => return Ok(Got::Missing),
                Reply::NotModified if validator.is_some() => return Ok(Got::NotModified),
                // Neither was asked for.
                Reply::NotModified | Reply::NotResumable => {
                    return Err(network(mirror, path, FetchError::BadReply).into());
                }
            };
        let validator = body.validator.clone();
        let mut pull = Pull::new(body, self.limits.metadata, &self.limits);
        let mut bytes = Vec::new();
        while let Some(chunk) =
            self.within(mirror, path, pull.next()).await?.map_err(|e| network(mirror, path, e))?
        {
            self.traffic.received += chunk.len() as u64;
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > limit {
                let (mirror, path) = (mirror.name().to_owned(), path.to_owned());
                return Err(RepositoryError::TooLong { mirror, path, limit }.into());
            }
        }
        // A login page in the place of metadata is the network's fault, not the publisher's.
        if bytes.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| *b != b'{') {
            return Err(network(mirror, path, FetchError::NotMetadata).into());
        }
        Ok(Got::Bytes { bytes, validator })
    }

    fn verdict(&self) -> Error {
        self.failure.clone().unwrap_or_else(|| {
            let (mirror, path) = (String::new(), String::new());
            NetworkError { mirror, path, source: FetchError::NoMirror }.into()
        })
    }
}

/// A transport failure with its place.
pub(crate) fn network(mirror: &dyn Fetch, path: &str, source: FetchError) -> NetworkError {
    NetworkError { mirror: mirror.name().to_owned(), path: path.to_owned(), source }
}
