//! What a proposal changes, in words: what a signer reads before signing.

use std::collections::BTreeMap;
use std::fmt;

use exuvia_core::Time;
use exuvia_core::keys::KeyId;
use exuvia_core::metadata::{DelegatedRole, RoleKeys, Root, Scope, TargetFile, Targets};
use exuvia_core::release::Facts;
use serde_json::Value;

use crate::{Error, Proposal, Repository, bins};

/// What becomes of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// The role.
    pub role: String,
    /// Its version now; 0 if it is new.
    pub from: u64,
    /// Its next version.
    pub to: u64,
    /// What changes.
    pub changes: Vec<Word>,
}

/// One thing that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Word {
    /// It ends at another time.
    Expires {
        /// Until now.
        from: Option<Time>,
        /// From now on.
        to: Time,
    },
    /// A key may sign for a role.
    KeyAdded {
        /// The role it may sign.
        of: String,
        /// The key.
        key: KeyId,
    },
    /// A key may no longer sign for a role.
    KeyRemoved {
        /// The role it could sign.
        of: String,
        /// The key.
        key: KeyId,
    },
    /// Another number of keys must sign a role.
    Threshold {
        /// The role.
        of: String,
        /// Until now.
        from: u64,
        /// From now on.
        to: u64,
    },
    /// A role is new.
    Delegated {
        /// The role.
        role: String,
        /// What it may list.
        paths: String,
    },
    /// A role that goes, or may list something else: no command of Exuvia does this.
    Delegation {
        /// The role.
        role: String,
        /// What changes.
        what: &'static str,
    },
    /// A role spreads its list over bins that have its own keys.
    Bins {
        /// The role.
        of: String,
        /// How many.
        bins: u64,
    },
    /// A target is listed that was not.
    Listed {
        /// The target.
        path: String,
        /// Which release it is, as far as its facts tell.
        what: String,
    },
    /// A target is no longer listed.
    Unlisted {
        /// The target.
        path: String,
    },
    /// What is said about a target changes.
    Facts {
        /// The target.
        path: String,
        /// The facts that differ.
        fields: Vec<String>,
    },
    /// A target's content changes: no command of Exuvia does this.
    Content {
        /// The target.
        path: String,
    },
    /// Something else that is signed.
    Other {
        /// The field.
        field: String,
    },
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expires { from: Some(from), to } => write!(f, "ends on {to} instead of {from}"),
            Self::Expires { from: None, to } => write!(f, "ends on {to}"),
            Self::KeyAdded { of, key } => write!(f, "key {key:.16} may sign `{of}`"),
            Self::KeyRemoved { of, key } => write!(f, "key {key:.16} may no longer sign `{of}`"),
            Self::Threshold { of, from, to } => {
                write!(f, "`{of}` needs {to} signatures instead of {from}")
            }
            Self::Delegated { role, paths } => write!(f, "new role `{role}` for {paths}"),
            Self::Delegation { role, what } => write!(f, "ATTENTION: role `{role}` {what}"),
            Self::Bins { of, bins } => write!(f, "spreads the list of `{of}` over {bins} files"),
            Self::Listed { path, what } => write!(f, "lists {path}: {what}"),
            Self::Unlisted { path } => write!(f, "lists {path} no longer"),
            Self::Facts { path, fields } => {
                write!(f, "says something else about {path}: {}", fields.join(", "))
            }
            Self::Content { path } => write!(f, "ATTENTION: other content under {path}"),
            Self::Other { field } => write!(f, "ATTENTION: `{field}` changes"),
        }
    }
}

impl Proposal {
    /// What the proposal changes against the state it is for.
    ///
    /// # Errors
    /// It is stale or not for this repository.
    pub fn words(&self, before: &Repository) -> Result<Vec<Words>, Error> {
        let after = self.applied_to(before)?;
        let describe = |role: &str| {
            let mut changes = Vec::new();
            match role {
                "root" => of_root(before, &after, &mut changes),
                "targets" => {
                    of_targets(known(before, &before.targets), &after.targets, &mut changes);
                    of_delegations(before, &after, &mut changes);
                }
                name => {
                    if let Some(role) = after.roles.get(name) {
                        let old = before.roles.get(name);
                        of_targets(old, role, &mut changes);
                        of_bins(name, old, role, &after, &mut changes);
                    }
                }
            }
            let (from, to) =
                (before.version_of(role).unwrap_or(0), after.version_of(role).unwrap_or(0));
            Words { role: role.to_owned(), from, to, changes }
        };
        Ok(self.roles().map(describe).collect())
    }
}

fn known<'a>(repository: &Repository, targets: &'a Targets) -> Option<&'a Targets> {
    (!repository.is_empty()).then_some(targets)
}

fn of_root(before: &Repository, after: &Repository, words: &mut Vec<Word>) {
    let (old, new) = (&before.root, &after.root);
    let from = (!before.is_empty()).then_some(old.expires);
    expires(from, new.expires, words);
    let roles = |root: &Root| -> [RoleKeys; 4] {
        let roles = root.roles.clone();
        [roles.root, roles.targets, roles.snapshot, roles.timestamp]
    };
    let names = ["root", "targets", "snapshot", "timestamp"];
    for ((old, new), name) in roles(old).iter().zip(&roles(new)).zip(names) {
        keys(name, (&old.keyids, old.threshold), (&new.keyids, new.threshold), words);
    }
    let other = old.consistent_snapshot != new.consistent_snapshot && !before.is_empty();
    if other {
        words.push(Word::Other { field: "consistent_snapshot".to_owned() });
    }
}

fn of_targets(old: Option<&Targets>, new: &Targets, words: &mut Vec<Word>) {
    expires(old.map(|old| old.expires), new.expires, words);
    let none = BTreeMap::new();
    let listed = old.map_or(&none, |old| &old.targets);
    for (path, file) in &new.targets {
        match listed.get(path) {
            None => words.push(Word::Listed { path: path.clone(), what: what(file) }),
            Some(old) if old.hashes != file.hashes || old.length != file.length => {
                words.push(Word::Content { path: path.clone() });
            }
            Some(old) if old.custom != file.custom => {
                let fields = differing(old, file);
                words.push(Word::Facts { path: path.clone(), fields });
            }
            Some(_) => {}
        }
    }
    for path in listed.keys().filter(|path| !new.targets.contains_key(*path)) {
        words.push(Word::Unlisted { path: path.clone() });
    }
}

fn of_delegations(before: &Repository, after: &Repository, words: &mut Vec<Word>) {
    let roles = |repository: &Repository| -> Vec<DelegatedRole> {
        let delegations = repository.targets.delegations.clone();
        delegations.map(|delegations| delegations.roles).unwrap_or_default()
    };
    let (old, new) = (roles(before), roles(after));
    for role in &new {
        let known = old.iter().find(|old| old.name == role.name);
        match known {
            None => {
                let paths = match &role.scope {
                    Scope::Paths(paths) => paths.join(", "),
                    Scope::HashPrefixes(_) => "a part of all paths".to_owned(),
                };
                words.push(Word::Delegated { role: role.name.clone(), paths });
            }
            Some(old) if old.scope != role.scope || old.terminating != role.terminating => {
                let what = "may list something else";
                words.push(Word::Delegation { role: role.name.clone(), what });
            }
            Some(_) => {}
        }
        let (none, one) = (Vec::new(), role.threshold);
        let from = known.map_or((&none, one), |old| (&old.keyids, old.threshold));
        keys(&role.name, from, (&role.keyids, role.threshold), words);
    }
    for role in old.iter().filter(|old| !new.iter().any(|new| new.name == old.name)) {
        words.push(Word::Delegation { role: role.name.clone(), what: "is delegated no longer" });
    }
}

/// The bins of a role: with its own keys, or something that no command of Exuvia does.
fn of_bins(
    name: &str,
    old: Option<&Targets>,
    new: &Targets,
    after: &Repository,
    words: &mut Vec<Word>,
) {
    let bits = |role: &Targets| bins::succinct(role).map_or(0, |all| all.bit_length);
    let (from, to) = (old.map_or(0, bits), bits(new));
    let own = after.authority(name).map(|by| bins::delegations(name, to, by));
    let expected = if to == 0 { None } else { own.ok() };
    let role = name.to_owned();
    if new.delegations != expected {
        words.push(Word::Delegation { role, what: "delegates what it lists to others" });
    } else if from != to {
        words.push(Word::Bins { of: role, bins: 1_u64 << to.min(32) });
    }
}

fn expires(from: Option<Time>, to: Time, words: &mut Vec<Word>) {
    if from != Some(to) {
        words.push(Word::Expires { from, to });
    }
}

fn keys(of: &str, old: (&Vec<KeyId>, u64), new: (&Vec<KeyId>, u64), words: &mut Vec<Word>) {
    let of = of.to_owned();
    for key in new.0.iter().filter(|key| !old.0.contains(key)) {
        words.push(Word::KeyAdded { of: of.clone(), key: key.clone() });
    }
    for key in old.0.iter().filter(|key| !new.0.contains(key)) {
        words.push(Word::KeyRemoved { of: of.clone(), key: key.clone() });
    }
    if old.1 != new.1 {
        words.push(Word::Threshold { of, from: old.1, to: new.1 });
    }
}

fn facts_of(file: &TargetFile) -> Option<&Value> {
    file.custom.as_ref().and_then(|custom| custom.get("exuvia"))
}

/// Which release a target is.
fn what(file: &TargetFile) -> String {
    let Some(facts) = facts_of(file).and_then(|value| Facts::parse(value).ok()) else {
        return format!("{} bytes", file.length);
    };
    let Facts { version, platform, kind, bundle, delta, critical, gated, .. } = facts;
    let form = if delta.is_some() { "delta to " } else { "" };
    let mut text = format!(
        "{form}{version} for {platform} ({kind}), bundle {:.16}",
        bundle.digest.to_string()
    );
    if critical {
        text += ", critical";
    }
    if let Some(gated) = gated {
        text += &format!(", gated for {} days", gated.max_days);
    }
    text
}

fn differing(old: &TargetFile, new: &TargetFile) -> Vec<String> {
    let empty = serde_json::Map::new();
    let fields = |file| facts_of(file).and_then(Value::as_object).unwrap_or(&empty);
    let (old, new) = (fields(old), fields(new));
    let mut names: Vec<String> = old.keys().chain(new.keys()).cloned().collect();
    names.retain(|name| old.get(name) != new.get(name));
    names.sort();
    names.dedup();
    names
}
