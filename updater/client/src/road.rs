//! The road of one update, from top to bottom.
//!
//! check → refresh → choose → **[`Offer`]** → download → **[`Payloads`]** → rebuild, stage, qualify →
//! **[`Staged`]** → apply now | on quit | later | skip.
//!
//! Every step consumes what the one before made, and each of these types is made in one place: what
//! has no type here has not been checked.

mod handover;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use exuvia_core::choose::{Choice, Route};
use exuvia_core::{Facts, Release, Time};
use exuvia_durable::Lock;
use exuvia_helper::{Install, Qualified, Waiting};
use exuvia_plan::Consent;
use semver::Version;

use crate::applied::{Applied, nobody_watches};
use crate::background::in_background;
use crate::builder::Updater;
use crate::error::{Error, LocalError, RepositoryError};
use crate::events::{Event, Progress, RouteKind};
use crate::held::Held;
use crate::keeper::Keeper;
use crate::rebuild::Ingredients;
use crate::run::{Purpose, Run};
use crate::stage::{self, Work};

/// What a check found.
#[derive(Debug)]
pub enum Check {
    /// The newest release is installed.
    UpToDate,
    /// There is a release, but not for this installation, now.
    Held(Held),
    /// There is a release to install.
    Offer(Offer),
}

impl Updater {
    /// Asks whether there is a newer release for this installation.
    ///
    /// # Errors
    /// See [`Error`]; nothing has changed then, and what was known before still is.
    pub async fn check(&self) -> Result<Check, Error> {
        self.check_with(&mut |_| {}).await
    }

    /// [`check`](Updater::check), telling what happens.
    ///
    /// # Errors
    /// As [`check`](Updater::check).
    pub async fn check_with(&self, progress: &mut dyn Progress) -> Result<Check, Error> {
        let mut run = Run::begin(self, Purpose::Update).await?;
        let trusted = run.refresh(progress).await?;
        let releases = run.releases(trusted, progress).await?;
        run.drop_withdrawn(&releases).await?;
        run.expect_some(&releases)?;
        let (release, routes) = match run.choose(&releases).await? {
            Choice::UpToDate => {
                run.sweep_if_idle().await?;
                return Ok(Check::UpToDate);
            }
            Choice::Held(held) => return Ok(Check::Held(Held::Release(held))),
            Choice::Offer { release, routes } => (release, routes),
        };
        if let Some(held) = run.held_here(&release).await? {
            run.sweep_if_idle().await?;
            return Ok(Check::Held(held));
        }
        let offer = Offer { run: Box::new(run), release, routes: routes.into() };
        let (version, bytes) = (offer.version().clone(), offer.download_size());
        progress.event(Event::Offered { version, bytes });
        Ok(Check::Offer(offer))
    }
}

/// A release to install, and the routes that lead there.
#[derive(Debug)]
pub struct Offer {
    run: Box<Run>,
    release: Box<Release>,
    routes: VecDeque<Route>,
}

impl Offer {
    /// Receives what the cheapest route needs. A route whose payloads are on no mirror as they were
    /// signed is left for the next.
    ///
    /// # Errors
    /// [`Error::Network`] when no mirror can be heard; what was received is kept and continued from.
    /// [`Error::Repository`] when no route is left. [`LocalError::Busy`](crate::LocalError::Busy),
    /// [`LocalError::NotInstalled`](crate::LocalError::NotInstalled). An AppImage that was downloaded
    /// by hand becomes an installation here.
    pub async fn download(self, progress: &mut dyn Progress) -> Result<Payloads, Error> {
        let install = self.run.installed_or_adopted().await?;
        let lock = self.run.lock(&self.routes).await?;
        let mut payloads = Payloads::of(self, install, lock);
        if let Some(waiting) = payloads.offer.waiting(&payloads.install).await? {
            payloads.ready = Ready::Waiting(waiting);
        } else {
            payloads.next_route(progress).await?;
        }
        Ok(payloads)
    }

    /// Not this version: it is not offered again unless the user asks or it is critical.
    ///
    /// # Errors
    /// [`Error::Local`] when that cannot be written down.
    pub fn skip(self) -> Result<(), Error> {
        Ok(self.run.store.remember_skipped(self.facts().bundle.digest)?)
    }

    /// Who looks after what would be replaced.
    pub(crate) fn keeper(&self) -> Option<Keeper> {
        match self.run.installation() {
            Err(LocalError::Kept { keeper, .. }) => Some(keeper),
            _ => None,
        }
    }

    /// Where scratch files lie.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.run.cache()
    }

    pub(crate) fn into_parts(self) -> (Box<Run>, Box<Release>) {
        (self.run, self.release)
    }

    /// Everything that the publisher signed about the release.
    pub fn facts(&self) -> &Facts {
        self.release.facts()
    }

    /// Its version.
    pub fn version(&self) -> &Version {
        &self.facts().version
    }

    /// What is new, in Markdown, in the language nearest to `language` (`de-AT`, then `de`, then
    /// `en`, then any).
    pub fn notes(&self, language: &str) -> Option<&str> {
        let notes = &self.facts().notes;
        let short = language.split(['-', '_']).next().unwrap_or(language);
        let found = [language, short, "en"].iter().find_map(|l| notes.get(*l));
        found.or_else(|| notes.values().next()).map(String::as_str)
    }

    /// The publisher asks that it be installed without delay.
    pub fn is_critical(&self) -> bool {
        self.facts().critical
    }

    /// Bytes of the cheapest route, those received before included.
    pub fn download_size(&self) -> u64 {
        self.routes.front().map_or(0, |route| route.bytes)
    }

    /// Bytes of the full bundle's download.
    pub fn full_size(&self) -> u64 {
        self.release.full().length()
    }

    /// The kind of the cheapest route.
    pub fn route(&self) -> RouteKind {
        self.routes.front().map_or(RouteKind::Full, RouteKind::of)
    }

    /// The release that an earlier run left staged, if it is this one.
    async fn waiting(&self, install: &Install) -> Result<Option<Waiting>, Error> {
        let (install, digest) = (install.clone(), self.facts().bundle.digest);
        let waiting = in_background(move || install.waiting()).await??;
        Ok(waiting.filter(|waiting| match waiting {
            Waiting::Staged(staged) => staged.release().digest == digest,
            Waiting::Qualified(qualified) => qualified.release().digest == digest,
        }))
    }
}

/// Everything that a route needs, verified. Holds the right to download and stage for this
/// installation until it is dropped.
#[derive(Debug)]
pub struct Payloads {
    offer: Offer,
    install: Install,
    lock: Arc<Lock>,
    ready: Ready,
    /// Whether what is installed was compared with its manifest.
    base_checked: bool,
}

#[derive(Debug)]
enum Ready {
    Nothing,
    Received(Ingredients),
    /// Nothing had to be received: an earlier run staged it.
    Waiting(Waiting),
}

impl Payloads {
    /// Nothing of it is there yet.
    fn of(offer: Offer, install: Install, lock: Arc<Lock>) -> Payloads {
        Payloads { offer, install, lock, ready: Ready::Nothing, base_checked: false }
    }

    /// Rebuilds the new version beside the old one, verifies it, and tries whether it starts. A route
    /// that fails is left for the next, whose payloads are then received.
    ///
    /// # Errors
    /// See [`Error`]; the installed version is untouched then.
    pub async fn stage(self) -> Result<Staged, Error> {
        self.stage_with(&mut |_| {}).await
    }

    /// [`stage`](Payloads::stage), telling what happens.
    ///
    /// # Errors
    /// As [`stage`](Payloads::stage).
    pub async fn stage_with(mut self, progress: &mut dyn Progress) -> Result<Staged, Error> {
        match std::mem::replace(&mut self.ready, Ready::Nothing) {
            Ready::Waiting(Waiting::Qualified(done)) => {
                // What led here was removed before, and may be back after a power cut.
                self.offer.run.sweep().await?;
                return Ok(self.staged(done, None));
            }
            Ready::Waiting(Waiting::Staged(staged)) => {
                return self.finish(staged, None, progress).await;
            }
            ready => self.ready = ready,
        }
        let (staged, route) = self.build(progress, Work::receive).await?;
        self.finish(staged, Some(route), progress).await
    }

    /// Makes something of the cheapest route that leads to it.
    async fn build<T: Send + 'static>(
        &mut self,
        progress: &mut dyn Progress,
        make: impl Fn(&Work, &Ingredients) -> Result<Result<T, Error>, Error> + Copy + Send + 'static,
    ) -> Result<(T, RouteKind), Error> {
        loop {
            let Ready::Received(ingredients) = std::mem::replace(&mut self.ready, Ready::Nothing)
            else {
                self.next_route(progress).await?;
                continue;
            };
            let route = ingredients.kind();
            progress.event(Event::Staging { route });
            let Offer { run, release, .. } = &self.offer;
            match stage::make(run, &self.install, release.facts(), ingredients, make).await? {
                Ok(made) => return Ok((made, route)),
                Err(reason) => progress.event(Event::RouteFailed { route, reason }),
            }
        }
    }

    /// What lies beside the installed version is tried.
    async fn finish(
        self,
        staged: exuvia_helper::Staged,
        route: Option<RouteKind>,
        progress: &mut dyn Progress,
    ) -> Result<Staged, Error> {
        self.offer.run.sweep().await?;
        let (version, received) = (self.offer.version().clone(), self.received());
        progress.event(Event::Staged { version: version.clone(), route, received });
        let now = self.offer.run.time();
        let qualified = in_background(move || staged.qualify(now)).await??;
        progress.event(Event::Qualified { version });
        Ok(self.staged(qualified, route))
    }

    /// Bytes received over the network in this run.
    pub fn received(&self) -> u64 {
        self.offer.run.mirrors.traffic().received
    }

    /// Receives what the cheapest route left needs; goes on to the next while one cannot be had.
    async fn next_route(&mut self, progress: &mut dyn Progress) -> Result<(), Error> {
        self.keep_fit_routes(progress).await?;
        let mut last = None;
        let Offer { run, release, routes } = &mut self.offer;
        while let Some(route) = routes.pop_front() {
            match run.gather(&route, release.facts(), &self.lock, progress).await {
                Ok(ingredients) => {
                    self.ready = Ready::Received(ingredients);
                    return Ok(());
                }
                // A mirror that serves everything else is no reason to wait for it.
                Err(reason)
                    if matches!(reason, Error::Repository(_))
                        || (reason.is_of_one_file() && !routes.is_empty()) =>
                {
                    let route = RouteKind::of(&route);
                    progress.event(Event::RouteFailed { route, reason: reason.clone() });
                    last = Some(reason);
                }
                Err(reason) => return Err(reason),
            }
        }
        let version = self.offer.version().clone();
        Err(last.unwrap_or_else(|| RepositoryError::NoRoute { version }.into()))
    }

    /// Leaves the full bundle alone when what is installed is no base for deltas.
    async fn keep_fit_routes(&mut self, progress: &mut dyn Progress) -> Result<(), Error> {
        let routes = &mut self.offer.routes;
        let kind = routes.front().map_or(RouteKind::Full, RouteKind::of);
        if kind == RouteKind::Full || std::mem::replace(&mut self.base_checked, true) {
            return Ok(());
        }
        if let Some(source) = stage::unfit_for_deltas(&self.offer.run, &self.install).await? {
            let version = self.offer.version().clone();
            self.offer.routes.retain(|route| RouteKind::of(route) == RouteKind::Full);
            let reason = RepositoryError::Rebuild { version, source }.into();
            progress.event(Event::RouteFailed { route: kind, reason });
        }
        Ok(())
    }

    fn staged(self, qualified: Qualified, route: Option<RouteKind>) -> Staged {
        let received = self.received();
        let Payloads { offer: Offer { run, release, .. }, install, .. } = self;
        Staged { run, release, install, qualified, route, received }
    }
}

/// The new version lies beside the old one: verified, flushed, and its program answered.
#[derive(Debug)]
pub struct Staged {
    run: Box<Run>,
    release: Box<Release>,
    install: Install,
    qualified: Qualified,
    route: Option<RouteKind>,
    received: u64,
}

impl Staged {
    /// Switches now. The running program keeps its own files; [`Applied::relaunch`] starts the new
    /// version.
    ///
    /// The new version is on trial from its first start, watched by the launcher, or in place by the
    /// version before. Where nobody would watch (in place, and an application that does not embed this
    /// crate, as its `qualify` tells) it counts as healthy at once; the version before is kept for
    /// [`rollback`](Updater::rollback).
    ///
    /// # Errors
    /// [`Error::Local`]; the old version stands then, or the next start puts things right.
    pub fn apply_now(self) -> Result<Applied, Error> {
        let now = self.now();
        let trial = self.qualified.swap(now)?;
        let version = trial.release().version.clone();
        if nobody_watches(self.install.layout()) {
            trial.confirm(now)?;
        }
        Ok(Applied::new(self.install, version))
    }

    /// Switches at the next start, which is the first chance after the application has quit.
    ///
    /// # Errors
    /// [`Error::Local`] when the consent cannot be written down.
    pub fn apply_on_quit(self) -> Result<(), Error> {
        Ok(self.qualified.consent(Consent::OnQuit, self.now())?)
    }

    /// Leaves it staged: the next check offers it again, without a download.
    pub fn later(self) {}

    /// Not this version: removes it and does not offer it again unless the user asks or it is
    /// critical.
    ///
    /// # Errors
    /// [`Error::Local`] when that cannot be written down.
    pub fn skip(self) -> Result<(), Error> {
        self.run.store.remember_skipped(self.release.facts().bundle.digest)?;
        let now = self.now();
        Ok(self.qualified.discard(now)?)
    }

    /// Its version.
    pub fn version(&self) -> &Version {
        &self.release.facts().version
    }

    /// The kind of route that led here; `None` if an earlier run had staged it.
    pub fn route(&self) -> Option<RouteKind> {
        self.route
    }

    /// Bytes received over the network for it in this run, metadata included.
    pub fn received(&self) -> u64 {
        self.received
    }

    fn now(&self) -> Time {
        self.run.time()
    }
}
