//! A real file system with little room, in memory, which only one test sees.
//!
//! Mounting needs rights of its own. A test that wants them is `#[ignore]`d, named `…_on_a_small_disk`,
//! and run by `tests/run` where the system grants them; elsewhere it counts as skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::processes::Stage;

const INSIDE: &str = "EXUVIA_TESTS_OWN_MOUNTS";

/// Runs the test of this name, whose body this is, where it may mount and nobody else sees it.
pub fn in_own_mounts(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    // The programs are built here, not in there.
    drop(Stage::new());
    let mut command = Command::new("unshare");
    command.arg(if rustix::process::geteuid().is_root() { "-m" } else { "-Urm" });
    command.arg(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--include-ignored", "--nocapture"]);
    let output = command.env(INSIDE, "1").env("EXUVIA_TESTS_BUILT", "1").output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success() && said[0].contains("1 passed"), "{}{}", said[0], said[1]);
}

/// The file system, which ends when dropped.
pub struct SmallDisk {
    place: PathBuf,
}

/// How much more than now may lie on it.
#[derive(Clone, Copy, Debug)]
pub enum Room {
    /// So many pages of 4 KiB, in any number of files.
    Pages(u64),
    /// So many files and folders, of any size.
    Files(u64),
    /// More than is ever needed.
    Plenty,
}

impl SmallDisk {
    /// Puts one in the place of whatever is there.
    pub fn mount(place: &Path) -> SmallDisk {
        std::fs::create_dir_all(place).unwrap();
        let place = place.to_owned();
        run(Command::new("mount").args(["-t", "tmpfs", "-o", PLENTY, "exuvia-test"]).arg(&place));
        SmallDisk { place }
    }

    /// From now on there is so much room.
    pub fn leave(&self, room: Room) {
        let (pages, files) = self.used();
        let options = match room {
            Room::Pages(more) => {
                // None at all would mean no limit.
                let pages = (pages + more).max(1);
                format!("size={},nr_inodes={MANY}", pages * PAGE)
            }
            Room::Files(more) => format!("size={LARGE},nr_inodes={}", files + more),
            Room::Plenty => PLENTY.to_owned(),
        };
        let options = format!("remount,{options}");
        run(Command::new("mount").args(["-o", &options]).arg(&self.place));
    }

    /// Pages and files in use.
    pub fn used(&self) -> (u64, u64) {
        let now = rustix::fs::statvfs(&self.place).unwrap();
        assert_eq!(now.f_bsize, PAGE);
        (now.f_blocks - now.f_bfree, now.f_files - now.f_ffree)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

const PAGE: u64 = 4096;
const PLENTY: &str = "size=1g,nr_inodes=100k";
const LARGE: &str = "1g";
const MANY: &str = "100k";
