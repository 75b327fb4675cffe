//! What the tests of the whole share: the workspace as data, a simulated repository, a server that
//! misbehaves on request.
#![forbid(unsafe_code)]
// This crate is made of tests; a failed expectation shall stop them where it is.
#![allow(clippy::unwrap_used)]

// It reads the registers of stopped processes.
#[cfg(target_arch = "x86_64")]
pub mod crash;
pub mod desktop;
pub mod home;
pub mod kills;
pub mod large;
pub mod processes;
pub mod proxy;
pub mod scene;
pub mod server;
pub mod sim;
pub mod small_disk;
pub mod syntax;
pub mod watched;
pub mod web;
pub mod workspace;
