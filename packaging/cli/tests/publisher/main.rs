//! The publisher's command end to end: through the library, through the built program, over HTTP.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the message")]
#![forbid(unsafe_code)]

mod after;
mod bins;
mod ci;
mod commands;
#[cfg(target_os = "linux")]
mod drill;
mod drills;
mod exchanges;
mod interrupted;
mod keys;
mod mistakes;
mod publishing;
mod releasing;
mod serving;
mod support;
