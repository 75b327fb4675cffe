use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::output::Output;
use super::{ask, keys};
use crate::ceremony::{self, Signer};
use crate::folder::parse_config;
use crate::keychain::Known;
use crate::{Error, Exit, Folder, Outcome, Shown};

/// Sign what others proposed, or propose: changes that need keys on several machines.
///
/// 1. A command that needs a key which is not here (`keys`, `yank`, `sign propose`) writes a file
///    into proposals/. 2. Carry it to those who must sign; each runs `exuvia sign FILE`, reads what it
///    changes, and carries it back. 3. `exuvia sign finish FILE...` puts the copies together and makes
///    the change.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The proposal; the signature is added to it.
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// A key to sign with: NAME.key or NAME.signer [default: those of the publisher's folder].
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// The application's exuvia.json, to know the repository by.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sign without asking.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Propose the next version of roles that near their end.
    Propose {
        /// Such as root or targets.
        #[arg(required = true)]
        roles: Vec<String>,
    },
    /// Tell in words what a proposal changes, and whose signatures it has and awaits.
    Show {
        /// The proposal.
        file: PathBuf,
        /// The application's exuvia.json, to know the repository by.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Put the signatures of several copies together, and make the change.
    Finish {
        /// The copies of the proposal.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

pub(super) fn run(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    match args.command {
        Some(Command::Propose { roles }) => {
            let outcome = super::publisher(repo)?.renew(&roles)?;
            keys::tell(&outcome, output);
            Ok(Exit::Done)
        }
        Some(Command::Show { file, config }) => {
            let proposal = ceremony::read(&file)?;
            let known = Knowledge::new(repo, config)?;
            let shown = known.signer().show(&proposal)?;
            output.report(&shown, || words(&shown));
            Ok(Exit::Done)
        }
        Some(Command::Finish { files }) => {
            let outcome = super::publisher(repo)?.finish(&files)?;
            keys::tell(&outcome, output);
            Ok(match outcome {
                Outcome::Done { .. } => Exit::Done,
                Outcome::Proposed { .. } => Exit::Nothing,
            })
        }
        None => sign(repo, args, output),
    }
}

fn sign(repo: &Path, args: Args, output: &Output) -> Result<Exit, Error> {
    let file = args.file.ok_or(Error::NoProposal)?;
    let mut proposal = ceremony::read(&file)?;
    let known = Knowledge::new(repo, args.config)?;
    let shown = known.signer().show(&proposal)?;
    if !output.is_json() {
        output.aside(&words(&shown));
    }
    let keys = match args.keys.is_empty() {
        false => args.keys.iter().map(|path| Known::at(path)).collect::<Result<Vec<_>, _>>()?,
        true => match &known.folder {
            Some(folder) => folder.keychain()?.iter().cloned().collect(),
            None => Vec::new(),
        },
    };
    if !args.yes && !ask::agreed("Is this what you want to sign?")? {
        return Err(Error::NotAgreed);
    }
    let signed = known.signer().sign(&mut proposal, &keys, &ask::passphrase)?;
    if signed.is_empty() {
        return Err(Error::NotWanted);
    }
    ceremony::write(&file, &proposal)?;
    let after = known.signer().show(&proposal)?;
    let report = json!({ "file": file, "signed": signed, "awaits": after.awaits });
    output.report(&report, || {
        let by = |(role, key): &(String, String)| format!("signed `{role}` with {key}");
        let mut text: Vec<String> = signed.iter().map(by).collect();
        text.extend(awaits(&after.awaits));
        text.push(format!("carry {} back; `exuvia sign finish` makes the change", file.display()));
        text.join("\n")
    });
    Ok(Exit::Done)
}

/// What a signer knows of the repository.
struct Knowledge {
    folder: Option<Folder>,
    root: Option<Vec<u8>>,
}

impl Knowledge {
    fn new(repo: &Path, config: Option<PathBuf>) -> Result<Self, Error> {
        let folder = match Folder::open(repo) {
            Ok(folder) => Some(folder),
            Err(Error::NotARepository { .. }) => None,
            Err(error) => return Err(error),
        };
        let read = |path: PathBuf| -> Result<Vec<u8>, Error> {
            let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
            Ok(parse_config(&path, &bytes)?.root)
        };
        Ok(Self { folder, root: config.map(read).transpose()? })
    }

    fn signer(&self) -> Signer<'_> {
        Signer { folder: self.folder.as_ref(), root: self.root.as_deref() }
    }
}

fn words(shown: &Shown) -> String {
    let digest = shown.proposal.to_string();
    let mut text = format!(
        "proposal {} of {}, made on {}\n",
        digest.get(..16).unwrap_or(&digest),
        shown.app,
        shown.created
    );
    // Writing into a string does not fail.
    let _ = match (&shown.first_root, shown.compared) {
        (None, _) => writeln!(text, "founds a new repository"),
        (Some(_), true) => writeln!(text, "fits what is known of the repository here"),
        (Some(root), false) => writeln!(
            text,
            "for the repository that began with root {root}:\n\
             nothing here knows it; compare it with others, or give --config exuvia.json"
        ),
    };
    for role in &shown.roles {
        let _ = writeln!(text, "\n{}: version {} → {}", role.role, role.from, role.to);
        for change in &role.changes {
            let _ = writeln!(text, "  - {change}");
        }
        let signed = if role.signed.is_empty() { "nobody".into() } else { role.signed.join(", ") };
        let _ = writeln!(text, "  signed by {signed}");
    }
    let _ = write!(text, "\n{}", awaits(&shown.awaits).join("\n"));
    text
}

fn awaits(awaits: &[crate::Awaited]) -> Vec<String> {
    if awaits.is_empty() {
        return vec!["all signatures are there".to_owned()];
    }
    let line = |one: &crate::Awaited| {
        format!("`{}` awaits {} of: {}", one.role, one.missing, one.keys.join(", "))
    };
    awaits.iter().map(line).collect()
}

/// What became of a change, for people.
pub(super) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { roles } => format!(
            "done; signed {}, snapshot and timestamp\npublish it with `exuvia publish`",
            roles.join(", ")
        ),
        Outcome::Proposed { file, awaits: missing } => {
            let mut lines = vec![format!("proposed in {}", file.display())];
            match missing.is_empty() {
                true => lines.push(
                    "all signatures are there, but keys of snapshot or timestamp are not here"
                        .into(),
                ),
                false => lines.extend(awaits(missing)),
            }
            lines.push("carry it to those who must sign (`exuvia sign FILE`), then run `exuvia sign finish FILE...` here".into());
            lines.join("\n")
        }
    }
}
