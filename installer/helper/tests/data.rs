//! The user's data where a new version changes it: a copy is made before it can, and is put back when
//! the old version goes on.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed fixture is a failed test")]

mod support;

use exuvia_core::release::DataFacts;
use exuvia_helper::{Error, Install};
use exuvia_plan::history::Event;
use exuvia_plan::{DataHooks, Health, StepError};
use std::fs;
use support::{ANSWERS, Kit, launch, now};

/// 1.0.0 is installed and its data written; 1.1.0 writes it anew and goes on with these lines.
fn kit(new: &str, schema: u64, readable_from: Option<&str>) -> (Kit, Install) {
    let mut kit = Kit::new();
    kit.health = Health::Alive { seconds: 1 };
    let hook = |word: &str| vec!["--data".to_owned(), word.to_owned()];
    kit.data = DataHooks { snapshot: hook("aside"), restore: hook("back") };
    let data = kit.path().join("data");
    let data = data.display();
    let says = |version: &str| kit.says(&format!("{version} $EXUVIA_DATA $*"));
    let looks = format!(
        "case \"$*\" in\n'--data aside') {}; test ! -e {data}.bad && cp {data} {data}.kept; exit;;\n\
         '--data back') {}; cp {data}.kept {data}; exit;;\nesac\n",
        says("1.0.0"),
        says("1.0.0")
    );
    let old = format!("{ANSWERS}{looks}{}\n", says("1.0.0"));
    let new = format!("{ANSWERS}{}\necho new > {data}\n{new}\n", says("1.1.0"));
    let facts = |schema, from: Option<&str>| {
        let readable_from = from.map(|version| version.parse().unwrap());
        Some(DataFacts { schema, readable_from })
    };
    kit.release_with("1.0.0", &old, |it| it.data = facts(1, None));
    kit.release_with("1.1.0", &new, |it| it.data = facts(schema, readable_from));
    fs::write(kit.path().join("data"), "old\n").unwrap();
    let install = kit.versioned("1.0.0");
    kit.swapped(&install, "1.1.0");
    (kit, install)
}

fn data(kit: &Kit) -> String {
    fs::read_to_string(kit.path().join("data")).unwrap()
}

fn version(install: &Install) -> String {
    install.status().unwrap().current().version.to_string()
}

const ASIDE: &str = "1.0.0 snapshot --data aside";
const BACK: &str = "1.0.0 restore --data back";

#[test]
fn a_copy_is_made_before_the_first_start_and_put_back_when_the_old_version_is() {
    let (kit, install) = kit("exit 1", 2, None);
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), [ASIDE, "1.1.0", "1.1.0", "1.1.0", BACK, "1.0.0"]);
    assert_eq!((data(&kit).as_str(), version(&install).as_str()), ("old\n", "1.0.0"));
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log().len(), 7, "once is enough: {:?}", kit.log());
    let events: Vec<_> = install.history().unwrap().into_iter().map(|entry| entry.event).collect();
    let order = [Event::DataPutAside, Event::Reverted, Event::DataPutBack];
    let found: Vec<_> = events.into_iter().filter(|event| order.contains(event)).collect();
    assert_eq!(found, order);
}

#[test]
fn a_version_whose_predecessor_cannot_keep_the_data_is_never_started() {
    let (kit, install) = kit("sleep 2", 2, None);
    fs::write(kit.path().join("data.bad"), "").unwrap();
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), [ASIDE, "1.0.0"]);
    assert_eq!((data(&kit).as_str(), version(&install).as_str()), ("old\n", "1.0.0"));
    let bad = &install.remembered().unwrap().bad[0];
    assert!(bad.reason.contains("could not be put aside: it ended with status 1"), "{bad:?}");
}

#[test]
fn no_copy_is_made_where_the_schema_stays() {
    let (kit, install) = kit("sleep 2", 1, None);
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), ["1.1.0"]);
    assert_eq!(version(&install), "1.1.0");
}

#[test]
fn once_the_new_version_holds_its_data_stays_and_forbids_the_way_back_if_need_be() {
    let (kit, install) = kit("sleep 2", 2, Some("1.1.0"));
    assert_eq!(launch(&install), Some(0));
    assert_eq!(version(&install), "1.1.0");
    let refused = install.rollback(now()).unwrap_err();
    assert!(matches!(&refused, Error::Phase(StepError::Unreadable { .. })), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        "only 1.1.0 or later can read the data of the installed release, 1.0.0 cannot"
    );
    assert_eq!(version(&install), "1.1.0");
    assert_eq!((kit.log().len(), data(&kit).as_str()), (2, "new\n"));
}

#[test]
fn a_way_back_to_what_can_read_the_data_leaves_it_alone() {
    let (kit, install) = kit("sleep 2", 2, Some("1.0.0"));
    assert_eq!(launch(&install), Some(0));
    install.rollback(now()).unwrap();
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log(), [ASIDE, "1.1.0", "1.0.0"]);
    assert_eq!((data(&kit).as_str(), version(&install).as_str()), ("new\n", "1.0.0"));
}

#[test]
fn a_copy_that_waits_to_be_put_back_is_not_overwritten_by_the_next_update() {
    let (mut kit, install) = kit("sleep 2", 2, None);
    assert_eq!(launch(&install), Some(0));
    install.rollback(now()).unwrap();
    // As if it had been reverted during its trial, and nobody had started 1.0.0 since.
    let mark = install.path().join(".exuvia/snapshot");
    fs::write(mark, kit.bundle("1.1.0").0.to_string()).unwrap();
    let script = format!("{ANSWERS}{}\nsleep 2\n", kit.says("1.2.0"));
    kit.release_with("1.2.0", &script, |it| {
        it.data = Some(DataFacts { schema: 3, readable_from: None });
    });
    kit.swapped(&install, "1.2.0");
    assert_eq!(launch(&install), Some(0));
    assert_eq!(kit.log()[2..], [BACK, ASIDE, "1.2.0"]);
    assert_eq!(data(&kit), "old\n");
}
