//! The crash rig: real programs are killed, starved and raced at each of their calls that changes
//! the disk, and what starts next must be exactly the old or exactly the new version.
//!
//! - [`trace`] follows all processes and threads of a command and stops each at every such call;
//! - [`fault`] decides what happens at the Nth;
//! - [`ground`] has the publisher and the installations to work on, [`oracle`] judges what is left;
//! - [`power`] cuts the power of real file systems, [`sequences`] are installers known to be wrong, by
//!   which the rig proves itself;
//! - [`legal`] records calls and enumerates what a crash may leave, [`race`] lets an attacker act at each,
//!   [`stranger`] one with another user id, [`overtaken`] updates under a start;
//! - [`endurance`] does the same again and again, and measures starts;
//! - [`modes`] says what is done to which operation, [`table`] collects what came of it, and `src/bin/crash-rig` prints it.
//!
//! It needs ptrace on x86-64 Linux. What a machine lacks is said and counted, not passed over.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use ground::{Ground, Publisher, Shape};
use table::Sample;

pub mod call;
pub mod endurance;
pub mod fault;
pub mod ground;
pub mod legal;
pub mod modes;
pub mod oracle;
pub mod overtaken;
pub mod power;
pub mod race;
pub mod sequences;
pub mod stranger;
pub mod table;
pub mod trace;

/// Where the rig works and how much of it is done.
pub struct Rig {
    programs: PathBuf,
    /// Which points are tried.
    pub sample: Sample,
    /// In memory where there is such a place.
    folder: TempDir,
    /// On another file system, if there is one.
    elsewhere: TempDir,
}

impl Rig {
    /// A rig for the programs in a folder.
    pub fn new(programs: PathBuf, sample: Sample) -> Rig {
        let memory = Path::new("/dev/shm");
        let folder = TempDir::new_in(memory).or_else(|_| TempDir::new()).unwrap();
        let elsewhere = TempDir::new().unwrap();
        for dir in [&folder, &elsewhere] {
            // Qualification starts programs as nobody.
            std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        }
        Rig { programs, sample, folder, elsewhere }
    }

    /// A publisher for a shape, made anew.
    pub fn publisher(&self, shape: Shape) -> Publisher {
        let folder = self.folder.path().join(format!("{shape:?}"));
        if folder.exists() {
            std::fs::remove_dir_all(&folder).unwrap();
        }
        Publisher::new(&folder, &self.programs, shape)
    }

    /// A machine whose installation and home lie on one file system or on two.
    fn ground(&self, shape: Shape, disks: usize) -> Ground {
        let user = if disks == 1 { &self.folder } else { &self.elsewhere };
        let [install, user] = [&self.folder, user].map(|folder| folder.path().join("machine"));
        Ground::new(self.publisher(shape), &install, &user)
    }

    /// Where the rig keeps its things.
    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn has_two_disks(&self) -> bool {
        let device = |dir: &TempDir| dir.path().metadata().unwrap().dev();
        device(&self.folder) != device(&self.elsewhere)
    }
}
