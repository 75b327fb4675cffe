//! A publisher in memory and the clients that read what it writes.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the message")]

mod bins;
mod ceremony;
mod changes;
mod clients;
mod releases;
mod support;
mod withdrawing;
