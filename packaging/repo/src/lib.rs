//! The publisher's side of a repository: its state, and the changes to it, as values.
//!
//! [`Repository`] is the metadata of one application's TUF repository, parsed from its files. Each
//! change ([`Repository::init`], [`Repository::add_platform`], [`Repository::release`],
//! [`Repository::refresh`]) takes the keys at hand and the time, and answers with the files to
//! write, in an order that never shows a mixed repository ([`Changes`]).
//!
//! Rules:
//! - Pure: no clock, disk, network or environment. Keys sign behind the [`Signer`] trait.
//! - Versions only go up, and a change that fails leaves the state as it was.
//! - The state is what `timestamp.json` reaches. Files beside it, such as those of a change that
//!   was interrupted, do not count and are written over.
//! - A change that needs keys of other people is a [`Proposal`]: it travels, is signed, and finished
//!   where the keys of snapshot and timestamp are. Every change ends as a finished proposal.
//! - Nothing is handed out before a client accepted it: every change ends with `exuvia-core`'s own
//!   refresh over the bytes to be published, once as a client that comes fresh from the first
//!   root, once as one that knows the state before.
//! - A role that lists releases keeps the newest five of each kind, in at most 64 KiB
//!   (docs/formats.md §2); a longer list is spread over bins ([`Repository::propose_bins`]). Old
//!   metadata versions are never removed.
#![forbid(unsafe_code)]

mod bins;
mod changes;
mod client;
mod custody;
mod error;
mod expiry;
mod founding;
mod keys;
mod proposal;
mod refresh;
mod release;
mod repository;
mod rollout;
mod sign;
mod words;
mod yank;

pub use bins::{MOST_BINS, owner};
pub use changes::{Changes, File};
pub use client::{Listing, verify, verify_step};
pub use custody::{Custody, KeyChange};
pub use error::Error;
pub use expiry::Expiry;
pub use founding::{Founding, Keys};
pub use keys::{Keyring, LocalKey, Signer, SignerError};
pub use proposal::{Proposal, Standing};
pub use refresh::{Due, Refreshed};
pub use release::{KEPT, NewDelta, NewRelease, Payload, ROLE_LIMIT, Released};
pub use repository::{Listed, Repository, role_name};
pub use rollout::ROLLOUT;
pub use words::{Word, Words};
pub use yank::{Withdrawn, Yank, Yanked};
