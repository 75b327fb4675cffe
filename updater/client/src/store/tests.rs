use super::*;

fn store(dir: &tempfile::TempDir) -> Store {
    Store::open(dir.path(), "notes", Path::new("/opt/notes")).unwrap()
}

#[test]
fn what_is_saved_comes_back_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    store(&dir).save("timestamp.json", b"{ \"signed\" :1}\n").unwrap();
    assert_eq!(store(&dir).load("timestamp.json").unwrap(), b"{ \"signed\" :1}\n");
    assert_eq!(store(&dir).load("snapshot.json"), None);
}

#[test]
fn a_directory_in_the_place_of_a_file_is_absent_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    std::fs::create_dir(store.metadata_path().join("root.json")).unwrap();
    assert_eq!(store.load("root.json"), None);
    store.save("root.json", b"{}").unwrap();
    assert_eq!(store.load("root.json").unwrap(), b"{}");
}

#[test]
fn failures_are_remembered_and_damage_forgets_them() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
    store(&dir).remember_failed(a).unwrap();
    store(&dir).remember_failed(b).unwrap();
    assert_eq!(store(&dir).failed(), BTreeSet::from([a, b]));
    let path = store(&dir).dir.path().join("failed");
    std::fs::write(path, b"exuvia-failed 1\n{").unwrap();
    assert!(store(&dir).failed().is_empty());
}

#[test]
fn floors_that_another_process_raised_are_not_lowered() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Digest::of(b"keys");
    let floors = |timestamp, root| {
        let mut floors = Floors::default();
        floors.raise_role("timestamp", timestamp, keys);
        floors.raise_root(root);
        floors
    };
    store(&dir).save_floors(&floors(6, 2)).unwrap();
    store(&dir).save_floors(&floors(5, 3)).unwrap();
    assert_eq!(store(&dir).floors().unwrap(), floors(6, 3));
}

/// Every beginning of some bytes, and the bytes with each one changed.
fn damages(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    let flipped = (0..bytes.len()).map(|at| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1 << (at % 8);
        bytes
    });
    cut.chain(flipped)
}

fn learnt() -> Floors {
    let mut floors = Floors::default();
    floors.raise_role("timestamp", 7, Digest::of(b"keys"));
    floors.raise_root(3);
    floors
}

#[test]
fn however_one_copy_of_the_floors_is_damaged_none_is_lowered_and_both_are_mended() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir);
    store.save_floors(&learnt()).unwrap();
    let good = std::fs::read(store.dir.path().join("floors.a")).unwrap();
    for name in ["floors.a", "floors.b"] {
        let path = store.dir.path().join(name);
        for bytes in damages(&good) {
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(store.floors().unwrap(), learnt());
            assert_eq!(store.take_damaged(), BTreeSet::from([path.clone()]), "{bytes:?}");
            assert_eq!(std::fs::read(&path).unwrap(), good);
        }
    }
    assert_eq!(store.take_damaged(), BTreeSet::new());
}

#[test]
fn no_directory_or_link_in_the_place_of_a_file_is_in_the_way() {
    for name in ["floors.a", "floors.b", "floors.lock", "lock", "failed", "skipped", "fresh"] {
        for link in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let store = store(&dir);
            store.save_floors(&learnt()).unwrap();
            let path = store.dir.path().join(name);
            let _ = std::fs::remove_file(&path);
            if link {
                std::os::unix::fs::symlink("/nowhere", &path).unwrap();
            } else {
                std::fs::create_dir_all(path.join("full")).unwrap();
            }
            assert_eq!(store.floors().unwrap(), learnt(), "{name}");
            store.save_floors(&learnt()).unwrap();
            store.remember_failed(Digest::of(b"a")).unwrap();
            store.remember_skipped(Digest::of(b"b")).unwrap();
            store.lock().unwrap();
            assert_eq!((store.failed().len(), store.skipped().len()), (1, 1), "{name}");
        }
    }
}

#[test]
fn a_file_in_the_place_of_the_metadata_folder_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = store(&dir).metadata_path().to_owned();
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, b"").unwrap();
    store(&dir).save("root.json", b"{}").unwrap();
}

#[test]
fn an_installation_keeps_its_place_in_rollouts() {
    let dir = tempfile::tempdir().unwrap();
    let id = store(&dir).install_id();
    assert_eq!(store(&dir).install_id(), id);
    let path = store(&dir).dir.path().join("install-id");
    std::fs::write(&path, b"torn").unwrap();
    let next = store(&dir).install_id();
    assert_ne!(next, id);
    assert_eq!(store(&dir).install_id(), next);
}

#[test]
fn what_a_killed_writer_left_goes_after_a_while_and_not_while_it_may_write() {
    let dir = tempfile::tempdir().unwrap();
    let left = store(&dir).metadata_path().join(".exuvia-tmp-1-0-timestamp.json");
    std::fs::write(&left, b"half").unwrap();
    store(&dir);
    assert!(left.exists());
    let before = std::time::SystemTime::now() - 2 * ABANDONED;
    std::fs::File::open(&left).unwrap().set_modified(before).unwrap();
    store(&dir);
    assert!(!left.exists());
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let held = store(&dir).lock().unwrap();
    assert!(matches!(store(&dir).lock(), Err(LocalError::Busy)));
    assert!(store(&dir).try_lock().unwrap().is_none());
    // Somebody whose run was dropped needs a moment more.
    let moment = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        drop(held);
    });
    store(&dir).lock().unwrap();
    moment.join().unwrap();
}
