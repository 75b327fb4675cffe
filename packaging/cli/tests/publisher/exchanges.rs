//! Keys are exchanged while clients look on: wherever a publication is cut off, nobody is refused.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use exuvia_cli::{NewKey, Outcome, Publisher, verify};
use exuvia_repo::{Expiry, Repository};

use crate::drill::*;
use crate::support::*;

type Exchange = fn(&mut Publisher, &str) -> Outcome;

/// Every exchange, with the role it is about; `channel` stands for the channel's.
const EXCHANGES: [(&str, Exchange); 9] = [
    ("timestamp", rotate),
    ("snapshot", rotate),
    ("targets", rotate),
    ("channel", rotate),
    ("root", rotate),
    ("timestamp", revoke),
    ("targets", revoke),
    ("channel", revoke),
    ("root", revoke),
];

fn rotate(publisher: &mut Publisher, role: &str) -> Outcome {
    let old = first_key(publisher, role);
    publisher.rotate_key(role, Some(&old), &NewKey::Fresh).unwrap()
}

fn revoke(publisher: &mut Publisher, role: &str) -> Outcome {
    let old = first_key(publisher, role);
    publisher.revoke_key(role, Some(&old)).unwrap()
}

fn first_key(publisher: &Publisher, role: &str) -> String {
    let custody = publisher.folder().custody().unwrap();
    let found = custody.into_iter().find(|custody| custody.role == role).unwrap();
    found.keys[0].name.clone().unwrap()
}

/// What a publication writes, in its order, beyond what is there.
fn steps(publisher: &Publisher, www: &Path) -> Vec<(String, Vec<u8>)> {
    let here = publisher.folder().repository().unwrap();
    let there = metadata(&files(www));
    let there = Repository::parse("notes".parse().unwrap(), Expiry::default(), there).unwrap();
    let order = here.publication(Some(&there), today()).into_iter();
    let order = order.map(|path| (here.files()[&path].clone(), path));
    let new = order.filter(|(bytes, path)| there.files().get(path) != Some(bytes));
    new.map(|(bytes, path)| (path, bytes)).collect()
}

fn metadata(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let metadata = files.iter().filter(|(path, _)| path.starts_with("metadata/"));
    metadata.map(|(path, bytes)| (path.clone(), bytes.clone())).collect()
}

#[test]
fn wherever_a_publication_of_new_keys_is_cut_off_no_client_is_refused() {
    let mut drill = Drill::new();
    let www = drill.place.path("www");
    let config = drill.publisher.folder().config().clone();
    // One looks all the time, one only now and then.
    let (often, seldom) = (drill.client("often").install(), drill.client("seldom").install());
    for (role, exchange) in EXCHANGES {
        let role = if role == "channel" { drill.channel() } else { role.to_owned() };
        let what = format!("{role}, {exchange:?}");
        done(&exchange(&mut drill.publisher, &role));
        let steps = steps(&drill.publisher, &www);
        assert!(steps.len() > 1 || role == "root", "{what}: {}", steps.len());
        for (number, (path, bytes)) in steps.iter().enumerate() {
            fs::write(www.join(path), bytes).unwrap();
            let address = www.display().to_string();
            let fresh = verify(&address, &config, today());
            assert!(fresh.is_ok(), "{what}, after {number} ({path}): {fresh:?}");
            assert_eq!(often.update(), Found::Current, "{what}, after {number} ({path})");
        }
        assert_eq!(seldom.update(), Found::Current, "{what}");
        drill.publish();
        assert_eq!(often.update(), Found::Current, "{what}");
    }
    drill.release("1.1.0");
    for client in [often, seldom] {
        assert_eq!(client.update(), Found::Moved("1.1.0".to_owned()));
    }
}
