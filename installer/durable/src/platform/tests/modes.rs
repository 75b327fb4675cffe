//! Modes, and the exchange.

use super::mode;
use crate::Exchange;
use crate::tests::durability::fill;
use crate::tests::sandbox;

#[test]
fn modes_are_exact_whatever_the_umask() {
    let (folder, dir) = sandbox();
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    fill(&dir).unwrap();
    dir.write("state", b"").unwrap();
    rustix::process::umask(before);
    let at = |name: &str| mode(folder.path().join(name));
    assert_eq!([at("1.0.0"), at("1.0.0/bin"), at("1.0.0/bin/notes")], [0o755; 3]);
    assert_eq!([at("1.0.0/readme"), at("state")], [0o644; 2]);
}

#[test]
fn nobody_else_enters_a_tree_before_it_is_finished() {
    let (folder, dir) = sandbox();
    let tree = dir.stage("1.0.0").unwrap();
    assert_eq!(mode(folder.path().join("1.0.0")), 0o700);
    tree.finish().unwrap();
    assert_eq!(mode(folder.path().join("1.0.0")), 0o755);
}

#[test]
fn two_trees_change_places_in_one_step() {
    let (folder, dir) = sandbox();
    dir.stage("live").unwrap().write("version", false, b"1").unwrap();
    dir.create_dir("state").unwrap();
    dir.stage("state/side").unwrap().write("version", false, b"2").unwrap();
    assert_eq!(dir.exchange("live", "state/side").unwrap(), Exchange::Exchanged);
    assert_eq!(std::fs::read(folder.path().join("live/version")).unwrap(), b"2");
    assert_eq!(std::fs::read(folder.path().join("state/side/version")).unwrap(), b"1");
}
