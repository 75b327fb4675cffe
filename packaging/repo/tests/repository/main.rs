//! A publisher in memory and the clients that read what it writes.

mod changes;
mod clients;
mod releases;
mod support;
