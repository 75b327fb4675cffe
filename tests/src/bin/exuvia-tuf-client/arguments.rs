//! The command line, as the conformance protocol fixes it: options first, then the command.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use exuvia_core::Time;

use crate::Error;
use crate::http::Base;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Trust this root from now on.
    Init { root: PathBuf },
    /// Bring the metadata up to date.
    Refresh,
    /// Bring the metadata up to date, then fetch targets.
    Download,
}

/// All that was said.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) metadata_dir: PathBuf,
    metadata_url: Option<String>,
    pub(crate) target_names: Vec<String>,
    target_base_url: Option<String>,
    target_dir: Option<PathBuf>,
    now: Option<Time>,
    pub(crate) command: Command,
}

impl Arguments {
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Error> {
        let (mut metadata_dir, mut metadata_url, mut target_names) = (None, None, Vec::new());
        let (mut target_base_url, mut target_dir, mut now) = (None, None, None);
        let command = loop {
            let word = words.next().ok_or("say init, refresh or download")?;
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--metadata-dir" => metadata_dir = Some(PathBuf::from(value()?)),
                "--metadata-url" => metadata_url = Some(value()?),
                "--target-name" => target_names.push(value()?),
                "--target-base-url" => target_base_url = Some(value()?),
                "--target-dir" => target_dir = Some(PathBuf::from(value()?)),
                "--now" => now = Some(value()?.parse()?),
                "init" => break Command::Init { root: value()?.into() },
                "refresh" => break Command::Refresh,
                "download" => break Command::Download,
                _ => return Err(format!("{word:?} is no option and no command").into()),
            }
        };
        if let Some(word) = words.next() {
            return Err(format!("{word:?} stands after the command").into());
        }
        let metadata_dir = metadata_dir.ok_or("--metadata-dir is needed")?;
        Ok(Self {
            metadata_dir,
            metadata_url,
            target_names,
            target_base_url,
            target_dir,
            now,
            command,
        })
    }

    /// Where metadata is asked for.
    pub(crate) fn metadata(&self) -> Result<Base, Error> {
        Base::new(self.metadata_url.as_deref().ok_or("--metadata-url is needed")?)
    }

    /// Where targets are asked for.
    pub(crate) fn targets(&self) -> Result<Base, Error> {
        Base::new(self.target_base_url.as_deref().ok_or("--target-base-url is needed")?)
    }

    /// Where targets are put.
    pub(crate) fn target_dir(&self) -> Result<&Path, Error> {
        Ok(self.target_dir.as_deref().ok_or("--target-dir is needed")?)
    }

    /// The time at which everything is judged.
    pub(crate) fn now(&self) -> Result<Time, Error> {
        match self.now {
            Some(now) => Ok(now),
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
                Ok(Time::from_unix(i64::try_from(since.as_secs())?))
            }
        }
    }
}
