//! The crash rig (`exuvia_tests::crash`), started by `tests/crash-table` and by the tests:
//!
//!   crash-rig [--step N] MODE...     every Nth point; all of them by default
//!
//! It uses the programs beside it, or those in `$EXUVIA_TESTS_PROGRAMS`. Prints a table and exits 1
//! if anything was bad. Where processes cannot be followed it says so, counts the modes as skipped, and exits 0.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

#[cfg(target_arch = "x86_64")]
mod rig;

#[cfg(target_arch = "x86_64")]
fn main() {
    rig::main();
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("0 points, 0 bad, 1 parts skipped.\nskipped: needs ptrace on x86-64");
}
