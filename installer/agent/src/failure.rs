//! What a command fails with: one line of what happened, one line of what to do.

use std::path::PathBuf;
use std::process::ExitCode;

use exuvia::socket::Reason;
use exuvia::{BuildError, Error, LocalError};
use serde_json::json;

use crate::fetcher::Failed;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An argument that this command needs is missing.
    #[error("this command needs {argument}")]
    Argument {
        /// The argument.
        argument: &'static str,
    },
    /// The configuration cannot be read.
    #[error("{}: {source}", path.display())]
    Config {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The configuration or another setting cannot be used.
    #[error("{}: {source}", path.display())]
    Settings {
        /// The configuration's path.
        path: PathBuf,
        /// Why.
        source: BuildError,
    },
    /// A file that an option names cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of the token file holds something else.
    #[error("{}: line {line} is not a host and a token", path.display())]
    TokenLine {
        /// The file.
        path: PathBuf,
        /// The line's number.
        line: usize,
    },
    /// An option on how mirrors are reached cannot be used.
    #[error("{0}")]
    Http(exuvia::fetch::HttpError),
    /// A mirror that an option gives is none.
    #[error("--mirror: {0}")]
    Mirror(exuvia::MirrorError),
    /// The address of the proxy is none.
    #[error("what --proxy or EXUVIA_PROXY gives is no address")]
    Proxy,
    /// The answer to the question could not be asked for.
    #[error("nobody can be asked: standard input is not a terminal")]
    NobodyToAsk,
    /// No application of this name is registered.
    #[error("no application is registered as {name}{}", only(known))]
    NotRegistered {
        /// The name.
        name: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// An application cannot be called so.
    #[error("{name:?} cannot be the name of a registration")]
    AppName {
        /// The name.
        name: String,
    },
    /// A path cannot be written into a registration.
    #[error("a path is not valid UTF-8")]
    PathText,
    /// A registration or a policy file is not understood.
    #[error("{}: {message}", path.display())]
    Toml {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A kind of service that this system does not have.
    #[error("this kind of service cannot be installed here")]
    PrintOnly,
    /// The system did not take a service.
    #[error("{command}: {said}")]
    Service {
        /// What was run.
        command: String,
        /// What it said.
        said: String,
    },
    /// The agent of the machine cannot be asked.
    #[error("the agent of this machine does not answer: {source}")]
    NoMachine {
        /// What the system said.
        source: std::io::Error,
    },
    /// The agent of the machine declines.
    #[error("the agent of this machine declines: {reason}")]
    Declined {
        /// Why.
        reason: Reason,
    },
    /// There is no home directory.
    #[error("there is no home directory")]
    NoHome,
    /// The report could not be sent.
    #[error("the report could not be sent: {0}")]
    Report(#[from] exuvia::fetch::PostError),
    /// Who fetches without rights could not.
    #[error("{}", .0.text)]
    Fetcher(Failed),
    /// Who fetches without rights is not there, or makes no sense.
    #[error("who fetches without rights does not do so: {source}")]
    FetcherGone {
        /// What the system said.
        source: std::io::Error,
    },
    /// The runtime could not be set up.
    #[error("the system gave no resources: {0}")]
    Runtime(std::io::Error),
    /// The update itself failed.
    #[error(transparent)]
    Update(#[from] Error),
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Failure {
        Failure::Update(error.into())
    }
}

impl From<exuvia_durable::Error> for Failure {
    fn from(error: exuvia_durable::Error) -> Failure {
        LocalError::from(error).into()
    }
}

impl Failure {
    /// One line: what to do.
    pub(crate) fn advice(&self) -> &str {
        match self {
            Failure::Argument { .. } => "add it to the command line; --help shows how",
            Failure::Config { .. } => "name the application's exuvia.json with --config",
            Failure::Http(_) => "correct the network options; --help lists them",
            Failure::Mirror(_) => "correct what --mirror gives",
            Failure::File { .. } => "check the path and the rights of that file",
            Failure::TokenLine { .. } => "write `HOST TOKEN`, one a line",
            Failure::Proxy => "write it as http://HOST:PORT or socks5h://HOST:PORT",
            Failure::Settings { .. } => "correct exuvia.json, or get it anew from the publisher",
            Failure::NobodyToAsk => "add --yes to install without being asked",
            Failure::NotRegistered { .. } => {
                "register it with --config FILE --install DIR register"
            }
            Failure::AppName { .. } => "use letters, digits, `.`, `_` and `-`",
            Failure::PathText => "use a path that is valid UTF-8",
            Failure::Toml { .. } => "correct that file; nothing of it was followed",
            Failure::PrintOnly => "print it with --print, and install it where it belongs",
            Failure::Service { .. } => {
                "see to the cause and try again, or take it back with uninstall-service"
            }
            Failure::NoMachine { .. } => {
                "an administrator starts it with `exuvia-agent --system install-service`"
            }
            Failure::Declined { .. } => "the reason says whether to try again",
            Failure::NoHome => "set HOME, or act for the machine with --system",
            Failure::Report(_) => "correct `report` in the policy, or leave it out",
            Failure::Fetcher(failed) => &failed.advice,
            Failure::FetcherGone { .. } => {
                "see that it may read the application and exuvia.json; `install-service` makes its user"
            }
            Failure::Runtime(_) => "close other programs and try again",
            Failure::Update(error) => error.advice(),
        }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Argument { .. } | Failure::Config { .. } | Failure::Settings { .. } => USAGE,
            Failure::File { .. } | Failure::TokenLine { .. } | Failure::Proxy => USAGE,
            Failure::Http(_) | Failure::Mirror(_) => USAGE,
            Failure::NobodyToAsk | Failure::NotRegistered { .. } | Failure::AppName { .. } => USAGE,
            Failure::PathText | Failure::Toml { .. } | Failure::NoHome => USAGE,
            Failure::PrintOnly => USAGE,
            Failure::Declined { reason: Reason::UnknownRequest | Reason::UnknownApplication } => {
                USAGE
            }
            Failure::NoMachine { .. } | Failure::Declined { .. } => LOCAL,
            Failure::Runtime(_) | Failure::Service { .. } | Failure::Report(_) => LOCAL,
            Failure::FetcherGone { .. } => LOCAL,
            Failure::Fetcher(failed) => failed.code,
            Failure::Update(error) => error.exit_code(),
        }
    }

    /// Seconds for which a server asked to be left alone.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        match self {
            Failure::Update(error) => {
                error.retry_after().map(|asked| u32::try_from(asked.as_secs()).unwrap_or(u32::MAX))
            }
            Failure::Fetcher(failed) => failed.retry_after,
            _ => None,
        }
    }

    /// Who must act.
    pub(crate) fn family(&self) -> &'static str {
        match self.code() {
            USAGE => "usage",
            LOCAL => "local",
            REPOSITORY => "repository",
            _ => "network",
        }
    }

    /// Prints it and gives the exit code.
    pub(crate) fn print(&self, json: bool) -> ExitCode {
        if json {
            let error = json!({ "family": self.family(), "message": self.to_string(), "advice": self.advice() });
            println!("{}", json!({ "result": "failed", "error": error }));
        } else {
            eprintln!("error: {self}\n  → {}", self.advice());
        }
        ExitCode::from(self.code())
    }
}

const LOCAL: u8 = 1;
const USAGE: u8 = 2;
const REPOSITORY: u8 = 4;

/// The names that there are, as the end of a sentence.
fn only(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!(", only: {}", known.join(" ")) }
}
