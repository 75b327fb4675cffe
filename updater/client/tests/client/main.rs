//! The client against a publisher's real repository: in memory, behind HTTP, and behind bad servers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fallback;
mod http;
mod mirror;
mod mirrors;
mod patience;
mod pieces;
mod placing;
mod publisher;
mod resume;
mod road;
mod roots;
mod secure;
mod server;
