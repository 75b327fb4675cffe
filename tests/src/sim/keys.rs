//! The simulation's keys, the exchange of them after a theft, and rollouts.

use std::collections::BTreeMap;

use exuvia_core::rollout::Pace;
use exuvia_repo::{Expiry, KeyChange, Keyring, Keys, LocalKey, Repository, Signer};

use super::{APP, CHANNEL, Sim};

/// The roles that have a key of their own in the simulation.
pub const ROLES: [&str; 6] = ["root", "targets", "snapshot", "timestamp", "channel", "rollout"];

/// The key of one of [`ROLES`], or of anybody else's choosing.
pub fn key(role: &str) -> LocalKey {
    let mut seed = [0; 32];
    seed[..role.len()].copy_from_slice(role.as_bytes());
    LocalKey::from_seed(&seed)
}

pub(super) fn keyring() -> Keyring {
    ROLES.iter().fold(Keyring::new(), |keyring, role| keyring.with(key(role)))
}

impl Sim {
    /// What a publisher does after a theft: from its folder as it was before (`honest`) and the roots
    /// that were published since, every role but the root gets a new key. A thief's files are gone.
    pub fn exchange_keys(&self, honest: &BTreeMap<String, Vec<u8>>) {
        let mut state = self.lock();
        state.served.retain(|path, _| path.ends_with(".root.json"));
        let roots = state.served.clone();
        state.served = honest.clone();
        state.served.extend(roots);
        let files = state.served.iter().filter(|(path, _)| path.starts_with("metadata/"));
        let files = files.map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
        let before = Repository::parse(APP.parse().unwrap(), Expiry::default(), files).unwrap();

        let (mut changes, mut keys, now) = (Vec::new(), keyring(), state.now);
        for custody in before.custody().unwrap().into_iter().filter(|it| it.role != "root") {
            let mut change = |change| changes.push((custody.role.clone(), change));
            let new = key(&format!("new-{}", custody.role));
            change(KeyChange::Threshold(1));
            change(KeyChange::Add(new.public()));
            custody.keys.into_keys().for_each(|id| change(KeyChange::Remove(id)));
            keys.add(new);
        }
        for others in ["second", "fresh"] {
            keys.add(key(others));
        }
        let mut proposal = before.propose_keys(&changes, now).unwrap();
        proposal.sign(&before, &keys).unwrap();
        let (after, changes) = proposal.finish(&before, &keys, now).unwrap();
        state.repository = after;
        state.serve(changes);
    }

    /// Gives rollouts a role, and this pace to a version.
    pub fn roll_out(&self, version: &str, pace: Pace) {
        let mut state = self.lock();
        let now = state.now;
        if !state.repository.has_rollout() {
            let keys = Keys::any_of([key("rollout").public()]);
            let changes = state.repository.add_rollout(&keys, &keyring(), now).unwrap();
            state.serve(changes);
        }
        let (channel, version) = (CHANNEL.parse().unwrap(), version.parse().unwrap());
        let changes = state.repository.set_pace(&channel, &version, pace, &keyring(), now).unwrap();
        state.serve(changes);
    }
}
