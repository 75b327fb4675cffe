//! When the user's data is looked after.
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod common;

use common::{phases, release};
use exuvia_plan::data::{Care, care};
use exuvia_plan::{Config, ConfigError, DataHooks, Phase, PolicyError};

fn trial(schemas: [Option<u64>; 2]) -> Phase {
    let [from, to] = [("1.2.0", 0), ("1.3.0", 1)].map(|(version, at)| {
        let mut release = release(version);
        release.schema = schemas[at];
        release
    });
    Phase::Trial { from, to, previous: None }
}

#[test]
fn a_copy_is_made_once_and_only_where_the_schema_changes() {
    let to = release("1.3.0").digest;
    for (schemas, changes) in [
        ([Some(1), Some(2)], true),
        ([Some(2), Some(1)], true),
        ([None, Some(1)], true),
        ([Some(1), None], true),
        ([Some(1), Some(1)], false),
        ([None, None], false),
    ] {
        let phase = trial(schemas);
        assert_eq!(care(None, &phase), Care { restore: false, snapshot: changes }, "{schemas:?}");
        assert_eq!(care(Some(to), &phase), Care { restore: false, snapshot: false }, "{schemas:?}");
    }
}

#[test]
fn the_copy_of_a_release_that_was_left_is_put_back_first() {
    let left = release("1.2.9").digest;
    for phase in phases() {
        assert!(care(Some(left), &phase).restore, "{phase:?}");
        assert!(!care(None, &phase).restore, "{phase:?}");
        assert!(!care(Some(phase.live().digest), &phase).restore, "{phase:?}");
    }
    let both = Care { restore: true, snapshot: true };
    assert_eq!(care(Some(left), &trial([Some(1), Some(2)])), both);
}

#[test]
fn hooks_are_lists_of_arguments_and_there_is_no_putting_back_alone() {
    let config = |data: &str| {
        let text =
            r#"{"exuvia":1,"app":"notes","channel":"stable","mirrors":["https://a.example/"],"#;
        Config::parse(&format!(r#"{text}"root":{{}},"data":{data}}}"#))
    };
    let both = config(r#"{"snapshot":["--data","aside"],"restore":["--data","back"]}"#).unwrap();
    assert_eq!(both.data.restore, ["--data", "back"]);
    assert_eq!(Config::parse(&both.to_json()).unwrap(), both);
    assert!(config(r#"{"snapshot":["--aside"]}"#).unwrap().data.restore.is_empty());
    let none = Config { data: DataHooks::default(), ..both };
    assert!(!none.to_json().contains("data"));
    for bad in [r#"{"restore":["x"]}"#, r#"{"snapshot":[]}"#, r#"{"snapshot":["a"],"x":1}"#, "[]"] {
        let error = config(bad).unwrap_err();
        assert_eq!(error, ConfigError::Policy { key: "data", source: PolicyError::Data }, "{bad}");
    }
}
