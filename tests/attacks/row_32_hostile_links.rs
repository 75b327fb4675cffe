//! Links that lead out of the tree, or files through links; signed by an insider.

use crate::are_refused;
use crate::bundles::{bundle, dir, file, link, manifest};

/// The bundles, by what is wrong with them.
pub(crate) fn bundles() -> Vec<(&'static str, Vec<u8>)> {
    let one = |target: &str| bundle(&manifest(&[dir("d"), file("f"), link("l", target)]));
    let all = |entries: &[String]| bundle(&manifest(entries));
    let row: Vec<String> = (0..9).map(|at| link(&at.to_string(), &(at + 1).to_string())).collect();
    vec![
        ("to an absolute path", one("/etc/passwd")),
        ("outside", one("../../secret")),
        ("outside later", one("d/../../secret")),
        ("to our own state", one(".exuvia/journal")),
        ("file through a link", all(&[link("a", "b"), file("a/x"), dir("b")])),
        ("folder over a link", all(&[link("a", "b"), dir("a"), file("a/x"), dir("b")])),
        ("through a link", all(&[dir("d"), file("d/f"), link("k", "d"), link("l", "k/f")])),
        ("to itself", all(&[link("l", "l")])),
        ("in a circle", all(&[link("k", "l"), link("l", "k")])),
        ("nine in a row", all(&[row, vec![file("9")]].concat())),
        ("to nothing", one("gone")),
    ]
}

#[tokio::test]
async fn a_bundle_with_a_hostile_link_is_refused_whole() {
    are_refused(bundles()).await;
}
