//! What can go wrong, by who must act.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exuvia_core::{App, Channel, Kind as ReleaseKind, Mismatch, Platform};
use exuvia_durable::Kind;
use exuvia_plan::{RecordError, Refusal, StepError};
use semver::Version;

use crate::cancel::Cancelled;
use crate::fetch::{FetchError, Wait};
use crate::freshness;
use crate::keeper::Keeper;
use crate::package::PackageError;
use crate::rebuild::RebuildError;

/// Any failure of a run. The family says who must act.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What the mirrors served is not what the publisher signed: the publisher, or an attacker.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Nothing could be had: wait and try again.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// This machine: disk, rights, another updater at work.
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl Error {
    /// The exit code a command reports it with: 4 refused, 5 network, 1 local.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Repository(_) => 4,
            Error::Network(_) => 5,
            Error::Local(_) => 1,
        }
    }

    /// One line: what to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            error if freshness::is_clocks_fault(error) => {
                "this machine's clock seems wrong: set it, then try again"
            }
            Error::Repository(error) => error.advice(),
            Error::Network(error) => error.advice(),
            Error::Local(error) => error.advice(),
        }
    }

    /// Whether it may be one file that could not be had, while another can.
    pub(crate) fn is_of_one_file(&self) -> bool {
        match self {
            Error::Repository(_) => true,
            Error::Network(error) => error.source.is_answered(),
            Error::Local(_) => false,
        }
    }

    /// How long the server asked to be left alone, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Network(error) => error.source.retry_after(),
            _ => None,
        }
    }
}

/// Something was served that must not be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// A mirror's metadata was refused.
    #[error("{path} from {mirror}: {source}")]
    Refused {
        /// The mirror; empty for what lay in the store.
        mirror: String,
        /// Path below the mirror.
        path: String,
        /// Why.
        source: Arc<exuvia_core::Error>,
    },
    /// The metadata as a whole was refused.
    #[error("{source}")]
    Metadata {
        /// Why.
        source: Arc<exuvia_core::Error>,
    },
    /// A file that the signed metadata names is not there.
    #[error("{path} is missing")]
    Missing {
        /// Its path below the mirrors.
        path: String,
    },
    /// A payload is not the one that was signed.
    #[error("{path} from {mirror}: {source}")]
    WrongPayload {
        /// The mirror.
        mirror: String,
        /// Path below the mirror.
        path: String,
        /// What is wrong with it.
        source: Mismatch,
    },
    /// A payload is listed without a SHA-256.
    #[error("{path} is listed without a SHA-256")]
    NoDigest {
        /// Its path.
        path: String,
    },
    /// Payloads that are as they were signed do not make the bundle that was signed.
    #[error("version {version} cannot be rebuilt: {source}")]
    Rebuild {
        /// The release.
        version: Version,
        /// Why.
        source: RebuildError,
    },
    /// The helper, which judges everything again, refuses the release.
    #[error(transparent)]
    Helper(Arc<exuvia_helper::Error>),
    /// A file is longer than its signed length or than the limit for its kind.
    #[error("{path} from {mirror} is longer than {limit} bytes")]
    TooLong {
        /// The mirror.
        mirror: String,
        /// Path below the mirror.
        path: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The channel has nothing for this application and platform: it does not exist, or is empty.
    #[error("channel {channel} has no release of {app} for {platform}")]
    EmptyChannel {
        /// The application.
        app: App,
        /// The channel.
        channel: Channel,
        /// The platform.
        platform: Platform,
    },
    /// There is no such release for this platform in the channel.
    #[error("{}", no_release(version.as_ref(), kinds))]
    NoRelease {
        /// The version asked for.
        version: Option<Version>,
        /// The kinds that the channel has for this platform.
        kinds: Vec<ReleaseKind>,
    },
    /// A bundle lacks the program that its facts name.
    #[error("the release holds no program {path}")]
    NoProgram {
        /// The program's path in the bundle.
        path: String,
    },
    /// No route leads to the release: every delta and the full bundle failed.
    #[error("version {version} cannot be rebuilt from what the mirrors serve")]
    NoRoute {
        /// The release.
        version: Version,
    },
}

impl RepositoryError {
    fn advice(&self) -> &'static str {
        match self {
            RepositoryError::Missing { .. } => {
                "tell the publisher: the repository is incomplete; nothing was changed"
            }
            RepositoryError::EmptyChannel { .. } => {
                "check the channel in exuvia.json, or ask the publisher for this platform"
            }
            RepositoryError::Refused { source, .. }
                if matches!(**source, exuvia_core::Error::Missing { .. }) =>
            {
                "check the mirror's address; if it is right, tell the publisher"
            }
            RepositoryError::Helper(error) => helper_advice(error),
            RepositoryError::Refused { source, .. } | RepositoryError::Metadata { source }
                if matches!(**source, exuvia_core::Error::Expired { .. }) =>
            {
                "the publisher has not renewed it, or somebody holds updates back; \
                 nothing was changed; if it lasts, tell the publisher"
            }
            _ => "nothing was changed; if it lasts, tell the publisher",
        }
    }
}

/// No mirror could be heard.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{path} from {mirror}: {source}")]
#[non_exhaustive]
pub struct NetworkError {
    /// The mirror that failed last.
    pub mirror: String,
    /// Path below the mirror.
    pub path: String,
    /// Why.
    pub source: FetchError,
}

impl NetworkError {
    fn advice(&self) -> &'static str {
        match self.source {
            FetchError::NotMetadata => "log in to the network, then try again",
            FetchError::WeakerRedirect { .. } | FetchError::TooManyRedirects { .. } => {
                "log in to the network if it asks for that; otherwise tell the publisher"
            }
            FetchError::Certificate { .. } => {
                "check the date and time; a proxy that reads https needs its certificate named"
            }
            FetchError::Proxy { .. } => "check the proxy's address, user name and password",
            FetchError::Header { .. } | FetchError::Encoded { .. } => {
                "nothing was changed; if it lasts, tell the publisher"
            }
            FetchError::Unreadable { .. } => "check that the folder is there and readable",
            FetchError::Status { code: 401, .. } => "give the access token that the server wants",
            FetchError::Status { code: 408 | 429 | 500.., .. } => {
                "nothing was changed; try again later"
            }
            FetchError::Status { .. } => {
                "check the mirror's address; if it is right, tell the publisher"
            }
            FetchError::TooSlow { .. } | FetchError::Deadline { step: Wait::Whole, .. } => {
                "try again on a better line; what was received is kept"
            }
            _ => "check the connection, or try again later",
        }
    }
}

/// This machine is in the way.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The program does not run from an installation that Exuvia made, so that nothing can be
    /// replaced. A check is still possible.
    #[error("{} is not part of an installation", path.display())]
    NotInstalled {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// What stands there is looked after by somebody else, who updates it.
    #[error("{} {keeper}", path.display())]
    Kept {
        /// What it is about.
        path: PathBuf,
        /// Who looks after it.
        keeper: Keeper,
    },
    /// The place of a first installation holds one already.
    #[error("{app} {version} is installed in {} already", path.display())]
    AlreadyInstalled {
        /// The place.
        path: PathBuf,
        /// The application there.
        app: App,
        /// Its version.
        version: Version,
    },
    /// Another process is downloading or staging for this installation.
    #[error("another update of this installation is under way")]
    Busy,
    /// The run was ended by [`Cancel`](crate::Cancel), or its future was dropped.
    #[error("cancelled")]
    Cancelled,
    /// Too little room.
    #[error("{} needs {needed} bytes and has {free}", path.display())]
    NoSpace {
        /// The folder.
        path: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// A file of the updater's own could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A package of the system was not installed.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The helper cannot do its part.
    #[error(transparent)]
    Helper(Arc<exuvia_helper::Error>),
    /// A durable step did not work.
    #[error(transparent)]
    Durable(Arc<exuvia_durable::Error>),
    /// The system does not allow a runtime of our own.
    #[cfg(feature = "blocking")]
    #[error("no runtime can be set up: {source}")]
    Runtime {
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A state file was written by a later version of Exuvia: nothing is touched.
    #[error("{}: {source}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: RecordError,
    },
}

impl LocalError {
    /// Whether there was too little room.
    pub(crate) fn is_disk_full(&self) -> bool {
        use exuvia_helper::Error as E;
        match self {
            LocalError::NoSpace { .. } => true,
            LocalError::Io { source, .. } => is_full(source),
            LocalError::Durable(error) => error.kind() == Kind::DiskFull,
            LocalError::Helper(error) => match &**error {
                E::Disk(error) => error.kind() == Kind::DiskFull,
                E::Fill(error) => is_full(error),
                _ => false,
            },
            _ => false,
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            full if full.is_disk_full() => "make room on the disk and try again",
            LocalError::NotInstalled { .. } => {
                "install the application first, or update it by hand"
            }
            LocalError::Kept { keeper, .. } => keeper.advice(),
            LocalError::AlreadyInstalled { .. } => "update it, or uninstall it first",
            LocalError::Package(error) => error.advice(),
            LocalError::Busy => "wait until it is done",
            LocalError::Cancelled => "start again when convenient; what was received is kept",
            LocalError::Helper(error) => helper_advice(error),
            #[cfg(feature = "blocking")]
            LocalError::Runtime { .. } => "close other programs and try again",
            LocalError::State { .. } => "update the application by hand, or remove that file",
            LocalError::Durable(_) => "check the rights of that file, or where HOME points to",
            LocalError::NoSpace { .. } | LocalError::Io { .. } => {
                "check the disk and the rights of that file"
            }
        }
    }
}

impl From<exuvia_durable::Error> for LocalError {
    fn from(error: exuvia_durable::Error) -> Self {
        LocalError::Durable(Arc::new(error))
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn no_release(version: Option<&Version>, kinds: &[ReleaseKind]) -> String {
    let wanted = version.map_or(String::new(), |version| format!(" {version}"));
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    match kinds.is_empty() {
        true => format!("there is no release{wanted} for this platform in the channel"),
        false => format!(
            "there is no release{wanted} of that kind; the channel has {} for this platform",
            kinds.join(", ")
        ),
    }
}

fn helper_advice(error: &exuvia_helper::Error) -> &'static str {
    use exuvia_helper::Error as E;
    match error {
        E::Busy { .. } => "wait until it is done",
        E::Disk(error) => disk_advice(error),
        E::Occupied { .. } => "choose a place that is empty or does not exist yet",
        E::Unfinished { .. } | E::Record { source: RecordError::Damaged { .. }, .. } => {
            "install the application again"
        }
        E::Lost { .. } => "uninstall the application and install it again",
        E::Record { .. } => "update the updater first: a later version of it was here",
        E::Phase(StepError::Phase { .. }) => "start the application, then try once more",
        E::Phase(StepError::Unreadable { .. }) => {
            "nothing was changed; put back the data from before by hand, then install that version"
        }
        E::Phase(_) => "nothing was changed; install that version by hand if you need it",
        E::Unqualified { .. } => "nothing was changed; the release is not offered again",
        E::Refused(Refusal::RememberedBad { .. }) => {
            "wait for the next release, or insist on this one"
        }
        error if error.family() == exuvia_helper::Family::Repository => {
            "nothing was changed; if it lasts, tell the publisher"
        }
        _ => "nothing was changed; see to the cause and try again",
    }
}

fn disk_advice(error: &exuvia_durable::Error) -> &'static str {
    match error.kind() {
        Kind::DiskFull => "nothing was changed; free some space and try again",
        Kind::ReadOnly => Keeper::ReadOnly.advice(),
        Kind::Permission => "run this as the user who installed the application",
        _ => "check the disk and the rights of that file",
    }
}

impl From<exuvia_helper::Error> for Error {
    fn from(error: exuvia_helper::Error) -> Self {
        match error.family() {
            exuvia_helper::Family::Repository => RepositoryError::Helper(Arc::new(error)).into(),
            exuvia_helper::Family::Local => LocalError::from(error).into(),
        }
    }
}

impl From<exuvia_helper::Error> for LocalError {
    fn from(error: exuvia_helper::Error) -> Self {
        match error {
            exuvia_helper::Error::NotInstalled { path } => LocalError::NotInstalled { path },
            exuvia_helper::Error::Busy { .. } => LocalError::Busy,
            error => LocalError::Helper(Arc::new(error)),
        }
    }
}

impl From<Cancelled> for Error {
    fn from(_: Cancelled) -> Self {
        Error::Local(LocalError::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(kind: io::ErrorKind) -> Error {
        let dir = tempfile::tempdir().unwrap();
        let mut error = exuvia_durable::Dir::open(dir.path().join("none")).unwrap_err();
        error.source = kind.into();
        exuvia_helper::Error::Disk(error).into()
    }

    #[test]
    fn advice_fits_the_cause() {
        assert!(disk(io::ErrorKind::StorageFull).advice().contains("make room"));
        assert!(disk(io::ErrorKind::PermissionDenied).advice().contains("user"));
        let none: Error = exuvia_helper::Error::Phase(StepError::NoPrevious).into();
        assert!(!none.advice().contains("start the application"), "{}", none.advice());
        let path = PathBuf::from("/opt/notes");
        let unfinished: Error = exuvia_helper::Error::Unfinished { path }.into();
        assert_eq!(unfinished.advice(), "install the application again");
        let source = exuvia_plan::record::decode::<exuvia_plan::Layout>(b"").unwrap_err();
        let path = PathBuf::from("/opt/notes/.exuvia/journal");
        let damaged = Error::from(exuvia_helper::Error::Record { path, source });
        assert_eq!(damaged.advice(), "install the application again");
    }
}
