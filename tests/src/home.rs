//! A user's home with one application in it, thrown away at the end of a test.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exuvia::{Check, Error, Event, FirstInstall, Install, Offer, Placement, Staged, Updater};
use exuvia_bundle::{MemoryTree, Node, Tree};
use serde_json::json;

use crate::sim::{APP, Sim};

/// A home. The installation lies in [`Home::app`], next to it the updater's state and cache.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// An empty home.
    pub fn new() -> Home {
        Home { folder: tempfile::tempdir().unwrap() }
    }

    /// The folder of the home.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the application is, or would be, installed.
    pub fn app(&self) -> PathBuf {
        self.path().join("apps").join(APP)
    }

    /// An updater of this home's application that knows only the simulated mirror. The application
    /// does not embed Exuvia: it qualifies by `--version` and is healthy when it stays alive.
    pub fn updater(&self, sim: &Sim) -> Updater {
        self.builder(sim).fetch(sim.clone()).build().unwrap()
    }

    /// As [`Home::updater`], before a mirror is chosen.
    pub fn builder(&self, sim: &Sim) -> exuvia::Builder {
        let clock = sim.clone();
        Updater::builder(&sim.config("alive:1", json!(["--version"])))
            .install(self.app())
            .state_dir(self.path().join("state"))
            .cache_dir(self.path().join("cache"))
            .clock(move || clock.now())
    }

    /// Installs the newest release, in the versioned layout.
    pub async fn install(&self, sim: &Sim) -> Install {
        self.try_install(sim).await.unwrap()
    }

    /// As [`Home::install`], if it can be.
    ///
    /// # Errors
    /// The updater's.
    pub async fn try_install(&self, sim: &Sim) -> Result<Install, Error> {
        let layout = Some(Placement::Versioned);
        // Nothing is started through it in the simulation.
        let launcher = Some(PathBuf::from("/bin/true"));
        let first = FirstInstall { layout, version: None, launcher };
        std::fs::create_dir_all(self.path().join("apps")).unwrap();
        Ok(self.updater(sim).first_install(first, &mut |_| {}).await?.install)
    }

    /// Checks, and expects an offer.
    pub async fn offer(&self, sim: &Sim) -> Offer {
        match self.updater(sim).check().await.unwrap() {
            Check::Offer(offer) => offer,
            other => panic!("expected an offer, found {other:?}"),
        }
    }

    /// Checks, downloads and stages; the events of the way are given too.
    ///
    /// # Errors
    /// The updater's.
    pub async fn stage(&self, sim: &Sim) -> Result<(Staged, Vec<Event>), Error> {
        let mut events = Vec::new();
        let mut progress = |event| events.push(event);
        let offer = self.offer(sim).await;
        let staged = offer.download(&mut progress).await?.stage_with(&mut progress).await?;
        Ok((staged, events))
    }

    /// What the installed application consists of, as it lies there now.
    pub fn installed(&self) -> BTreeMap<String, Thing> {
        let current = self.app().join("current");
        things(&std::fs::canonicalize(current).unwrap())
    }

    /// Takes away all that the updater keeps of the repository.
    pub fn forget_metadata(&self) {
        std::fs::remove_dir_all(self.path().join("state")).unwrap();
    }

    /// A copy of the whole home, to return to with [`Home::restore`].
    pub fn save(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_all(self.path(), copy.path());
        copy
    }

    /// Makes the home what it was.
    pub fn restore(&self, copy: &tempfile::TempDir) {
        for entry in std::fs::read_dir(self.path()).unwrap() {
            std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        copy_all(copy.path(), self.path());
    }

    /// Everything in the home except what the updater itself may change.
    pub fn surroundings(&self) -> BTreeMap<String, Thing> {
        let own = ["apps/notes", "state", "cache"];
        let mut things = things(self.path());
        things.retain(|path, _| !own.iter().any(|own| path.starts_with(own)));
        things
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

fn copy_all(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap();
    assert!(copied.success());
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Thing {
    /// A directory with its permissions.
    Dir(u32),
    /// A file with its permissions and bytes.
    File(u32, Vec<u8>),
    /// A link with its target.
    Link(String),
}

/// Everything beneath a folder, links not followed.
pub fn things(folder: &Path) -> BTreeMap<String, Thing> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            let mode = metadata.permissions().mode() & 0o7777;
            let thing = if metadata.is_dir() {
                open.push(path.clone());
                Thing::Dir(mode)
            } else if metadata.is_symlink() {
                Thing::Link(std::fs::read_link(&path).unwrap().to_str().unwrap().to_owned())
            } else {
                Thing::File(mode, std::fs::read(&path).unwrap())
            };
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            found.insert(name, thing);
        }
    }
    found
}

/// What another user of the machine may write to beneath a folder, as that user finds it; `None` if this
/// process cannot become another one. Makes the folder one that can be passed.
pub fn open_to_strangers(folder: &Path) -> Option<Vec<String>> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root, to become another user");
        return None;
    }
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    let mut find = Command::new("find");
    // What goes while he looks is no find.
    find.arg(folder).args(["!", "-type", "l", "-writable", "-print"]).stderr(Stdio::null());
    let found = as_stranger(&mut find).output().unwrap().stdout;
    Some(String::from_utf8(found).unwrap().lines().map(str::to_owned).collect())
}

/// A command that another user runs.
pub fn as_stranger(command: &mut Command) -> &mut Command {
    command.uid(STRANGER).gid(STRANGER).current_dir("/").stdin(Stdio::null())
}

/// Nobody.
pub const STRANGER: u32 = 65_534;

/// What a tree must look like once it is installed.
pub fn expected(tree: &MemoryTree) -> BTreeMap<String, Thing> {
    let entries = tree.manifest().entries().iter().map(|entry| {
        let thing = match &entry.node {
            Node::Dir => Thing::Dir(0o755),
            Node::File { executable, .. } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                Thing::File(mode, tree.bytes(&entry.path).unwrap().to_vec())
            }
            Node::Link { target } => Thing::Link(target.clone()),
        };
        (entry.path.as_str().to_owned(), thing)
    });
    entries.collect()
}
