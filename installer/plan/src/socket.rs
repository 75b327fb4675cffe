//! What a program may say to the agent of the machine, and what it hears (formats §13).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What is asked for. There is nothing else that anybody can have the agent do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// What is installed, and what is going on.
    Status,
    /// Whether there is something newer.
    Check,
    /// To do now what the policy lets happen by itself.
    Update,
    /// The application is being started.
    Started,
    /// It came up healthy: its trial ends.
    Healthy,
    /// A start ended cleanly.
    Ended,
    /// A start was told to end.
    Stopped,
}

impl Ask {
    /// All of them.
    pub const ALL: [Ask; 7] = [
        Ask::Status,
        Ask::Check,
        Ask::Update,
        Ask::Started,
        Ask::Healthy,
        Ask::Ended,
        Ask::Stopped,
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Ask::Status => "status",
            Ask::Check => "check",
            Ask::Update => "update",
            Ask::Started => "started",
            Ask::Healthy => "healthy",
            Ask::Ended => "ended",
            Ask::Stopped => "stopped",
        }
    }
}

/// One line: `1 ASK APPLICATION`.
///
/// ```
/// use exuvia_plan::socket::{Ask, Request};
/// let request = Request { ask: Ask::Healthy, application: "notes".to_owned() };
/// assert_eq!(request.line(), "1 healthy notes\n");
/// assert_eq!(Request::parse(b"1 healthy notes\n"), Ok(request));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub ask: Ask,
    /// The name of a registration, or `@` and the key of the installation's path.
    pub application: String,
}

impl Request {
    /// As it is sent.
    pub fn line(&self) -> String {
        format!("{VERSION} {} {}\n", self.ask.word(), self.application)
    }

    /// Reads what was sent.
    ///
    /// # Errors
    /// The reason for which it is refused.
    pub fn parse(line: &[u8]) -> Result<Request, Reason> {
        let text = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
        let words: Vec<&str> = text.map(|text| text.split(' ').collect()).unwrap_or_default();
        let [version, ask, application] = words[..] else { return Err(Reason::NotUnderstood) };
        if version != VERSION {
            return Err(Reason::NotUnderstood);
        }
        let known = Ask::ALL.into_iter().find(|known| known.word() == ask);
        let ask = known.ok_or(Reason::UnknownRequest)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
        match application.chars().all(fits) && !application.is_empty() {
            true => Ok(Request { ask, application: application.to_owned() }),
            false => Err(Reason::UnknownApplication),
        }
    }
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The line is none of this protocol, too long, or did not come in time.
    NotUnderstood,
    /// There is no such request.
    UnknownRequest,
    /// No application of this name is looked after for the machine.
    UnknownApplication,
    /// This user asks too much, or too many ask at once.
    TooMuch,
    /// It was done a moment ago.
    TooSoon,
    /// Somebody is at it.
    Busy,
    /// The release is a critical one: an administrator is needed to go back from it.
    Critical,
    /// It was tried and failed; the agent's log says how.
    Failed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NotUnderstood => "the request is not understood",
            Reason::UnknownRequest => "there is no such request",
            Reason::UnknownApplication => "no such application is looked after for this machine",
            Reason::TooMuch => "too much is asked for at once: wait a little",
            Reason::TooSoon => "it was done a moment ago",
            Reason::Busy => "somebody is at it",
            Reason::Critical => "only an administrator can go back from a critical release",
            Reason::Failed => "it failed: the agent's log says how",
        })
    }
}

/// One line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Reply {
    /// Nothing is on trial: start what is installed.
    Plain,
    /// A start of the release on trial was counted.
    Counted {
        /// Starts that were not given back, with this one.
        starts: u8,
        /// Starts that ended cleanly.
        clean: u8,
    },
    /// It is done.
    Done,
    /// It is being done; `status` tells what comes of it.
    Begun,
    /// What is known.
    Known {
        /// The facts, as the agent's `status --json` and `check --json` have them.
        facts: Value,
    },
    /// Nothing was done.
    Refused {
        /// Why.
        reason: Reason,
    },
}

impl Reply {
    /// As it is sent.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Reads what was sent; `None` if it is none.
    pub fn parse(line: &[u8]) -> Option<Reply> {
        serde_json::from_slice(line).ok()
    }
}

/// Longest request: the longest name of a registration has 100 letters.
pub const MAX_REQUEST: usize = 128;

/// Longest reply that is read.
pub const MAX_REPLY: u64 = 64 * 1024;

/// Where the agent listens.
pub const PATH: &str = "/run/exuvia/agent.sock";

/// The variable that names another place, for tests.
pub const PATH_VARIABLE: &str = "EXUVIA_AGENT_SOCKET";

const VERSION: &str = "1";
