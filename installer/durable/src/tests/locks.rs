//! Locks between holders.

use std::time::{Duration, Instant};

use super::sandbox;
use crate::Lock;

#[test]
fn one_exclusive_holder_and_nobody_beside_it() {
    let (_folder, dir) = sandbox();
    let held = Lock::try_exclusive(&dir, "lock").unwrap().unwrap();
    assert!(Lock::try_exclusive(&dir, "lock").unwrap().is_none());
    assert!(Lock::try_shared(&dir, "lock").unwrap().is_none());
    drop(held);
    assert!(Lock::try_exclusive(&dir, "lock").unwrap().is_some());
}

#[test]
fn sharers_stand_side_by_side_and_keep_the_exclusive_out() {
    let (_folder, dir) = sandbox();
    let one = Lock::try_shared(&dir, "lock").unwrap().unwrap();
    let _two = Lock::try_shared(&dir, "lock").unwrap().unwrap();
    drop(one);
    assert!(Lock::try_exclusive(&dir, "lock").unwrap().is_none());
}

#[test]
fn patience_ends() {
    let (_folder, dir) = sandbox();
    let _held = Lock::try_shared(&dir, "lock").unwrap().unwrap();
    let since = Instant::now();
    let patience = Duration::from_millis(60);
    assert!(Lock::exclusive(&dir, "lock", patience).unwrap().is_none());
    assert!(since.elapsed() >= patience);
}
