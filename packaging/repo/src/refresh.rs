use exuvia_core::Time;
use exuvia_core::metadata::Authority;

use crate::bins::owner;
use crate::expiry::is_due;
use crate::sign::Draft;
use crate::{Changes, Error, Keyring, Proposal, Repository};

/// A role whose metadata nears its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The role.
    pub role: String,
    /// When its metadata ends.
    pub expires: Time,
}

/// What a refresh did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// Roles that were signed again, the timestamp always.
    pub renewed: Vec<String>,
    /// Roles that near their end, but whose keys are not at hand.
    pub waiting: Vec<Due>,
    /// The metadata to write.
    pub changes: Changes,
}

impl Repository {
    /// The roles that have less than a third of their life left, without the timestamp, which
    /// every refresh signs.
    pub fn due(&self, now: Time) -> Vec<Due> {
        let root = ("root", self.root.expires, self.expiry.root);
        let days = |name: &str| self.expiry.of(name);
        // A role goes with its bins, when the first of them is due.
        let first = |name: &str, expires: Time| {
            let bins = self.bins_of(name);
            let ends = bins.iter().filter_map(|bin| Some(self.roles.get(bin)?.expires));
            ends.chain([expires]).min().unwrap_or(expires)
        };
        let whole = self.roles.iter().filter(|(name, _)| owner(name) == *name);
        let roles =
            whole.map(|(name, role)| (name.as_str(), first(name, role.expires), days(name)));
        let targets = ("targets", self.targets.expires, self.expiry.targets);
        let snapshot = ("snapshot", self.snapshot.expires, self.expiry.snapshot);
        [root]
            .into_iter()
            .chain(roles)
            .chain([targets, snapshot])
            .filter(|(_, expires, days)| is_due(*expires, *days, now))
            .map(|(role, expires, _)| Due { role: role.to_owned(), expires })
            .collect()
    }

    /// Signs the timestamp again, so that clients see that nothing is withheld from them, and
    /// whatever else nears its end as far as its keys are at hand.
    ///
    /// # Errors
    /// The timestamp's keys are not at hand; metadata that ended and could not be renewed.
    pub fn refresh(&mut self, keys: &Keyring, now: Time) -> Result<Refreshed, Error> {
        let mut draft = Draft::new(self, now);
        let at_hand = |due: &Due| self.has_keys(&due.role, keys);
        let (renewed, waiting): (Vec<Due>, Vec<Due>) = self.due(now).into_iter().partition(at_hand);
        // The snapshot is signed when the change is finished, since it names the others.
        for due in renewed.iter().filter(|due| due.role != "snapshot") {
            draft.propose(&due.role)?;
        }
        let only_root = renewed.iter().all(|due| due.role == "root");
        let (state, changes) = draft.finish(keys)?;
        *self = state;
        let mut renewed: Vec<String> = renewed.into_iter().map(|due| due.role).collect();
        for role in ["snapshot", "timestamp"] {
            let signed = role == "timestamp" || !only_root;
            if signed && !renewed.iter().any(|name| name == role) {
                renewed.push(role.to_owned());
            }
        }
        Ok(Refreshed { renewed, waiting, changes })
    }
    /// Renewals of some roles, for others to sign.
    ///
    /// # Errors
    /// [`Error::UnknownRole`].
    pub fn propose_renewal(&self, roles: &[String], now: Time) -> Result<Proposal, Error> {
        let mut draft = Draft::new(self, now);
        for role in roles {
            draft.propose(role)?;
        }
        Ok(draft.proposal())
    }

    /// Whether enough keys of a role are at hand.
    pub fn has_keys(&self, role: &str, keys: &Keyring) -> bool {
        let enough = |by: Authority<'_>| keys.among(by.keyids).len() as u64 >= by.threshold;
        self.authority(role).is_ok_and(enough)
    }
}
