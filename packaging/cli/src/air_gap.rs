//! A folder that machines without a network install from: verified like any mirror.

use std::path::Path;

use exuvia::{Config, Mirror};
use exuvia_core::Time;
use exuvia_core::names::{Channel, Platform};
use exuvia_durable::Dir;
use exuvia_repo::Listed;
use serde::Serialize;

use crate::folder::CONFIG;
use crate::publish::{copy, write_metadata};
use crate::{Error, Folder};

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AirGapReport {
    /// The releases, as paths in the metadata.
    pub targets: Vec<String>,
    /// Their bytes.
    pub bytes: u64,
    /// The mirror that `exuvia.json` names there.
    pub mirror: String,
    /// Until when the folder is good.
    pub until: Time,
}

impl Folder {
    /// Copies the metadata and the newest full releases of a channel, for one platform or all, and an
    /// `exuvia.json` that finds them at `mirror`.
    ///
    /// # Errors
    /// Nothing is released there; a client would refuse what is here; local failures.
    pub fn air_gap(
        &self,
        destination: &Path,
        channel: &Channel,
        platform: Option<&Platform>,
        mirror: Mirror,
        now: Time,
    ) -> Result<AirGapReport, Error> {
        let _lock = self.lock()?;
        let until = self.verify(now)?.timestamp_expires;
        let repository = self.repository()?;
        let mut chosen: Vec<Listed> = Vec::new();
        for (there, on) in repository.platforms() {
            if there == *channel && platform.is_none_or(|platform| *platform == on) {
                chosen.extend(newest(repository.listed(&there, &on)?));
            }
        }
        if chosen.is_empty() {
            return Err(Error::NothingReleased);
        }
        let to = Dir::open_or_create(destination)?;
        let real = |path: &Path| path.canonicalize().map_err(Error::io(path));
        if real(destination)?.starts_with(real(self.path())?) {
            return Err(Error::DestinationIsPrivate { path: destination.to_owned() });
        }
        for listed in &chosen {
            copy(&self.dir, &to, &listed.remote_path, listed.payload)?;
        }
        for path in repository.reachable() {
            write_metadata(&to, &path, &repository)?;
        }
        let config = Config {
            channel: channel.clone(),
            mirrors: vec![mirror.clone()],
            ..self.config.clone()
        };
        to.write(CONFIG, config.to_json().as_bytes())?;
        Ok(AirGapReport {
            targets: chosen.iter().map(|listed| listed.path.clone()).collect(),
            bytes: chosen.iter().map(|listed| listed.payload.length).sum(),
            mirror: mirror.as_str().to_owned(),
            until,
        })
    }
}

/// The newest full release of each kind.
fn newest(mut listed: Vec<Listed>) -> Vec<Listed> {
    listed.retain(|one| one.facts.delta.is_none());
    listed.sort_by(|a, b| b.facts.version.cmp_precedence(&a.facts.version));
    let mut kinds = Vec::new();
    listed.retain(|one| {
        let first = !kinds.contains(&one.facts.kind);
        kinds.push(one.facts.kind);
        first
    });
    listed
}
