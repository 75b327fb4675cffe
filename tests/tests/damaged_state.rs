//! Whatever becomes of the files that the updater and the helper keep: no crash, nothing that may not
//! go down does, and the next honest update arrives.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use exuvia::{Check, Error, Event, LocalError, Updater};
use exuvia_core::Error as Rule;
use exuvia_tests::home::{Home, Thing, expected, things};
use exuvia_tests::scene::{Scene, good, rule};
use exuvia_tests::sim::Sim;

const TIMESTAMP: &str = "metadata/timestamp.json";

/// Checks, adding what is told to have been mended.
async fn check(updater: &Updater, mended: &mut BTreeSet<String>) -> Result<(), Error> {
    let mut progress = |event| {
        if let Event::Mended { path } = event {
            mended.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    };
    updater.check_with(&mut progress).await.map(drop)
}

#[tokio::test]
async fn whatever_damages_the_store_is_told_and_mended_and_opens_no_way_back() {
    let scene = Scene::new().await;
    scene.sim.next_root(&["root"], |_| {});
    scene.offer().await;
    let state = scene.home.path().join("state");
    let files: Vec<_> = things(&state).into_keys().collect();
    let names =
        ["timestamp.json", "snapshot.json", "targets.json", "root.json", "floors.a", "floors.b"];
    for name in names {
        let file = files.iter().find(|file| file.ends_with(&format!("/{name}"))).unwrap();
        let path = state.join(file);
        for damage in ["empty", "cut", "other", "flipped", "directory"] {
            let good = fs::read(&path).unwrap();
            match damage {
                "empty" => fs::write(&path, b"").unwrap(),
                "cut" => fs::write(&path, &good[..good.len() / 2]).unwrap(),
                "other" => fs::write(&path, b"{\"signed\":{},\"signatures\":[]}").unwrap(),
                "flipped" => {
                    let mut bytes = good.clone();
                    let end = bytes.len() - 10;
                    bytes[end] ^= 2;
                    fs::write(&path, bytes).unwrap();
                }
                _ => {
                    fs::remove_file(&path).unwrap();
                    fs::create_dir(&path).unwrap();
                }
            }
            let mut told = BTreeSet::new();
            let served = scene.sim.served();
            scene.sim.replace(TIMESTAMP, scene.old[TIMESTAMP].clone());
            let back = check(&scene.updater(), &mut told).await.unwrap_err();
            assert!(matches!(back, Error::Repository(_)), "{name} {damage}: {back}");
            scene.sim.serve_instead(served);
            check(&scene.updater(), &mut told).await.unwrap();
            assert_eq!(told, BTreeSet::from([name.to_owned()]), "{name} {damage}");
            assert_eq!(fs::read(&path).unwrap(), good, "{name} {damage}");
        }
    }
    let mut told = BTreeSet::new();
    check(&scene.updater(), &mut told).await.unwrap();
    assert_eq!(told, BTreeSet::new());
    assert_eq!(scene.attempt().await.unwrap().as_deref(), Some("1.1.0"));
}

/// 1.0.0 is installed; of 1.1.0 a delta led nowhere and a check offered it; 1.2.0 was skipped.
/// Everything that is ever kept is there.
struct Kept {
    sim: Sim,
    home: Home,
    old: Vec<u8>,
}

impl Kept {
    async fn new() -> Kept {
        let (sim, home) = (Sim::new(), Home::new());
        sim.publish("1.0.0", &good("1.0.0"));
        home.install(&sim).await;
        let old = sim.served()[TIMESTAMP].clone();
        sim.publish("1.1.0", &good("1.1.0"));
        sim.forge_delta(&sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]));
        sim.next_root(&["root"], |_| {});
        home.stage(&sim).await.unwrap().0.skip().unwrap();
        let Check::Offer(offer) = asked(&home, &sim).check().await.unwrap() else { panic!() };
        drop(offer);
        Kept { sim, home, old }
    }

    /// The files below a folder of the home, with what is in them. Locks hold nothing, and logs only
    /// grow.
    fn files(&self, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = self.home.path().join(folder);
        let files = things(&folder).into_iter().filter_map(|(path, thing)| match thing {
            Thing::File(_, bytes) if !bytes.is_empty() => Some((folder.join(path), bytes)),
            _ => None,
        });
        files.collect()
    }

    /// The old timestamp is refused, whatever was damaged; the new one is taken, and what it lists
    /// is found.
    async fn holds(&self, what: &str) {
        let new = self.sim.served()[TIMESTAMP].clone();
        self.sim.replace(TIMESTAMP, self.old.clone());
        let back = asked(&self.home, &self.sim).check().await;
        let Err(Error::Repository(back)) = back else { panic!("{what}: {back:?}") };
        let rule = rule(back);
        assert!(matches!(rule, Rule::Rollback { .. }), "{what}: {rule}");
        self.sim.replace(TIMESTAMP, new);
        let check = asked(&self.home, &self.sim).check().await.unwrap();
        let Check::Offer(offer) = check else { panic!("{what}: {check:?}") };
        assert_eq!(offer.version().to_string(), "1.1.0", "{what}");
    }
}

/// What was skipped is offered all the same where a user asks.
fn asked(home: &Home, sim: &Sim) -> Updater {
    home.updater(sim).asked_by_user(true)
}

/// Beginnings of some bytes, and the bytes with one changed: each of them, or every so many.
fn damages(good: &[u8], every: usize) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
    let cut = (0..good.len()).step_by(every);
    let cut = cut.map(|length| (format!("cut at {length}"), good[..length].to_vec()));
    let flipped = (0..good.len()).step_by(every).map(|at| {
        let mut bytes = good.to_vec();
        bytes[at] ^= 1 << (at % 8);
        (format!("changed at {at}"), bytes)
    });
    cut.chain(flipped)
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// A row of docs/damaged-state.md.
fn tell(path: &Path, damages: usize) {
    println!("| `{}` | {damages} |", name(path));
}

/// How many positions of a file are left out between two that are tried: none in the long form of
/// this test, `tests/damaged-state`.
fn every(normal: usize) -> usize {
    if std::env::var_os("EXUVIA_EVERY_BYTE").is_some() { 1 } else { normal }
}

#[tokio::test]
async fn no_beginning_and_no_changed_byte_of_what_the_updater_keeps_is_a_way_back_or_a_wedge() {
    let kept = Kept::new().await;
    kept.holds("nothing").await;
    let files: Vec<_> = [kept.files("state"), kept.files("cache")].concat();
    let names: BTreeSet<_> = files.iter().map(|(path, _)| name(path)).collect();
    let least = [
        "floors.a",
        "floors.b",
        "failed",
        "skipped",
        "timestamp.etag",
        "fresh",
        "root.json",
        "timestamp.json",
        "snapshot.json",
        "targets.json",
    ];
    let missing: Vec<_> = least.iter().filter(|name| !names.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} of {names:?}");
    for (path, _) in &files {
        // Metadata is damaged byte by byte in core's own tests.
        let every = every(if path.to_str().unwrap().contains("/metadata/") { 211 } else { 13 });
        let good = fs::read(path).unwrap_or_default();
        tell(path, damages(&good, every).count());
        for (how, bytes) in damages(&good, every) {
            fs::write(path, bytes).unwrap();
            kept.holds(&format!("{} {how}", name(path))).await;
        }
    }
    let both: Vec<_> = files.iter().filter(|(path, _)| name(path).starts_with("floors")).collect();
    assert_eq!(both.len(), 2);
    for (how, bytes) in damages(&both[0].1, every(13)) {
        both.iter().for_each(|(path, _)| fs::write(path, &bytes).unwrap());
        // The metadata is still there: the floors are learnt again from it.
        kept.holds(&format!("both floors {how}")).await;
    }
}

#[tokio::test]
async fn no_beginning_and_no_changed_byte_of_what_the_helper_keeps_is_a_way_back_or_a_wedge() {
    let kept = Kept::new().await;
    let saved = kept.home.save();
    let files = kept.files("apps/notes/.exuvia");
    let names: BTreeSet<_> = files.iter().map(|(path, _)| name(path)).collect();
    for least in ["journal", "layout", "floors.a", "floors.b", "root.json", "root.copy.json"] {
        assert!(names.contains(least), "{names:?}");
    }
    for (path, whole) in &files {
        let every = every(if whole.len() > 1_000 { 397 } else { 61 });
        tell(path, damages(whole, every).count());
        for (how, bytes) in damages(whole, every) {
            let what = format!("{} {how}", name(path));
            fs::write(path, bytes).unwrap();
            match update(&kept).await {
                Ok(()) => {}
                // A person is told to install again, and that works.
                Err(Error::Local(LocalError::Helper(_))) => {
                    let again = kept.home.try_install(&kept.sim).await;
                    assert!(again.is_ok(), "{what}: {again:?}");
                }
                Err(other) => panic!("{what}: {other:?}"),
            }
            assert_eq!(kept.home.installed(), expected(&good("1.1.0")), "{what}");
            kept.home.restore(&saved);
        }
    }
}

/// Goes the whole road.
async fn update(kept: &Kept) -> Result<(), Error> {
    let check = asked(&kept.home, &kept.sim).check().await?;
    let Check::Offer(offer) = check else { panic!("{check:?}") };
    offer.download(&mut |_| {}).await?.stage().await?.apply_now()?;
    Ok(())
}
