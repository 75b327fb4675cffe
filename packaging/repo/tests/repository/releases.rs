//! Which releases are listed, and which are refused.

use crate::support::*;
use exuvia_core::{Digest, Kind, Releases};
use exuvia_repo::{Error, NewDelta, NewRelease, ROLE_LIMIT, verify};

fn delta(from: &str) -> NewDelta {
    NewDelta {
        from: Digest::of(from.as_bytes()),
        format: FORMAT.to_owned(),
        payload: payload(&format!("delta {from}")),
    }
}

fn with_deltas(version: &str, from: &[&str]) -> NewRelease {
    NewRelease { deltas: from.iter().map(|from| delta(from)).collect(), ..release(version) }
}

fn seen(publisher: &Publisher) -> Releases {
    let repository = publisher.parse().unwrap();
    let listing = verify(&repository, publisher.root(), day(1)).unwrap();
    let app = "notes".parse().unwrap();
    let linux_targets =
        listing.targets.into_iter().filter(|t| t.path().starts_with("stable/linux"));
    Releases::read(linux_targets.collect(), &app, &stable(), &linux())
}

#[test]
fn a_client_sees_the_newest_release_and_its_deltas() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    publisher.release(&release("1.1.0"), day(0)).unwrap();
    let released = publisher.release(&with_deltas("1.2.0", &["1.0.0", "1.1.0"]), day(0)).unwrap();
    let seen = seen(&publisher);
    let newest = seen.newest(Kind::Folder).unwrap();
    assert_eq!(newest.version().to_string(), "1.2.0");
    assert_eq!(newest.full().remote_path(), released.full);
    let deltas: Vec<String> = newest.deltas().iter().map(|d| d.target().remote_path()).collect();
    assert_eq!(deltas.len(), 2);
    for path in &released.deltas {
        assert!(deltas.contains(path), "{path}");
    }
    assert!(released.deltas[0].ends_with(".1.2.0-folder-from-1.0.0.delta"));
}

#[test]
fn the_newest_five_of_a_kind_stay_with_their_deltas() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let exe = |version: &str| {
        let mut exe = facts(version, &format!("exe {version}"));
        exe.kind = Kind::Exe;
        NewRelease { adding: true, ..of(exe) }
    };
    publisher.release(&exe("1.0.0"), day(0)).unwrap();
    for minor in 1..=5 {
        let before = format!("1.{}.0", minor - 1);
        let new = with_deltas(&format!("1.{minor}.0"), &[&before]);
        let released = publisher.release(&new, day(0)).unwrap();
        let dropped: Vec<String> = released.dropped.iter().map(ToString::to_string).collect();
        assert_eq!(dropped, if minor == 5 { vec!["1.0.0"] } else { vec![] });
    }
    let paths: Vec<String> = publisher
        .parse()
        .unwrap()
        .listed(&stable(), &linux())
        .unwrap()
        .into_iter()
        .map(|listed| listed.path.trim_start_matches("stable/linux-x86_64/").to_owned())
        .collect();
    assert_eq!(
        paths,
        [
            "1.0.0-exe.tar.zst",
            "1.1.0-folder-from-1.0.0.delta",
            "1.1.0-folder.tar.zst",
            "1.2.0-folder-from-1.1.0.delta",
            "1.2.0-folder.tar.zst",
            "1.3.0-folder-from-1.2.0.delta",
            "1.3.0-folder.tar.zst",
            "1.4.0-folder-from-1.3.0.delta",
            "1.4.0-folder.tar.zst",
            "1.5.0-folder-from-1.4.0.delta",
            "1.5.0-folder.tar.zst",
        ]
    );
}

#[test]
fn a_version_that_is_not_higher_is_refused() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.10.0"), day(0)).unwrap();
    for lower in ["1.9.0", "1.10.0-rc.1", "0.1.0"] {
        let refused = publisher.release(&release(lower), day(0)).unwrap_err();
        assert!(
            matches!(&refused, Error::VersionNotHigher { newest, .. } if newest.to_string() == "1.10.0"),
            "{refused}"
        );
    }
}

#[test]
fn a_version_is_one_content_for_ever() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let again = publisher.release(&release("1.0.0"), day(0)).unwrap_err();
    assert!(matches!(again, Error::AlreadyReleased { .. }), "{again}");
    for version in ["1.0.0", "1.0.0+build.7"] {
        let other = publisher.release(&of(facts(version, "other")), day(0)).unwrap_err();
        assert!(
            matches!(&other, Error::OtherContent { published, .. } if *published == Digest::of(b"1.0.0")),
            "{other}"
        );
    }
}

#[test]
fn a_build_that_was_forgotten_is_noticed() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let refused = publisher.release(&of(facts("1.1.0", "1.0.0")), day(0)).unwrap_err();
    assert!(matches!(&refused, Error::SameContent { other, .. } if other.to_string() == "1.0.0"));
}

#[test]
fn another_platform_is_added_on_purpose_only() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let on_windows = |version: &str, adding| {
        let mut facts = facts(version, &format!("windows {version}"));
        facts.platform = windows();
        NewRelease { adding, ..of(facts) }
    };
    let silent = publisher.release(&on_windows("1.0.0", false), day(0)).unwrap_err();
    assert!(matches!(silent, Error::NotAdding { .. }), "{silent}");
    let unknown = publisher.release(&on_windows("1.1.0", true), day(0)).unwrap_err();
    assert!(matches!(unknown, Error::NothingToAddTo { .. }), "{unknown}");
    let lower = publisher.release(&on_windows("0.9.0", false), day(0)).unwrap_err();
    assert!(matches!(lower, Error::VersionNotHigher { .. }), "{lower}");
    publisher.release(&on_windows("1.0.0", true), day(0)).unwrap();
}

#[test]
fn what_is_added_is_not_older_than_its_own_newest() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let mut on_windows = facts("1.1.0", "windows 1.1.0");
    on_windows.platform = windows();
    publisher.release(&of(on_windows), day(0)).unwrap();
    let mut older = facts("1.0.0", "windows 1.0.0");
    older.platform = windows();
    let refused = publisher.release(&NewRelease { adding: true, ..of(older) }, day(0)).unwrap_err();
    assert!(matches!(refused, Error::VersionNotHigher { .. }), "{refused}");
}

#[test]
fn a_delta_starts_from_a_listed_release_that_can_apply_it() {
    let mut publisher = Publisher::new();
    let mut first = facts("1.0.0", "1.0.0");
    first.reads.clear();
    publisher.release(&of(first), day(0)).unwrap();
    let unknown = publisher.release(&with_deltas("1.1.0", &["0.9.0"]), day(0)).unwrap_err();
    assert!(matches!(unknown, Error::UnknownBase { .. }), "{unknown}");
    let unread = publisher.release(&with_deltas("1.1.0", &["1.0.0"]), day(0)).unwrap_err();
    assert!(
        matches!(&unread, Error::FormatNotRead { version, format } if version.to_string() == "1.0.0" && format == FORMAT),
        "{unread}"
    );
}

#[test]
fn a_role_beyond_what_clients_should_download_is_refused() {
    let mut publisher = Publisher::new();
    let long = |version: &str| {
        let mut facts = facts(version, version);
        for language in ["de", "en", "fr"] {
            facts.notes.insert(language.to_owned(), "x".repeat(8 * 1024));
        }
        of(facts)
    };
    publisher.release(&long("1.0.0"), day(0)).unwrap();
    publisher.release(&long("1.1.0"), day(0)).unwrap();
    let refused = publisher.release(&long("1.2.0"), day(0)).unwrap_err();
    assert!(
        matches!(&refused, Error::RoleTooLarge { role, length, limit } if role == "stable-linux-x86_64" && length > limit && *limit == ROLE_LIMIT),
        "{refused}"
    );
}

#[test]
fn facts_beyond_their_limits_are_refused() {
    let mut publisher = Publisher::new();
    let mut facts = facts("1.0.0", "1.0.0");
    facts.notes.insert("en".to_owned(), "x".repeat(8 * 1024 + 1));
    let early = publisher.repository.accepts(&facts, false).unwrap_err();
    assert!(matches!(early, Error::Facts { .. }), "{early}");
    let refused = publisher.release(&of(facts), day(0)).unwrap_err();
    assert!(matches!(refused, Error::Facts { .. }), "{refused}");
}

#[test]
fn a_release_of_another_app_is_refused() {
    let mut publisher = Publisher::new();
    let mut facts = facts("1.0.0", "1.0.0");
    facts.app = "other".parse().unwrap();
    let refused = publisher.release(&of(facts), day(0)).unwrap_err();
    assert!(matches!(refused, Error::OtherApp { .. }), "{refused}");
}

#[test]
fn accepts_tells_before_the_work_is_done() {
    let mut publisher = Publisher::new();
    publisher.release(&release("1.0.0"), day(0)).unwrap();
    let repository = &publisher.repository;
    assert!(repository.accepts(&facts("1.1.0", "1.1.0"), false).is_ok());
    assert!(repository.accepts(&facts("0.9.0", "0.9.0"), false).is_err());
    assert!(repository.accepts(&facts("1.1.0", "1.1.0"), true).is_err());
}
