//! After a release: pace, withdrawal, the form of the list.

use exuvia_core::Digest;
use exuvia_core::names::{Channel, Kind, Platform};
use exuvia_core::rollout::Pace;
use exuvia_repo::{Keys, ROLLOUT, Repository, Withdrawn, Yank};
use semver::Version;
use serde::Serialize;

use crate::ceremony::Outcome;
use crate::folder::make_parents;
use crate::{Error, Publisher};

/// A withdrawal.
#[derive(Debug, Clone, Serialize)]
pub struct YankReport {
    /// What was withdrawn.
    pub yanked: Vec<YankedReport>,
    /// Whether it is made.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A release that was withdrawn.
#[derive(Debug, Clone, Serialize)]
pub struct YankedReport {
    /// Its platform.
    pub platform: Platform,
    /// Its kind.
    pub kind: Kind,
    /// Its version, if it was listed.
    pub version: Option<Version>,
    /// Its bundle.
    pub bundle: Digest,
    /// The version that takes its place.
    pub to: Version,
}

/// A rollout that was set.
#[derive(Debug, Clone, Serialize)]
pub struct RolloutReport {
    /// The channel.
    pub channel: Channel,
    /// The release.
    pub version: Version,
    /// For how many of a hundred installations it is.
    pub percent: u8,
    /// Whether it is for none at present.
    pub paused: bool,
}

/// What to do with a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaceChange {
    /// For so many of a hundred installations from now on.
    Percent(u8),
    /// For none until it is resumed.
    Pause,
    /// As it was before the pause.
    Resume,
}

impl Publisher {
    /// Withdraws a release.
    ///
    /// # Errors
    /// As [`Repository::propose_yank`]; local failures.
    pub fn yank(
        &mut self,
        what: Withdrawn,
        to: Option<Version>,
        channel: Option<Channel>,
    ) -> Result<YankReport, Error> {
        let _lock = self.folder.lock()?;
        let channel = channel.unwrap_or_else(|| self.folder.config.channel.clone());
        let repository = self.folder.repository()?;
        let yank = Yank { channel, what, to };
        let (proposal, yanked) = repository.propose_yank(&yank, self.now())?;
        let outcome = self.settle(proposal, &repository)?;
        let report = |yanked: exuvia_repo::Yanked| YankedReport {
            platform: yanked.platform,
            kind: yanked.kind,
            version: yanked.version,
            bundle: yanked.bundle,
            to: yanked.to,
        };
        Ok(YankReport { yanked: yanked.into_iter().map(report).collect(), outcome })
    }

    /// Spreads what a channel lists for a platform, or for all, over hashed bins.
    ///
    /// # Errors
    /// As [`Repository::propose_bins`]; local failures.
    pub fn spread(
        &mut self,
        bins: u32,
        channel: Option<Channel>,
        platform: Option<&Platform>,
    ) -> Result<Outcome, Error> {
        let _lock = self.folder.lock()?;
        let channel = channel.unwrap_or_else(|| self.folder.config.channel.clone());
        let repository = self.folder.repository()?;
        let proposal = repository.propose_bins(&channel, platform, bins, self.now())?;
        self.settle(proposal, &repository)
    }

    /// Sets the pace of a gated release. The first time, rollouts get a key of their own.
    ///
    /// # Errors
    /// As [`Repository::set_pace`]; local failures.
    pub fn rollout(
        &mut self,
        version: &Version,
        change: PaceChange,
        channel: Option<Channel>,
    ) -> Result<RolloutReport, Error> {
        let _lock = self.folder.lock()?;
        let channel = channel.unwrap_or_else(|| self.folder.config.channel.clone());
        let mut repository = self.folder.repository()?;
        let now = self.now();
        let before = repository.rollout(&channel)?.and_then(|rollout| rollout.pace(version));
        let before = before.unwrap_or(Pace { percent: 0, paused: false });
        let pace = match change {
            PaceChange::Percent(percent) => Pace { percent, paused: false },
            PaceChange::Pause => Pace { paused: true, ..before },
            PaceChange::Resume => Pace { paused: false, ..before },
        };
        let mut keyring = self.keyring(&["targets", ROLLOUT, "snapshot", "timestamp"])?;
        let mut all = Vec::new();
        if !repository.has_rollout() {
            self.require_key("targets")?;
            let key = self.channel_key(ROLLOUT)?;
            let of = Keys::any_of([key.public()]);
            keyring.add_boxed(key);
            all.push(repository.add_rollout(&of, &keyring, now)?);
        }
        all.push(repository.set_pace(&channel, version, pace, &keyring, now)?);
        let file = Repository::rollout_file(&channel);
        make_parents(&self.folder.dir, &file)?;
        self.folder.dir.write(&file, b"")?;
        for changes in &all {
            self.folder.write(changes)?;
        }
        let Pace { percent, paused } = pace;
        Ok(RolloutReport { channel, version: version.clone(), percent, paused })
    }
}
