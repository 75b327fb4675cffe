//! What is wrong with a publisher's folder and its mirrors, or soon will be.

use std::collections::BTreeMap;

use exuvia_core::Time;
use exuvia_core::keys::KeyId;
use serde::Serialize;

use crate::custody::CustodyReport;
use crate::folder::KEYS;
use crate::remote;
use crate::{Error, Folder, Whereabouts, ceremony};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Clients are, or will be, refused.
    Problem,
    /// Something will go wrong one day.
    Warning,
    /// Good to know.
    Note,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is so.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl Folder {
    /// Looks at everything. With `mirrors`, asks those of `exuvia.json` too.
    ///
    /// # Errors
    /// Local failures that keep it from looking.
    pub fn doctor(&self, now: Time, mirrors: bool) -> Result<Vec<Finding>, Error> {
        let mut found = Findings::default();
        let repository = match self.repository() {
            Err(error @ Error::NotFounded) => {
                found.add(Severity::Problem, error.to_string(), &error.advice());
                return Ok(found.0);
            }
            other => other?,
        };
        match self.verify(now) {
            Ok(_) => {}
            Err(error) => found.add(Severity::Problem, error.to_string(), &error.advice()),
        }
        let custody = self.custody()?;
        for due in repository.due(now) {
            let here = custody.iter().any(|role| role.role == due.role && role.signs_here);
            let advice = match here {
                true => "run `exuvia refresh`, then `exuvia publish`".to_owned(),
                false => format!("`exuvia sign propose {}`: its keys are elsewhere", due.role),
            };
            found.add(
                Severity::Warning,
                format!("`{}` ends on {}", due.role, due.expires),
                &advice,
            );
        }
        self.look_at_timestamp(&custody, now, &mut found);
        look_at_root(&custody, &mut found);
        look_at_shared_keys(&custody, &mut found);
        self.look_at_spare_keys(&custody, &mut found)?;
        self.look_at_proposals(&mut found)?;
        if mirrors {
            self.look_at_mirrors(now, &mut found);
        }
        found.0.sort_by_key(|finding| finding.severity);
        Ok(found.0)
    }

    fn look_at_timestamp(&self, custody: &[CustodyReport], now: Time, found: &mut Findings) {
        let days = i64::from(self.settings.expiry_days.timestamp);
        let timestamp = custody.iter().find(|role| role.role == "timestamp");
        let Some(timestamp) = timestamp else { return };
        let left = timestamp.expires.as_unix() - now.as_unix();
        if (0..days * 86_400 / 2).contains(&left) {
            let what = format!("clients stop on {}", timestamp.expires);
            let advice = "run `exuvia refresh` and `exuvia publish` weekly, by cron or CI";
            found.add(Severity::Warning, what, advice);
        }
    }

    fn look_at_spare_keys(
        &self,
        custody: &[CustodyReport],
        found: &mut Findings,
    ) -> Result<(), Error> {
        let named = |name: &String| {
            let mut keys = custody.iter().flat_map(|role| &role.keys);
            keys.any(|key| key.name.as_ref() == Some(name))
        };
        for known in self.keychain()?.iter().filter(|known| !named(&known.name)) {
            found.add(
                Severity::Note,
                format!("the key {} signs nothing", known.name),
                &format!("once everything is published, remove it from {KEYS}/"),
            );
        }
        Ok(())
    }

    fn look_at_proposals(&self, found: &mut Findings) -> Result<(), Error> {
        let Ok(dir) = self.dir.subdir("proposals") else { return Ok(()) };
        for entry in dir.entries()? {
            let path = dir.path().join(&entry.name);
            let signer = ceremony::Signer { folder: Some(self), root: None };
            let shown = ceremony::read(&path).and_then(|proposal| signer.show(&proposal));
            let (what, advice) = match shown {
                Ok(shown) if shown.awaits.is_empty() => {
                    ("is signed".to_owned(), "run `exuvia sign finish` on it")
                }
                Ok(shown) => {
                    let roles: Vec<_> = shown.awaits.iter().map(|one| one.role.clone()).collect();
                    let what = format!("awaits signatures of {}", roles.join(", "));
                    (what, "`exuvia sign show` tells whose")
                }
                Err(error) => (error.to_string(), "remove it"),
            };
            found.add(Severity::Note, format!("{}: {what}", path.display()), advice);
        }
        Ok(())
    }

    fn look_at_mirrors(&self, now: Time, found: &mut Findings) {
        let here = self.repository().map(|repository| repository.timestamp_version());
        for mirror in &self.config.mirrors {
            let address = mirror.as_str();
            match remote::timestamp(address, &self.config, now) {
                Ok(there) if here.as_ref().is_ok_and(|here| *here != there) => found.add(
                    Severity::Warning,
                    format!("{address} does not serve the newest state"),
                    "run `exuvia publish`, and copy the folder to the host",
                ),
                Ok(_) => {}
                Err(error) => {
                    let severity = match error.exit() {
                        crate::Exit::Refused => Severity::Problem,
                        _ => Severity::Warning,
                    };
                    found.add(severity, error.to_string(), &error.advice());
                }
            }
        }
    }
}

fn look_at_root(custody: &[CustodyReport], found: &mut Findings) {
    let Some(root) = custody.iter().find(|role| role.role == "root") else { return };
    let count = root.keys.len() as u64;
    if count == root.threshold {
        found.add(
            Severity::Warning,
            format!("all {count} root keys must sign: one that is lost strands your users"),
            "add another one: `exuvia keys add root`",
        );
    }
    let is_here = |whereabouts| matches!(whereabouts, Whereabouts::Here | Whereabouts::Environment);
    if count > 1 && root.keys.iter().all(|key| is_here(key.whereabouts)) {
        let name = root.keys.last().and_then(|key| key.name.clone()).unwrap_or_default();
        found.add(
            Severity::Warning,
            "all root keys lie on this machine: who takes it has them all".into(),
            &format!("move {KEYS}/{name}.key to another place, with its passphrase"),
        );
    }
}

fn look_at_shared_keys(custody: &[CustodyReport], found: &mut Findings) {
    let mut roles: BTreeMap<KeyId, Vec<&str>> = BTreeMap::new();
    for role in custody {
        for key in &role.keys {
            roles.entry(KeyId::new(key.id.clone())).or_default().push(&role.role);
        }
    }
    for (id, roles) in roles.into_iter().filter(|(_, roles)| roles.len() > 1) {
        found.add(
            Severity::Warning,
            format!("one key ({id:.16}…) signs {}", roles.join(", ")),
            "give each role a key of its own: `exuvia keys rotate ROLE`",
        );
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, severity: Severity, what: String, advice: &str) {
        self.0.push(Finding { severity, what, advice: advice.to_owned() });
    }
}
