//! Ways of putting a new version in place that are known to be wrong. The rig must find each of them
//! bad: else it proves nothing about others.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::Rig;
use super::fault::{At, Count, Fault};
use super::legal::{Recorder, lay_out};
use super::power::{Cut, CutAt, Disk, System};
use super::table::Results;
use super::trace::{self, End, Watcher};
use crate::home::things;

/// The argument by which the rig's program is told to be one of these installers.
pub const SEQUENCE: &str = "--sequence";

/// A wrong installer: its name, and which part of the rig has to find it out.
const ALL: [(&str, Finder); 4] = [
    ("overwrite in place", Finder::Kill),
    ("remove, then move", Finder::Kill),
    ("exchange without flushing the files", Finder::Power),
    ("exchange without flushing the directory", Finder::Power),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Finder {
    Kill,
    Power,
}

/// Puts the tree at `new` in the place of that at `old`, wrongly.
///
/// # Errors
/// Those of the file system.
pub fn install(name: &str, old: &Path, new: &Path) -> io::Result<()> {
    let beside = old.with_extension("new");
    match name {
        "overwrite in place" => copy(new, old, true),
        "remove, then move" => {
            copy(new, &beside, true)?;
            fs::remove_dir_all(old)?;
            fs::rename(beside, old)?;
            File::open(old.parent().unwrap())?.sync_all()
        }
        _ => {
            let flush = name == "exchange without flushing the directory";
            copy(new, &beside, flush)?;
            renameat_with(CWD, &beside, CWD, old, RenameFlags::EXCHANGE)?;
            if !flush {
                File::open(old.parent().unwrap())?.sync_all()?;
            }
            Ok(())
        }
    }
}

fn copy(from: &Path, to: &Path, flush: bool) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for name in things(from).keys() {
        fs::write(to.join(name), fs::read(from.join(name))?)?;
        if flush {
            File::open(to.join(name))?.sync_all()?;
        }
    }
    if flush { File::open(to)?.sync_all() } else { Ok(()) }
}

/// Lets the rig judge the wrong installers: a point is an installer that it must find bad.
pub(super) fn prove_the_rig(rig: &Rig, results: &mut Results) {
    let [old, new] = ["old", "new"].map(|name| rig.folder().join("sequences").join(name));
    for (tree, version) in [(&old, "1"), (&new, "2")] {
        fs::create_dir_all(tree).unwrap();
        for name in ["program", "data"] {
            fs::write(tree.join(name), version.repeat(10_000)).unwrap();
        }
    }
    for (name, finder) in ALL {
        let disk = match finder {
            Finder::Kill => None,
            Finder::Power => match Disk::new(rig.folder(), "sequences", System::Ext4) {
                Ok(disk) => Some(disk),
                Err(why) => {
                    results.skipped.push(format!("{name}: {why}"));
                    continue;
                }
            },
        };
        let found = Trial { rig, name, old: &old, new: &new, disk: disk.as_ref() }.is_found_bad();
        let result = if found { Ok(()) } else { Err("was not found bad".into()) };
        let trial = Trial { rig, name, old: &old, new: &new, disk: None };
        let found_too =
            if trial.has_a_bad_state() { Ok(()) } else { Err("has no bad state".into()) };
        let cell = |what: &str| {
            let op = format!("self-test: {name}");
            (op, super::ground::Shape::InPlace, 1, what.to_owned())
        };
        results.add(cell("found by legal states"), 0, found_too);
        let what = if finder == Finder::Kill { "found by kill" } else { "found by power" };
        results.add(cell(what), 0, result);
    }
}

struct Trial<'a> {
    rig: &'a Rig,
    name: &'a str,
    old: &'a Path,
    new: &'a Path,
    disk: Option<&'a Disk>,
}

impl Trial<'_> {
    fn is_found_bad(&self) -> bool {
        let mut count = Count::default();
        assert!(self.run(&mut count), "{} fails by itself", self.name);
        (0..=count.calls.len()).any(|point| match self.disk {
            None => {
                let reported = self.run(&mut At::new(Fault::Kill, point));
                self.is_bad(reported)
            }
            Some(disk) => {
                let disks = std::slice::from_ref(disk);
                let mut cut = CutAt { disks, cut: Cut::AtOnce, point, seen: 0 };
                let reported = self.run(&mut cut);
                if cut.seen <= point {
                    disk.cut(Cut::AtOnce);
                }
                disk.come_back();
                self.is_bad(reported)
            }
        })
    }

    /// Whether a crash may legally leave something bad.
    fn has_a_bad_state(&self) -> bool {
        self.begin();
        let places = [self.place()];
        let mut recorder = Recorder::new(&places);
        let reported = self.run_from_here(&mut recorder);
        recorder.end(reported);
        recorder.states.values().any(|(state, reported)| {
            lay_out(&places, state);
            self.is_bad(*reported)
        })
    }

    /// Installs, and tells whether success was reported.
    fn run(&self, watcher: &mut dyn Watcher) -> bool {
        self.begin();
        self.run_from_here(watcher)
    }

    fn begin(&self) {
        let place = self.place();
        let _ = fs::remove_dir_all(&place);
        copy(self.old, &place.join("app"), true).unwrap();
        if let Some(disk) = self.disk {
            disk.settle();
        }
    }

    fn run_from_here(&self, watcher: &mut dyn Watcher) -> bool {
        let place = self.place();
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(&program);
        command.arg(super::ground::TRACED).arg(&program).args([SEQUENCE, self.name]);
        command.arg(place.join("app")).arg(self.new).stdin(Stdio::null());
        trace::run(&mut command, &[place], watcher) == End::Code(0)
    }

    fn place(&self) -> std::path::PathBuf {
        self.disk.map_or(self.rig.folder(), Disk::path).join("place")
    }

    fn is_bad(&self, reported: bool) -> bool {
        let app = self.place().join("app");
        let found = app.is_dir().then(|| things(&app));
        let [old, new] = [self.old, self.new].map(|tree| Some(things(tree)));
        found != new && (reported || found != old)
    }
}
