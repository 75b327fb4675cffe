//! Where the demo plays: a publisher, a published folder, a server, and a user's machine, each a
//! folder under one temporary root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exuvia::Qualify;
use exuvia::{Builder, FirstInstall, Installed, Placement, Time, Updater};

use super::app::{self, NAME, Resource};
use super::failure::Failure;
use crate::serve::Server;
use crate::{Cost, InitOptions, Passphrase, Publisher, ReleaseOptions, ReleaseReport, Unwatched};

/// Folders, publisher and server of one demo.
pub(super) struct Scene {
    home: PathBuf,
    publisher: Publisher,
    server: Option<Server>,
}

impl Scene {
    /// Sets the scene in an empty folder. `embeds` says whether the application calls Exuvia itself.
    pub(super) fn new(home: &Path, embeds: bool) -> Result<Scene, Failure> {
        let mut options = InitOptions::new(NAME.parse()?);
        if !embeds {
            options.qualify = Qualify::No;
        }
        // The keys live as long as the demo, so trying their passphrase may be cheap.
        options.cost = Cost { memory_kib: 8, passes: 1 };
        let passphrase = Passphrase::new("a demo has no secrets".to_owned());
        let publisher = Publisher::init(home.join("publisher"), options, passphrase)?;
        Ok(Scene { home: home.to_owned(), publisher, server: None })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    pub(super) fn now(&self) -> Time {
        crate::publisher::system_clock()
    }

    /// Builds, releases and publishes a version of the demo's own application.
    pub(super) fn release(&mut self, resource: &Resource) -> Result<ReleaseReport, Failure> {
        let tree = self.path(&format!("build-{}", resource.version));
        app::write_tree(&tree, resource).map_err(Failure::io(&tree))?;
        let mut options = ReleaseOptions::new(tree, resource.version.parse()?);
        // A demo is to be quick; its sizes are no record.
        options.level = 9;
        self.release_tree(&options)
    }

    /// Releases and publishes any tree.
    pub(super) fn release_tree(
        &mut self,
        options: &ReleaseOptions,
    ) -> Result<ReleaseReport, Failure> {
        let report = self.publisher.release(options, &Unwatched)?;
        let to = self.path("published");
        self.publisher.folder().publish(&to, self.now(), &Unwatched)?;
        if self.server.is_none() {
            self.server = Some(self.serve("published")?);
        }
        Ok(report)
    }

    /// Serves a folder of the scene on a free port of loopback.
    pub(super) fn serve(&self, folder: &str) -> Result<Server, Failure> {
        Ok(Server::start(&self.path(folder), ([127, 0, 0, 1], 0).into())?)
    }

    /// Copies the published folder as it is now, for an attacker.
    pub(super) fn keep_copy_of_published(&self, name: &str) -> Result<PathBuf, Failure> {
        let copy = self.path(name);
        copy_dir(&self.path("published"), &copy)?;
        Ok(copy)
    }

    /// An updater for the installation, as the application or its user would have it.
    pub(super) fn updater(&self) -> Result<Builder, Failure> {
        let config = self.path("publisher/exuvia.json");
        let text = fs::read_to_string(&config).map_err(Failure::io(&config))?;
        let mirrors: Vec<String> = self.server.iter().map(Server::url).collect();
        Ok(Updater::builder(&text)
            .install(self.path("user/notes"))
            .state_dir(self.path("user/state"))
            .cache_dir(self.path("user/cache"))
            .mirrors(mirrors))
    }

    /// Installs the newest release; this very program is copied as the launcher.
    pub(super) async fn install(&self) -> Result<Installed, Failure> {
        let own = std::env::current_exe().map_err(Failure::io(Path::new("this program")))?;
        let layout = Some(Placement::Versioned);
        let first = FirstInstall { layout, version: None, launcher: Some(own) };
        let updater = self.updater()?.build()?;
        Ok(updater.first_install(first, &mut |_: exuvia::Event| {}).await?)
    }

    /// Starts the application by its stable path and waits for its end. Gives what it printed.
    pub(super) fn start(&self) -> Result<String, Failure> {
        let program = self.path("user/notes").join(NAME);
        let run = Command::new(&program)
            .arg(self.path("user/data.txt"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .map_err(Failure::io(&program))?;
        Ok(String::from_utf8_lossy(&run.stdout).into_owned())
    }
}

/// Flips one bit in the middle of every payload.
pub(super) fn damage_payloads(published: &Path) -> Result<(), Failure> {
    for path in files(&published.join("targets"))? {
        let mut bytes = fs::read(&path).map_err(Failure::io(&path))?;
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
        }
        fs::write(&path, bytes).map_err(Failure::io(&path))?;
    }
    Ok(())
}

fn copy_dir(from: &Path, to: &Path) -> Result<(), Failure> {
    for path in files(from)? {
        let Ok(below) = path.strip_prefix(from) else { continue };
        let copy = to.join(below);
        let parent = copy.parent().unwrap_or(to);
        fs::create_dir_all(parent).map_err(Failure::io(parent))?;
        fs::copy(&path, &copy).map_err(Failure::io(&copy))?;
    }
    Ok(())
}

/// Every regular file beneath a folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(Failure::io(&folder))? {
            let path = entry.map_err(Failure::io(&folder))?.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}
