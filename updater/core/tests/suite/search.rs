//! 5.6.7: searches through delegations.

use exuvia_core::metadata::Scope;
use exuvia_core::{Digest, Error, Target};

use crate::client::Client;
use crate::publisher::{Publisher, Signer};

/// A delegation: from, to, patterns, terminating.
type Edge<'a> = (&'a str, &'a str, &'a [&'a str], bool);

fn repository(edges: &[Edge<'_>], targets: &[(&str, &str)]) -> Publisher {
    let mut publisher = Publisher::new();
    for (from, to, patterns, terminating) in edges {
        publisher.delegate(from, to, patterns, *terminating);
    }
    for (role, path) in targets {
        publisher.add(role, path, format!("{path} by {role}").as_bytes(), None);
    }
    publisher.publish_all();
    publisher
}

/// The roles fetched by a search for a path, in order.
fn visited(publisher: &Publisher, path: &str) -> String {
    let mut client = Client::of(publisher);
    client.find(publisher, path).unwrap();
    roles(&client)
}

fn roles(client: &Client) -> String {
    let role = |file: &str| file.split('.').nth(1).unwrap().to_owned();
    client.fetched().into_iter().map(role).collect::<Vec<_>>().join(" ")
}

/// Which role's word was taken for each path found.
fn origins(found: &[Target], roles: &[&str]) -> Vec<String> {
    let origin = |target: &Target| {
        let path = target.path();
        let by = |role: &&&str| {
            target.sha256() == Some(Digest::of(format!("{path} by {role}").as_bytes()))
        };
        format!("{path} by {}", roles.iter().find(by).unwrap())
    };
    found.iter().map(origin).collect()
}

#[test]
fn roles_are_visited_depth_first_in_order_of_trust() {
    let all = &["*"][..];
    let cases: &[(&[Edge<'_>], &str)] = &[
        (&[("targets", "A", all, false), ("targets", "B", all, false)], "A B"),
        (
            &[
                ("targets", "A", all, false),
                ("targets", "B", all, false),
                ("A", "C", all, false),
                ("C", "D", all, false),
            ],
            "A C D B",
        ),
        // Terminating: only what is below is still asked.
        (
            &[
                ("targets", "A", all, false),
                ("targets", "B", all, false),
                ("A", "C", all, true),
                ("A", "D", all, false),
                ("C", "E", all, false),
            ],
            "A C E",
        ),
        // Terminating for other paths does not concern this one.
        (&[("targets", "A", &["x*"], true), ("targets", "B", all, false)], "B"),
        // A cycle, and two ways to one role.
        (
            &[
                ("targets", "A", all, false),
                ("A", "B", all, false),
                ("B", "C", all, false),
                ("C", "A", all, false),
                ("targets", "C", all, false),
            ],
            "A B C",
        ),
        (&[("targets", "A", &["*.py"], false), ("A", "B", all, false)], ""),
    ];
    for (edges, expected) in cases {
        assert_eq!(visited(&repository(edges, &[]), "missing"), *expected, "{edges:?}");
    }
}

#[test]
fn a_target_must_be_delegated_by_the_whole_chain() {
    let publisher = repository(
        &[
            ("targets", "A", &["*.doc", "*.md", "foo-?.tgz"], false),
            ("targets", "B", &["releases/*/*"], false),
            ("B", "C", &["releases/x/*"], false),
            ("B", "D", &["releases/y/*.zip"], false),
        ],
        &[
            ("targets", "top"),
            ("A", "README.md"),
            ("A", "releases/README.md"),
            ("C", "releases/x/v1"),
            ("C", "releases/y/v1.zip"),
            ("D", "releases/y/v2.zip"),
            ("D", "releases/z/v1.zip"),
        ],
    );
    for (path, found, roles) in [
        ("top", true, ""),
        ("README.md", true, "A"),
        ("README.MD", false, ""),
        ("releases/README.md", false, ""),
        ("releases/x/v1", true, "B C"),
        ("releases/y/v1.zip", false, "B D"),
        ("releases/y/v2.zip", true, "B D"),
        ("releases/z/v1.zip", false, "B"),
    ] {
        let mut client = Client::of(&publisher);
        let targets = client.find(&publisher, path).unwrap();
        assert_eq!(targets.len(), usize::from(found), "{path}");
        assert_eq!(self::roles(&client), roles, "{path}");
    }
}

#[test]
fn the_first_role_that_knows_a_path_is_believed() {
    let publisher = repository(
        &[
            ("targets", "A", &["*"], false),
            ("A", "B", &["*"], false),
            ("targets", "C", &["*"], false),
        ],
        &[("B", "x"), ("C", "x"), ("C", "y")],
    );
    let mut client = Client::of(&publisher);
    let found = client.find(&publisher, "x").unwrap();
    assert_eq!(origins(&found, &["B", "C"]), ["x by B"]);
    assert_eq!(roles(&client), "A B");
}

#[test]
fn roles_come_from_the_store_when_nothing_changed() {
    let publisher =
        repository(&[("targets", "stable", &["stable/*"], true)], &[("stable", "stable/a")]);
    let mut client = Client::of(&publisher);
    assert_eq!(client.find(&publisher, "stable/a").unwrap().len(), 1);
    assert_eq!(client.log, ["load stable.json", "get 1.stable.json", "save stable.json"]);
    assert_eq!(client.find(&publisher, "stable/a").unwrap().len(), 1);
    assert_eq!(client.log, ["load stable.json"]);
}

#[test]
fn a_broken_role_harms_only_who_needs_it() {
    let mut publisher = repository(
        &[("targets", "good", &["good/*"], true), ("targets", "bad", &["bad/*"], true)],
        &[("good", "good/a"), ("bad", "bad/a")],
    );
    publisher.files.remove("1.bad.json");
    let mut client = Client::of(&publisher);
    assert_eq!(client.find(&publisher, "good/a").unwrap().len(), 1);
    let error = client.find(&publisher, "bad/a").unwrap_err();
    assert_eq!(error, Error::Missing { file: "1.bad.json".to_owned() });
    publisher.signers.insert("bad".to_owned(), vec![Signer::new(99)]);
    publisher.publish(&["bad"]);
    let error = client.find(&publisher, "bad/a").unwrap_err();
    assert_eq!(error, Error::Threshold { role: "bad".to_owned(), signed: 0, needed: 1 });
}

#[test]
fn a_role_that_the_snapshot_does_not_list_is_refused_unfetched() {
    let mut publisher = Publisher::new();
    publisher.delegate("targets", "ghost", &["*"], false);
    publisher.targets.remove("ghost");
    publisher.publish(&["targets"]);
    let mut client = Client::of(&publisher);
    let error = client.find(&publisher, "x").unwrap_err();
    assert_eq!(error, Error::NotListed { role: "ghost".to_owned() });
    assert_eq!(roles(&client), "");
}

#[test]
fn an_expired_role_is_refused() {
    let mut publisher = repository(&[("targets", "stable", &["*"], false)], &[]);
    publisher.targets.get_mut("stable").unwrap().expires = crate::publisher::now();
    publisher.publish(&["stable"]);
    let error = Client::of(&publisher).find(&publisher, "x").unwrap_err();
    assert!(matches!(error, Error::Expired { role, .. } if role == "stable"));
}

#[test]
fn the_number_of_roles_is_limited() {
    let names: Vec<_> = (0..4).map(|n| format!("r{n}")).collect();
    let mut edges: Vec<Edge<'_>> = vec![("targets", &names[0], &["*"], false)];
    edges.extend(names.windows(2).map(|pair| (&*pair[0], &*pair[1], &["*"][..], false)));
    let publisher = repository(&edges, &[]);
    let mut client = Client::of(&publisher);
    client.limits.roles = 4;
    assert_eq!(client.find(&publisher, "x").unwrap(), []);
    client.limits.roles = 3;
    assert_eq!(client.find(&publisher, "x").unwrap_err(), Error::TooManyRoles { limit: 3 });
}

#[test]
fn the_comparing_of_patterns_is_limited() {
    let patterns: Vec<_> = (0..500).map(|n| format!("{}{n}", "*a".repeat(20))).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let publisher = repository(&[("targets", "many", &patterns, false)], &[]);
    let mut client = Client::of(&publisher);
    let path = "a".repeat(60);
    assert_eq!(client.find(&publisher, &path).unwrap(), []);
    client.limits.patterns = 100_000;
    let error = client.find(&publisher, &path).unwrap_err();
    assert_eq!(error, Error::TooManyPatterns { limit: 100_000 });
}

#[test]
fn a_role_is_verified_by_the_keys_of_the_way_it_is_reached() {
    // Two teams delegate to "release" with keys of their own; only team A's key signed it.
    let mut publisher =
        repository(&[("targets", "a", &["a/*"], false), ("targets", "b", &["b/*"], false)], &[]);
    publisher.delegate("a", "release", &["a/*"], false);
    let signer = publisher.signers.insert("release".to_owned(), vec![Signer::new(77)]).unwrap();
    publisher.delegate("b", "release", &["b/*"], false);
    publisher.signers.insert("release".to_owned(), signer);
    publisher.add("release", "a/x", b"good", None);
    publisher.add("release", "b/x", b"bad", None);
    publisher.publish_all();
    let mut client = Client::of(&publisher);
    assert_eq!(client.find(&publisher, "a/x").unwrap().len(), 1);
    let error = client.find(&publisher, "b/x").unwrap_err();
    assert_eq!(error, Error::Threshold { role: "release".to_owned(), signed: 0, needed: 1 });
}

#[test]
fn hashed_bins_are_searched() {
    let mut publisher = Publisher::new();
    let digits = "0123456789abcdef";
    for digit in digits.chars() {
        let scope = Scope::HashPrefixes(vec![digit.to_string()]);
        publisher.delegate_scope("targets", &format!("bin-{digit}"), scope, true);
    }
    let bin = Digest::of(b"some/file").to_string()[..1].to_owned();
    publisher.add(&format!("bin-{bin}"), "some/file", b"content", None);
    publisher.publish_all();
    let mut client = Client::of(&publisher);
    assert_eq!(client.find(&publisher, "some/file").unwrap().len(), 1);
    assert_eq!(roles(&client), format!("bin-{bin}"));
    assert_eq!(client.list(&publisher, "some").unwrap().len(), 1);
}

#[test]
fn unusual_names_of_roles_name_no_other_file() {
    for (name, file) in [("../x", "..%2Fx.json"), ("?", "%3F.json"), ("a/b", "a%2Fb.json")] {
        let mut publisher = Publisher::new();
        publisher.delegate("targets", name, &["*"], false);
        publisher.publish_all();
        let role = publisher.files.remove(&format!("1.{name}.json")).unwrap();
        publisher.files.insert(format!("1.{file}"), role);
        let mut client = Client::of(&publisher);
        assert_eq!(client.find(&publisher, "x").unwrap(), []);
        let log = [format!("load {file}"), format!("get 1.{file}"), format!("save {file}")];
        assert_eq!(client.log, log);
    }
}

#[test]
fn delegations_that_contradict_themselves_are_refused() {
    let twice: &[Edge<'_>] = &[("targets", "A", &["a"], false), ("targets", "A", &["b"], false)];
    let reserved: &[Edge<'_>] = &[("targets", "Snapshot", &["a"], false)];
    let versioned: &[Edge<'_>] = &[("targets", "2.root", &["a"], false)];
    for edges in [twice, reserved, versioned] {
        let publisher = repository(edges, &[]);
        let error = Client::of(&publisher).refresh(&publisher).unwrap_err();
        assert!(matches!(error, Error::Malformed { role, .. } if role == "targets"));
    }
}

#[test]
fn a_delegation_has_exactly_one_scope() {
    for (scopes, good) in [
        (&["paths"][..], true),
        (&["path_hash_prefixes"], true),
        (&["paths", "path_hash_prefixes"], false),
        (&[], false),
    ] {
        let mut role = serde_json::json!({
            "name": "A", "keyids": [], "threshold": 1, "terminating": false, "x-later": 1
        });
        for scope in scopes {
            role[*scope] = serde_json::json!(["a"]);
        }
        let delegations = serde_json::json!({"keys": {}, "roles": [role]});
        let read: Result<exuvia_core::metadata::Delegations, _> =
            serde_json::from_value(delegations.clone());
        assert_eq!(read.is_ok(), good, "{scopes:?}");
        if let Ok(read) = read {
            assert_eq!(serde_json::to_value(read).unwrap(), delegations);
        }
    }
}

#[test]
fn a_list_is_what_lookups_would_find() {
    let publisher = repository(
        &[
            ("targets", "A", &["d/a*", "d/both"], true),
            ("targets", "B", &["d/*"], false),
            ("targets", "C", &["other/*"], false),
            ("B", "A", &["d/b*"], false),
        ],
        &[
            ("targets", "d/top"),
            ("targets", "d/deep/er"),
            ("A", "d/a1"),
            ("A", "d/not-delegated"),
            ("A", "d/b-by-way-of-B"),
            ("B", "d/a1"),
            ("B", "d/a2"),
            ("B", "d/both"),
            ("B", "d/top"),
            ("B", "d/z"),
            ("B", "d/.."),
            ("B", "other/x"),
        ],
    );
    let mut client = Client::of(&publisher);
    let found = client.list(&publisher, "d").unwrap();
    let expected =
        ["d/a1 by A", "d/b-by-way-of-B by A", "d/top by targets", "d/z by B"].map(str::to_owned);
    assert_eq!(origins(&found, &["targets", "A", "B"]), expected);
    // Role C is not about this directory.
    assert!(!client.files.contains_key("C.json"));
    for target in found {
        assert_eq!(client.find(&publisher, target.path()).unwrap(), [target]);
    }
    for path in ["d/a2", "d/both", "d/not-delegated"] {
        assert_eq!(client.find(&publisher, path).unwrap(), [], "{path}");
    }
}

#[test]
fn a_list_heeds_a_terminating_delegation_further_down() {
    let publisher = repository(
        &[
            ("targets", "A", &["d/*"], false),
            ("targets", "B", &["d/*"], false),
            ("A", "C", &["d/x*"], true),
        ],
        &[("B", "d/x1"), ("B", "d/y"), ("C", "d/x2")],
    );
    let found = Client::of(&publisher).list(&publisher, "d").unwrap();
    assert_eq!(origins(&found, &["B", "C"]), ["d/x2 by C", "d/y by B"]);
}

#[test]
fn a_list_asks_nobody_after_a_role_that_has_the_directory_to_itself() {
    let publisher = repository(
        &[("targets", "A", &["d/*"], true), ("targets", "B", &["d/*"], true)],
        &[("A", "d/a"), ("B", "d/b")],
    );
    let mut client = Client::of(&publisher);
    assert_eq!(client.list(&publisher, "d").unwrap().len(), 1);
    assert_eq!(roles(&client), "A");
}

#[test]
fn cycles_do_not_keep_a_list_from_ending() {
    let publisher = repository(
        &[
            ("targets", "A", &["d/*"], false),
            ("A", "B", &["d/*"], false),
            ("B", "A", &["d/*"], false),
            ("B", "B", &["d/*"], false),
            ("targets", "B", &["d/*"], false),
        ],
        &[("B", "d/x")],
    );
    assert_eq!(Client::of(&publisher).list(&publisher, "d").unwrap().len(), 1);
}
