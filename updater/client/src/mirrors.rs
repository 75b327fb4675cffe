//! The mirrors of one run, and what they cost.

use std::sync::Arc;

use crate::cancel::Watch;
use crate::error::{Error, NetworkError, RepositoryError};
use crate::events::{Event, Progress};
use crate::fetch::{Fetch, FetchError, Reply, Request};
use crate::limits::Limits;
use crate::pull::{self, Pull};

/// The mirrors in order of preference. One that fails is left for the rest of the run.
pub(crate) struct Mirrors {
    list: Vec<(Arc<dyn Fetch>, Standing)>,
    failure: Option<Error>,
    limits: Limits,
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
    /// Served something that was refused: perhaps only that file is bad.
    Refused,
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
    pub(crate) fn new(sources: &[Arc<dyn Fetch>], limits: Limits, watch: Watch) -> Self {
        let list = sources.iter().map(|s| (s.clone(), Standing::Good)).collect();
        Mirrors { list, failure: None, limits, watch, traffic: Traffic::default() }
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

    /// Leaves the current mirror, telling why; the reason is kept in case none is left.
    pub(crate) fn leave(&mut self, reason: Error, progress: &mut dyn Progress) {
        let mut good = self.list.iter_mut().filter(|(_, s)| *s == Standing::Good);
        let Some((mirror, standing)) = good.next() else { return };
        *standing = match reason {
            Error::Repository(_) => Standing::Refused,
            Error::Network(_) | Error::Local(_) => Standing::Silent,
        };
        // Somebody serving wrong bytes says more than somebody being silent.
        if !matches!(self.failure, Some(Error::Repository(_))) {
            self.failure = Some(reason.clone());
        }
        progress.event(Event::MirrorFailed { mirror: mirror.name().to_owned(), reason });
    }

    /// Another file is wanted now: mirrors that served a wrong one get another chance, unless one
    /// that never did is left.
    pub(crate) fn turn_to_another_file(&mut self) {
        if self.list.iter().any(|(_, standing)| *standing == Standing::Good) {
            return;
        }
        for (_, standing) in self.list.iter_mut().filter(|(_, s)| *s == Standing::Refused) {
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
        let reply = self.watch.guard(pull::open(mirror, request, &self.limits)).await?;
        Ok(reply.map_err(|source| network(mirror, request.path, source))?)
    }

    /// Receives one metadata file from one mirror, of at most `limit` bytes. A connection that breaks
    /// is tried once more.
    pub(crate) async fn metadata(
        &mut self,
        mirror: &dyn Fetch,
        path: &str,
        limit: u64,
        validator: Option<&str>,
    ) -> Result<Got, Error> {
        match self.metadata_once(mirror, path, limit, validator).await {
            Err(Error::Network(NetworkError { source: FetchError::Broken { .. }, .. })) => {
                self.watch.guard(tokio::time::sleep(self.limits.pause)).await?;
                self.metadata_once(mirror, path, limit, validator).await
            }
            done => done,
        }
    }

    async fn metadata_once(
        &mut self,
        mirror: &dyn Fetch,
        path: &str,
        limit: u64,
        validator: Option<&str>,
    ) -> Result<Got, Error> {
        let body = match self.open(mirror, Request { path, offset: 0, validator }).await? {
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
            self.watch.guard(pull.next()).await?.map_err(|source| network(mirror, path, source))?
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
