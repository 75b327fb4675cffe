//! What fuzzing found interesting, tried again by the same code that the fuzz targets call.
#![allow(clippy::unwrap_used)]

#[path = "../../updater/core/fuzz/entries.rs"]
mod entries;

use std::path::Path;

/// One target with all its corpus.
fn replay(target: &str, entry: fn(&[u8])) {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../updater/core/fuzz/corpus");
    let files: Vec<_> = std::fs::read_dir(corpora.join(target)).unwrap().collect();
    assert!(files.len() > 1, "{target} has no corpus");
    for file in files {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        entry(&bytes);
        // Neighbours of what is interesting.
        for length in 0..bytes.len() {
            entry(&bytes[..length]);
        }
    }
}

#[test]
fn metadata_of_the_corpus_is_harmless() {
    replay("metadata", entries::metadata);
}

#[test]
fn the_canonical_form_of_the_corpus_is_one() {
    replay("canonical", entries::canonical);
}

#[test]
fn release_facts_of_the_corpus_mean_one_thing() {
    replay("facts", entries::facts);
}

#[test]
fn state_files_of_the_corpus_lower_nothing() {
    replay("state", entries::state);
}
