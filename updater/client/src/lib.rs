//! Secure, small, atomic updates for desktop applications.

#![forbid(unsafe_code)]

mod app;
mod builder;
mod cancel;
mod error;
mod events;
pub mod fetch;
mod road;

pub use app::{App, Report, stable_exe, startup};
pub use builder::{BuildError, Builder, Updater};
pub use cancel::Cancel;
pub use error::{Error, LocalError, NetworkError, RepositoryError};
pub use events::{Event, Progress, RouteKind};
pub use fetch::Fetch;
pub use road::{Applied, Check, Held, Offer, Payloads, Staged};
