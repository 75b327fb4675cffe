//! 5.7: where a target lies, and the check of its bytes.

use exuvia_core::{Digest, Mismatch, Target};

use crate::client::Client;
use crate::publisher::Publisher;

fn target(consistent: bool, path: &str, content: &[u8], hashes: &[(&str, String)]) -> Target {
    let mut publisher = Publisher::new();
    publisher.root.consistent_snapshot = consistent;
    publisher.publish_root();
    publisher.add("targets", path, content, None);
    let file = publisher.top().targets.get_mut(path).unwrap();
    file.hashes = hashes.iter().map(|(name, hash)| ((*name).to_owned(), hash.clone())).collect();
    publisher.publish(&["targets"]);
    Client::of(&publisher).find(&publisher, path).unwrap().remove(0)
}

fn sha256(content: &[u8]) -> (&'static str, String) {
    ("sha256", Digest::of(content).to_string())
}

/// SHA-512 of "abc" (FIPS 180-4).
const SHA512_OF_ABC: &str = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

#[test]
fn the_hash_stands_before_the_name_not_before_the_directory() {
    let hash = Digest::of(b"abc");
    for (path, expected) in
        [("a", format!("targets/{hash}.a")), ("d/e/a.tar", format!("targets/d/e/{hash}.a.tar"))]
    {
        assert_eq!(target(true, path, b"abc", &[sha256(b"abc")]).remote_path(), expected);
        let plain = target(false, path, b"abc", &[sha256(b"abc")]).remote_path();
        assert_eq!(plain, format!("targets/{path}"));
    }
}

#[test]
fn bytes_are_those_of_the_target_only_if_all_agree() {
    let target = target(true, "a", b"abc", &[sha256(b"abc")]);
    let mut checker = target.checker();
    checker.update(b"a").unwrap();
    checker.update(b"bc").unwrap();
    let verdict = checker.finish().unwrap();
    assert_eq!((verdict.length(), verdict.sha256()), (3, target.sha256()));
    assert_eq!(check(&target, b"abx"), Some(Mismatch::WrongHash));
    assert_eq!(check(&target, b"ab"), Some(Mismatch::TooShort { expected: 3, found: 2 }));
}

#[test]
fn a_byte_too_many_is_refused_as_soon_as_it_comes() {
    let target = target(true, "a", b"abc", &[sha256(b"abc")]);
    let mut checker = target.checker();
    checker.update(b"abc").unwrap();
    assert_eq!(checker.update(b"d"), Err(Mismatch::TooLong { expected: 3 }));
    assert_eq!(checker.finish(), Err(Mismatch::TooLong { expected: 3 }));
}

#[test]
fn every_known_hash_counts_and_one_must_be_known() {
    let sha512 = |hash: &str| ("sha512", hash.to_owned());
    let unknown = ("blake9", "00".to_owned());
    let zeros = "00".repeat(64);
    for (hashes, expected) in [
        (vec![sha512(SHA512_OF_ABC)], None),
        (vec![sha256(b"abc"), sha512(SHA512_OF_ABC), unknown.clone()], None),
        (vec![sha256(b"abc"), sha512(&zeros)], Some(Mismatch::WrongHash)),
        (vec![sha256(b"xyz"), sha512(SHA512_OF_ABC)], Some(Mismatch::WrongHash)),
        (vec![unknown], Some(Mismatch::NoKnownHash)),
        (vec![("sha256", "no hex".to_owned())], Some(Mismatch::NoKnownHash)),
    ] {
        let target = target(true, "a", b"abc", &hashes);
        assert_eq!(check(&target, b"abc"), expected, "{hashes:?}");
    }
}

#[test]
fn without_sha256_another_hash_names_the_file() {
    let target = target(true, "d/a", b"abc", &[("sha512", SHA512_OF_ABC.to_owned())]);
    assert_eq!(target.sha256(), None);
    assert_eq!(target.remote_path(), format!("targets/d/{SHA512_OF_ABC}.a"));
}

#[test]
fn a_hash_that_is_no_hex_gets_into_no_path() {
    let target = target(true, "a", b"abc", &[("sha256", "../../x".to_owned())]);
    assert_eq!(target.remote_path(), "targets/a");
}

fn check(target: &Target, bytes: &[u8]) -> Option<Mismatch> {
    let mut checker = target.checker();
    checker.update(bytes).and_then(|()| checker.finish().map(|_| ())).err()
}
