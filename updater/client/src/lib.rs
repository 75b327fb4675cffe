//! Secure, small, atomic updates for desktop applications.
//!
//! This is what an application embeds. It learns by [TUF](https://theupdateframework.io) what the
//! newest release for it is, downloads the smallest thing that leads there, rebuilds and verifies the
//! new version beside the old, tries it, and switches in one step; a version that does not come up
//! healthy is switched back.
//!
//! # Ten lines
//! ```no_run
//! # async fn update(config: &str) -> Result<(), Box<dyn std::error::Error>> {
//! use exuvia::{Check, Event, Updater};
//!
//! let app = exuvia::startup(); // first line of main; app.report() tells what happened
//! let updater = Updater::builder(config).current_version(env!("CARGO_PKG_VERSION")).build()?;
//! let mut progress = |event: Event| println!("{event:?}");
//! match updater.check().await? {
//!     Check::UpToDate | Check::Held(_) => {}
//!     Check::Offer(offer) => offer.download(&mut progress).await?.stage().await?.apply_on_quit()?,
//! }
//! app.healthy(); // once the window is up
//! # Ok(()) }
//! ```
//! `config` is the text of the application's `exuvia.json`: `include_str!("exuvia.json")`.
//!
//! # Rules
//! - **States consume.** [`Updater::check`] → [`Offer`] → [`Payloads`] → [`Staged`] → applied, later or
//!   skipped. Each is made in one place, so what has not been verified cannot be installed, and an
//!   illegal order does not compile. The whole road reads from top to bottom in `src/road.rs`.
//! - **Nobody is believed.** What a mirror serves is capped at the signed length, hashed while it
//!   comes, and useless until the last byte was right. The helper then judges metadata and bundle
//!   again, from the bytes, with the installation's own root.
//! - **A failure costs a detour.** Another mirror, then another route (delta, chain, full bundle), then
//!   a typed [`Error`] that says who must act. The installed version is untouched until the switch.
//! - **Futures may be dropped** at any await, and [`Cancel`] ends a run from elsewhere; [`Control`]
//!   pauses it. What was received is kept and continued from, also by another process, also after a
//!   power cut.
//! - **Everything is bounded**: lengths, redirects, waiting, the least rate, retries ([`Limits`]).
//! - **Blocking work runs on tokio's blocking threads**, so a runtime with time and I/O enabled is
//!   needed; the feature `blocking` brings a private one.
//! - **[`startup`] never fails** and does nothing outside an installation.
//!
//! # Modules
//! | module | what |
//! |---|---|
//! | `road` | the steps and their types; `road/handover`: the same in two processes |
//! | `app`, `report` | `startup`, `healthy`, what happened |
//! | `builder`, `installation` | settings; status, history, rollback, first installation |
//! | `run`, `space` | what the steps share: refresh, choice, gathering of payloads; room for them |
//! | `image` | an AppImage that was downloaded by hand |
//! | `keeper` | places that package managers, stores and images look after |
//! | `driver`, `store`, `roots`, `freshness` | core's machines driven; metadata and floors kept (formats §8); the freeze alarm |
//! | [`fetch`], `mirrors`, `pull` | sources; which one to ask; deadlines and least rate |
//! | `penalties`, `backoff` | mirrors that failed lately; how long to wait before asking again |
//! | `download`, `part` | resuming, retrying; the only maker of verified payloads |
//! | `control`, `meter` | pause, resume, limit; progress with rate and time left |
//! | `rebuild`, `flat`, `stage` | payloads to bundle stream, into the helper's staging |
//! | `program`, `package` | a release's program alone; packages of the system |
//! | `self_update` | the bridge for programs on the crate self_update (feature) |
//! | `error`, `events`, `cancel`, `held`, `limits` | values that callers see |

#![forbid(unsafe_code)]

mod app;
mod applied;
mod background;
mod backoff;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod cancel;
mod control;
mod download;
mod driver;
mod error;
mod events;
pub mod fetch;
mod flat;
mod freshness;
mod held;
mod image;
mod installation;
mod keeper;
mod limits;
mod meter;
mod mirrors;
mod package;
mod part;
mod penalties;
mod program;
mod pull;
mod rebuild;
mod report;
mod road;
mod roots;
mod run;
#[cfg(feature = "self_update")]
pub mod self_update;
mod space;
mod stage;
mod store;
mod system;
mod tree;

pub use app::{App, stable_exe, start_again, startup};
pub use applied::Applied;
pub use builder::{BuildError, Builder, Updater};
pub use cancel::Cancel;
pub use control::Control;
pub use error::{Error, LocalError, NetworkError, RepositoryError};
pub use events::{Event, Progress, RouteKind};
pub use fetch::Fetch;
pub use freshness::Freshness;
pub use held::Held;
pub use installation::{FirstInstall, Installed, Placement};
pub use keeper::Keeper;
pub use limits::Limits;
pub use package::{PackageError, Packaged};
pub use rebuild::RebuildError;
pub use report::Report;
pub use road::{Check, Offer, Payloads, Staged};

pub use exuvia_core::{Digest, Facts, Kind, Time};
pub use exuvia_helper::{Begun, Install, Status, Uninstalled, ask_machine, own_image};
pub use exuvia_plan::{
    Config, ConfigError, DataHooks, Health, InPlaceShape, Mirror, MirrorError, Phase, Qualify,
    Record, Shape, files::key, history, record, socket, trial::End, trial::MAX_STARTS,
};
pub use semver::{Version, VersionReq};
