use exuvia_core::Time;

use crate::expiry::is_due;
use crate::sign::Draft;
use crate::{Changes, Error, Keyring, Repository};

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
        let days = self.expiry.channels;
        let roles = self.roles.iter().map(|(name, role)| (name.as_str(), role.expires, days));
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
        let mut draft = Draft::new(self, keys, now);
        let (renewed, waiting): (Vec<Due>, Vec<Due>) =
            self.due(now).into_iter().partition(|due| draft.check_keys(&due.role).is_ok());
        for due in &renewed {
            match due.role.as_str() {
                "root" => draft.sign_root()?,
                "targets" => draft.sign_targets()?,
                "snapshot" => {} // below, since it names the others
                role => draft.sign_role(role)?,
            }
        }
        let only_root = renewed.iter().all(|due| due.role == "root");
        let (state, changes) =
            if only_root { draft.finish_timestamp()? } else { draft.finish()? };
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
}
