//! What touches an installed application: receive a release, qualify it, swap it in, confirm or
//! revert it, recover, launch.
//!
//! Rules of the crate:
//! - **Everything is verified here again.** [`Install::receive`] gets bytes (metadata files and a
//!   bundle) and judges them with the installation's own root and floors. Nothing that the caller
//!   verified before counts.
//! - **Journal, step, journal.** What is about to happen is on disk before it happens. Nothing of
//!   the installed version is changed or removed before `settled` with its successor is on disk.
//! - **One exclusive lock** around every change; reading needs none, since records are replaced
//!   as a whole. Starting the application never waits for it beyond two seconds.
//! - **States consume.** [`Staged`] → [`Qualified`] → [`Trial`] → [`Committed`] | [`Reverted`];
//!   each is made in one place.
//! - **The application starts.** Whatever is wrong with the state, [`launch`](Install::launch)
//!   starts what `current` leads to.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use exuvia_helper::{Install, Request};
//! # let (digest, now) = (exuvia_core::Digest::of(b""), exuvia_core::Time::from_unix(0));
//!
//! let install = Install::open("/opt/notes".as_ref())?;
//! let request = Request { metadata: "/tmp/metadata".as_ref(), digest, now, even_if_bad: false };
//! let mut bundle = std::fs::File::open("/tmp/notes-1.3.0.tar")?;
//! let staged = install.receive(&request, &mut |out| std::io::copy(&mut bundle, out).map(drop))?;
//! staged.qualify(now)?.swap(now)?;
//! # Ok(()) }
//! ```
#![deny(unsafe_code)]

mod adopt;
mod clock;
mod compare;
mod count;
mod data;
mod error;
mod first;
mod held;
mod install;
mod launch;
mod machine;
mod place;
mod platform;
pub mod program;
mod prune;
mod qualify;
mod receive;
mod stage;
mod startup;
mod steps;
mod trust;
mod uninstall;
mod watch;

pub use adopt::Adoption;
pub use clock::now;
pub use count::Begun;
pub use error::{Error, Family};
pub use exuvia_plan::{QualifyFailure, QualifySkipped};
pub use first::First;
pub use install::{Install, Status, Waiting};
pub use machine::ask_machine;
pub use platform::is_root;
pub use receive::Request;
pub use startup::{Startup, at_startup, own_exe, own_image, reenter};
pub use steps::{Committed, Qualified, Reverted, Staged, Trial};
pub use uninstall::Uninstalled;
