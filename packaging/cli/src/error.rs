//! What can go wrong for a publisher: one line what happened, one line what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use exuvia::fetch::FetchError;
use exuvia_core::names::App;
use semver::Version;

use crate::keyfile::KeyFileError;
use crate::platform::Special;
use crate::settings::SettingsError;

/// Why a command did not do what it was asked. `Display` tells what happened, [`Error::advice`]
/// what to do, [`Error::exit`] the exit code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The demo did not reach its end.
    #[error(transparent)]
    Demo(#[from] Box<crate::DemoFailure>),
    /// The command did not replace itself.
    #[error(transparent)]
    SelfUpdate(Box<crate::SelfUpdateFailure>),
    /// The folder was not made by `exuvia init`.
    #[error("there is no publisher's folder at {}", dir.display())]
    NotARepository {
        /// The folder.
        dir: PathBuf,
    },
    /// Root keys of other people have not signed the first root yet.
    #[error("the repository is not founded: root keys of other people have not signed")]
    NotFounded,
    /// `init` into a folder that has something in it.
    #[error("{} is not empty", dir.display())]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
    /// Another command is at work in the folder.
    #[error("another exuvia is at work in {}", dir.display())]
    Busy {
        /// The folder.
        dir: PathBuf,
    },
    /// `publisher.json` cannot be used.
    #[error("{} cannot be used: {source}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SettingsError,
    },
    /// `exuvia.json` is missing.
    #[error("{} is missing", path.display())]
    NoConfig {
        /// The file.
        path: PathBuf,
    },
    /// `exuvia.json` cannot be used.
    #[error("{}: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        source: exuvia::ConfigError,
    },
    /// A mirror's address cannot be used.
    #[error(transparent)]
    Mirror(exuvia::MirrorError),
    /// `exuvia.json` and `publisher.json` name two applications.
    #[error("{} is of `{found}`, but the publisher's folder is of `{expected}`", path.display())]
    OtherApp {
        /// The configuration.
        path: PathBuf,
        /// The publisher's application.
        expected: App,
        /// The one found.
        found: App,
    },
    /// No passphrase was given.
    #[error("the passphrase is empty")]
    NoPassphrase,
    /// The two passphrases differ.
    #[error("the two passphrases are not the same")]
    PassphrasesDiffer,
    /// A key file does not open.
    #[error("{} cannot be opened: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyFileError,
    },
    /// A `.signer` file does not say who signs.
    #[error("{} cannot be used: {source}", path.display())]
    SignerFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: crate::SignerFileError,
    },
    /// A key without anybody who signs for it.
    #[error("nobody signs for the key {name}")]
    NoSigner {
        /// Its name.
        name: String,
    },
    /// A token, in a program that was built without them.
    #[error("this exuvia was built without tokens (PKCS #11)")]
    NoTokens,
    /// A token did not do what it was asked.
    #[error("the token {token}: {what}")]
    Token {
        /// Its label, or its library.
        token: String,
        /// What went wrong.
        what: String,
    },
    /// Several keys, of which one is to be named.
    #[error("role `{role}` has the keys {}", keys.join(", "))]
    WhichKey {
        /// The role.
        role: String,
        /// Its keys.
        keys: Vec<String>,
    },
    /// No proposal was named.
    #[error("there is no proposal")]
    NoProposal,
    /// A file larger than any of its kind.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes.
        limit: u64,
    },
    /// A signer did not say yes.
    #[error("nothing was signed")]
    NotAgreed,
    /// No key at hand may sign what is proposed.
    #[error("no key at hand is wanted by this proposal")]
    NotWanted,
    /// Too few key files of a role are in `keys/`.
    #[error("no key of the role `{role}` is in {}", dir.display())]
    NoKey {
        /// The role.
        role: String,
        /// The keys' folder.
        dir: PathBuf,
    },
    /// What was to be released is not there.
    #[error("{} does not exist", path.display())]
    NoSuchPath {
        /// The path.
        path: PathBuf,
    },
    /// The publisher's folder lies in what was to be released.
    #[error("{} contains the publisher's folder", path.display())]
    ContainsRepository {
        /// The folder to release.
        path: PathBuf,
    },
    /// A publisher's key lies in what was to be released.
    #[error("{} is a publisher's key", path.display())]
    KeyInside {
        /// The file.
        path: PathBuf,
    },
    /// A file with rights that no bundle carries.
    #[error("{} {special}", path.display())]
    Special {
        /// The file.
        path: PathBuf,
        /// Which right.
        special: Special,
    },
    /// A device, socket or fifo.
    #[error("{} is neither a file, a folder nor a link", path.display())]
    NoPlainFile {
        /// The path.
        path: PathBuf,
    },
    /// A name that is not Unicode text.
    #[error("{} has a name that is not Unicode text", path.display())]
    NameNotText {
        /// The path.
        path: PathBuf,
    },
    /// A name that does not mean the same on every system.
    #[error("{} cannot be released: {source}", path.display())]
    Name {
        /// The path.
        path: PathBuf,
        /// The rule.
        source: exuvia_bundle::PathError,
    },
    /// Which file is the program cannot be told.
    #[error("{} has no file named like the app, and not exactly one executable at its top", path.display())]
    NoExecutable {
        /// The folder.
        path: PathBuf,
    },
    /// `--executable` names nothing.
    #[error("{executable} is not a file in {}", path.display())]
    ExecutableMissing {
        /// The folder.
        path: PathBuf,
        /// As given.
        executable: String,
    },
    /// A kind that wants a single file got a folder, or the other way round.
    #[error("a release of kind {kind} is made from a {wanted}, but {} is none", path.display())]
    KindMismatch {
        /// The kind.
        kind: exuvia_core::names::Kind,
        /// `folder` or `file`.
        wanted: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// A bundle could not be made or read.
    #[error("{}: {source}", path.display())]
    Bundle {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: Box<exuvia_bundle::Error>,
    },
    /// The folder changed while it was read.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// The folder.
        path: PathBuf,
    },
    /// A delta could not be made or applied.
    #[error("{}: {source}", path.display())]
    Delta {
        /// The delta.
        path: PathBuf,
        /// Why.
        source: Box<exuvia_delta::Error>,
    },
    /// A delta that was just made does not give the new version. Nothing was released.
    #[error("the delta from {from} does not give the new version")]
    DeltaUnproved {
        /// The version it starts from.
        from: Version,
    },
    /// A folder where a file is wanted, or the other way round.
    #[error("{} and {} must both be files, or both folders", old.display(), new.display())]
    Unlike {
        /// The first.
        old: PathBuf,
        /// The second.
        new: PathBuf,
    },
    /// A file stands where a new one was to be written.
    #[error("{} is there already", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A listed file is not in the folder.
    #[error("{} is listed, but missing", path.display())]
    NoPayload {
        /// The file.
        path: PathBuf,
    },
    /// A listed file is not what the metadata says.
    #[error("{} is not the file that is listed", path.display())]
    Payload {
        /// The file.
        path: PathBuf,
    },
    /// `publish` without a destination.
    #[error("there is no destination")]
    NoDestination,
    /// A destination that is not a folder on this machine.
    #[error("cannot publish to {destination}")]
    Destination {
        /// As given.
        destination: String,
    },
    /// The destination is the publisher's own folder.
    #[error("{} holds the publisher's keys", path.display())]
    DestinationIsPrivate {
        /// The folder.
        path: PathBuf,
    },
    /// The destination holds another repository.
    #[error("{} holds another repository", path.display())]
    OtherRepository {
        /// The folder.
        path: PathBuf,
    },
    /// The destination is newer than what would be published.
    #[error("{} holds a newer state than the one to be published", path.display())]
    DestinationNewer {
        /// The folder.
        path: PathBuf,
        /// What a client would say.
        source: Box<exuvia_repo::Error>,
    },
    /// Nothing is released yet.
    #[error("nothing is released yet")]
    NothingReleased,
    /// The metadata refused, or a change to it.
    #[error("{}", repository_line(.0))]
    Repository(#[source] Box<exuvia_repo::Error>),
    /// A client does not accept what it was given.
    #[error("{address} is not trusted: {source}")]
    NotTrusted {
        /// The repository's address.
        address: String,
        /// Why.
        source: Box<exuvia_core::Error>,
    },
    /// A target at an address is not the one that is listed.
    #[error("{address}{path} is not the file that is listed: {source}")]
    NotListed {
        /// The repository's address.
        address: String,
        /// The file.
        path: String,
        /// The difference.
        source: exuvia_core::target::Mismatch,
    },
    /// A listed target is not at the address.
    #[error("{address}{path} is listed, but missing")]
    NotServed {
        /// The repository's address.
        address: String,
        /// The file.
        path: String,
    },
    /// The address cannot be heard.
    #[error("{address} cannot be read: {source}")]
    Network {
        /// The repository's address.
        address: String,
        /// Why.
        source: FetchError,
    },
    /// No client for such an address.
    #[error("{address} is no address of a repository")]
    Address {
        /// As given.
        address: String,
    },
    /// `serve` of a folder without a repository.
    #[error("there is no repository in {}", dir.display())]
    NotServable {
        /// The folder.
        dir: PathBuf,
    },
    /// The server cannot listen.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address.
        addr: std::net::SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A durable file step failed.
    #[error(transparent)]
    Disk(#[from] exuvia_durable::Error),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody sits at the terminal to be asked for a token's PIN.
    #[error("the PIN of the token cannot be asked for: {source}")]
    NoPin {
        /// Why.
        source: io::Error,
    },
    /// Nobody sits at the terminal to be asked.
    #[error("the passphrase cannot be asked for: {source}")]
    Terminal {
        /// Why.
        source: io::Error,
    },
}

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: failed, for a local reason.
    Failed,
    /// 2: bad usage.
    Usage,
    /// 3: nothing to do.
    Nothing,
    /// 4: refused, not trusted.
    Refused,
    /// 5: network, try later.
    Network,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Nothing => 3,
            Self::Refused => 4,
            Self::Network => 5,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn bundle(path: &Path, source: exuvia_bundle::Error) -> Self {
        Self::Bundle { path: path.to_owned(), source: Box::new(source) }
    }

    pub(crate) fn delta(path: &Path) -> impl FnOnce(exuvia_delta::Error) -> Self + '_ {
        move |source| Self::Delta { path: path.to_owned(), source: Box::new(source) }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Demo(failure) => failure.exit(),
            Self::SelfUpdate(failure) => failure.exit(),
            Self::Repository(error) => repository_exit(error),
            Self::NothingReleased | Self::NotAgreed => Exit::Nothing,
            Self::NotTrusted { .. }
            | Self::NotListed { .. }
            | Self::NotServed { .. }
            | Self::Payload { .. }
            | Self::OtherRepository { .. }
            | Self::DestinationNewer { .. } => Exit::Refused,
            Self::Network { source: FetchError::Unreadable { .. }, .. } => Exit::Failed,
            Self::Network { .. } => Exit::Network,
            Self::NoDestination
            | Self::Destination { .. }
            | Self::Mirror(_)
            | Self::Address { .. }
            | Self::KindMismatch { .. }
            | Self::NoExecutable { .. }
            | Self::ExecutableMissing { .. }
            | Self::WhichKey { .. }
            | Self::NoProposal
            | Self::Unlike { .. } => Exit::Usage,
            _ => Exit::Failed,
        }
    }
}

fn repository_exit(error: &exuvia_repo::Error) -> Exit {
    use exuvia_repo::Error as Repo;
    match error {
        Repo::AlreadyReleased { .. } | Repo::AlreadySpread { .. } => Exit::Nothing,
        Repo::Bins { .. } => Exit::Usage,
        Repo::Refused(_) | Repo::Ignored { .. } => Exit::Refused,
        _ => Exit::Failed,
    }
}

impl From<exuvia_repo::Error> for Error {
    fn from(error: exuvia_repo::Error) -> Self {
        Self::Repository(Box::new(error))
    }
}

/// A refusal is only as good as its reason: the reason goes into the same line.
fn repository_line(error: &exuvia_repo::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) if !error.to_string().contains(&source.to_string()) => {
            format!("{error}: {source}")
        }
        _ => error.to_string(),
    }
}
