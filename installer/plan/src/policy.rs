//! How a new version proves itself: `health` after the swap, `qualify` before it (formats §6).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// When a release on trial counts as healthy.
///
/// ```
/// use exuvia_plan::Health;
/// assert_eq!("explicit".parse(), Ok(Health::Explicit { seconds: 60 }));
/// assert_eq!("alive:120".parse(), Ok(Health::Alive { seconds: 120 }));
/// assert!("alive:0".parse::<Health>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Health {
    /// The application says so, within this many seconds.
    Explicit {
        /// The window.
        seconds: u16,
    },
    /// Being up for this many seconds is enough.
    Alive {
        /// The window.
        seconds: u16,
    },
}

impl Health {
    /// How long after a start the window ends.
    pub fn window(self) -> Duration {
        let (Health::Explicit { seconds } | Health::Alive { seconds }) = self;
        Duration::from_secs(u64::from(seconds))
    }
}

impl Default for Health {
    fn default() -> Self {
        Health::Explicit { seconds: DEFAULT_WINDOW }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Health::Explicit { seconds: DEFAULT_WINDOW } => f.write_str("explicit"),
            Health::Explicit { seconds } => write!(f, "explicit:{seconds}"),
            Health::Alive { seconds } => write!(f, "alive:{seconds}"),
        }
    }
}

impl FromStr for Health {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let seconds = |digits: &str| match digits.parse() {
            Ok(n @ 1..=3600) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(n),
            _ => Err(PolicyError::Health),
        };
        match text.split_once(':') {
            None if text == "explicit" => Ok(Health::default()),
            Some(("explicit", digits)) => Ok(Health::Explicit { seconds: seconds(digits)? }),
            Some(("alive", digits)) => Ok(Health::Alive { seconds: seconds(digits)? }),
            _ => Err(PolicyError::Health),
        }
    }
}

/// How a staged executable shows that it can start at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub enum Qualify {
    /// It answers a nonce (formats §10).
    #[default]
    Nonce,
    /// It exits 0 when started with these arguments.
    Args(Vec<String>),
    /// It is not started.
    No,
}

/// A `health` or `qualify` value that formats §6 does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// `health` is none of its three forms.
    #[error("it must be `explicit`, `explicit:SECONDS` or `alive:SECONDS` with 1 to 3600 seconds")]
    Health,
    /// `qualify` is none of its three forms.
    #[error("it must be true, false or a list of 1 to 16 arguments")]
    Qualify,
    /// `data` is not what it must be.
    #[error("it must be an object of `snapshot` and maybe `restore`, lists of 1 to 16 arguments")]
    Data,
}

/// Whether a program can be started with this list of arguments.
pub(crate) fn are_arguments(list: &[String]) -> bool {
    let is_sound = |argument: &String| argument.len() <= 1024 && !argument.contains('\0');
    (1..=16).contains(&list.len()) && list.iter().all(is_sound)
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Raw {
    Flag(bool),
    Args(Vec<String>),
}

impl TryFrom<Raw> for Qualify {
    type Error = PolicyError;

    fn try_from(raw: Raw) -> Result<Self, PolicyError> {
        match raw {
            Raw::Flag(true) => Ok(Qualify::Nonce),
            Raw::Flag(false) => Ok(Qualify::No),
            Raw::Args(args) if are_arguments(&args) => Ok(Qualify::Args(args)),
            Raw::Args(_) => Err(PolicyError::Qualify),
        }
    }
}

impl From<Qualify> for Raw {
    fn from(qualify: Qualify) -> Raw {
        match qualify {
            Qualify::Nonce => Raw::Flag(true),
            Qualify::No => Raw::Flag(false),
            Qualify::Args(args) => Raw::Args(args),
        }
    }
}

impl TryFrom<String> for Health {
    type Error = PolicyError;

    fn try_from(text: String) -> Result<Self, PolicyError> {
        text.parse()
    }
}

impl From<Health> for String {
    fn from(health: Health) -> String {
        health.to_string()
    }
}

const DEFAULT_WINDOW: u16 = 60;
