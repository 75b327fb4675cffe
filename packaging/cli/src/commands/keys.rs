use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use exuvia_core::keys::PublicKey;
use exuvia_durable::Dir;
use exuvia_repo::Signer as _;
use serde_json::json;

use super::output::Output;
use super::{ask, sign};
use crate::keychain::encode_public;
use crate::keyfile::{self, Cost, KeyFileError};
use crate::{CustodyReport, Error, Exit, Folder, NewKey, Outcome, Token, Whereabouts};

/// Which keys sign what; other keys, another number of them.
///
/// A change that needs keys which are not here becomes a proposal: see `exuvia sign --help`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Who can sign what, how many must, where the keys are, when the metadata ends.
    List,
    /// Make a key pair for somebody else's repository, or before `init`: NAME.key and NAME.pub.
    New {
        /// Its name, such as that of the person who will have it.
        name: String,
        /// Where to put it.
        #[arg(long, value_name = "DIR", default_value = ".")]
        to: PathBuf,
    },
    /// Let one more key sign for a role.
    Add {
        /// The role, such as root or stable-linux-x86_64.
        role: String,
        /// What to call the key [default: the role, with a number].
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        source: Source,
    },
    /// Put a new key in the place of one that wears out or was lost.
    Rotate {
        /// The role.
        role: String,
        /// Which of its keys, if it has several.
        #[arg(long, value_name = "NAME")]
        key: Option<String>,
        #[command(flatten)]
        source: Source,
    },
    /// Put a new key in the place of one that somebody stole: nothing it signed counts any more.
    Revoke {
        /// The role.
        role: String,
        /// Which of its keys, if it has several.
        #[arg(long, value_name = "NAME")]
        key: Option<String>,
    },
    /// Take a key away without another in its place.
    Remove {
        /// The role.
        role: String,
        /// Which of its keys.
        #[arg(long, value_name = "NAME")]
        key: String,
    },
    /// Say how many keys of a role must sign.
    Threshold {
        /// The role.
        role: String,
        /// How many.
        threshold: u64,
    },
}

/// Where a new key comes from [default: it is made here, sealed with the passphrase].
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// The public half of a key that somebody else has, or that --command signs for.
    #[arg(long, value_name = "FILE.pub")]
    public: Option<PathBuf>,
    /// A command that signs: the bytes on its input, the signature in hex or base64 on its output.
    /// Words are separated by spaces.
    #[arg(long, value_name = "COMMAND", requires = "public")]
    command: Option<String>,
    /// The library of a PKCS #11 token that has the key.
    #[arg(long, value_name = "FILE", requires = "token", conflicts_with = "public")]
    module: Option<PathBuf>,
    /// The token's label.
    #[arg(long, value_name = "LABEL", requires = "module")]
    token: Option<String>,
    /// The key pair's label in the token.
    #[arg(long, value_name = "LABEL", requires = "module")]
    label: Option<String>,
}

impl Source {
    fn new_key(self) -> Result<NewKey, Error> {
        if let (Some(module), Some(token)) = (self.module, self.token) {
            let label = self.label.unwrap_or_else(|| token.clone());
            return Ok(NewKey::Token(Token { module, token, label }));
        }
        let public = self.public.map(|path| read_public(&path)).transpose()?;
        Ok(match (public, self.command) {
            (None, _) => NewKey::Fresh,
            (Some((_, public)), None) => NewKey::Public(public),
            (Some((_, public)), Some(command)) => {
                let words = command.split_whitespace().map(str::to_owned).collect();
                NewKey::Command(words, public)
            }
        })
    }
}

pub(super) fn run(repo: &Path, command: Command, output: &Output) -> Result<Exit, Error> {
    let outcome = match command {
        Command::List => return list(repo, output),
        Command::New { name, to } => return new(&name, &to, output),
        Command::Add { role, name, source } => {
            super::publisher(repo)?.add_key(&role, name.as_deref(), &source.new_key()?)?
        }
        Command::Rotate { role, key, source } => {
            super::publisher(repo)?.rotate_key(&role, key.as_deref(), &source.new_key()?)?
        }
        Command::Revoke { role, key } => {
            super::publisher(repo)?.revoke_key(&role, key.as_deref())?
        }
        Command::Remove { role, key } => super::publisher(repo)?.remove_key(&role, &key)?,
        Command::Threshold { role, threshold } => {
            super::publisher(repo)?.set_threshold(&role, threshold)?
        }
    };
    tell(&outcome, output);
    Ok(Exit::Done)
}

/// Tells what became of a change.
pub(super) fn tell(outcome: &Outcome, output: &Output) {
    output.report(outcome, || sign::outcome(outcome));
}

fn list(repo: &Path, output: &Output) -> Result<Exit, Error> {
    let roles = Folder::open(repo)?.custody()?;
    output.report(&roles, || table(&roles));
    Ok(Exit::Done)
}

fn table(roles: &[CustodyReport]) -> String {
    let mut text =
        format!("{:<22} {:<7} {:<11} {:<22} {:<18} where\n", "role", "signs", "until", "key", "id");
    for role in roles {
        let signs = format!("{} of {}", role.threshold, role.keys.len());
        let until: String = role.expires.to_string().chars().take(10).collect();
        for (number, key) in role.keys.iter().enumerate() {
            let first = |text: &str| if number == 0 { text.to_owned() } else { String::new() };
            let name = key.name.as_deref().unwrap_or("–");
            let id = key.id.get(..16).unwrap_or(&key.id);
            let place = match key.whereabouts {
                Whereabouts::Here => "here",
                Whereabouts::Environment => "environment",
                Whereabouts::Token => "token",
                Whereabouts::Command => "command",
                Whereabouts::Elsewhere => "elsewhere",
            };
            // Writing into a string does not fail.
            let _ = writeln!(
                text,
                "{:<22} {:<7} {:<11} {name:<22} {id:<18} {place}",
                first(&role.role),
                first(&signs),
                first(&until)
            );
        }
    }
    let not_here: Vec<&str> =
        roles.iter().filter(|role| !role.signs_here).map(|role| role.role.as_str()).collect();
    if !not_here.is_empty() {
        let _ = write!(text, "\nneeds keys from elsewhere: {}", not_here.join(", "));
    }
    text
}

fn new(name: &str, to: &Path, output: &Output) -> Result<Exit, Error> {
    let dir = Dir::open_or_create(to)?;
    let (secret, public) = (format!("{name}.key"), format!("{name}.pub"));
    for file in [&secret, &public] {
        if dir.metadata(file)?.is_some() {
            return Err(Error::Exists { path: to.join(file) });
        }
    }
    let passphrase = ask::new_passphrase()?;
    let new = keyfile::generate(&passphrase, Cost::default())
        .map_err(|source| Error::Key { path: to.join(&secret), source })?;
    dir.write(&secret, &new.file)?;
    dir.write(&public, &encode_public(&new.key.public()))?;
    let (secret, public) = (to.join(secret), to.join(public));
    let report = json!({ "key": secret, "public": public, "id": new.key.id() });
    output.report(&report, || {
        format!(
            "made {} (keep it, and a copy of it, and the passphrase)\n\
             and {} (give it to whoever runs `exuvia init` or `exuvia keys add`); its id is {:.16}…",
            secret.display(),
            public.display(),
            new.key.id()
        )
    });
    Ok(Exit::Done)
}

/// A public key from its file, with the name that the file has.
pub(super) fn read_public(path: &Path) -> Result<(String, PublicKey), Error> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let malformed = || Error::Key { path: path.to_owned(), source: KeyFileError::Malformed };
    let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or_else(malformed)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        return Err(malformed());
    }
    let public = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
    Ok((name.to_owned(), public))
}
