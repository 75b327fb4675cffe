//! The applications that the agent takes care of: one small file each, `apps.d/NAME.toml`.
//!
//! Rules:
//! - A package drops its file in, `register` writes the same; removing the file is enough to end it.
//! - A file that cannot be used costs only its own application.

use std::path::{Path, PathBuf};

use exuvia_durable::Dir;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::policy::Rules;

/// A registered application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    /// The application's exuvia.json.
    pub(crate) config: PathBuf,
    /// The application's directory, or its single file.
    pub(crate) install: PathBuf,
    /// What its publisher or packager finds right, where nobody else says anything.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub(crate) policy: Rules,
}

/// Where registrations lie.
#[derive(Debug)]
pub(crate) struct Registry {
    dir: PathBuf,
}

impl Registry {
    /// The one in this folder.
    pub(crate) fn at(dir: impl Into<PathBuf>) -> Registry {
        Registry { dir: dir.into() }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.dir
    }

    /// The registered names, sorted.
    pub(crate) fn names(&self) -> Result<Vec<String>, Failure> {
        if !self.dir.is_dir() {
            return Ok(Vec::new());
        }
        let entries = Dir::open(&self.dir).and_then(|dir| dir.entries())?;
        let mut names: Vec<String> = entries
            .iter()
            .filter_map(|entry| entry.name.to_str()?.strip_suffix(SUFFIX))
            .filter(|name| is_name(name))
            .map(str::to_owned)
            .collect();
        names.sort();
        Ok(names)
    }

    /// A registration; `None` if there is none of this name.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Registration>, Failure> {
        if !is_name(name) || !self.dir.is_dir() {
            return Ok(None);
        }
        let file = format!("{name}{SUFFIX}");
        let Some(bytes) = Dir::open(&self.dir)?.read(&file, LIMIT)? else { return Ok(None) };
        parse(&String::from_utf8_lossy(&bytes), &self.dir.join(file)).map(Some)
    }

    /// Writes a registration, in place of an older one of this name.
    pub(crate) fn add(&self, name: &str, registration: &Registration) -> Result<PathBuf, Failure> {
        if !is_name(name) {
            return Err(Failure::AppName { name: name.to_owned() });
        }
        let text = toml::to_string(registration).map_err(|_| Failure::PathText)?;
        let dir = Dir::open_or_create(&self.dir)?;
        let file = format!("{name}{SUFFIX}");
        dir.write(&file, text.as_bytes())?;
        Ok(self.dir.join(file))
    }

    /// Removes a registration; whether there was one.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, Failure> {
        if !is_name(name) || !self.path(name).exists() {
            return Ok(false);
        }
        Dir::open(&self.dir)?.remove_file(format!("{name}{SUFFIX}"))?;
        Ok(true)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{SUFFIX}"))
    }
}

fn parse(text: &str, path: &Path) -> Result<Registration, Failure> {
    let bad = |message: String| Failure::Toml { path: path.to_owned(), message };
    let registration: Registration =
        toml::from_str(text).map_err(|e| bad(e.message().to_owned()))?;
    for path in [&registration.config, &registration.install] {
        if !path.is_absolute() {
            return Err(bad(format!("{} is not an absolute path", path.display())));
        }
    }
    Ok(registration)
}

/// Names become file names and words in logs.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && name.len() <= 100 && name.chars().all(fits) && !name.starts_with('.')
}

const SUFFIX: &str = ".toml";

/// Longest file that is read.
const LIMIT: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn registration() -> Registration {
        let policy = toml::from_str("mode = \"download\"").unwrap();
        let (config, install) = ("/opt/n o\"tes/exuvia.json".into(), "/opt/notes".into());
        Registration { config, install, policy }
    }

    #[test]
    fn what_is_registered_is_found_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::at(folder.path().join("not/yet"));
        assert_eq!(registry.names().unwrap(), [""; 0]);
        assert!(registry.find("notes").unwrap().is_none());
        registry.add("notes", &registration()).unwrap();
        registry.add("a.b", &registration()).unwrap();
        std::fs::write(folder.path().join("not/yet/README"), "").unwrap();
        assert_eq!(registry.names().unwrap(), ["a.b", "notes"]);
        assert_eq!(registry.find("notes").unwrap(), Some(registration()));
        assert!(registry.remove("notes").unwrap() && !registry.remove("notes").unwrap());
        assert_eq!(registry.names().unwrap(), ["a.b"]);
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::at(folder.path());
        for name in ["", ".", "..", "../x", "a/b", ".hidden", "a b", &"x".repeat(101)] {
            let refused = registry.add(name, &registration());
            assert!(matches!(refused, Err(Failure::AppName { .. })), "{name:?}");
            assert!(registry.find(name).unwrap().is_none());
        }
    }

    #[test]
    fn a_file_with_an_unknown_key_or_a_relative_path_is_refused() {
        let good = "config = \"/a\"\ninstall = \"/b\"\n";
        let read = |text: &str| parse(text, Path::new("x.toml")).map_err(|e| e.to_string());
        assert!(read(good).is_ok());
        assert!(read(&format!("{good}evil = 1\n")).unwrap_err().contains("evil"));
        assert!(read(&format!("{good}[policy]\nmood = 1\n")).unwrap_err().contains("mood"));
        assert!(read("config = \"a\"\ninstall = \"/b\"\n").unwrap_err().contains("absolute"));
    }
}
