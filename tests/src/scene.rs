//! An installed application, a newer release, and room for an attacker between them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use exuvia::{Builder, Check, Error, Limits, Offer, RepositoryError, Updater};
use exuvia_bundle::MemoryTree;

use crate::home::{Home, Thing, expected, things};
use crate::sim::{APP, Front, Sim, app_tree};

/// 1.0.0 is installed, 1.1.0 is published and was seen by a check, nothing of it was downloaded.
pub struct Scene {
    /// The repository, and what the attacker makes of it.
    pub sim: Sim,
    /// The victim.
    pub home: Home,
    /// All files as they were when only 1.0.0 was published: what an attacker may have kept.
    pub old: BTreeMap<String, Vec<u8>>,
    front: Front,
    honest: BTreeMap<String, Vec<u8>>,
    surroundings: BTreeMap<String, Thing>,
    /// Whether what came of the attack is still to be judged.
    open: Cell<bool>,
}

/// A version that starts and says which it is.
pub fn good(version: &str) -> MemoryTree {
    app_tree(version, &format!("#!/bin/sh\necho notes {version}\n"))
}

impl Scene {
    /// Sets the scene.
    pub async fn new() -> Scene {
        let (sim, home) = (Sim::new(), Home::new());
        sim.publish("1.0.0", &good("1.0.0"));
        home.install(&sim).await;
        let old = sim.served();
        sim.pass_days(1);
        sim.publish("1.1.0", &good("1.1.0"));
        let (honest, surroundings) = (sim.served(), home.surroundings());
        let front = Front::of(&sim);
        let open = Cell::new(false);
        let scene = Scene { sim, home, old, front, honest, surroundings, open };
        scene.offer().await;
        scene
    }

    /// As [`Scene::new`], for an attack: who drops it before what came of the attack was judged by the
    /// whole oracle, fails.
    pub async fn under_attack() -> Scene {
        let scene = Scene::new().await;
        scene.open.set(true);
        scene
    }

    /// The victim's updater, which asks a real server on this machine. It is less patient than on a
    /// poor line.
    pub fn updater(&self) -> Updater {
        self.updater_of(&[&self.front.url()])
    }

    /// As [`Scene::updater`], with these mirrors.
    pub fn updater_of(&self, mirrors: &[&str]) -> Updater {
        self.builder_of(mirrors).build().unwrap()
    }

    /// As [`Scene::updater_of`], before it is built.
    pub fn builder_of(&self, mirrors: &[&str]) -> Builder {
        let mut limits = Limits::default();
        limits.header = Duration::from_secs(2);
        limits.window = Duration::from_secs(1);
        limits.pause = Duration::from_millis(5);
        let builder = self.home.builder(&self.sim).mirrors(mirrors.iter().copied());
        builder.limits(limits)
    }

    /// The address of the victim's mirror.
    pub fn mirror(&self) -> String {
        self.front.url()
    }

    /// Checks, and expects an offer.
    pub async fn offer(&self) -> Offer {
        match self.updater().check().await.unwrap() {
            Check::Offer(offer) => offer,
            other => panic!("expected an offer, found {other:?}"),
        }
    }

    /// Goes the whole road as far as it leads: what a silent updater does.
    ///
    /// # Errors
    /// The updater's.
    pub async fn attempt(&self) -> Result<Option<String>, Error> {
        self.attempt_with(&self.updater()).await
    }

    /// As [`Scene::attempt`], by another updater of the same home.
    ///
    /// # Errors
    /// The updater's.
    pub async fn attempt_with(&self, updater: &Updater) -> Result<Option<String>, Error> {
        let (begun, before) = (Instant::now(), self.sim.sent_so_far());
        let result = walk(updater).await;
        let (took, sent) = (begun.elapsed(), self.sim.sent_so_far() - before);
        assert!(took < DEADLINE, "took {took:?}");
        assert!(sent <= self.most(), "{sent} bytes were sent, {} are allowed", self.most());
        result
    }

    /// Bytes that an attempt may have sent to it, and leave in state and cache: every route once
    /// for each of its tries, and every kind of metadata as long as its limit allows.
    fn most(&self) -> u64 {
        let honest: usize = self.honest.values().map(Vec::len).sum();
        4 * honest as u64 + (2 << 20)
    }

    /// Expects that an attempt is refused as the repository's fault and harms nothing, and that the
    /// honest update still works afterwards. Gives the refusal.
    pub async fn is_refused(&self) -> RepositoryError {
        let refusal = self.refusal().await;
        self.honest_update_works().await;
        refusal
    }

    async fn refusal(&self) -> RepositoryError {
        let error = self.attempt().await.expect_err("expected a refusal");
        assert_eq!(error.exit_code(), 4, "{error}");
        assert!(!error.to_string().is_empty() && !error.advice().is_empty(), "{error:?}");
        let Error::Repository(refusal) = error else { panic!("expected a refusal, not {error:?}") };
        self.is_unharmed();
        refusal
    }

    /// As [`Scene::is_refused`]: the rule of TUF that was broken.
    pub async fn is_refused_by_rule(&self) -> exuvia_core::Error {
        rule(self.is_refused().await)
    }

    /// As [`Scene::is_refused_by_rule`] where stolen keys have left their marks: the honest update
    /// works once the publisher has exchanged them.
    pub async fn is_refused_until_keys_change(&self) -> exuvia_core::Error {
        let rule = self.refuses().await;
        self.new_keys_work().await;
        rule
    }

    /// As [`Scene::is_refused_by_rule`], without what comes after: the test goes on.
    pub async fn refuses(&self) -> exuvia_core::Error {
        rule(self.refusal().await)
    }

    /// Expects that an attempt finds nothing to install and harms nothing; then as
    /// [`Scene::is_refused_until_keys_change`].
    pub async fn finds_nothing_until_keys_change(&self) {
        assert_eq!(self.attempt().await.unwrap(), None);
        self.is_unharmed();
        self.new_keys_work().await;
    }

    /// Expects that the attack was in vain: the update arrives all the same.
    pub async fn arrives(&self) {
        self.arrives_with(&self.updater()).await;
    }

    /// As [`Scene::arrives`], by another updater of the same home.
    pub async fn arrives_with(&self, updater: &Updater) {
        let (version, tree) = self.sim.newest();
        let arrived = self.attempt_with(updater).await.unwrap();
        assert_eq!(arrived.as_deref(), Some(&*version));
        self.is_whole(&version, &tree);
        self.open.set(false);
    }

    /// The installed tree is the old one, byte for byte, it starts, and nothing outside was touched.
    pub fn is_unharmed(&self) {
        self.is_whole("1.0.0", &good("1.0.0"));
    }

    fn is_whole(&self, version: &str, tree: &MemoryTree) {
        assert_eq!(self.home.installed(), expected(tree));
        assert_eq!(self.home.surroundings(), self.surroundings);
        let started = Command::new(self.home.app().join("current").join(APP)).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&started.stdout), format!("{APP} {version}\n"));
        let kept = ["state", "cache"].iter().flat_map(|own| things(&self.home.path().join(own)));
        let size = |thing| if let Thing::File(_, bytes) = thing { bytes.len() as u64 } else { 0 };
        let kept: u64 = kept.map(|(_, thing)| size(thing)).sum();
        assert!(kept <= self.most(), "{kept} bytes were left behind");
    }

    /// The attacker is gone; the next honest update works. New metadata is published first, since
    /// real time has passed too.
    pub async fn honest_update_works(&self) {
        self.sim.heal();
        self.sim.serve_instead(self.honest.clone());
        self.sim.refresh();
        self.arrives().await;
    }

    /// As [`Scene::honest_update_works`], after a theft: what the publisher signed before is no way
    /// back, new keys are.
    pub async fn new_keys_work(&self) {
        self.sim.heal();
        self.sim.exchange_keys(&self.honest);
        self.arrives().await;
    }

    /// The attack is over, whichever version it ended with: the next honest release arrives, over whatever
    /// was left on the machine.
    pub async fn settles(&self) {
        self.sim.heal();
        self.sim.serve_instead(self.honest.clone());
        let install = exuvia::Install::open(&self.home.app()).unwrap();
        // A swap that was cut off behind its one step is a trial as well, once somebody looks.
        install.recover(self.sim.now()).unwrap();
        if let Some(trial) = install.trial().unwrap() {
            trial.confirm(self.sim.now()).unwrap();
        }
        self.sim.publish("2.0.0", &good("2.0.0"));
        self.arrives().await;
    }

    /// What is served now is the publisher's work too.
    pub fn is_honest_so_far(&mut self) {
        self.honest = self.sim.served();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let forgotten = self.open.get() && !std::thread::panicking();
        assert!(!forgotten, "nobody asked whether the next honest update works");
    }
}

/// No attempt takes longer, whatever happens on its way.
const DEADLINE: Duration = Duration::from_secs(60);

/// Goes the whole road as far as it leads.
async fn walk(updater: &Updater) -> Result<Option<String>, Error> {
    let mut progress = |_| {};
    let Check::Offer(offer) = updater.check().await? else { return Ok(None) };
    let staged = offer.download(&mut progress).await?.stage().await?;
    Ok(Some(staged.apply_now()?.version().to_string()))
}

/// The rule of TUF that a refusal names.
pub fn rule(refusal: RepositoryError) -> exuvia_core::Error {
    match refusal {
        RepositoryError::Refused { source, .. } | RepositoryError::Metadata { source } => {
            (*source).clone()
        }
        other => panic!("expected a broken rule, found {other:?}"),
    }
}
