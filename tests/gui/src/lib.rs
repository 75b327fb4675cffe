//! The note pad in a real window: its home and server ([`Desk`]), and the hands and eyes on it
//! ([`Window`]), through WebKit's own WebDriver.
//!
//! Needs `Xvfb`, `dbus-daemon`, `WebKitWebDriver`, `xdotool`, and in `EXUVIA_GUI` the folder that
//! `demo-app/build` filled; `tests/gui/run` provides all of it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod bus;
mod desk;
mod screen;
mod window;

pub use desk::Desk;
pub use window::Window;
