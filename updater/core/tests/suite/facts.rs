//! Release facts: the vectors of the formats, the limits, and what is passed over.

use exuvia_core::release::{Facts, FactsError, Releases, Why};
use exuvia_core::{Kind, json};
use serde_json::{Value, json};

use crate::client::Client;
use crate::publisher::Publisher;

const FULL: &[u8] = include_bytes!("../../../../docs/vectors/facts-full.json");
const DELTA: &[u8] = include_bytes!("../../../../docs/vectors/facts-delta.json");

fn full() -> Value {
    json::parse(FULL).unwrap()
}

fn with(change: impl FnOnce(&mut Value)) -> Result<Facts, FactsError> {
    let mut value = full();
    change(&mut value);
    Facts::parse(&value)
}

#[test]
fn the_vectors_are_read_and_written_unchanged() {
    for bytes in [FULL, DELTA] {
        let value = json::parse(bytes).unwrap();
        let facts = Facts::parse(&value).unwrap();
        assert_eq!(facts.to_value().unwrap(), value);
    }
}

#[test]
fn the_vector_says_what_the_formats_say() {
    let facts = Facts::parse(&full()).unwrap();
    assert_eq!(facts.app.as_str(), "notes");
    assert_eq!(facts.version.to_string(), "1.3.0");
    assert_eq!((facts.kind, facts.platform.as_str()), (Kind::Folder, "linux-x86_64"));
    assert_eq!(facts.requires.os.as_deref(), Some("5.10"));
    assert_eq!(facts.gated.unwrap().max_days, 14);
    assert_eq!(facts.data.unwrap().schema, 3);
    let delta = Facts::parse(&json::parse(DELTA).unwrap()).unwrap();
    assert_eq!(delta.delta.unwrap().to, delta.bundle.digest);
}

#[test]
fn what_may_be_absent_may_be_absent() {
    let value = json!({
        "facts": 1, "app": "notes", "version": "1.0.0", "channel": "stable",
        "platform": "linux-x86_64", "kind": "folder", "published": "2026-11-23T18:00:00Z",
        "executable": "notes", "reads": [],
        "bundle": {"digest": "00".repeat(32), "length": 1, "files": 1},
    });
    let facts = Facts::parse(&value).unwrap();
    assert!(!facts.critical && facts.gated.is_none() && facts.requires.is_empty());
    assert_eq!(facts.to_value().unwrap(), value);
    for field in value.as_object().unwrap().keys().filter(|field| *field != "facts") {
        let mut lacking = value.clone();
        lacking.as_object_mut().unwrap().remove(field);
        assert!(Facts::parse(&lacking).is_err(), "{field}");
    }
}

#[test]
fn facts_of_a_later_format_are_named_as_such() {
    let found = with(|value| *value = json!({"facts": 2, "entirely": "different"}));
    assert_eq!(found, Err(FactsError::Newer { found: 2 }));
}

#[test]
fn limits_hold() {
    let large = |field: &'static str, limit| Err(FactsError::TooLarge { field, limit });
    let digest = "00".repeat(32);
    assert_eq!(with(|v| v["x"] = json!("x".repeat(65_536))), large("facts", 65_536));
    assert_eq!(with(|v| v["notes"]["en"] = json!("x".repeat(8_193))), large("notes", 8_192));
    assert!(with(|v| v["notes"]["en"] = json!("x".repeat(8_192))).is_ok());
    for n in 0..17 {
        let many = with(|v| {
            for n in 0..n {
                v["notes"][format!("l{n}")] = json!("");
            }
        });
        // One language is there already.
        assert_eq!(many.is_ok(), n < 16, "{n}");
    }
    assert_eq!(with(|v| v["supersedes"] = json!(vec![&digest; 65])), large("supersedes", 64));
    assert_eq!(with(|v| v["reads"] = json!(vec!["x"; 65])), large("reads", 64));
    assert_eq!(with(|v| v["crit"] = json!(vec!["x"; 65])), large("crit", 64));
    let long = format!("1.0.0-{}", "a".repeat(60));
    assert_eq!(with(|v| v["version"] = json!(long)), large("version", 64));
}

#[test]
fn a_delta_must_lead_to_the_bundle() {
    let found = with(|v| {
        let (digest, other) = ("00".repeat(32), "11".repeat(32));
        v["delta"] = json!({"format": "exuvia-delta-3", "from": digest, "to": other});
    });
    assert!(matches!(found, Err(FactsError::DeltaLeadsElsewhere { .. })));
}

#[test]
fn fields_not_understood_matter_only_in_crit() {
    let unknown = with(|v| v["needs-moon"] = json!(true)).unwrap();
    assert_eq!(unknown.not_understood(), None);
    let critical = with(|v| v["crit"] = json!(["requires", "needs-moon"])).unwrap();
    assert_eq!(critical.not_understood(), Some("needs-moon"));
    assert_eq!(with(|v| v["crit"] = json!(["delta", "reads"])).unwrap().not_understood(), None);
}

#[test]
fn what_is_not_for_this_application_is_passed_over_and_listed() {
    let mut publisher = Publisher::new();
    let mut add = |path: &str, change: &dyn Fn(&mut Value)| {
        let mut facts = full();
        change(&mut facts);
        publisher.add("targets", path, path.as_bytes(), Some(json!({ "exuvia": facts })));
    };
    let dir = "stable/linux-x86_64";
    add(&format!("{dir}/good"), &|_| {});
    add(&format!("{dir}/app"), &|f| f["app"] = json!("other"));
    add(&format!("{dir}/channel"), &|f| f["channel"] = json!("beta"));
    add(&format!("{dir}/kind"), &|f| f["kind"] = json!("floppy"));
    add(&format!("{dir}/platform"), &|f| f["platform"] = json!("macos-aarch64"));
    add("stable/linux-x86/path", &|_| {});
    add(&format!("{dir}/good-twin"), &|f| f["bundle"]["digest"] = json!("22".repeat(32)));
    add(&format!("{dir}/good-build"), &|f| f["version"] = json!("1.3.0+2"));
    add(&format!("{dir}/orphan"), &|f| {
        let (from, to) = ("00".repeat(32), "33".repeat(32));
        f["bundle"]["digest"] = json!(to);
        f["delta"] = json!({"format": "exuvia-delta-3", "from": from, "to": to});
    });
    publisher.add("targets", &format!("{dir}/notes.md"), b"", None);
    publisher.publish(&["targets"]);
    let mut targets = Client::of(&publisher).list(&publisher, dir).unwrap();
    targets.extend(Client::of(&publisher).list(&publisher, "stable/linux-x86").unwrap());
    let parse = |text: &str| text.parse().unwrap();
    let releases = Releases::read(
        targets,
        &"notes".parse().unwrap(),
        &"stable".parse().unwrap(),
        &parse("linux-x86_64"),
    );
    assert_eq!(releases.iter().count(), 1);
    let newest = releases.newest(Kind::Folder).unwrap();
    assert_eq!(newest.full().path(), format!("{dir}/good"));
    assert_eq!(releases.by_digest(newest.digest()), Some(newest));
    assert_eq!(releases.newest(Kind::Deb), None);
    let why = |name: &str| {
        let ignored = releases.ignored().iter().find(|ignored| ignored.path.ends_with(name));
        ignored.unwrap().why.clone()
    };
    assert_eq!(why("/app"), Why::OtherApp { found: "other".parse().unwrap() });
    assert_eq!(why("/channel"), Why::OtherChannel { found: "beta".parse().unwrap() });
    assert_eq!(why("/platform"), Why::OtherPlatform { found: parse("macos-aarch64") });
    assert!(matches!(why("/kind"), Why::BadFacts(FactsError::Malformed { .. })));
    assert_eq!(why("/path"), Why::OtherDirectory);
    assert!(matches!(why("/good-twin"), Why::Conflict { .. }));
    assert!(matches!(why("/good-build"), Why::Conflict { .. }));
    assert!(matches!(why("/orphan"), Why::NoFull { .. }));
    assert_eq!(why("/notes.md"), Why::NoFacts);
    assert_eq!(releases.ignored().len(), 9);
}
