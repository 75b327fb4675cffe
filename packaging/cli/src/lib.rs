//! The publisher's side of Exuvia: the command `exuvia`, and the same steps for other programs.
//!
//! The publisher's folder holds `publisher.json`, `keys/`, `metadata/`, `targets/` and the
//! `exuvia.json` that the application embeds (docs/formats.md §2, §6, §9).
//!
//! Rules:
//! - **A killed command leaves the state before or after.** Payloads are flushed and in place before
//!   the metadata that lists them is written, the timestamp last of all; `exuvia-repo` gives the
//!   order, `exuvia-durable` the steps.
//! - **Judged before it is given away.** A delta counts only after the real decoder made the new
//!   version out of it; metadata only after a client's own refresh took it; nothing is published
//!   whose listed files were not read through.
//! - **Keys are sealed at rest** and open only for the roles that a step signs.
//! - **Every error is two lines**: what happened, and what to do ([`Error::advice`]).
//!
//! ```
//! use exuvia_cli::{InitOptions, Passphrase, Publisher, ReleaseOptions, Unwatched};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (program, repo) = (folder.path().join("notes"), folder.path().join("repo"));
//! # let www = folder.path().join("www");
//! # std::fs::write(&program, "#!/bin/sh\necho 1.0.0\n")?;
//! let passphrase = Passphrase::new("correct horse".to_owned());
//! let mut publisher = Publisher::init(&repo, InitOptions::new("notes".parse()?), passphrase)?;
//! let options = ReleaseOptions::new(&program, "1.0.0".parse()?);
//! let report = publisher.release(&options, &Unwatched)?;
//! assert_eq!(report.files, 1);
//! publisher.publish(&www, &Unwatched)?;
//! assert!(www.join("metadata/timestamp.json").exists());
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod advice;
mod air_gap;
mod ceremony;
mod commands;
mod custody;
mod deltas;
mod doctor;
mod error;
mod folder;
mod hex;
mod keychain;
mod keyfile;
mod packing;
mod platform;
mod promote;
mod publish;
mod publisher;
mod release;
mod remote;
pub mod serve;
mod settings;
mod signers;
mod source;
mod tree;
mod watch;
mod withdraw;

pub use air_gap::AirGapReport;
pub use ceremony::{Awaited, Outcome, Shown, ShownRole};
pub use commands::demo::{Failure as DemoFailure, app as demo_app};
pub use commands::run;
pub use commands::self_update::Failure as SelfUpdateFailure;
pub use custody::{CustodyReport, KeyReport, NewKey};
pub use deltas::{Costs, DeltaOutcome, DeltaReport};
pub use doctor::{Finding, Severity};
pub use error::{Error, Exit};
pub use folder::Folder;
pub use keychain::Whereabouts;
pub use keyfile::{Cost, KeyFileError, Passphrase};
pub use platform::Special;
pub use promote::PromoteReport;
pub use publish::PublishReport;
pub use publisher::{InitOptions, Publisher, RefreshReport};
pub use release::{ReleaseOptions, ReleaseReport, host};
pub use remote::{VerifyReport, verify};
pub use settings::SettingsError;
pub use signers::{SignerFileError, Token};
pub use watch::{Task, Unwatched, Watch};
pub use withdraw::{PaceChange, RolloutReport, YankReport, YankedReport};
