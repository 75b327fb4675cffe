//! Long lists: what a channel lists for a platform may be spread over hashed bins (TAP 15). Each file
//! stays within [`ROLE_LIMIT`](crate::ROLE_LIMIT), and a client fetches only the bins that changed.
//!
//! Rules:
//! - The role of the channel stays, lists nothing itself, and delegates to its bins. They have its
//!   keys and its threshold, whenever those change.
//! - There may be more bins later, never fewer: a snapshot may not forget a role (TUF 5.5.5), and one
//!   that came back would have to remember its version.
//! - Everybody but this module sees one list.

use std::collections::BTreeMap;

use exuvia_core::Time;
use exuvia_core::metadata::{Authority, Delegations, SuccinctRoles, Targets};
use exuvia_core::names::{Channel, Platform};
use serde_json::Map;

use crate::repository::role_name;
use crate::sign::Draft;
use crate::{Error, Proposal, Repository};

/// Most bins of a list: a client that looks for releases reads all of them, and 64 roles at most.
pub const MOST_BINS: u32 = 32;

/// The role that a role belongs to: the channel's whose bin it is (`CHANNEL-OS-ARCH-BIN`), or itself.
pub fn owner(role: &str) -> &str {
    match role.rsplit_once('-') {
        Some((owner, _)) if owner.matches('-').count() >= 2 => owner,
        _ => role,
    }
}

impl Repository {
    /// Over how many bins a channel's list for a platform is spread; 1 if it is in one file.
    ///
    /// # Errors
    /// [`Error::UnknownRole`].
    pub fn bins(&self, channel: &Channel, platform: &Platform) -> Result<u32, Error> {
        let role = role_name(channel, platform);
        match self.roles.get(&role) {
            Some(targets) => Ok(succinct(targets).map_or(1, |all| 1 << all.bit_length.min(31))),
            None => Err(Error::UnknownRole { role }),
        }
    }

    /// Proposes to spread what a channel lists for a platform, or for all, over so many bins.
    ///
    /// # Errors
    /// [`Error::Bins`]: not 2, 4, 8, 16 or 32, or fewer than there are; [`Error::AlreadySpread`];
    /// [`Error::UnknownRole`].
    pub fn propose_bins(
        &self,
        channel: &Channel,
        platform: Option<&Platform>,
        bins: u32,
        now: Time,
    ) -> Result<Proposal, Error> {
        let all = self.platforms();
        let chosen = |(there, on): &&(Channel, Platform)| {
            there == channel && platform.is_none_or(|platform| platform == on)
        };
        let mut draft = Draft::new(self, now);
        let (mut found, mut changed) = (false, false);
        for (channel, platform) in all.iter().filter(chosen) {
            found = true;
            let (role, have) = (role_name(channel, platform), self.bins(channel, platform)?);
            if have == bins {
                continue;
            }
            if !bins.is_power_of_two() || !(2..=MOST_BINS).contains(&bins) || bins < have {
                return Err(Error::Bins { role, bins, have });
            }
            let delegations = delegations(&role, bins.trailing_zeros(), self.authority(&role)?);
            draft.edit_list(&role, |list| {
                list.delegations = Some(delegations);
                Ok(())
            })?;
            changed = true;
        }
        match (found, changed) {
            (true, true) => Ok(draft.proposal()),
            (true, false) => Err(Error::AlreadySpread { bins }),
            (false, _) => {
                let any = platform.map(ToString::to_string).unwrap_or_else(|| "*".to_owned());
                Err(Error::UnknownRole { role: format!("{channel}-{any}") })
            }
        }
    }

    /// The names of a role's bins.
    pub(crate) fn bins_of(&self, role: &str) -> Vec<String> {
        let succinct = self.roles.get(role).and_then(succinct);
        succinct.map(|succinct| names(succinct).collect()).unwrap_or_default()
    }

    /// Who may sign a bin.
    pub(crate) fn bin_authority(&self, bin: &str) -> Option<Authority<'_>> {
        let delegations = self.roles.get(owner(bin))?.delegations.as_ref()?;
        let succinct = delegations.succinct_roles.as_ref()?;
        let SuccinctRoles { keyids, threshold, .. } = succinct;
        let keys = &delegations.keys;
        names(succinct).any(|name| name == bin).then_some(Authority {
            keys,
            keyids,
            threshold: *threshold,
        })
    }

    /// A role with all that it lists, in bins or not.
    pub(crate) fn list_of(&self, role: &str) -> Option<Targets> {
        let mut list = self.roles.get(role)?.clone();
        for bin in self.bins_of(role).iter().filter_map(|bin| self.roles.get(bin)) {
            list.targets.extend(bin.targets.clone());
        }
        Some(list)
    }
}

/// The names of the bins that a role delegates to, as many as may be.
pub(crate) fn names_of(role: &str, targets: &Targets) -> Result<Vec<String>, Error> {
    let Some(succinct) = succinct(targets) else { return Ok(Vec::new()) };
    match 1_u32.checked_shl(succinct.bit_length) {
        Some(..=MOST_BINS) if succinct.name_prefix == role => Ok(names(succinct).collect()),
        bins => {
            let (role, bins) = (role.to_owned(), bins.unwrap_or(u32::MAX));
            Err(Error::Bins { role, bins, have: 1 })
        }
    }
}

/// Shares a list out: what its role keeps, and what each bin lists.
pub(crate) fn spread(mut list: Targets) -> (Targets, BTreeMap<String, Targets>) {
    let mut bins = BTreeMap::new();
    if let Some(succinct) = list.delegations.as_ref().and_then(|all| all.succinct_roles.as_ref()) {
        bins.extend(names(succinct).map(|name| (name, Targets::new(0, Time::from_unix(0)))));
        for (path, file) in std::mem::take(&mut list.targets) {
            if let Some(bin) = bins.get_mut(&succinct.bin_of(&path).name) {
                bin.targets.insert(path, file);
            }
        }
    }
    (list, bins)
}

/// What a role says that has bins: these, with its own keys, and nothing else.
pub(crate) fn delegations(role: &str, bit_length: u32, by: Authority<'_>) -> Delegations {
    let key = |id| Some((Clone::clone(id), by.keys.get(id)?.clone()));
    let succinct = SuccinctRoles {
        keyids: by.keyids.to_vec(),
        threshold: by.threshold,
        bit_length,
        name_prefix: role.to_owned(),
        extra: Map::new(),
    };
    Delegations {
        keys: by.keyids.iter().filter_map(key).collect(),
        succinct_roles: Some(succinct),
        ..Delegations::default()
    }
}

pub(crate) fn succinct(role: &Targets) -> Option<&SuccinctRoles> {
    role.delegations.as_ref()?.succinct_roles.as_ref()
}

fn names(succinct: &SuccinctRoles) -> impl Iterator<Item = String> {
    succinct.bins().take(MOST_BINS as usize).map(|bin| bin.name)
}
