//! One offered release, as a page holds it.

use std::sync::{Mutex as Lock, MutexGuard, PoisonError};

use exuvia::{Check, Control, Offer, Staged, Updater, Version};
use serde::Serialize;
use tauri::ipc::Channel;
use tokio::sync::Mutex;

use crate::error::Error;
use crate::progress::{DownloadEvent, Telling};
use crate::service::{CheckOptions, Exuvia, status_of};
use crate::state::State;

/// An offered release. Its steps may be taken again after they failed.
pub(crate) struct Update {
    version: Version,
    updater: Updater,
    control: Lock<Control>,
    stage: Mutex<Stage>,
}

/// How far it came. Boxed: what lies in them is large.
enum Stage {
    Offered(Box<Offer>),
    Staged(Box<Staged>),
    /// A step consumed it and failed.
    Lost,
    Applied,
}

impl tauri::Resource for Update {}

/// What a page knows of an update.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Facts {
    pub(crate) rid: u32,
    current_version: String,
    version: String,
    date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    raw_json: serde_json::Value,
    download_size: u64,
    full_size: u64,
    route: &'static str,
    critical: bool,
}

impl Facts {
    /// `rid` is given when it is known to Tauri.
    pub(crate) fn of(offer: &Offer, current: &Version, language: &str) -> Facts {
        Facts {
            rid: 0,
            current_version: current.to_string(),
            version: offer.version().to_string(),
            date: offer.facts().published.to_string(),
            body: offer.notes(language).map(str::to_owned),
            raw_json: serde_json::to_value(offer.facts()).unwrap_or_default(),
            download_size: offer.download_size(),
            full_size: offer.full_size(),
            route: offer.route().as_str(),
            critical: offer.is_critical(),
        }
    }
}

/// Asks for a release, and tells everybody what was found.
pub(crate) async fn check(
    exuvia: &Exuvia,
    options: &CheckOptions,
) -> Result<Option<(Facts, Update)>, Error> {
    if !exuvia.is_updated() {
        exuvia.states.set(State::NotInstalled);
        return Ok(None);
    }
    exuvia.states.set(State::Checking);
    let found = find(exuvia, options).await;
    if let Err(error) = &found {
        exuvia.failed(None, error);
    }
    found
}

async fn find(exuvia: &Exuvia, options: &CheckOptions) -> Result<Option<(Facts, Update)>, Error> {
    let updater = exuvia.updater_for(options)?;
    let offer = match updater.check().await? {
        Check::UpToDate => {
            exuvia.states.set(State::UpToDate);
            return Ok(None);
        }
        Check::Held(held) => {
            exuvia.states.set(State::Held { reason: held.to_string() });
            return Ok(None);
        }
        Check::Offer(offer) => offer,
    };
    let status = status_of(&updater)?;
    let current =
        status.map_or(exuvia.version().clone(), |status| status.current().version.clone());
    let facts = Facts::of(&offer, &current, options.language.as_deref().unwrap_or("en"));
    exuvia.states.set(offered(&offer));
    let (version, control) = (offer.version().clone(), updater.control());
    let stage = Mutex::new(Stage::Offered(Box::new(offer)));
    Ok(Some((facts, Update { version, updater, control: Lock::new(control), stage })))
}

fn offered(offer: &Offer) -> State {
    State::Offered {
        version: offer.version().clone(),
        download_size: offer.download_size(),
        full_size: offer.full_size(),
        critical: offer.is_critical(),
    }
}

impl Update {
    /// Receives, verifies, rebuilds and tries it; nothing if that was done before.
    pub(crate) async fn download(
        &self,
        exuvia: &Exuvia,
        channel: Option<Channel<DownloadEvent>>,
    ) -> Result<(), Error> {
        let mut stage = self.stage.lock().await;
        let mut telling = Telling::new(&exuvia.states, self.version.clone(), channel);
        let done = match std::mem::replace(&mut *stage, Stage::Lost) {
            Stage::Offered(offer) => self.bring(*offer, &mut telling).await,
            Stage::Lost => match self.offer_again().await {
                Ok(offer) => self.bring(offer, &mut telling).await,
                Err(error) => Err(error),
            },
            done => Ok(done),
        };
        match done {
            Ok(reached) => {
                telling.finish();
                if let Stage::Staged(_) = reached {
                    exuvia.states.set(State::Ready { version: self.version.clone() });
                }
                *stage = reached;
                Ok(())
            }
            Err(error) => {
                exuvia.failed(Some(self.version.clone()), &error);
                Err(error)
            }
        }
    }

    async fn bring(&self, offer: Offer, telling: &mut Telling<'_>) -> Result<Stage, Error> {
        let staged = offer.download(telling).await?.stage_with(telling).await?;
        Ok(Stage::Staged(Box::new(staged)))
    }

    /// The same release once more, after a step lost it.
    async fn offer_again(&self) -> Result<Offer, Error> {
        // Whoever wanted it insists.
        match self.updater.asked_by_user(true).check().await? {
            Check::Offer(offer) if *offer.version() == self.version => Ok(offer),
            _ => Err(Error::NotOffered { version: self.version.clone() }),
        }
    }

    /// Switches to it.
    pub(crate) async fn install(&self, exuvia: &Exuvia) -> Result<(), Error> {
        self.finish(
            exuvia,
            |staged| staged.apply_now().map(drop),
            |v| State::Installed { version: v },
        )
        .await
    }

    /// Has it switched to once the application has quit.
    pub(crate) async fn install_on_quit(&self, exuvia: &Exuvia) -> Result<(), Error> {
        self.download(exuvia, None).await?;
        self.finish(exuvia, Staged::apply_on_quit, |version| State::OnQuit { version }).await
    }

    async fn finish(
        &self,
        exuvia: &Exuvia,
        apply: impl FnOnce(Staged) -> Result<(), exuvia::Error> + Send + 'static,
        reached: impl FnOnce(Version) -> State,
    ) -> Result<(), Error> {
        let mut stage = self.stage.lock().await;
        let staged = match std::mem::replace(&mut *stage, Stage::Lost) {
            Stage::Staged(staged) => staged,
            Stage::Applied => {
                *stage = Stage::Applied;
                return Ok(());
            }
            before => {
                *stage = before;
                return Err(Error::NotDownloaded { version: self.version.clone() });
            }
        };
        // Flushes files.
        match tauri::async_runtime::spawn_blocking(move || apply(*staged)).await? {
            Ok(()) => {
                *stage = Stage::Applied;
                exuvia.states.set(reached(self.version.clone()));
                Ok(())
            }
            Err(error) => {
                let error = Error::from(error);
                exuvia.failed(Some(self.version.clone()), &error);
                Err(error)
            }
        }
    }

    /// Not this version.
    pub(crate) async fn skip(&self, exuvia: &Exuvia) -> Result<(), Error> {
        match std::mem::replace(&mut *self.stage.lock().await, Stage::Lost) {
            Stage::Offered(offer) => offer.skip()?,
            Stage::Staged(staged) => staged.skip()?,
            Stage::Lost => self.offer_again().await?.skip()?,
            Stage::Applied => return Err(Error::NotOffered { version: self.version.clone() }),
        }
        exuvia.states.set(State::Idle);
        Ok(())
    }

    /// Steers what is being received.
    pub(crate) fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
