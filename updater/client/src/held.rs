//! Why a release is not offered.

use std::fmt;

use exuvia_core::{Digest, choose};
use semver::Version;

/// A release that is not offered, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Held {
    /// The user did not want it.
    Skipped {
        /// Its version.
        version: Version,
    },
    /// A new version was switched to and has yet to prove itself; no other can be staged before.
    OnTrial {
        /// The version on trial.
        version: Version,
        /// The release that would be offered otherwise, if that is another one.
        next: Option<Version>,
    },
    /// What was signed about it, or what happened here, speaks against it.
    Release(choose::Held),
}

impl Held {
    /// The bundle that is held because it failed here or was rolled back; the installation's
    /// [`remembered`](crate::Status::remembered) releases say how.
    pub fn failed(&self) -> Option<Digest> {
        match self {
            Held::Release(choose::Held::Bad { digest, .. }) => Some(*digest),
            _ => None,
        }
    }

    /// The reason as one word, for programs.
    pub fn reason(&self) -> &'static str {
        use choose::{Gate, Held as H};
        match self {
            Held::Skipped { .. } => "skipped",
            Held::OnTrial { .. } => "on-trial",
            Held::Release(held) => match held {
                H::AheadOfChannel { .. } => "ahead-of-channel",
                H::Pinned { .. } => "pinned",
                H::Bad { .. } => "failed-here",
                H::OsTooOld { .. } => "system-too-old",
                H::FromTooOld { .. } => "installed-too-old",
                H::NotUnderstood { .. } => "not-understood",
                H::Gated { gate: Gate::Paused, .. } => "rollout-paused",
                H::Gated { .. } => "rollout",
                H::BelowFloor { .. } => "below-floor",
                _ => "held",
            },
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Held::Skipped { version } => write!(f, "{version} was skipped"),
            Held::OnTrial { version, .. } => {
                write!(f, "{version} is on trial until it was started and found healthy")
            }
            Held::Release(held) => held.fmt(f),
        }
    }
}
