//! The second line of every error: what to do.

use exuvia::fetch::FetchError;
use exuvia_core::Error as CoreError;
use exuvia_repo::Error as Repo;

use crate::Error;
use crate::keyfile::KeyFileError;
use crate::settings::SettingsError;

impl Error {
    /// What to do about it, in one line.
    pub fn advice(&self) -> String {
        match self {
            Self::Demo(failure) => failure.advice(),
            Self::SelfUpdate(failure) => failure.advice().into(),
            Self::NotARepository { .. } => {
                "run `exuvia init --app NAME` first, or name the folder with --repo".into()
            }
            Self::NotFounded => {
                "`exuvia sign show` the proposal in proposals/, and have it signed".into()
            }
            Self::NotEmpty { .. } => "choose a new folder with --repo".into(),
            Self::Busy { .. } => "wait until it is done, then try again".into(),
            Self::Settings { source: SettingsError::Newer(_), .. } => UPDATE_EXUVIA.into(),
            Self::Settings { .. } => "correct the file, or restore it from a backup".into(),
            Self::NoConfig { .. } => "restore it from the application's sources, which embed it".into(),
            Self::Config { .. } | Self::OtherApp { .. } => {
                "correct it, or restore it from the application's sources".into()
            }
            Self::Mirror(_) => "give --mirror such an address".into(),
            Self::NoPassphrase => "type it, or set EXUVIA_PASSPHRASE".into(),
            Self::PassphrasesDiffer => "try again, and type the same text twice".into(),
            Self::Key { source: KeyFileError::WrongPassphrase, .. } => {
                "type the passphrase that was chosen at `exuvia init`; if it is right, the file is damaged: restore it from a backup".into()
            }
            Self::Key { source: KeyFileError::Newer(_), .. } => UPDATE_EXUVIA.into(),
            Self::Key { .. } => "restore the file from a backup".into(),
            Self::SignerFile { source: crate::SignerFileError::Newer(_), .. } => UPDATE_EXUVIA.into(),
            Self::SignerFile { .. } | Self::NoSigner { .. } => {
                "correct the file (docs/formats.md, section 9), or restore it from a backup".into()
            }
            Self::NoTokens => "install an exuvia that was built with the feature `pkcs11`".into(),
            Self::Token { .. } => {
                "see that the token is there, that its library and labels are right, and that EXUVIA_PIN is its PIN".into()
            }
            Self::WhichKey { .. } => "name one of them with --key".into(),
            Self::NoProposal => "name its file, such as repo/proposals/root-….json".into(),
            Self::TooLarge { .. } => "see that it is the right file".into(),
            Self::NotAgreed => "type yes, or give --yes, when what it says is what you want".into(),
            Self::NotWanted => {
                "name your key file with --key; `exuvia sign show FILE` tells whose signatures are awaited".into()
            }
            Self::NoKey { role, .. } => {
                format!("copy a key of `{role}` back into that folder (`exuvia keys list` shows their names)")
            }
            Self::NoSuchPath { .. } => "name the folder or file that holds the new version".into(),
            Self::ContainsRepository { .. } | Self::KeyInside { .. } => {
                "release only the built application: keys must never be given away".into()
            }
            Self::Special { path, .. } => format!(
                "remove it (`chmod u-s,g-s {0}` or `setcap -r {0}`): an update must not hand out rights",
                path.display()
            ),
            Self::NoPlainFile { .. } => "remove it from the folder".into(),
            Self::NameNotText { .. } | Self::Name { .. } => "rename it".into(),
            Self::NoExecutable { .. } | Self::ExecutableMissing { .. } => {
                "name the program with --executable, as a path inside the folder".into()
            }
            Self::KindMismatch { .. } => "give another path, or another --kind".into(),
            Self::Bundle { source, .. } => bundle_advice(source).into(),
            Self::Delta { source, .. } => delta_advice(source).into(),
            Self::Changed { .. } => "wait until the build is done, then try again".into(),
            Self::DeltaUnproved { .. } => {
                "release with --deltas 0, and report this as a fault of Exuvia".into()
            }
            Self::Unlike { .. } => "give two files or two folders".into(),
            Self::Exists { .. } => "remove it, or choose another name".into(),
            Self::NoPayload { .. } | Self::Payload { .. } => {
                "restore the file from a backup or from where it was published".into()
            }
            Self::NoDestination => {
                "name a folder: `exuvia publish /srv/www/updates`".into()
            }
            Self::Destination { .. } => {
                "publish into a folder, and copy that to the host with its own tools".into()
            }
            Self::DestinationIsPrivate { .. } => "choose a folder outside of it".into(),
            Self::OtherRepository { .. } => "choose another folder, or another --repo".into(),
            Self::DestinationNewer { .. } => {
                "bring this folder up to date first: somebody published from another copy".into()
            }
            Self::NothingReleased => "run `exuvia release PATH --version V` first".into(),
            Self::Repository(error) => repository_advice(error),
            Self::NotTrusted { source, .. } => refused_advice(source),
            Self::NotListed { .. } | Self::NotServed { .. } => {
                "run `exuvia publish` again; if it stays so, somebody changed the files on the host".into()
            }
            Self::Network { source: FetchError::Unreadable { source, .. }, .. } => {
                io_advice(source.kind()).into()
            }
            Self::Network { .. } => "see that the address is right and reachable, then try again".into(),
            Self::Address { .. } => {
                "give a folder, or an address that begins with https://, or with http:// and a loopback host".into()
            }
            Self::NotServable { .. } => "name a folder that holds metadata/ and targets/".into(),
            Self::Listen { .. } => "choose another address with --addr".into(),
            Self::Disk(error) => disk_advice(error.kind()).into(),
            Self::Io { source, .. } => io_advice(source.kind()).into(),
            Self::NoPin { .. } => "set EXUVIA_PIN".into(),
            Self::Terminal { .. } => "set EXUVIA_PASSPHRASE".into(),
        }
    }
}

fn bundle_advice(error: &exuvia_bundle::Error) -> &'static str {
    use exuvia_bundle::Error as Bundle;
    match error {
        Bundle::Clash { .. } => "rename one of them",
        Bundle::Link { .. } => "let the link point to something in the same folder, or remove it",
        Bundle::Content { .. } | Bundle::Length { .. } => {
            "the folder changed meanwhile: wait until the build is done, then try again"
        }
        Bundle::Limit { .. } => "release less: this is more than clients take",
        _ => WHOLE_FILE,
    }
}

fn delta_advice(error: &exuvia_delta::Error) -> &'static str {
    match error {
        exuvia_delta::Error::WrongBase { .. } => "give the version that the delta was made from",
        _ => WHOLE_FILE,
    }
}

fn repository_advice(error: &Repo) -> String {
    match error {
        Repo::MissingKeys { role, .. } => {
            format!(
                "copy the keys of `{role}` back into keys/ (`exuvia keys list` shows their names)"
            )
        }
        Repo::VersionNotHigher { newest, .. } => {
            format!("choose a version above {newest}: clients never go down")
        }
        Repo::OtherContent { .. } => {
            "give the new content a new version: one version means one content for ever".into()
        }
        Repo::AlreadyReleased { .. } => {
            "nothing is left to do; publish it with `exuvia publish`".into()
        }
        Repo::SameContent { .. } => "build the new version first".into(),
        Repo::NothingToAddTo { .. } => "release it without --add".into(),
        Repo::NotAdding { .. } => {
            "give --add to add this platform or kind to it, or choose a higher version".into()
        }
        Repo::RoleTooLarge { .. } => {
            "spread the list over more files with `exuvia bins 8`, then try again; or shorten the notes".into()
        }
        Repo::Bins { .. } => "choose 2, 4, 8, 16 or 32, and not fewer than there are".into(),
        Repo::AlreadySpread { .. } => "nothing is left to do".into(),
        Repo::Stale { .. } => "propose it again: what was signed fits no more".into(),
        Repo::OtherProposal => "name only copies of one proposal".into(),
        Repo::Proposal { .. } => "name a file from proposals/, whole and unchanged".into(),
        Repo::NewerProposal { .. } => UPDATE_EXUVIA.into(),
        Repo::Signer { .. } => "see what the token or command says, then try again".into(),
        Repo::UnknownKey { .. } | Repo::UnknownRole { .. } => {
            "`exuvia keys list` shows the roles and their keys".into()
        }
        Repo::KeyExists { .. } => "nothing is left to do".into(),
        Repo::Threshold { .. } => "add keys first (`exuvia keys add`), or choose a lower threshold".into(),
        Repo::NoSuchRelease { .. } => {
            "name a version that is listed, with --channel if it is in another one; or the bundle's digest".into()
        }
        Repo::NothingInstead { .. } => "release a good version first, then yank the bad one".into(),
        Repo::DataNotReadable { .. } => {
            "release a higher version that mends it: going back would strand the users' data".into()
        }
        Repo::NotGated { .. } => "release with --gated next time; to withdraw this one, use `exuvia yank`".into(),
        Repo::FactsOfDelta | Repo::Facts { .. } => "correct what the options say".into(),
        Repo::OtherApp { .. } => "name the right folder with --repo".into(),
        Repo::Missing { .. }
        | Repo::Damaged { .. }
        | Repo::OtherVersion { .. }
        | Repo::NotInSnapshot { .. }
        | Repo::Unreadable { .. } => {
            "restore the metadata folder from a backup or from where it was published".into()
        }
        Repo::Refused(source) => refused_advice(source),
        _ => "restore the publisher's folder from a backup".into(),
    }
}

fn refused_advice(error: &CoreError) -> String {
    match error {
        CoreError::Expired { role, .. } if role == "root" => {
            "run `exuvia refresh` with a root key in keys/".into()
        }
        CoreError::Expired { .. } => "run `exuvia refresh`, then `exuvia publish`".into(),
        _ => "restore the metadata folder from a backup; if it is on a host, suspect that somebody changed it".into(),
    }
}

fn disk_advice(kind: exuvia_durable::Kind) -> &'static str {
    use exuvia_durable::Kind;
    match kind {
        Kind::DiskFull => "make room on the disk, then try again",
        Kind::Permission | Kind::ReadOnly => "see that you may write there",
        Kind::NotFound => "see that the path is right",
        Kind::WrongPath => "see what stands there: a plain file or folder is expected, no link",
        _ => "see that the disk is in order, then try again",
    }
}

fn io_advice(kind: std::io::ErrorKind) -> &'static str {
    match kind {
        std::io::ErrorKind::NotFound => "see that the path is right",
        std::io::ErrorKind::PermissionDenied => "see that you may read and write there",
        std::io::ErrorKind::StorageFull => "make room on the disk, then try again",
        _ => "see that the file is whole and that the disk is in order",
    }
}

const WHOLE_FILE: &str = "see that the file is whole and that the disk has room";
const UPDATE_EXUVIA: &str = "update exuvia";
