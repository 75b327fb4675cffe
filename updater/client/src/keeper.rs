//! Who else looks after a place: a package manager, a store, whoever made an image. What they put
//! there is theirs to update (docs/adr/0021).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exuvia_durable::Dir;

/// Who looks after a place that Exuvia therefore leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keeper {
    /// A package of Debian's kind.
    Dpkg {
        /// Its name.
        package: String,
    },
    /// A package of Red Hat's kind.
    Rpm {
        /// Its name.
        package: String,
    },
    /// A package of Arch's kind.
    Pacman {
        /// Its name and version.
        package: String,
    },
    /// A snap, whose files are a mounted image.
    Snap {
        /// Its name.
        name: String,
    },
    /// A Flatpak, whose files belong to its sandbox.
    Flatpak,
    /// A copy that macOS shows of a downloaded application, until its user has moved it.
    Translocated,
    /// A file system that takes no change: an image, a disc, a folder that was mounted so.
    ReadOnly,
}

impl Keeper {
    /// Who looks after what stands at a path; `None` if nobody does, or if nothing stands there.
    pub(crate) fn of(path: &Path) -> Option<Keeper> {
        let snap = std::env::var_os("SNAP").filter(|snap| !snap.is_empty()).map(PathBuf::from);
        System { root: "/".into(), snap }.keeper(path)
    }

    /// Whether what stands at a path, or would be made there, lies where nothing can be changed.
    pub(crate) fn of_disk(path: &Path) -> Option<Keeper> {
        let dir = path.ancestors().find(|path| path.is_dir())?;
        let read_only = Dir::open(dir).and_then(|dir| dir.is_read_only()).unwrap_or(false);
        read_only.then_some(Keeper::ReadOnly)
    }

    /// One line: what to do in place of an update.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Keeper::Dpkg { .. } => {
                "update it as a package: sudo apt install --only-upgrade and that name"
            }
            Keeper::Rpm { .. } => "update it as a package: sudo dnf upgrade and that name",
            Keeper::Pacman { .. } => "update it with the system: sudo pacman -Syu",
            Keeper::Snap { .. } => "update it as a snap: sudo snap refresh and that name",
            Keeper::Flatpak => "update it where it came from: flatpak update",
            Keeper::Translocated => {
                "move it to the folder Applications first, and start it from there"
            }
            Keeper::ReadOnly => {
                "copy the application to a folder that can be written to, or make this one so"
            }
        }
    }
}

impl fmt::Display for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keeper::Dpkg { package } | Keeper::Rpm { package } | Keeper::Pacman { package } => {
                write!(f, "belongs to the package {package} of this system")
            }
            Keeper::Snap { name } => write!(f, "belongs to the snap {name}"),
            Keeper::Flatpak => f.write_str("belongs to a Flatpak"),
            Keeper::Translocated => f.write_str("runs from where macOS shows what was downloaded"),
            Keeper::ReadOnly => f.write_str("is on a file system that cannot be written to"),
        }
    }
}

/// Where to look.
struct System {
    root: PathBuf,
    /// `$SNAP`: where the image of the snap that runs is mounted.
    snap: Option<PathBuf>,
}

impl System {
    fn keeper(&self, path: &Path) -> Option<Keeper> {
        let there = fs::symlink_metadata(path).is_ok();
        self.translocated(path)
            .or_else(|| self.sandbox(path))
            .or_else(|| self.dpkg(path))
            .or_else(|| self.pacman(path))
            .or_else(|| self.rpm(path))
            .or_else(|| there.then(|| Keeper::of_disk(path)).flatten())
    }

    /// `/private/var/folders/…/AppTranslocation/ID/d/NAME.app`: mounted so that nothing is found beside
    /// what was downloaded, and gone when it ends.
    fn translocated(&self, path: &Path) -> Option<Keeper> {
        let mut folders = ["private/var/folders", "var/folders"].iter();
        let inside = folders.any(|folders| path.starts_with(self.root.join(folders)));
        let mut parts = path.components();
        let shown = inside && parts.any(|part| part.as_os_str() == "AppTranslocation");
        shown.then_some(Keeper::Translocated)
    }

    fn sandbox(&self, path: &Path) -> Option<Keeper> {
        if let Some(snap) = self.snap.as_ref().filter(|snap| path.starts_with(snap)) {
            // /snap/NAME/REVISION
            let name = snap.iter().rev().nth(1).unwrap_or_default().to_string_lossy().into_owned();
            return Some(Keeper::Snap { name });
        }
        let inside = ["app", "usr"].iter().any(|top| path.starts_with(self.root.join(top)));
        (inside && self.root.join(".flatpak-info").exists()).then_some(Keeper::Flatpak)
    }

    /// `PACKAGE.list` or `PACKAGE:ARCH.list` names every path of a package.
    fn dpkg(&self, path: &Path) -> Option<Keeper> {
        let names = self.names(path);
        let list = entries(&self.root.join("var/lib/dpkg/info")).find(|file| {
            file.extension().is_some_and(|end| end == "list")
                && names_one(file, names.iter().map(|name| format!("/{name}")))
        })?;
        let stem = list.file_stem()?.to_string_lossy().into_owned();
        let package = stem.split(':').next().unwrap_or_default().to_owned();
        Some(Keeper::Dpkg { package })
    }

    /// `NAME-VERSION/files` names every path of a package, folders with a slash at their end.
    fn pacman(&self, path: &Path) -> Option<Keeper> {
        let names = self.names(path);
        let lines: Vec<_> = names.iter().flat_map(|n| [n.clone(), format!("{n}/")]).collect();
        let folder = entries(&self.root.join("var/lib/pacman/local"))
            .find(|folder| names_one(&folder.join("files"), lines.iter().cloned()))?;
        Some(Keeper::Pacman { package: folder.file_name()?.to_string_lossy().into_owned() })
    }

    /// The database has no format of its own that could be read; its program is asked.
    fn rpm(&self, path: &Path) -> Option<Keeper> {
        let homes = ["usr/lib/sysimage/rpm", "var/lib/rpm"];
        homes.iter().find(|home| self.root.join(home).is_dir())?;
        let mut rpm = Command::new(self.root.join("usr/bin/rpm"));
        rpm.args(["-qf", "--queryformat", "%{NAME}\\n"]).arg(path);
        rpm.env_clear().current_dir("/").stdin(Stdio::null());
        let answer = rpm.output().ok().filter(|answer| answer.status.success())?;
        let text = String::from_utf8(answer.stdout).ok()?;
        let package = text.lines().next().filter(|line| !line.is_empty())?.to_owned();
        Some(Keeper::Rpm { package })
    }

    /// The names by which packages may know a path, without the slash they begin with: where `/bin`
    /// leads to `/usr/bin` either may stand in a list.
    fn names(&self, path: &Path) -> Vec<String> {
        let Some(name) = path.strip_prefix(&self.root).ok().and_then(Path::to_str) else {
            return Vec::new();
        };
        let short = name.strip_prefix("usr/").filter(|_| self.root.join("bin").is_symlink());
        [Some(name), short].into_iter().flatten().map(str::to_owned).collect()
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

/// Whether a file has one of these as a line.
fn names_one(file: &Path, lines: impl Iterator<Item = String>) -> bool {
    let Ok(text) = fs::read(file) else { return false };
    let lines: Vec<_> = lines.collect();
    text.split(|byte| *byte == b'\n').any(|line| lines.iter().any(|name| name.as_bytes() == line))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Machine {
            let machine = Machine(tempfile::tempdir().unwrap());
            machine.write("usr/bin/notes", "");
            machine.write("usr/local/bin/notes", "");
            machine
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn keeper_in(&self, snap: Option<&str>, path: &str) -> Option<Keeper> {
            let system = System { root: self.0.path().into(), snap: snap.map(PathBuf::from) };
            system.keeper(&self.0.path().join(path))
        }

        fn keeper(&self, path: &str) -> Option<Keeper> {
            self.keeper_in(None, path)
        }
    }

    #[test]
    fn what_nobody_looks_after_is_ours() {
        let machine = Machine::new();
        assert_eq!(machine.keeper("usr/bin/notes"), None);
        assert_eq!(machine.keeper("usr/bin/none"), None);
    }

    #[test]
    fn a_debian_package_owns_the_paths_of_its_list_and_no_others() {
        let machine = Machine::new();
        machine.write("var/lib/dpkg/info/other.list", "/usr/bin/notes-export\n/usr/bin\n");
        assert_eq!(machine.keeper("usr/bin/notes"), None);
        machine.write("var/lib/dpkg/info/notes:amd64.list", "/.\n/usr\n/usr/bin\n/usr/bin/notes\n");
        let notes = Some(Keeper::Dpkg { package: "notes".into() });
        assert_eq!(machine.keeper("usr/bin/notes"), notes);
        assert_eq!(machine.keeper("usr/local/bin/notes"), None);
    }

    #[test]
    fn a_package_from_before_usr_was_merged_owns_the_same_program() {
        let machine = Machine::new();
        std::os::unix::fs::symlink("usr/bin", machine.0.path().join("bin")).unwrap();
        machine.write("var/lib/dpkg/info/notes.list", "/bin/notes\n");
        let notes = Some(Keeper::Dpkg { package: "notes".into() });
        assert_eq!(machine.keeper("usr/bin/notes"), notes);
    }

    #[test]
    fn an_arch_package_owns_the_paths_of_its_files() {
        let machine = Machine::new();
        let files = "%FILES%\nusr/\nusr/bin/\nusr/bin/notes\nusr/lib/notes/\n";
        machine.write("var/lib/pacman/local/notes-1.0-2/files", files);
        let notes = Some(Keeper::Pacman { package: "notes-1.0-2".into() });
        assert_eq!(machine.keeper("usr/bin/notes"), notes);
        assert_eq!(machine.keeper("usr/lib/notes"), notes);
        assert_eq!(machine.keeper("usr/local/bin/notes"), None);
    }

    #[test]
    fn the_database_of_rpm_packages_is_asked_through_their_program() {
        use std::os::unix::fs::PermissionsExt;
        let machine = Machine::new();
        let script = "#!/bin/sh\ncase $4 in */bin/notes) echo notes;; *) echo no; exit 1;; esac\n";
        machine.write("usr/bin/rpm", script);
        let program = machine.0.path().join("usr/bin/rpm");
        fs::set_permissions(program, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(machine.keeper("usr/bin/notes"), None, "this machine has no such packages");
        machine.write("usr/lib/sysimage/rpm/rpmdb.sqlite", "");
        let notes = Some(Keeper::Rpm { package: "notes".into() });
        assert_eq!(machine.keeper("usr/bin/notes"), notes);
        assert_eq!(machine.keeper("usr/bin/rpm"), None);
    }

    #[test]
    fn a_snap_and_a_flatpak_own_what_lies_in_them() {
        let machine = Machine::new();
        machine.write("snap/notes/42/bin/notes", "");
        let snap = machine.0.path().join("snap/notes/42");
        let keeper = |path| machine.keeper_in(snap.to_str(), path);
        assert_eq!(keeper("snap/notes/42/bin/notes"), Some(Keeper::Snap { name: "notes".into() }));
        assert_eq!(keeper("usr/bin/notes"), None);
        machine.write(".flatpak-info", "[Application]\nname=org.example.Notes\n");
        machine.write("app/bin/notes", "");
        machine.write("home/jo/notes", "");
        assert_eq!(machine.keeper("app/bin/notes"), Some(Keeper::Flatpak));
        assert_eq!(machine.keeper("home/jo/notes"), None);
    }

    #[test]
    fn a_downloaded_application_that_was_not_moved_yet_is_no_place_to_update() {
        let machine = Machine::new();
        let shown = "private/var/folders/x1/abc/T/AppTranslocation/0A1B/d/Notes.app";
        assert_eq!(machine.keeper(shown), Some(Keeper::Translocated));
        assert_eq!(machine.keeper("private/var/folders/x1/abc/T/Notes.app"), None);
        assert_eq!(machine.keeper("Applications/AppTranslocation/Notes.app"), None);
    }

    #[test]
    fn every_keeper_says_who_it_is_and_what_to_do() {
        let package = || "notes".to_owned();
        let all = [
            (Keeper::Dpkg { package: package() }, "apt"),
            (Keeper::Rpm { package: package() }, "dnf"),
            (Keeper::Pacman { package: package() }, "pacman"),
            (Keeper::Snap { name: package() }, "snap refresh"),
            (Keeper::Flatpak, "flatpak update"),
            (Keeper::Translocated, "Applications"),
            (Keeper::ReadOnly, "copy"),
        ];
        for (keeper, word) in all {
            assert!(keeper.advice().contains(word), "{keeper}: {}", keeper.advice());
            assert!(!keeper.to_string().is_empty());
        }
    }
}
