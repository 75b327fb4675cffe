//! The installation itself: looking at it, going back, removing it, making it.

use std::path::{Path, PathBuf};

use exuvia_core::choose::{Route, Step};
use exuvia_core::{Facts, Kind, Platform, Release};
use exuvia_helper::{First, Install, Status, Uninstalled};
use exuvia_plan::history::Entry;
use exuvia_plan::{Config, InPlaceShape, Phase, Shape};
use semver::Version;

use crate::background::in_background;
use crate::builder::{Settings, Updater};
use crate::error::{Error, LocalError, RepositoryError};
use crate::events::{Event, Progress};
use crate::freshness::Freshness;
use crate::rebuild::{Failure, Ingredients, rebuild};
use crate::run::{Purpose, Run};
use crate::store::{self, Store};

/// How an application is installed for the first time.
#[derive(Clone, Debug)]
pub struct FirstInstall {
    /// How it is laid out; without it a folder is versioned and everything else in place.
    pub layout: Option<Placement>,
    /// The version; without it the newest of the wanted kind.
    pub version: Option<Version>,
    /// The program that becomes the launcher, for the versioned layout: `exuvia-helper`, or any that
    /// calls [`startup`](crate::startup) first in `main`.
    pub launcher: Option<PathBuf>,
}

/// How an application is laid out on disk. Names follow from the release and from the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Versions side by side, and a launcher named like the release's executable.
    Versioned,
    /// One path that stays: the builder's `install` path itself.
    InPlace,
}

/// An application was installed.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The installation.
    pub install: Install,
    /// The version installed.
    pub version: Version,
    /// Bytes received over the network, metadata included.
    pub received: u64,
}

impl Updater {
    /// What is installed and what is going on with it.
    ///
    /// # Errors
    /// [`LocalError::NotInstalled`](crate::LocalError::NotInstalled); [`Error::Local`] for state that
    /// cannot be read.
    pub fn status(&self) -> Result<Status, Error> {
        Ok(self.installation()?.status()?)
    }

    /// How fresh what is known about the repository is; `None` before the first check.
    pub fn freshness(&self) -> Option<Freshness> {
        let Settings { config, state, place, .. } = &*self.settings;
        let known = Store::look_at_freshness(state, config.app.as_str(), place)?;
        known.since(self.status().ok().map(|status| status.current().published))
    }

    /// For how many days the repository has shown nothing new, if that is so long that it should be
    /// told.
    pub fn stale_days(&self) -> Option<u32> {
        let now = (self.settings.clock)();
        let stale = |freshness: &Freshness| freshness.is_stale(now, self.settings.stale_days);
        self.freshness().filter(stale).map(|freshness| freshness.days(now))
    }

    /// What happened to the installation, oldest first.
    ///
    /// # Errors
    /// As [`status`](Updater::status).
    pub fn history(&self) -> Result<Vec<Entry>, Error> {
        Ok(self.installation()?.history()?)
    }

    /// Goes back to the version before, and remembers the one left so that it is not offered again.
    ///
    /// # Errors
    /// [`Error::Local`] when there is none, or the publisher forbade it.
    pub fn rollback(&self) -> Result<Version, Error> {
        let (install, now) = (self.installation()?, (self.settings.clock)());
        if let Phase::Reverting { to, .. } = install.status()?.phase
            && install.recover(now)?.live().digest == to.digest
        {
            // It was asked for before and cut off; once more would be one version too far.
            return Ok(to.version);
        }
        Ok(install.rollback(now)?.release().version.clone())
    }

    /// Removes the application: what the updater put there and nothing else, and what this user's
    /// updater kept about it.
    ///
    /// # Errors
    /// [`Error::Local`] when something cannot be removed; doing it again goes on.
    pub fn uninstall(self) -> Result<Uninstalled, Error> {
        let Settings { config, state, cache, place, .. } = &*self.settings;
        let uninstalled = self.installation()?.clone().uninstall()?;
        for base in [state, cache] {
            let dir = store::dir(base, config.app.as_str(), place);
            // The application is gone; what is left of a cache is no reason to say that it failed.
            let _ = std::fs::remove_dir_all(&dir);
            // Folders that other applications still need are not empty.
            for parent in dir.ancestors().skip(1).take(2) {
                let _ = std::fs::remove_dir(parent);
            }
        }
        Ok(uninstalled)
    }

    /// Installs the application at the builder's `install` path, verified from the configuration's
    /// root on.
    ///
    /// # Errors
    /// See [`Error`]; nothing that counts as an installation exists then.
    pub async fn first_install(
        &self,
        first: FirstInstall,
        progress: &mut dyn Progress,
    ) -> Result<Installed, Error> {
        let mut run = Run::begin(self, Purpose::FirstInstall).await?;
        if let Some(status) = &run.status {
            let (path, app) = (self.settings.place.clone(), status.layout.app.clone());
            let version = status.current().version.clone();
            return Err(LocalError::AlreadyInstalled { path, app, version }.into());
        }
        if let Err(kept @ LocalError::Kept { .. }) = self.installation() {
            return Err(kept.into());
        }
        let trusted = run.refresh(progress).await?;
        let releases = run.releases(trusted, progress).await?;
        run.expect_some(&releases)?;
        let of_kind = || releases.of_kind(run.kind(&releases));
        let release = match &first.version {
            None => of_kind().find(|release| {
                release.facts().not_understood().is_none()
                    && !releases.is_withdrawn(release.digest())
            }),
            Some(version) => of_kind().find(|release| release.version() == version),
        };
        let none = || {
            let mut kinds: Vec<Kind> = releases.iter().map(|r| r.facts().kind).collect();
            kinds.dedup();
            RepositoryError::NoRelease { version: first.version.clone(), kinds }
        };
        let release = release.cloned().ok_or_else(none)?;
        let (version, bytes) = (release.version().clone(), release.full().length());
        progress.event(Event::Offered { version: version.clone(), bytes });

        let route = Route { steps: vec![Step::Full(release.full().clone())], bytes };
        let lock = run.lock(&[route.clone()].into()).await?;
        let ingredients = run.gather(&route, release.facts(), &lock, progress).await?;
        let route = ingredients.kind();
        progress.event(Event::Staging { route });
        let install = put_in_place(&run, first, release, ingredients).await?;
        run.sweep().await?;
        let received = run.mirrors.traffic().received;
        progress.event(Event::Staged { version: version.clone(), route: Some(route), received });
        Ok(Installed { install, version, received })
    }
}

fn shape(asked: Option<Placement>, facts: &Facts, place: &Path) -> Shape {
    let usual = match facts.kind {
        Kind::Folder => Placement::Versioned,
        _ => Placement::InPlace,
    };
    match asked.unwrap_or(usual) {
        Placement::Versioned => {
            let name = facts.executable.rsplit('/').next().unwrap_or_default();
            Shape::Versioned { launcher: name.to_owned() }
        }
        Placement::InPlace => {
            let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let shape = match facts.kind {
                Kind::Folder | Kind::App => InPlaceShape::Folder,
                _ => InPlaceShape::File,
            };
            Shape::InPlace { shape, name }
        }
    }
}

async fn put_in_place(
    run: &Run,
    first: FirstInstall,
    release: Release,
    ingredients: Ingredients,
) -> Result<Install, Error> {
    let (settings, scratch, now) = (run.settings.clone(), run.cache(), run.time());
    let metadata = run.store.metadata_path().to_owned();
    let (watch, waiting) = run.mirrors.watch().for_blocking_work();
    let installed = in_background(move || {
        let bundle = release.facts().bundle;
        let platform: &Platform = &settings.platform;
        // The layout is to name the channel that was followed.
        let config = Config { channel: settings.channel.clone(), ..settings.config.clone() };
        let request = First {
            path: &settings.place,
            shape: shape(first.layout, release.facts(), &settings.place),
            platform,
            config: &config,
            metadata: &metadata,
            digest: bundle.digest,
            now,
            launcher: first.launcher.as_deref(),
        };
        let mut failure = None;
        let installed = Install::first_install(&request, &mut |out| {
            rebuild(&ingredients, None, &bundle, &scratch, &watch, out)
                .map_err(|why| why.through_the_helper(&mut failure))
        });
        let served = installed.is_ok() || matches!(failure, Some(Failure::Route(_)));
        if served {
            ingredients.payloads.into_iter().for_each(|payload| payload.discard());
        }
        match (installed, failure) {
            (Ok(install), _) => Ok(install),
            (Err(_), Some(Failure::Route(source))) => {
                let version = release.version().clone();
                Err(Error::from(RepositoryError::Rebuild { version, source }))
            }
            (Err(_), Some(Failure::Local(error))) => Err(error.into()),
            (Err(error), _) => Err(error.into()),
        }
    })
    .await?;
    drop(waiting);
    installed
}
