//! An installed application, a newer release, and room for an attacker between them.

use std::collections::BTreeMap;
use std::time::Duration;

use exuvia::{Check, Error, Limits, Offer, RepositoryError, Updater};
use exuvia_bundle::MemoryTree;

use crate::home::{Home, Thing, expected};
use crate::sim::{Front, Sim, app_tree};

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
        let scene = Scene { sim, home, old, front, honest, surroundings };
        scene.offer().await;
        scene
    }

    /// The victim's updater, which asks a real server on this machine. It is less patient than on a
    /// poor line.
    pub fn updater(&self) -> Updater {
        self.updater_of(&[&self.front.url()])
    }

    /// As [`Scene::updater`], with these mirrors.
    pub fn updater_of(&self, mirrors: &[&str]) -> Updater {
        let mut limits = Limits::default();
        limits.header = Duration::from_secs(2);
        limits.window = Duration::from_secs(1);
        limits.pause = Duration::from_millis(5);
        let builder = self.home.builder(&self.sim).mirrors(mirrors.iter().copied());
        builder.limits(limits).build().unwrap()
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
        let mut progress = |_| {};
        let Check::Offer(offer) = updater.check().await? else { return Ok(None) };
        let staged = offer.download(&mut progress).await?.stage().await?;
        Ok(Some(staged.apply_now()?.version().to_string()))
    }

    /// Expects that an attempt is refused as the repository's fault and harms nothing, and that the
    /// honest update still works afterwards. Gives the refusal.
    pub async fn is_refused(&self) -> RepositoryError {
        let refusal = self.refusal().await;
        self.honest_update_works().await;
        refusal
    }

    async fn refusal(&self) -> RepositoryError {
        let refusal = match self.attempt().await {
            Err(Error::Repository(refusal)) => refusal,
            other => panic!("expected a refusal, found {other:?}"),
        };
        self.is_unharmed();
        refusal
    }

    /// As [`Scene::is_refused`]: the rule of TUF that was broken.
    pub async fn is_refused_by_rule(&self) -> exuvia_core::Error {
        rule(self.is_refused().await)
    }

    /// As [`Scene::is_refused_by_rule`] where stolen keys have left their marks: what the publisher
    /// signed before is no way back, so that no honest update is tried.
    pub async fn is_refused_for_good(&self) -> exuvia_core::Error {
        rule(self.refusal().await)
    }

    /// Expects that an attempt finds nothing to install and harms nothing.
    pub async fn finds_nothing(&self) {
        assert_eq!(self.attempt().await.unwrap(), None);
        self.is_unharmed();
        self.honest_update_works().await;
    }

    /// The installed tree is the old one, byte for byte, and nothing outside was touched.
    pub fn is_unharmed(&self) {
        assert_eq!(self.home.installed(), expected(&good("1.0.0")));
        assert_eq!(self.home.surroundings(), self.surroundings);
    }

    /// The attacker is gone; the next honest update works. New metadata is published first, since
    /// real time has passed too.
    pub async fn honest_update_works(&self) {
        self.sim.heal();
        self.sim.serve_instead(self.honest.clone());
        self.sim.refresh();
        let (version, tree) = self.sim.newest();
        assert_eq!(self.attempt().await.unwrap(), Some(version));
        assert_eq!(self.home.installed(), expected(&tree));
    }

    /// What is served now is the publisher's work too.
    pub fn is_honest_so_far(&mut self) {
        self.honest = self.sim.served();
    }
}

fn rule(refusal: RepositoryError) -> exuvia_core::Error {
    match refusal {
        RepositoryError::Refused { source, .. } | RepositoryError::Metadata { source } => {
            (*source).clone()
        }
        other => panic!("expected a broken rule, found {other:?}"),
    }
}
