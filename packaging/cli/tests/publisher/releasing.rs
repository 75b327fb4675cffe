//! What a release makes, and what it refuses.

use std::fs;

use exuvia_bundle::Digest as BundleDigest;
use exuvia_cli::{DeltaOutcome, Error, Exit, ReleaseOptions, Unwatched, verify};
use exuvia_core::Kind;
use exuvia_repo::Error as Repo;

use crate::support::*;

fn repository(error: Error) -> Repo {
    match error {
        Error::Repository(error) => *error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_release_is_a_full_bundle_and_deltas_from_the_last_five() {
    let place = Place::new();
    let mut publisher = place.init();
    for version in ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"] {
        place.release(&mut publisher, version);
    }
    let report = place.release(&mut publisher, "1.6.0");
    assert_eq!((report.files, report.kind, report.executable.as_str()), (2, Kind::Folder, "notes"));
    assert!(report.full > 200_000, "noise does not compress");
    let from: Vec<String> = report.deltas.iter().map(|delta| delta.from.to_string()).collect();
    assert_eq!(from, ["1.5.0", "1.4.0", "1.3.0", "1.2.0", "1.1.0"]);
    for delta in &report.deltas {
        assert_eq!(delta.outcome, DeltaOutcome::Released);
        assert!(delta.bytes.unwrap() < 1_000, "{delta:?}");
    }
    publisher.folder().verify(exuvia_core::Time::from_unix(now())).unwrap();
}

#[test]
fn memory_for_one_delta_at_a_time_gives_the_same_deltas() {
    let deltas_with = |memory| {
        let place = Place::new();
        let mut publisher = place.init();
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            place.release(&mut publisher, version);
        }
        let mut options = options(place.app("1.3.0"), "1.3.0");
        options.costs.memory = memory;
        publisher.release(&options, &Unwatched).unwrap().deltas
    };
    assert_eq!(deltas_with(256 << 20), deltas_with(4 << 30));
}

#[test]
fn a_listed_delta_applies_to_the_bundle_it_names() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    place.release(&mut publisher, "1.1.0");
    let unpack = |version: &str| {
        let bundle = target(&place, &format!("{version}-folder.tar.zst"));
        place.exuvia(&["bundle", "unpack", &bundle, version]).done();
    };
    unpack("1.0.0");
    let delta = target(&place, "1.1.0-folder-from-1.0.0.delta");
    let out = place.exuvia(&["--json", "delta", "apply", "1.0.0", &delta, "rebuilt"]).done();
    let info = place.exuvia(&["--json", "delta", "info", &delta]).done();
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(json(&out)["manifest"], json(&info)["to"]);
    unpack("1.1.0");
    assert_eq!(files(&place.path("rebuilt")), files(&place.path("1.1.0")));
    assert_eq!(fs::read_to_string(place.path("rebuilt/notes")).unwrap(), "#!/bin/sh\necho 1.1.0\n");
}

#[test]
fn a_delta_that_saves_too_little_is_left_out() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let app = place.app("1.1.0");
    let other: Vec<u8> =
        noise(200_000).iter().map(|byte| byte.wrapping_mul(31) ^ 0x55).rev().collect();
    fs::write(app.join("share/data.bin"), other).unwrap();
    let report = publisher.release(&options(app, "1.1.0"), &Unwatched).unwrap();
    assert_eq!(report.deltas[0].outcome, DeltaOutcome::TooLarge);
    assert!(report.deltas[0].percent.unwrap() > 60.0);
    assert!(files(&place.repo()).keys().all(|path| !path.ends_with(".delta")));
}

#[test]
fn the_share_at_which_a_delta_is_left_out_is_a_choice() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let mut none = options(place.app("1.1.0"), "1.1.0");
    none.costs.share = 0;
    let report = publisher.release(&none, &Unwatched).unwrap();
    assert_eq!(report.deltas[0].outcome, DeltaOutcome::TooLarge);
}

#[test]
fn a_release_goes_on_without_a_base_that_was_removed() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    fs::remove_file(place.home.path().join(target(&place, "1.0.0-folder.tar.zst"))).unwrap();
    let report = place.release(&mut publisher, "1.1.0");
    assert_eq!(report.deltas[0].outcome, DeltaOutcome::NoBase);
}

#[test]
fn a_base_that_was_changed_stops_the_release() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let base = place.home.path().join(target(&place, "1.0.0-folder.tar.zst"));
    let mut bytes = fs::read(&base).unwrap();
    bytes[1000] ^= 1;
    fs::write(&base, bytes).unwrap();
    let before = files(&place.repo().join("metadata"));
    let refused = place.try_release(&mut publisher, "1.1.0").unwrap_err();
    assert!(matches!(&refused, Error::Payload { .. }), "{refused}");
    assert_eq!(files(&place.repo().join("metadata")), before);
}

#[test]
fn another_platform_is_added_with_a_key_of_its_own() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let app = place.app("1.0.0");
    let windows = ReleaseOptions {
        platform: Some("windows-x86_64".parse().unwrap()),
        ..options(&app, "1.0.0")
    };
    let silent = repository(publisher.release(&windows, &Unwatched).unwrap_err());
    assert!(matches!(silent, Repo::NotAdding { .. }), "{silent}");
    let adding = ReleaseOptions { adding: true, ..windows };
    publisher.release(&adding, &Unwatched).unwrap();
    let custody = publisher.folder().custody().unwrap();
    let ours = custody.iter().find(|there| there.role == "stable-windows-x86_64").unwrap();
    assert!(ours.signs_here);
    let all = custody.iter().flat_map(|there| &there.keys);
    assert_eq!(all.filter(|key| key.id == ours.keys[0].id).count(), 1);
}

#[test]
fn a_single_file_is_a_bundle_of_one() {
    let place = Place::new();
    let mut publisher = place.init();
    let program = place.path("notes-1.0");
    fs::write(&program, "no execute bit needed").unwrap();
    let report = publisher.release(&options(program, "1.0.0"), &Unwatched).unwrap();
    assert_eq!((report.kind, report.files), (Kind::Exe, 1));
    assert_eq!(report.executable, "notes-1.0");
    let bundle = target(&place, "1.0.0-exe.tar.zst");
    let list = place.exuvia(&["bundle", "list", &bundle]).done();
    assert!(list.contains("exec  notes-1.0"), "{list}");
    assert!(list.contains(&report.bundle.to_string()));
}

#[test]
fn the_program_is_found_by_name_or_because_it_is_alone() {
    let place = Place::new();
    let mut publisher = place.init();
    let folder = place.path("dist");
    let mut minor = 0;
    let mut release = |executable: Option<&str>| {
        minor += 1;
        let version = format!("1.{minor}.0");
        fs::write(folder.join("VERSION"), &version).unwrap();
        let executable = executable.map(str::to_owned);
        let options = ReleaseOptions { executable, ..options(&folder, &version) };
        publisher.release(&options, &Unwatched).map(|report| report.executable)
    };
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::write(folder.join("bin/notes"), "by name, without an execute bit").unwrap();
    assert_eq!(release(None).unwrap(), "bin/notes");
    fs::remove_dir_all(folder.join("bin")).unwrap();
    #[cfg(unix)]
    {
        write_program(&folder.join("start.sh"), "1");
        assert_eq!(release(None).unwrap(), "start.sh");
        write_program(&folder.join("other.sh"), "1");
        assert!(matches!(release(None), Err(Error::NoExecutable { .. })));
        assert_eq!(release(Some("other.sh")).unwrap(), "other.sh");
    }
    assert!(matches!(release(Some("nothing")), Err(Error::ExecutableMissing { .. })));
}

#[cfg(unix)]
#[test]
fn rights_that_no_bundle_carries_are_refused() {
    let place = Place::new();
    let mut publisher = place.init();
    let app = place.app("1.0.0");
    for mode in [0o4755, 0o2755] {
        set_mode(&app.join("notes"), mode);
        let refused = publisher.release(&options(&app, "1.0.0"), &Unwatched).unwrap_err();
        assert!(matches!(&refused, Error::Special { path, .. } if path.ends_with("notes")));
    }
    set_mode(&app.join("notes"), 0o755);
    std::os::unix::net::UnixListener::bind(app.join("socket")).unwrap();
    let refused = publisher.release(&options(&app, "1.0.0"), &Unwatched).unwrap_err();
    assert!(matches!(refused, Error::NoPlainFile { .. }), "{refused}");
    fs::remove_file(app.join("socket")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", app.join("passwd")).unwrap();
    let refused = publisher.release(&options(&app, "1.0.0"), &Unwatched).unwrap_err();
    assert!(matches!(refused, Error::Bundle { .. }), "{refused}");
}

#[cfg(target_os = "linux")]
#[test]
fn file_capabilities_are_refused() {
    let place = Place::new();
    let mut publisher = place.init();
    let app = place.app("1.0.0");
    // VFS_CAP_REVISION_2 with CAP_NET_BIND_SERVICE permitted.
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let flags = rustix::fs::XattrFlags::empty();
    let set = rustix::fs::setxattr(app.join("notes"), "security.capability", &capability, flags);
    if set == Err(rustix::io::Errno::PERM) {
        return; // Only root may set one, so there is nothing to refuse.
    }
    set.unwrap();
    let refused = publisher.release(&options(&app, "1.0.0"), &Unwatched).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("{} has file capabilities", app.join("notes").display())
    );
}

#[test]
fn keys_are_never_given_away() {
    let place = Place::new();
    let mut publisher = place.init();
    let all = publisher.release(&options(place.home.path(), "1.0.0"), &Unwatched).unwrap_err();
    assert!(matches!(all, Error::ContainsRepository { .. }), "{all}");
    let app = place.app("1.0.0");
    fs::copy(place.repo().join("keys/root-2.key"), app.join("share/spare")).unwrap();
    let key = publisher.release(&options(app, "1.0.0"), &Unwatched).unwrap_err();
    assert!(matches!(&key, Error::KeyInside { path } if path.ends_with("share/spare")), "{key}");
}

#[test]
fn a_release_does_not_need_keys_that_were_put_away() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    for key in ["root-1", "root-2", "targets"] {
        fs::remove_file(place.repo().join(format!("keys/{key}.key"))).unwrap();
    }
    place.release(&mut publisher, "1.1.0");
    let mac = ReleaseOptions {
        platform: Some("macos-aarch64".parse().unwrap()),
        adding: true,
        ..options(place.app("1.1.0"), "1.1.0")
    };
    let refused = publisher.release(&mac, &Unwatched).unwrap_err();
    assert!(matches!(&refused, Error::NoKey { role, .. } if role == "targets"), "{refused}");
}

#[test]
fn a_passphrase_that_does_not_open_is_refused_before_any_work() {
    let place = Place::new();
    place.init();
    let before = files(&place.repo());
    let mut publisher = exuvia_cli::Publisher::open(place.repo(), passphrase("wrong")).unwrap();
    let missing = options(place.path("nothing is here"), "1.0.0");
    let refused = publisher.release(&missing, &Unwatched).unwrap_err();
    assert!(matches!(refused, Error::Key { .. }), "{refused}");
    assert_eq!(files(&place.repo()), before);
}

#[test]
fn a_release_that_is_there_already_is_nothing_to_do() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    let again = place.try_release(&mut publisher, "1.0.0").unwrap_err();
    assert_eq!(again.exit(), Exit::Nothing);
}

#[test]
fn a_client_reads_the_publishers_folder_itself() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    place.release(&mut publisher, "1.1.0");
    let address = place.repo().display().to_string();
    let time = exuvia_core::Time::from_unix(now());
    let report = verify(&address, publisher.folder().config(), time).unwrap();
    assert_eq!((report.root_version, report.targets), (1, 3));
}

#[test]
fn the_bundle_is_named_by_its_digest_whatever_the_level() {
    let place = Place::new();
    let mut publisher = place.init();
    let report = place.release(&mut publisher, "1.0.0");
    place.exuvia(&["bundle", "make", "app", "plain.tar"]).done();
    let plain = fs::read(place.path("plain.tar")).unwrap();
    assert_eq!(BundleDigest::of(&plain).to_string(), report.bundle.to_string());
    assert_eq!(plain.len() as u64, report.bundle_length);
}

/// The path, from home, of the one file below `targets/` whose name ends so.
fn target(place: &Place, ending: &str) -> String {
    let all = files(&place.repo());
    let mut found = all.keys().filter(|path| path.ends_with(&format!(".{ending}")));
    let path = found.next().unwrap();
    assert_eq!(found.next(), None);
    format!("repo/{path}")
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs().try_into().unwrap()
}
