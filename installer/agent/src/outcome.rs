//! What came of looking after an application.

use std::fmt;

use exuvia::{Error, Version};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::policy::Reason;
use crate::schedule::Wait;

/// What came of it; its `result` is a stable name for programs and logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// The newest release is installed.
    UpToDate,
    /// Something speaks against it.
    Held {
        /// The reason, as one word.
        reason: String,
        /// The reason, in words.
        text: String,
        /// The release that is held, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Version>,
    },
    /// There is a release, and the policy leaves everything else to the user.
    Offered {
        /// Its version.
        version: Version,
    },
    /// A release lies ready, and the policy leaves installing it to the user.
    Staged {
        /// Its version.
        version: Version,
    },
    /// The application runs: it starts as the new version next time.
    OnQuit {
        /// Its version.
        version: Version,
    },
    /// It was switched to.
    Updated {
        /// The version before.
        from: Version,
        /// The version that starts next.
        version: Version,
    },
    /// Another updater is at work.
    Busy,
    /// It failed.
    Failed {
        /// Who must act: `repository`, `network`, `local` or `usage`.
        family: String,
        /// What happened.
        text: String,
        /// What to do.
        advice: String,
    },
}

impl Outcome {
    /// Held by the policy.
    pub(crate) fn held(reason: Reason, version: Option<Version>) -> Outcome {
        Outcome::Held { reason: reason.name().to_owned(), text: reason.to_string(), version }
    }

    /// The user does not want it.
    pub(crate) fn skipped(version: Version) -> Outcome {
        let text = format!("{version} was skipped");
        Outcome::Held { reason: "skipped".to_owned(), text, version: Some(version) }
    }

    /// Its name for programs.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Outcome::UpToDate => "up-to-date",
            Outcome::Held { .. } => "held",
            Outcome::Offered { .. } => "offered",
            Outcome::Staged { .. } => "staged",
            Outcome::OnQuit { .. } => "on-quit",
            Outcome::Updated { .. } => "updated",
            Outcome::Busy => "busy",
            Outcome::Failed { .. } => "failed",
        }
    }

    /// Why it is held, or who must act, as one word.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Outcome::Held { reason, .. } => reason,
            Outcome::Failed { family, .. } => family,
            _ => "",
        }
    }

    /// The version that it is about.
    pub(crate) fn version(&self) -> Option<&Version> {
        match self {
            Outcome::Held { version, .. } => version.as_ref(),
            Outcome::Offered { version }
            | Outcome::Staged { version }
            | Outcome::OnQuit { version }
            | Outcome::Updated { version, .. } => Some(version),
            Outcome::UpToDate | Outcome::Busy | Outcome::Failed { .. } => None,
        }
    }

    /// What a failure comes to, and how long to wait after the ones before it.
    pub(crate) fn of_failure(failure: &Failure, before: u32) -> (Outcome, Wait) {
        if let Failure::Update(Error::Local(exuvia::LocalError::Busy)) = failure {
            return (Outcome::Busy, Wait::Moment);
        }
        let at_least = failure.retry_after().unwrap_or(0);
        let failed = Outcome::Failed {
            family: failure.family().to_owned(),
            text: failure.to_string(),
            advice: failure.advice().to_owned(),
        };
        (failed, Wait::Failed { times: before.saturating_add(1), at_least })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::UpToDate => f.write_str("the newest version is installed"),
            Outcome::Held { text, version: None, .. } => write!(f, "nothing is done: {text}"),
            Outcome::Held { text, version: Some(version), .. } => {
                write!(f, "{version} waits: {text}")
            }
            Outcome::Offered { version } => write!(f, "{version} is there"),
            Outcome::Staged { version } => write!(f, "{version} lies ready"),
            Outcome::OnQuit { version } => {
                write!(f, "{version} lies ready and starts once the application has quit")
            }
            Outcome::Updated { from, version } => write!(f, "updated from {from} to {version}"),
            Outcome::Busy => f.write_str("another updater is at work"),
            Outcome::Failed { text, advice, .. } => write!(f, "failed: {text}\n  → {advice}"),
        }
    }
}
