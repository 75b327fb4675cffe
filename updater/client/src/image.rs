//! An AppImage that came here without Exuvia, downloaded by its user: it is taken over when it is
//! updated for the first time (docs/adr/0020).

use std::path::PathBuf;

use exuvia_core::{Kind, Releases, Time};
use exuvia_helper::{Adoption, Install};
use exuvia_plan::Config;
use semver::Version;

use crate::background::in_background;
use crate::error::{Error, LocalError};
use crate::run::Run;

/// The AppImage that runs.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) path: PathBuf,
    /// What it says it is.
    pub(crate) version: Version,
}

impl Image {
    /// What somebody put in the place of the installed version by hand is the installed version from
    /// now on. Where that cannot be written down nothing is lost: the file is no base for deltas then.
    pub(crate) fn notice(&self, install: &Install, now: Time) {
        let differs = install.status().is_ok_and(|status| {
            status.phase.at_rest().is_ok() && status.current().version != self.version
        });
        if differs && install.path() == self.path {
            let _ = install.replaced_by_hand(&self.version, now);
        }
    }

    /// What was signed about this version. Whether the file is what was signed is not known by that.
    pub(crate) fn facts(&self, releases: &Releases) -> Option<exuvia_core::Facts> {
        let mut images = releases.of_kind(Kind::AppImage);
        images.find(|image| *image.version() == self.version).map(|image| image.facts().clone())
    }
}

impl Run {
    /// The installation to update, made of the AppImage that runs if there is none yet.
    pub(crate) async fn installed_or_adopted(&self) -> Result<Install, Error> {
        let image = match (self.settings.installation(), &self.settings.image) {
            (Err(LocalError::NotInstalled { .. }), Some(image)) => image.clone(),
            // Taking it over was cut off.
            (Ok(_), Some(image)) if self.status.is_none() => image.clone(),
            (found, _) => return Ok(found.cloned().map_err(LocalError::clone)?),
        };
        let (settings, facts, now) = (self.settings.clone(), self.facts.clone(), self.time());
        let adopted = in_background(move || {
            let app = settings.config.app.as_str();
            Install::adopt(&Adoption {
                path: &image.path,
                released_as: facts.as_ref().map_or(app, |facts| facts.executable.as_str()),
                kind: Kind::AppImage,
                platform: &settings.platform,
                // The layout is to name the channel that is followed.
                config: &Config { channel: settings.channel.clone(), ..settings.config.clone() },
                version: &image.version,
                facts: facts.as_ref(),
                now,
            })
        })
        .await??;
        Ok(self.settings.adopted.get_or_init(|| adopted).clone())
    }
}
