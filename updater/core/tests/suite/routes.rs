//! Ways to a release.

use std::collections::BTreeSet;

use exuvia_core::Digest;
use exuvia_core::Kind;
use exuvia_core::choose::{Route, Step, routes};
use exuvia_core::release::Releases;

use crate::choose::{Shelf, bundle};

const KNOWN: &str = "exuvia-delta-3";

fn shelf() -> Shelf {
    ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]
        .iter()
        .fold(Shelf::new(), |shelf, version| shelf.with(version, |_| {}))
}

/// The ways from a version to the newest, such as `1.0.0>1.2.0 1.2.0>1.3.0 =80`.
fn ways(releases: &Releases, from: &str, avoid: &BTreeSet<Digest>) -> Vec<String> {
    let to = releases.newest(Kind::Folder).unwrap();
    let name = |digest: Digest| {
        let release = releases.by_digest(digest);
        release.map_or("?".to_owned(), |release| release.version().to_string())
    };
    let describe = |route: &Route| {
        let step = |step: &Step| match step {
            Step::Full(target) => {
                assert_eq!(target, to.full());
                "full ".to_owned()
            }
            Step::Delta(delta) => {
                assert_eq!(delta.bundle().digest, delta.to());
                format!("{}>{} ", name(delta.from()), name(delta.to()))
            }
        };
        format!("{}={}", route.steps.iter().map(step).collect::<String>(), route.bytes)
    };
    routes(releases, Some(bundle(from)), to, &[KNOWN], avoid).iter().map(describe).collect()
}

#[test]
fn without_deltas_the_full_bundle_is_the_way() {
    let releases = shelf().read();
    assert_eq!(ways(&releases, "1.0.0", &BTreeSet::new()), ["full =1000"]);
    let to = releases.newest(Kind::Folder).unwrap();
    let unknown = routes(&releases, None, to, &[KNOWN], &BTreeSet::new());
    assert_eq!(unknown.len(), 1);
}

#[test]
fn the_cheapest_chain_comes_first_and_no_delta_is_used_twice() {
    let releases = shelf()
        .delta("1.0.0", "1.3.0", 300, KNOWN)
        .delta("1.0.0", "1.1.0", 10, KNOWN)
        .delta("1.1.0", "1.2.0", 20, KNOWN)
        .delta("1.2.0", "1.3.0", 40, KNOWN)
        .delta("1.1.0", "1.3.0", 500, KNOWN)
        .read();
    assert_eq!(
        ways(&releases, "1.0.0", &BTreeSet::new()),
        ["1.0.0>1.1.0 1.1.0>1.2.0 1.2.0>1.3.0 =70", "1.0.0>1.3.0 =300", "full =1000"]
    );
    assert_eq!(
        ways(&releases, "1.1.0", &BTreeSet::new()),
        ["1.1.0>1.2.0 1.2.0>1.3.0 =60", "1.1.0>1.3.0 =500", "full =1000"]
    );
}

#[test]
fn chains_that_share_their_end_are_one_way() {
    let releases = shelf()
        .delta("1.0.0", "1.1.0", 10, KNOWN)
        .delta("1.0.0", "1.2.0", 20, KNOWN)
        .delta("1.2.0", "1.1.0", 20, KNOWN)
        .delta("1.1.0", "1.3.0", 40, KNOWN)
        .read();
    let expected = ["1.0.0>1.1.0 1.1.0>1.3.0 =50", "full =1000"];
    assert_eq!(ways(&releases, "1.0.0", &BTreeSet::new()), expected);
}

#[test]
fn of_equal_costs_the_shorter_chain_comes_first() {
    let releases = shelf()
        .delta("1.0.0", "1.1.0", 50, KNOWN)
        .delta("1.1.0", "1.3.0", 50, KNOWN)
        .delta("1.0.0", "1.3.0", 100, KNOWN)
        .read();
    assert_eq!(ways(&releases, "1.0.0", &BTreeSet::new())[0], "1.0.0>1.3.0 =100");
}

#[test]
fn chains_that_cost_as_much_as_the_full_bundle_are_left_out() {
    let releases = shelf()
        .delta("1.0.0", "1.3.0", 1_000, KNOWN)
        .delta("1.0.0", "1.1.0", u64::from(u32::MAX), KNOWN)
        .delta("1.1.0", "1.3.0", (1 << 53) - 1, KNOWN)
        .read();
    assert_eq!(ways(&releases, "1.0.0", &BTreeSet::new()), ["full =1000"]);
}

#[test]
fn unknown_formats_and_deltas_that_failed_are_not_used() {
    let releases = shelf()
        .delta("1.0.0", "1.3.0", 1, "exuvia-delta-9")
        .delta("1.0.0", "1.3.0", 50, KNOWN)
        .read();
    assert_eq!(ways(&releases, "1.0.0", &BTreeSet::new()), ["1.0.0>1.3.0 =50", "full =1000"]);
    let failed = releases.iter().flat_map(|release| release.deltas());
    let avoid = failed.filter_map(|delta| delta.target().sha256()).collect();
    assert_eq!(ways(&releases, "1.0.0", &avoid), ["full =1000"]);
}

#[test]
fn circles_do_not_keep_a_search_from_ending() {
    let releases = shelf()
        .delta("1.0.0", "1.1.0", 1, KNOWN)
        .delta("1.1.0", "1.0.0", 1, KNOWN)
        .delta("1.1.0", "1.1.0", 0, KNOWN)
        .delta("1.1.0", "1.3.0", 1, KNOWN)
        .delta("1.3.0", "1.3.0", 0, KNOWN)
        .read();
    assert_eq!(
        ways(&releases, "1.0.0", &BTreeSet::new()),
        ["1.0.0>1.1.0 1.1.0>1.3.0 =2", "full =1000"]
    );
    assert_eq!(ways(&releases, "1.3.0", &BTreeSet::new()), ["full =1000"]);
}
