//! Where registrations and policy files lie, and what they come to for one application.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::policy::{Author, File, Policy};
use crate::registry::{Registration, Registry};

/// Where registrations and policies lie.
#[derive(Clone, Debug, Args)]
pub(crate) struct Places {
    /// The folder of registrations, in place of the user's (~/.config/exuvia/apps.d) and the machine's.
    #[arg(long, global = true, value_name = "DIR", env = "EXUVIA_APPS_DIR")]
    apps_dir: Option<PathBuf>,
    /// Act for the machine: on its registrations, without the user's policy.
    #[arg(long, global = true)]
    pub(crate) system: bool,
    /// Where the machine's policy.toml and apps.d lie.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "EXUVIA_MACHINE_DIR",
        default_value = "/etc/exuvia"
    )]
    machine_dir: PathBuf,
    /// Where what is known is kept, in place of ~/.local/state, or /var/lib with --system.
    #[arg(long, global = true, value_name = "DIR", env = "EXUVIA_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// Where downloads are kept, in place of ~/.cache, or /var/cache with --system.
    #[arg(long, global = true, value_name = "DIR", env = "EXUVIA_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

impl Places {
    /// The registrations that this run is for.
    pub(crate) fn registry(&self) -> Result<Registry, Failure> {
        Ok(match &self.apps_dir {
            Some(dir) => Registry::at(dir),
            None if self.system => self.machine_registry(),
            None => Registry::at(user_dir()?.join(APPS)),
        })
    }

    /// Where the machine's policy lies.
    pub(crate) fn machine_dir(&self) -> &Path {
        &self.machine_dir
    }

    /// Where the state of applications and of the agent is kept.
    pub(crate) fn state(&self) -> Result<PathBuf, Failure> {
        self.kept(&self.state_dir, MACHINE_STATE, |base| {
            base.state_dir().unwrap_or(base.data_local_dir()).to_owned()
        })
    }

    /// Where downloads are kept.
    pub(crate) fn cache(&self) -> Result<PathBuf, Failure> {
        self.kept(&self.cache_dir, MACHINE_CACHE, |base| base.cache_dir().to_owned())
    }

    /// Where who fetches without rights keeps what it has.
    pub(crate) fn of_fetcher(&self) -> Result<PathBuf, Failure> {
        Ok(self.cache()?.join(FETCHER))
    }

    /// From now on that of who fetches.
    pub(crate) fn become_fetchers(&mut self) -> Result<(), Failure> {
        let folder = self.of_fetcher()?;
        self.state_dir = Some(folder.join("state"));
        self.cache_dir = Some(folder.join("cache"));
        Ok(())
    }

    fn kept(
        &self,
        given: &Option<PathBuf>,
        machine: &str,
        user: impl Fn(&directories::BaseDirs) -> PathBuf,
    ) -> Result<PathBuf, Failure> {
        match given {
            Some(dir) => Ok(dir.clone()),
            None if self.system => Ok(machine.into()),
            None => Ok(user(&directories::BaseDirs::new().ok_or(Failure::NoHome)?)),
        }
    }

    /// A registered application, the user's before the machine's.
    pub(crate) fn find(&self, name: &str) -> Result<Registration, Failure> {
        let mut found = self.registry()?.find(name)?;
        if found.is_none() && self.apps_dir.is_none() && !self.system {
            found = self.machine_registry().find(name)?;
        }
        found.map_or_else(|| Err(self.not_registered(name)?), Ok)
    }

    /// That a name is not registered, with those that are.
    pub(crate) fn not_registered(&self, name: &str) -> Result<Failure, Failure> {
        let mut known = self.registry()?.names()?;
        if self.apps_dir.is_none() && !self.system {
            known.extend(self.machine_registry().names()?);
        }
        known.sort();
        known.dedup();
        Ok(Failure::NotRegistered { name: name.to_owned(), known })
    }

    /// What holds for an application.
    pub(crate) fn policy(&self, name: &str, app: Option<&Registration>) -> Result<Policy, Failure> {
        let mut rules = Vec::new();
        let mut read = |author, path: &Path| -> Result<(), Failure> {
            rules.extend(file(path)?.about(name).map(|rules| (author, rules)));
            Ok(())
        };
        read(Author::Machine, &self.machine_dir.join(POLICY))?;
        if !self.system {
            read(Author::User, &user_dir()?.join(POLICY))?;
        }
        rules.extend(app.map(|app| (Author::App, app.policy.clone())));
        Ok(Policy::settle(&rules))
    }

    fn machine_registry(&self) -> Registry {
        Registry::at(self.machine_dir.join(APPS))
    }
}

fn file(path: &Path) -> Result<File, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(File::default()),
        Err(source) => return Err(Failure::File { path: path.to_owned(), source }),
    };
    File::parse(&text).map_err(|message| Failure::Toml { path: path.to_owned(), message })
}

fn user_dir() -> Result<PathBuf, Failure> {
    let base = directories::BaseDirs::new().ok_or(Failure::NoHome)?;
    Ok(base.config_dir().join("exuvia"))
}

const MACHINE_STATE: &str = "/var/lib";
const MACHINE_CACHE: &str = "/var/cache";
/// In the cache: whatever is lost of it is fetched again.
const FETCHER: &str = "exuvia-fetch";
const APPS: &str = "apps.d";
const POLICY: &str = "policy.toml";
