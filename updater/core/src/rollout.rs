//! Rollouts: how large a part of the installations a gated release is for, by now (formats §3).
//!
//! A rollout can only hold back, only releases whose own facts say that they may be held back, and
//! only until they have been published for `max_days`. So its key may lie on a server.

use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::{self, JsonError};
use crate::names::{App, Channel};
use crate::release::FactsError;
use crate::{Digest, Target};

/// The version of the format that this crate reads and writes.
pub const ROLLOUT_VERSION: u64 = 1;

/// The rollout of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    rollout: u64,
    app: App,
    channel: Channel,
    releases: Vec<Step>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    version: Version,
    #[serde(flatten)]
    pace: Pace,
}

/// How far the rollout of one release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// For how many installations of a hundred it is.
    #[serde(deserialize_with = "percent")]
    pub percent: u8,
    /// Whether it is for none at present.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// What tells installations apart. It is random and never leaves the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstallId(pub [u8; 16]);

impl InstallId {
    /// Which of a hundred parts the installation is in, for one bundle: another one for each, so that
    /// it is not always the same who go first.
    pub fn cohort(&self, bundle: Digest) -> u8 {
        let digest =
            Digest::of(&[b"exuvia-cohort\n".as_slice(), &self.0, bundle.as_bytes()].concat());
        let mut head = [0; 8];
        head.copy_from_slice(&digest.as_bytes()[..8]);
        // A remainder of 100 fits.
        u8::try_from(u64::from_be_bytes(head) % 100).unwrap_or(0)
    }
}

impl Rollout {
    /// A rollout that lets nothing through.
    pub fn new(app: App, channel: Channel) -> Self {
        let (rollout, releases, extra) = (ROLLOUT_VERSION, Vec::new(), Map::new());
        Self { rollout, app, channel, releases, extra }
    }

    /// The path of the target that carries a channel's rollout.
    pub fn path(channel: &Channel) -> String {
        format!("rollout/{channel}")
    }

    /// Reads the rollout that a target carries.
    ///
    /// # Errors
    /// It carries none, one of a newer format, or one of another application or channel.
    pub fn of_target(target: &Target, app: &App, channel: &Channel) -> Result<Self, FactsError> {
        let none = || malformed("there is no rollout in it");
        let value = target.custom().and_then(|custom| custom.get("exuvia")).ok_or_else(none)?;
        Self::parse(value, app, channel)
    }

    /// Reads the rollout of an application's channel.
    ///
    /// # Errors
    /// As [`Rollout::of_target`].
    pub fn parse(value: &Value, app: &App, channel: &Channel) -> Result<Self, FactsError> {
        match value.get("rollout").and_then(Value::as_u64) {
            Some(ROLLOUT_VERSION) => {}
            Some(found) => return Err(FactsError::Newer { found }),
            None => return Err(malformed("there is no rollout in it")),
        }
        let rollout: Self =
            json::shape(value).map_err(|problem| FactsError::Malformed { problem })?;
        match rollout.app == *app && rollout.channel == *channel {
            true => Ok(rollout),
            false => Err(malformed("it is of another application or channel")),
        }
    }

    /// Its JSON form.
    pub fn to_value(&self) -> Value {
        // Names, versions and small numbers always have a JSON form.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// How far a release is; none when nothing is said about it.
    pub fn pace(&self, version: &Version) -> Option<Pace> {
        let step = |step: &&Step| step.version.cmp_precedence(version).is_eq();
        self.releases.iter().find(step).map(|step| step.pace)
    }

    /// Every release that something is said about.
    pub fn releases(&self) -> impl Iterator<Item = (&Version, Pace)> {
        self.releases.iter().map(|step| (&step.version, step.pace))
    }

    /// Sets how far a release is.
    pub fn set(&mut self, version: Version, pace: Pace) {
        self.keep(|known| known.cmp_precedence(&version).is_ne());
        self.releases.push(Step { version, pace });
        self.releases.sort_by(|a, b| a.version.cmp_precedence(&b.version));
    }

    /// Forgets what is said about other releases.
    pub fn keep(&mut self, keep: impl Fn(&Version) -> bool) {
        self.releases.retain(|step| keep(&step.version));
    }
}

fn malformed(problem: &str) -> FactsError {
    FactsError::Malformed { problem: JsonError::Shape { problem: problem.to_owned() } }
}

fn percent<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let percent = u8::deserialize(deserializer)?;
    let bad = || serde::de::Error::custom("more than 100 percent");
    if percent > 100 { Err(bad()) } else { Ok(percent) }
}
