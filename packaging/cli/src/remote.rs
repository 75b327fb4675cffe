//! A repository as a client sees it from afar: over HTTP, or in a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use exuvia::Config;
use exuvia::fetch::{self, Body, Fetch, FetchError, Http, HttpOptions, Reply, Request, Wait};
use exuvia_core::metadata::{Envelope, Scope, Targets};
use exuvia_core::{Answer, Floors, Limits, Machine, Refresh, Start, Target, Time, Trusted, Want};
use futures_util::StreamExt as _;
use serde::{Deserialize as _, Serialize};
use tokio::time::timeout;

use crate::Error;

/// What a client found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The address.
    pub address: String,
    /// Version of the newest root.
    pub root_version: u64,
    /// When clients stop unless the timestamp is renewed.
    pub until: Time,
    /// Number of listed files, each of which has the right length and digest.
    pub targets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Reads a repository as a client that knows nothing but its `exuvia.json`: the metadata, then
/// every listed file from its first byte to its last.
///
/// # Errors
/// [`Error::NotTrusted`], [`Error::NotListed`], [`Error::NotServed`]: what a client would refuse;
/// [`Error::Network`]; [`Error::Address`].
pub fn verify(address: &str, config: &Config, now: Time) -> Result<VerifyReport, Error> {
    let source = source(address)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io(Path::new(address)))?;
    runtime.block_on(verify_all(source.as_ref(), config, now))
}

/// The version of the timestamp that a mirror serves, when a client would accept its metadata.
///
/// # Errors
/// As [`verify`].
pub(crate) fn timestamp(address: &str, config: &Config, now: Time) -> Result<u64, Error> {
    let source = source(address)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io(Path::new(address)))?;
    runtime.block_on(async {
        let mut client = Client { source: source.as_ref(), store: BTreeMap::new() };
        Ok(client.refresh(config, now).await?.timestamp_version())
    })
}

async fn verify_all(source: &dyn Fetch, config: &Config, now: Time) -> Result<VerifyReport, Error> {
    let mut client = Client { source, store: BTreeMap::new() };
    let mut trusted = client.refresh(config, now).await?;
    let mut report = VerifyReport {
        address: source.name().to_owned(),
        root_version: trusted.root_version(),
        until: trusted.timestamp_expires(),
        targets: 0,
        bytes: 0,
    };
    for directory in client.directories() {
        let found;
        (trusted, found) = client.list(trusted, &directory).await?;
        for target in found {
            client.check(&target).await?;
            report.targets += 1;
            report.bytes += target.length();
        }
    }
    Ok(report)
}

struct Client<'a> {
    source: &'a dyn Fetch,
    store: BTreeMap<String, Vec<u8>>,
}

impl Client<'_> {
    async fn refresh(&mut self, config: &Config, now: Time) -> Result<Trusted, Error> {
        let start = Start {
            embedded: &config.root,
            stored: None,
            floors: Floors::default(),
            now,
            limits: Limits::default(),
        };
        let mut refresh = Refresh::new(start).map_err(|error| self.refused(error))?;
        self.drive(&mut refresh).await?;
        refresh.finish().map_err(|error| self.refused(error))
    }

    async fn drive(&mut self, machine: &mut impl Machine) -> Result<(), Error> {
        loop {
            let bytes;
            let answer = match machine.wants() {
                Want::Nothing => return Ok(()),
                Want::Load { name } => {
                    bytes = self.store.get(name).cloned();
                    bytes.as_deref().map_or(Answer::Missing, Answer::Bytes)
                }
                Want::Fetch { name, limit, .. } => {
                    bytes = self.fetch(&format!("metadata/{name}"), limit).await?;
                    bytes.as_deref().map_or(Answer::Missing, Answer::Bytes)
                }
                Want::Save { name, bytes } => {
                    self.store.insert(name.to_owned(), bytes.to_owned());
                    Answer::Done
                }
                Want::SaveFloors { .. } => Answer::Done,
            };
            machine.accept(answer).map_err(|error| self.refused(error))?;
        }
    }

    async fn list(
        &mut self,
        trusted: Trusted,
        directory: &str,
    ) -> Result<(Trusted, Vec<Target>), Error> {
        let mut search = trusted.list(directory);
        self.drive(&mut search).await?;
        search.finish().map_err(|error| self.refused(error))
    }

    /// The folders that the verified top-level targets delegate, and its own.
    fn directories(&self) -> Vec<String> {
        let envelope = self.store.get("targets.json").and_then(|bytes| Envelope::parse(bytes).ok());
        let targets = envelope.and_then(|envelope| Targets::deserialize(&envelope.signed).ok());
        let delegations = targets.and_then(|targets| targets.delegations);
        let roles = delegations.into_iter().flat_map(|delegations| delegations.roles);
        let paths = roles.flat_map(|role| match role.scope {
            Scope::Paths(paths) => paths,
            Scope::HashPrefixes(_) => Vec::new(),
        });
        paths.filter_map(|path| Some(path.strip_suffix("/*")?.to_owned())).collect()
    }

    /// The bytes of a file, or none if the source says that there is none. One byte over the limit
    /// is read, for the machine to refuse.
    async fn fetch(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let Reply::Body(mut body) = self.open(path).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next(&mut body).await? {
            bytes.extend(chunk);
            if bytes.len() as u64 > limit {
                break;
            }
        }
        Ok(Some(bytes))
    }

    async fn check(&self, target: &Target) -> Result<(), Error> {
        let (address, path) = (self.source.name().to_owned(), target.remote_path());
        let Reply::Body(mut body) = self.open(&path).await? else {
            return Err(Error::NotServed { address, path });
        };
        let mut checker = target.checker();
        let wrong =
            |source| Error::NotListed { address: address.clone(), path: path.clone(), source };
        while let Some(chunk) = self.next(&mut body).await? {
            checker.update(&chunk).map_err(wrong)?;
        }
        checker.finish().map(|_| ()).map_err(wrong)
    }

    async fn open(&self, path: &str) -> Result<Reply, Error> {
        let reply = timeout(PATIENCE, self.source.open(Request::whole(path))).await;
        reply.unwrap_or_else(|_| Err(late(Wait::Header))).map_err(|error| self.failed(error))
    }

    async fn next(&self, body: &mut Body) -> Result<Option<Vec<u8>>, Error> {
        let chunk = timeout(PATIENCE, body.chunks.next()).await;
        let chunk = chunk.unwrap_or_else(|_| Some(Err(late(Wait::Whole))));
        chunk.transpose().map_err(|error| self.failed(error))
    }

    fn refused(&self, source: exuvia_core::Error) -> Error {
        Error::NotTrusted { address: self.source.name().to_owned(), source: Box::new(source) }
    }

    fn failed(&self, source: FetchError) -> Error {
        Error::Network { address: self.source.name().to_owned(), source }
    }
}

fn late(step: Wait) -> FetchError {
    FetchError::Deadline { step, limit: PATIENCE }
}

/// How long a host may keep silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder or a `file:` address as a folder, all else over HTTP.
fn source(address: &str) -> Result<Box<dyn Fetch>, Error> {
    let bad = || Error::Address { address: address.to_owned() };
    if let Some(path) = local(address) {
        return Ok(Box::new(fetch::Folder::new(path)));
    }
    let url = address.parse().map_err(|_| bad())?;
    Ok(Box::new(Http::new(&url, &HttpOptions::default()).map_err(|_| bad())?))
}

/// The folder that an address names on this machine.
pub(crate) fn local(address: &str) -> Option<&Path> {
    match address.split_once("://") {
        Some(("file", path)) => Some(Path::new(path)),
        Some(_) => None,
        None => Some(Path::new(address)),
    }
}
