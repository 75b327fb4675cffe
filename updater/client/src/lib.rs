//! Secure, small, atomic updates for desktop applications.

#![forbid(unsafe_code)]

mod app;
mod applied;
mod background;
mod builder;
mod cancel;
mod download;
mod driver;
mod error;
mod events;
pub mod fetch;
mod flat;
mod held;
mod installation;
mod limits;
mod mirrors;
mod part;
mod pull;
mod rebuild;
mod report;
mod road;
mod run;
mod stage;
mod store;
mod system;

pub use app::{App, stable_exe, startup};
pub use applied::Applied;
pub use builder::{BuildError, Builder, Updater};
pub use cancel::Cancel;
pub use error::{Error, LocalError, NetworkError, RepositoryError};
pub use events::{Event, Progress, RouteKind};
pub use fetch::Fetch;
pub use held::Held;
pub use installation::{FirstInstall, Installed};
pub use limits::Limits;
pub use rebuild::RebuildError;
pub use report::Report;
pub use road::{Check, Offer, Payloads, Staged};

pub use exuvia_core::{Digest, Facts, Kind, Time};
pub use exuvia_helper::{Install, Status, Uninstalled};
pub use exuvia_plan::{Config, InPlaceShape, Phase, Shape, history};
