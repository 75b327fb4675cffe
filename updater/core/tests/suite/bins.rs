//! Hashed bins: by prefixes (TUF §4.5) and succinct (TAP 15).

use exuvia_core::metadata::{Scope, SuccinctRoles};
use exuvia_core::{Digest, Error};
use serde_json::Map;

use crate::client::Client;
use crate::publisher::{Publisher, Signer};

fn path(number: usize) -> String {
    format!("files/{number}.bin")
}

/// A thousand targets in bins chosen by so many bits; all bins have one key.
fn succinct(bit_length: u32) -> Publisher {
    let mut publisher = Publisher::new();
    let signer = Signer::new(77);
    let bins = SuccinctRoles {
        keyids: vec![signer.public().id()],
        threshold: 1,
        bit_length,
        name_prefix: "bin".to_owned(),
        extra: Map::new(),
    };
    let delegations = publisher.top().delegations.get_or_insert_default();
    delegations.keys.insert(signer.public().id(), signer.public());
    delegations.succinct_roles = Some(bins.clone());
    for bin in bins.bins() {
        publisher.add_role(&bin.name, vec![signer.clone()]);
    }
    for number in 0..1_000 {
        let bin = bins.bin_of(&path(number)).name;
        publisher.add(&bin, &path(number), path(number).as_bytes(), None);
    }
    publisher.publish_all();
    publisher
}

#[test]
fn a_target_in_succinct_bins_costs_one_role() {
    for bit_length in [1, 5, 8] {
        let publisher = succinct(bit_length);
        let mut client = Client::of(&publisher);
        for number in [0, 17, 999] {
            let found = client.find(&publisher, &path(number)).unwrap();
            assert_eq!(found[0].sha256(), Some(Digest::of(path(number).as_bytes())));
            assert!(client.fetched().len() <= 1, "{:?}", client.fetched());
        }
        assert_eq!(client.find(&publisher, "files/none").unwrap(), []);
    }
}

#[test]
fn a_bin_speaks_about_the_paths_of_its_hash_only() {
    let mut publisher = succinct(4);
    let bins = publisher.top().delegations.clone().unwrap().succinct_roles.unwrap();
    let foreign = bins.bins().find(|bin| *bin != bins.bin_of("files/new")).unwrap().name;
    publisher.add(&foreign, "files/new", b"forged", None);
    publisher.publish(&[&foreign]);
    let mut client = Client::of(&publisher);
    assert_eq!(client.find(&publisher, "files/new").unwrap(), []);
    let listed = client.list(&publisher, "files").unwrap();
    assert!(!listed.iter().any(|target| target.path() == "files/new"));
}

#[test]
fn a_directory_is_listed_over_all_bins_up_to_the_limit() {
    let publisher = succinct(5);
    let mut client = Client::of(&publisher);
    assert_eq!(client.list(&publisher, "files").unwrap().len(), 1_000);
    assert_eq!(client.fetched().len(), 32);
    client.limits.roles = 31;
    let error = client.list(&publisher, "files").unwrap_err();
    assert_eq!(error, Error::TooManyRoles { limit: 31 });
}

#[test]
fn four_thousand_million_bins_are_no_burden() {
    let mut publisher = succinct(1);
    publisher.top().delegations.as_mut().unwrap().succinct_roles.as_mut().unwrap().bit_length = 32;
    publisher.publish(&["targets"]);
    let mut client = Client::of(&publisher);
    let error = client.list(&publisher, "files").unwrap_err();
    assert_eq!(error, Error::NotListed { role: "bin-00000000".to_owned() });
    let error = client.find(&publisher, "files/x").unwrap_err();
    assert!(matches!(error, Error::NotListed { .. }), "{error}");
}

#[test]
fn bins_that_are_missing_or_signed_by_others_are_no_absent_targets() {
    let mut publisher = succinct(1);
    let bins = publisher.top().delegations.clone().unwrap().succinct_roles.unwrap();
    let bin = bins.bin_of("files/none").name;
    publisher.signers.insert(bin.clone(), vec![Signer::new(78)]);
    publisher.publish(&[&bin]);
    let mut client = Client::of(&publisher);
    let error = client.find(&publisher, "files/none").unwrap_err();
    assert_eq!(error, Error::Threshold { role: bin, signed: 0, needed: 1 });
}

#[test]
fn roles_and_succinct_roles_exclude_each_other() {
    let mut publisher = succinct(1);
    publisher.delegate("targets", "also", &["*"], false);
    publisher.publish_all();
    let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
    assert!(matches!(error, Error::Malformed { role, .. } if role == "targets"));
}

#[test]
fn bins_by_prefixes_cost_one_role_too() {
    let mut publisher = Publisher::new();
    for digit in 0..16 {
        let prefixes = Scope::HashPrefixes(vec![format!("{digit:x}")]);
        publisher.delegate_scope("targets", &format!("bin-{digit:x}"), prefixes, true);
    }
    for number in 0..100 {
        let digit = Digest::of(path(number).as_bytes()).to_string().remove(0);
        publisher.add(&format!("bin-{digit}"), &path(number), b"content", None);
    }
    publisher.publish_all();
    let mut client = Client::of(&publisher);
    for number in 0..100 {
        assert_eq!(client.find(&publisher, &path(number)).unwrap().len(), 1);
        assert!(client.fetched().len() <= 1);
    }
    assert_eq!(client.list(&publisher, "files").unwrap().len(), 100);
}
