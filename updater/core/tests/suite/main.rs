//! Tests of exuvia-core from outside: a small publisher signs repositories, a small driver runs the
//! machines over them, and both keep everything in memory.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod bins;
mod choose;
mod facts;
mod fast_forward;
mod keys;
mod keys_of_others;
mod offline;
mod publisher;
mod refresh;
mod roots;
mod routes;
mod search;
mod signatures;
mod snapshot;
mod store;
mod target;
mod timestamp;
mod wild;

mod client;
