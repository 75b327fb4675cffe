//! The corpora of the fuzz targets, each input once: what was found stays found.
#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "reads the corpora")]

#[path = "../fuzz/harness.rs"]
mod harness;

fn replay(target: &str, harness: fn(&[u8])) {
    let corpus = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut inputs = 0;
    for input in std::fs::read_dir(corpus).unwrap() {
        harness(&std::fs::read(input.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0);
}

#[test]
fn container() {
    replay("container", harness::container);
}

#[test]
fn walk() {
    replay("walk", harness::walk);
}

#[test]
fn images() {
    replay("images", harness::images);
}

#[test]
fn executable() {
    replay("executable", exuvia_delta::fuzz::executable);
}

#[test]
fn decode() {
    replay("decode", harness::decode);
}

#[test]
fn round_trip() {
    replay("round_trip", harness::round_trip);
}
