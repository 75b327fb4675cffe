//! One run: what the steps of the road share.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use exuvia_core::choose::{self, Bad, Choice, Installed, Policy, Route, Step};
use exuvia_core::rollout::Rollout;
use exuvia_core::{
    Digest, Facts, Kind, Limits, Refresh, Release, Releases, Start, Target, Time, Trusted,
};
use exuvia_durable::Lock;
use exuvia_helper::{Install, Status, Waiting};
use exuvia_plan::{Phase, RecordError};
use semver::Version;

use crate::applied;
use crate::background::in_background;
use crate::builder::{Settings, Updater, Wants};
use crate::control::Control;
use crate::download;
use crate::driver::drive;
use crate::error::{Error, LocalError, RepositoryError};
use crate::events::{Event, Progress, RouteKind};
use crate::freshness::Freshness;
use crate::held::Held;
use crate::keeper::Keeper;
use crate::meter::Meter;
use crate::mirrors::Mirrors;
use crate::part;
use crate::penalties::Penalties;
use crate::rebuild::{How, Ingredients};
use crate::roots;
use crate::space;
use crate::store::{self, Store};

/// Settings, store and mirrors of one run, at one time.
pub(crate) struct Run {
    pub(crate) settings: Arc<Settings>,
    pub(crate) store: Arc<Store>,
    pub(crate) mirrors: Mirrors,
    penalties: Penalties,
    control: Control,
    pub(crate) status: Option<Status>,
    pub(crate) wants: Wants,
    /// The one time at which the metadata is judged.
    pub(crate) now: Time,
    /// The channel's rollout, where a release may be held back by it.
    pub(crate) rollout: Option<Rollout>,
    /// What was signed about the version that runs, as an AppImage that is not installed yet.
    pub(crate) facts: Option<Facts>,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To bring what is not there, or mend what is damaged.
    FirstInstall,
    /// To go on from what is installed.
    Update,
}

impl Run {
    pub(crate) async fn begin(updater: &Updater, purpose: Purpose) -> Result<Run, Error> {
        let settings = updater.settings.clone();
        let (store, status, penalties) = in_background(move || -> Result<_, Error> {
            let app = settings.config.app.as_str();
            let store = Store::open(&settings.state, app, &settings.place)?;
            if let Ok(install) = settings.installation() {
                applied::end_cut_off(install, (settings.clock)());
                settings.image.iter().for_each(|image| image.notice(install, (settings.clock)()));
            }
            // Without its root an installation takes nothing any more.
            let rooted = |install: &Install| {
                let path = install.path().to_owned();
                install.trusted_root()?.ok_or(exuvia_helper::Error::Unfinished { path })?;
                install.status()
            };
            let status = match settings.installation().ok().map(rooted) {
                // A first installation that was cut off: nothing is installed yet.
                Some(Err(exuvia_helper::Error::Unfinished { .. })) => None,
                // Installing again is how a person mends damaged state.
                Some(Err(exuvia_helper::Error::Record {
                    source: RecordError::Damaged { .. },
                    ..
                })) if purpose == Purpose::FirstInstall => None,
                status => status.transpose()?,
            };
            let cache = store::dir(&settings.cache, app, &settings.place);
            Ok((store, status, Penalties::load(&cache)))
        })
        .await??;
        let settings = updater.settings.clone();
        let (store, wants) = (Arc::new(store), updater.wants);
        let mut now = (settings.clock)();
        // A clock that was set back must not make expired metadata fresh.
        if let Some(time) = status.as_ref().and_then(|status| status.floors.time) {
            now = now.max(time);
        }
        let sources = penalties.order(&settings.sources, now);
        let mirrors = Mirrors::new(sources, settings.limits, updater.cancel.watch());
        let control = updater.control.clone();
        let (rollout, facts) = (None, None);
        Ok(Run { settings, store, mirrors, penalties, control, status, wants, now, rollout, facts })
    }

    /// Metadata that is trusted and in date. Tells what was mended for it, and whether the repository
    /// has been silent for long.
    pub(crate) async fn refresh(&mut self, progress: &mut dyn Progress) -> Result<Trusted, Error> {
        let refreshed = self.refresh_metadata(progress).await;
        for path in self.store.take_damaged() {
            progress.event(Event::Mended { path });
        }
        let (store, now) = (self.store.clone(), (self.settings.clock)());
        let signed = self.status.as_ref().map(|status| status.current().published);
        let before = in_background(move || store.freshness()).await?;
        let before = before.and_then(|before| before.since(signed));
        let freshness = match &refreshed {
            Ok(trusted) => Some(Freshness::after(before, trusted, now)),
            Err(_) => before,
        };
        if let Some(freshness) = freshness.filter(|_| freshness != before) {
            let store = self.store.clone();
            in_background(move || store.save_freshness(&freshness)).await??;
        }
        let after = self.settings.stale_days;
        if let Some(freshness) = freshness.filter(|freshness| freshness.is_stale(now, after)) {
            let Freshness { renewed, expires, .. } = freshness;
            progress.event(Event::Stale { renewed, days: freshness.days(now), expires });
        }
        refreshed
    }

    async fn refresh_metadata(&mut self, progress: &mut dyn Progress) -> Result<Trusted, Error> {
        self.mirrors.begin();
        progress.event(Event::Checking { mirror: self.mirrors.current()?.name().to_owned() });
        let (store, settings) = (self.store.clone(), self.settings.clone());
        let is_installed = self.status.is_some();
        let (roots, mut floors) = in_background(move || -> Result<_, Error> {
            let installed = match settings.installation() {
                Ok(install) if is_installed => install.trusted_root()?,
                _ => None,
            };
            let (configured, stored) = (&settings.config.root, store.load("root.json"));
            let roots = roots::begin(configured, stored, installed, |name| store.load(name));
            Ok((roots, store.floors()?))
        })
        .await??;
        floors.raise_root(roots.floor);
        let mut refresh = Refresh::new(Start {
            embedded: &roots.embedded,
            stored: roots.stored.as_deref(),
            floors,
            now: self.now,
            limits: Limits::default(),
        })
        .map_err(metadata)?;
        drive(&mut refresh, &self.store, &mut self.mirrors, progress).await?;
        refresh.finish().map_err(metadata)
    }

    /// The releases for this application, channel and platform.
    pub(crate) async fn releases(
        &mut self,
        trusted: Trusted,
        progress: &mut dyn Progress,
    ) -> Result<Releases, Error> {
        let settings = self.settings.clone();
        let Settings { config, channel, platform, .. } = &*settings;
        let mut search = trusted.list(&format!("{channel}/{platform}"));
        drive(&mut search, &self.store, &mut self.mirrors, progress).await?;
        let (trusted, targets) = search.finish().map_err(metadata)?;
        self.learn().await?;
        let releases = Releases::read(targets, &config.app, channel, platform);
        self.facts = match &self.status {
            Some(_) => None,
            None => settings.image.as_ref().and_then(|image| image.facts(&releases)),
        };
        if choose::wants_rollout(&releases, self.now) {
            // Missing or invalid, it holds back what may be held back, and is no error.
            self.rollout = self.read_rollout(trusted, progress).await.ok().flatten();
        }
        let traffic = self.mirrors.traffic();
        progress.event(Event::Refreshed { requests: traffic.requests, received: traffic.received });
        Ok(releases)
    }

    /// The rollout of the channel, if the repository has one.
    async fn read_rollout(
        &mut self,
        trusted: Trusted,
        progress: &mut dyn Progress,
    ) -> Result<Option<Rollout>, Error> {
        let (app, channel) = (&self.settings.config.app, &self.settings.channel);
        let mut search = trusted.find(&Rollout::path(channel));
        drive(&mut search, &self.store, &mut self.mirrors, progress).await?;
        let (_, found) = search.finish().map_err(metadata)?;
        Ok(found.first().and_then(|target| Rollout::of_target(target, app, channel).ok()))
    }

    /// Expects that the channel has something for this application and platform.
    pub(crate) fn expect_some(&self, releases: &Releases) -> Result<(), RepositoryError> {
        let Settings { config, channel, platform, .. } = &*self.settings;
        match releases.iter().next() {
            Some(_) => Ok(()),
            None => Err(RepositoryError::EmptyChannel {
                app: config.app.clone(),
                channel: channel.clone(),
                platform: platform.clone(),
            }),
        }
    }

    /// What was staged and is withdrawn now goes, lest it be switched to when the application quits.
    pub(crate) async fn drop_withdrawn(&self, releases: &Releases) -> Result<(), Error> {
        let Some(Phase::Staged { next, .. }) = self.status.as_ref().map(|status| &status.phase)
        else {
            return Ok(());
        };
        if !releases.is_withdrawn(next.digest) {
            return Ok(());
        }
        let (install, digest, now) = (self.installation()?, next.digest, self.time());
        in_background(move || match install.waiting()? {
            Some(Waiting::Staged(it)) if it.release().digest == digest => it.discard(now),
            Some(Waiting::Qualified(it)) if it.release().digest == digest => it.discard(now),
            _ => Ok(()),
        })
        .await??;
        Ok(())
    }

    /// The newest release that may be offered, and the routes to it.
    pub(crate) async fn choose(&self, releases: &Releases) -> Result<Choice, Error> {
        let store = self.store.clone();
        let (avoid, system, install) =
            in_background(move || (store.failed(), crate::system::version(), store.install_id()))
                .await?;
        let remembered = self.status.as_ref().map_or(&[][..], |status| &status.remembered.bad);
        let bad: Vec<Bad> = remembered
            .iter()
            .map(|bad| Bad { digest: bad.digest, since: bad.since, times: bad.times })
            .collect();
        let policy = Policy {
            formats: &[exuvia_delta::FORMAT],
            avoid: &avoid,
            pin: self.settings.pin.as_ref(),
            bad: if self.wants.failed { &[] } else { &bad },
            floor: self.status.as_ref().and_then(|status| status.floors.application.as_ref()),
            os_version: system.as_deref(),
            now: self.now,
            asked_by_user: self.wants.asked_by_user,
            rollout: self.rollout.as_ref(),
            install: Some(install),
        };
        Ok(choose::choose(releases, &self.installed(releases), &policy))
    }

    /// A release, whoever chose it, and the routes to it.
    pub(crate) async fn routes_to(
        &self,
        digest: Digest,
        releases: &Releases,
    ) -> Result<(Release, Vec<Route>), Error> {
        let release =
            exuvia_plan::release_of(releases, digest).map_err(exuvia_helper::Error::from)?.clone();
        let store = self.store.clone();
        let avoid = in_background(move || store.failed()).await?;
        let installed = self.installed(releases).digest;
        let routes = choose::routes(releases, installed, &release, &[exuvia_delta::FORMAT], &avoid);
        Ok((release, routes))
    }

    /// Whether something on this side speaks against offering `release`.
    pub(crate) async fn held_here(&self, release: &Release) -> Result<Option<Held>, Error> {
        if let Some(Phase::Trial { to, .. }) = self.status.as_ref().map(|status| &status.phase) {
            let next = (release.digest() != to.digest).then(|| release.version().clone());
            return Ok(Some(Held::OnTrial { version: to.version.clone(), next }));
        }
        self.skipped(release).await
    }

    /// Whether the user did not want it.
    async fn skipped(&self, release: &Release) -> Result<Option<Held>, Error> {
        let store = self.store.clone();
        let skipped = in_background(move || store.skipped()).await?;
        let holds = skipped.contains(&release.digest())
            && !self.wants.asked_by_user
            && !release.facts().critical;
        Ok(holds.then(|| Held::Skipped { version: release.version().clone() }))
    }

    /// The installation, which everything beyond a check needs.
    pub(crate) fn installation(&self) -> Result<Install, LocalError> {
        self.settings.installation().cloned().map_err(LocalError::clone)
    }

    /// The right to download and stage. What earlier runs left behind for other releases goes.
    pub(crate) async fn lock(&self, routes: &VecDeque<Route>) -> Result<Arc<Lock>, Error> {
        let (store, parts) = (self.store.clone(), self.parts());
        let path = self.settings.place.clone();
        let wanted: BTreeSet<Digest> = routes
            .iter()
            .flat_map(|route| &route.steps)
            .filter_map(|step| target(step).sha256())
            .collect();
        Ok(in_background(move || -> Result<_, LocalError> {
            if let Some(keeper) = Keeper::of_disk(&path) {
                return Err(LocalError::Kept { path, keeper });
            }
            let lock = Arc::new(store.lock()?);
            part::clear(&parts, &wanted);
            Ok(lock)
        })
        .await??)
    }

    /// Receives everything that `route` to a release needs.
    pub(crate) async fn gather(
        &mut self,
        route: &Route,
        release: &Facts,
        lock: &Arc<Lock>,
        progress: &mut dyn Progress,
    ) -> Result<Ingredients, Error> {
        self.mirrors.begin();
        self.enough_space(route, release.bundle.length).await?;
        let mut meter =
            Meter::new(progress, self.control.throttle(), RouteKind::of(route), route.bytes);
        let (mut payloads, mut bundles) = (Vec::new(), Vec::new());
        for step in &route.steps {
            let target = target(step);
            let unnamed = || RepositoryError::NoDigest { path: target.path().to_owned() };
            let digest = target.sha256().ok_or_else(unnamed)?;
            self.mirrors.turn_to_another_file();
            let (parts, before) = (self.parts(), self.mirrors.traffic().received);
            match download::receive(&mut self.mirrors, &parts, target, digest, lock, &mut meter)
                .await
            {
                Ok(payload) => payloads.push(payload),
                Err(error) => {
                    if matches!((step, &error), (Step::Delta(_), Error::Network(_))) {
                        self.count_in_vain(digest, before).await?;
                    }
                    return Err(error);
                }
            }
            if let Step::Delta(delta) = step {
                bundles.push(delta.bundle());
            }
        }
        self.learn().await?;
        let how = if bundles.is_empty() { How::Unpack } else { How::Patch(bundles) };
        Ok(Ingredients { payloads, how })
    }

    /// Remembers a delta of which as good as nothing came: a larger file may be the better way then.
    async fn count_in_vain(&self, delta: Digest, before: u64) -> Result<(), Error> {
        if self.mirrors.traffic().received - before >= self.mirrors.limits().least {
            return Ok(());
        }
        let store = self.store.clone();
        Ok(in_background(move || store.remember_in_vain(delta)).await??)
    }

    /// The time now: the user may have taken hours to answer.
    pub(crate) fn time(&self) -> Time {
        self.now.max((self.settings.clock)())
    }

    /// Where downloads lie, and scratch files.
    pub(crate) fn cache(&self) -> PathBuf {
        let Settings { config, cache, place, .. } = &*self.settings;
        store::dir(cache, config.app.as_str(), place)
    }

    fn parts(&self) -> PathBuf {
        self.cache().join("parts")
    }

    /// The kind of release that is wanted: the installed one, the one asked for, or the first that the
    /// channel has.
    pub(crate) fn kind(&self, releases: &Releases) -> Kind {
        let kinds = match self.settings.installation() {
            // What came as a package goes on as one.
            Err(LocalError::Kept { keeper: Keeper::Dpkg { .. }, .. }) => &PACKAGES[..],
            _ => &KINDS[..],
        };
        let found = || kinds.iter().copied().find(|kind| releases.newest(*kind).is_some());
        self.settings.kind.or_else(found).unwrap_or(Kind::Folder)
    }

    fn installed(&self, releases: &Releases) -> Installed {
        let Settings { current_version, packaged, .. } = &*self.settings;
        let kind = self.kind(releases);
        let packaged = packaged.as_ref().filter(|_| kind == Kind::Deb);
        match &self.status {
            Some(status) => Installed {
                version: status.current().version.clone(),
                digest: Some(status.current().digest),
                kind,
            },
            // Nothing is installed: everything is newer.
            None => Installed {
                version: current_version.as_ref().or(packaged).cloned().unwrap_or(ZERO),
                digest: self.facts.as_ref().map(|facts| facts.bundle.digest),
                kind,
            },
        }
    }

    /// Remembers which mirrors failed where another served.
    async fn learn(&mut self) -> Result<(), Error> {
        let Some((failed, served)) = self.mirrors.lessons() else { return Ok(()) };
        let (mut penalties, now) = (std::mem::take(&mut self.penalties), self.now);
        let learn = move || {
            penalties.learn(&failed, &served, now);
            penalties
        };
        self.penalties = in_background(learn).await?;
        Ok(())
    }

    /// Removes what downloads left behind: nothing of it is needed any more.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let parts = self.parts();
        Ok(in_background(move || part::sweep(&parts)).await?)
    }

    /// [`sweep`](Run::sweep), unless somebody else is downloading.
    pub(crate) async fn sweep_if_idle(&self) -> Result<(), Error> {
        let (store, parts) = (self.store.clone(), self.parts());
        let sweep = move || {
            if parts.exists()
                && let Ok(Some(_lock)) = store.try_lock()
            {
                part::sweep(&parts);
            }
        };
        Ok(in_background(sweep).await?)
    }

    /// Before the first byte, rather than after the last: room for the parts and for the new version
    /// beside the old.
    async fn enough_space(&self, route: &Route, staged: u64) -> Result<(), Error> {
        let between = route.steps.iter().rev().skip(1).map(|step| match step {
            Step::Delta(delta) => delta.bundle().length,
            Step::Full(_) => 0,
        });
        let needed = between.fold(route.bytes, u64::saturating_add);
        let (cache, place) = (self.parts(), self.settings.place.clone());
        Ok(in_background(move || space::check(&cache, needed, &place, staged)).await??)
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Older than every release.
const ZERO: Version = Version::new(0, 0, 0);

/// Kinds that Exuvia itself installs, the preferred one first.
const KINDS: [Kind; 4] = [Kind::Folder, Kind::Exe, Kind::AppImage, Kind::App];

/// The same for what a package manager looks after.
const PACKAGES: [Kind; 5] = [Kind::Deb, Kind::Folder, Kind::Exe, Kind::AppImage, Kind::App];

/// What a step fetches.
fn target(step: &Step) -> &Target {
    match step {
        Step::Full(target) => target,
        Step::Delta(delta) => delta.target(),
    }
}

fn metadata(source: exuvia_core::Error) -> Error {
    RepositoryError::Metadata { source: Arc::new(source) }.into()
}
