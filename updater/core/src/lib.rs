//! TUF metadata, refresh and the choice of a release: the pure core of Exuvia.
//!
//! Bytes and a time come in, values go out. Nothing here reads a clock, a file or the network:
//! [`Refresh`] and [`Search`] say what they [want](Want), and a driver fetches and stores.
//!
//! # The road
//! 1. [`Refresh::new`] with the embedded root, the floors and the time; drive it; [`Refresh::finish`]
//!    gives [`Trusted`].
//! 2. [`Trusted::list`] or [`Trusted::find`]; drive the [`Search`]; [`Search::finish`] gives
//!    [`Target`]s.
//! 3. [`Releases::read`](release::Releases::read) understands the release facts in them, and
//!    [`choose`](choose::choose) says which release is for this installation, and by which ways.
//!
//! # Invariants
//! - A value that something verified proves was made by the one function that verifies it: the
//!   ladder is in [`verify`], its top rungs are [`Trusted`] and [`Target`].
//! - What is handed on was read from the very value that the signatures cover.
//! - Versions and times that were trusted once are [`Floors`]: they never go down.
//! - An answer that is refused leaves a machine as it was, so another mirror may be asked.

#![forbid(unsafe_code)]

pub mod choose;
pub mod digest;
mod errand;
pub mod error;
pub mod floors;
mod hash;
mod hex;
pub mod json;
pub mod keys;
pub mod machine;
pub mod metadata;
pub mod names;
pub mod offline;
pub mod refresh;
pub mod release;
pub mod rollout;
pub mod search;
pub mod target;
pub mod time;
pub mod trusted;
pub mod verify;

pub use digest::Digest;
pub use error::Error;
pub use floors::Floors;
pub use machine::{Answer, Machine, Want};
pub use names::{App, Channel, Kind, Platform};
pub use refresh::{Limits, Refresh, Start};
pub use release::{Facts, Release, Releases};
pub use search::Search;
pub use target::{Checker, Mismatch, Target, Verdict};
pub use time::Time;
pub use trusted::Trusted;
