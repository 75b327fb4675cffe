//! What an installation is and what may happen to it, as values: configuration, layout, journal,
//! recovery and trial rules. Everything here is pure; `exuvia-helper` looks at the disk, asks this
//! crate what to do, and does it.
//!
//! Rules of the crate:
//! - A record on disk is either wholly what was written or [`RecordError`]; there is no third case
//!   (formats §7). Any prefix and any changed byte is `Damaged`.
//! - [`recover`] is total: every phase meets every [`World`], and applying its answer twice is the
//!   same as applying it once.
//! - What happened is kept, what did not happen is not begun again: an interrupted swap that moved
//!   nothing goes back to `staged`, one that moved the pointer goes on to `trial`.
//! - Unknown keys are refused with their name in files that only Exuvia writes.
#![forbid(unsafe_code)]

mod admit;
mod command;
mod config;
pub mod data;
pub mod files;
pub mod floors;
pub mod history;
mod journal;
mod layout;
mod ours;
mod policy;
mod qualify;
pub mod record;
mod recover;
mod remembered;
pub mod roots;
pub mod socket;
mod step;
pub mod trial;

pub use admit::{Refusal, check_bundle, release_of};
pub use command::{Command, Verb};
pub use config::{Config, ConfigError, Mirror, MirrorError};
pub use data::DataHooks;
pub use journal::{Consent, Phase, ReleaseRef};
pub use layout::{InPlaceShape, Layout, LayoutError, Shape};
pub use ours::Ours;
pub use policy::{Health, PolicyError, Qualify};
pub use qualify::{QualifyFailure, QualifySkipped, qualify_answer};
pub use record::{Damage, Record, RecordError};
pub use recover::{Reach, Recovery, World, recover};
pub use remembered::{Bad, Remembered};
pub use step::{Step, StepError};
