//! A disk that is really full, wherever the updater writes: it is said in words that help, the
//! application is untouched, what was taken is given back, and once there is room the update arrives.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Duration;

use exuvia_tests::home::{Thing, things};
use exuvia_tests::processes::{Done, Stage, program};
use exuvia_tests::server::{Fault, Server};
use exuvia_tests::small_disk::{Room, SmallDisk, in_own_mounts};

/// 1.0.0 is installed, 1.1.0 is published and can be had as the full bundle only.
struct Victim {
    stage: Stage,
    server: Server,
    disk: SmallDisk,
    full: String,
}

impl Victim {
    /// Its `place` is a small disk.
    fn new(place: &str) -> Victim {
        let stage = Stage::new();
        let disk = SmallDisk::mount(&stage.path(place));
        let server = Server::start(&stage.path("www"));
        stage.init(&server.url());
        stage.release(&stage.good_version("1.0.0"), "1.0.0");
        stage.agent(&["install"]).works();
        stage.release(&stage.good_version("1.1.0"), "1.1.0");
        let served = things(&stage.path("www"));
        let find = |end: &str| {
            let found = served.keys().find(|path| path.contains("1.1.0") && path.ends_with(end));
            found.unwrap().clone()
        };
        server.fault(&find(".delta"), Fault::Status(404));
        let full = find(".tar.zst");
        Victim { stage, server, disk, full }
    }

    fn update(&self) -> Done {
        self.stage.agent(&["update", "--yes"])
    }

    /// Updates with a little more room each time until it is enough; tells how often it was not.
    fn finds_too_little(&self, room: impl Fn(u64) -> Room) -> u64 {
        for more in 0..200 {
            let room = room(more);
            self.disk.leave(room);
            let (pages, _) = self.disk.used();
            let done = self.update();
            if done.code == Some(0) {
                self.stage.start(&["--version"]).works().says("notes 1.1.0");
                return more;
            }
            let done = is_said(done);
            assert_eq!(self.left_over(), Vec::<String>::new(), "{room:?}: {done:?}");
            // What it has learnt it keeps: metadata, floors.
            assert!(self.disk.used().0 <= pages + KEPT, "{room:?}: {done:?}");
            self.stage.start(&["--version"]).works().says("notes 1.0.0");
        }
        panic!("it never fits");
    }

    /// What lies about of a release that is not installed.
    fn left_over(&self) -> Vec<String> {
        let beside = |folder: PathBuf| {
            let things = things(&folder).into_iter();
            let has_bytes =
                |thing: &Thing| matches!(thing, Thing::File(_, bytes) if !bytes.is_empty());
            things.filter(move |(_, thing)| has_bytes(thing)).map(|(path, _)| path)
        };
        let cache = beside(self.stage.path("home/.cache")).filter(|path| path.contains("parts/"));
        let app = beside(self.stage.app());
        let app = app.filter(|path| path.contains("staging") || path.contains("1.1.0/"));
        cache.chain(app).collect()
    }
}

/// One line of what happened, one of what to do, the right exit code.
fn is_said(done: Done) -> Done {
    let done = done.ends_with(1);
    let lines: Vec<&str> =
        done.stderr.lines().filter(|line| !line.starts_with("warning")).collect();
    assert!(matches!(lines[..], [what, _] if what.starts_with("error: ")), "{done:?}");
    assert_eq!(lines[1], "  → make room on the disk and try again", "{done:?}");
    done
}

/// Every number of pages, `step` at a time, and every number of files.
fn is_met(place: &str, step: u64) {
    for room in [&|n| Room::Pages(n * step) as _, &Room::Files as &dyn Fn(u64) -> Room] {
        let victim = Victim::new(place);
        assert!(victim.finds_too_little(room) > 0, "{place} was never full");
    }
}

#[test]
#[ignore = "needs to mount"]
fn the_state_on_a_small_disk() {
    in_own_mounts("the_state_on_a_small_disk", || is_met("home/.local", 1));
}

#[test]
#[ignore = "needs to mount"]
fn the_cache_on_a_small_disk() {
    in_own_mounts("the_cache_on_a_small_disk", || {
        is_met("home/.cache", 1);
        fills_up_half_way();
    });
}

#[test]
#[ignore = "needs to mount"]
fn the_installation_on_a_small_disk() {
    in_own_mounts("the_installation_on_a_small_disk", || is_met("apps", 256));
}

/// There was room when the download began; somebody else took it.
fn fills_up_half_way() {
    let victim = Victim::new("home/.cache");
    victim.server.fault(&victim.full, Fault::Gate(4_000));
    let mut agent = victim.stage.command(&program("exuvia-agent"));
    agent.args(victim.stage.agent_options()).args(["update", "--yes"]);
    let agent = agent.stderr(std::process::Stdio::piped()).spawn().unwrap();
    assert!(victim.server.waits_at_gate(Duration::from_secs(30)));
    // What has come is written down.
    while victim.disk.used().0 < 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    victim.disk.leave(Room::Pages(0));
    victim.server.open_gate();
    let ended = agent.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("make room on the disk"), "{said}");
    assert_eq!(victim.left_over(), Vec::<String>::new());
    victim.stage.start(&["--version"]).works().says("notes 1.0.0");
    victim.disk.leave(Room::Plenty);
    victim.server.heal();
    victim.update().works().says("updated to 1.1.0");
}

/// Pages that the metadata of a repository with two releases takes, and everything else about it.
const KEPT: u64 = 24;
