//! Runs core's machines: does what they want, tells them what came of it.
//!
//! Written once for refreshing and for searching. A machine that refuses what a mirror gave wants the
//! same thing still, so the next mirror is asked; what was refused is never written.

use std::sync::Arc;

use exuvia_core::{Answer, Digest, Floors, Machine, Want};

use crate::background::in_background;
use crate::error::{Error, RepositoryError};
use crate::events::Progress;
use crate::fetch::Fetch;
use crate::mirrors::{Got, Mirrors};
use crate::store::{Store, Tag};

const TIMESTAMP: &str = "timestamp.json";

/// Drives `machine` until it wants nothing more.
///
/// # Errors
/// The most telling failure once no mirror is left, or the store's.
pub(crate) async fn drive(
    machine: &mut (impl Machine + Send),
    store: &Arc<Store>,
    mirrors: &mut Mirrors,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let mut tags = Tags::default();
    loop {
        match Errand::of(machine.wants()) {
            Errand::Load(name) => {
                let (store, file) = (store.clone(), name.clone());
                let bytes = in_background(move || store.load(&file)).await?;
                if name == TIMESTAMP {
                    tags.stored = bytes.as_deref().map(Digest::of);
                }
                let answer = bytes.as_deref().map_or(Answer::Missing, Answer::Bytes);
                accept(machine, answer, "", &name)?;
            }
            Errand::Fetch { name, limit, conditional } => {
                let mirror = mirrors.current()?;
                let known = if conditional { tags.usable(store, &*mirror).await? } else { None };
                let got = ask(mirrors, &*mirror, &name, limit, known.as_deref()).await;
                let taken = got.and_then(|got| {
                    let answer = match &got {
                        Got::Bytes { bytes, .. } => Answer::Bytes(bytes),
                        Got::Missing => Answer::Missing,
                        Got::NotModified => Answer::NotModified,
                    };
                    accept(machine, answer, mirror.name(), &name)?;
                    Ok(got)
                });
                match taken {
                    Ok(got) => {
                        keep_root(store, &name, &got).await?;
                        tags.note(&name, &*mirror, got);
                    }
                    Err(reason @ Error::Local(_)) => return Err(reason),
                    Err(reason) => mirrors.leave(reason, progress),
                }
            }
            Errand::Save { name, bytes } => {
                if name == TIMESTAMP {
                    tags.stored = Some(Digest::of(&bytes));
                }
                let (store, file) = (store.clone(), name.clone());
                in_background(move || store.save(&file, &bytes)).await??;
                accept(machine, Answer::Done, "", &name)?;
            }
            Errand::SaveFloors(floors) => {
                let store = store.clone();
                in_background(move || store.save_floors(&floors)).await??;
                accept(machine, Answer::Done, "", "floors")?;
            }
            Errand::Nothing => break,
        }
    }
    tags.keep(store).await
}

async fn ask(
    mirrors: &mut Mirrors,
    mirror: &dyn Fetch,
    name: &str,
    limit: u64,
    validator: Option<&str>,
) -> Result<Got, Error> {
    mirrors.metadata(mirror, &format!("metadata/{name}"), limit, validator).await
}

fn accept(
    machine: &mut impl Machine,
    answer: Answer<'_>,
    mirror: &str,
    name: &str,
) -> Result<(), Error> {
    machine.accept(answer).map_err(|source| refused(mirror, name, source))
}

fn refused(mirror: &str, name: &str, source: exuvia_core::Error) -> Error {
    let (mirror, path) = (mirror.to_owned(), format!("metadata/{name}"));
    RepositoryError::Refused { mirror, path, source: Arc::new(source) }.into()
}

/// The helper walks the chain of roots from the one that the installation trusts, which may be older
/// than any this machine ever wanted to save: every root that was accepted is kept under its number.
async fn keep_root(store: &Arc<Store>, name: &str, got: &Got) -> Result<(), Error> {
    if let Got::Bytes { bytes, .. } = got
        && name.ends_with(".root.json")
    {
        let (store, name, bytes) = (store.clone(), name.to_owned(), bytes.clone());
        in_background(move || store.save(&name, &bytes)).await??;
    }
    Ok(())
}

/// A want that does not borrow from its machine, so that it can be awaited.
enum Errand {
    Load(String),
    Fetch { name: String, limit: u64, conditional: bool },
    Save { name: String, bytes: Vec<u8> },
    SaveFloors(Floors),
    Nothing,
}

impl Errand {
    fn of(want: Want<'_>) -> Self {
        match want {
            Want::Load { name } => Errand::Load(name.to_owned()),
            Want::Fetch { name, limit, conditional } => {
                Errand::Fetch { name: name.to_owned(), limit, conditional }
            }
            Want::Save { name, bytes } => {
                Errand::Save { name: name.to_owned(), bytes: bytes.to_vec() }
            }
            Want::SaveFloors { floors } => Errand::SaveFloors(floors.clone()),
            Want::Nothing => Errand::Nothing,
        }
    }
}

/// What is known of the timestamp's validator while a machine runs.
#[derive(Default)]
struct Tags {
    /// Digest of the timestamp in the store.
    stored: Option<Digest>,
    /// What a mirror said of the timestamp it just sent.
    seen: Option<Tag>,
}

impl Tags {
    /// The validator to ask this mirror with: only its own, and only for the stored bytes.
    async fn usable(
        &self,
        store: &Arc<Store>,
        mirror: &dyn Fetch,
    ) -> Result<Option<String>, Error> {
        let store = store.clone();
        let tag = in_background(move || store.tag()).await?;
        Ok(tag
            .filter(|tag| Some(tag.timestamp) == self.stored && tag.mirror == mirror.name())
            .map(|tag| tag.validator))
    }

    fn note(&mut self, name: &str, mirror: &dyn Fetch, got: Got) {
        if let Got::Bytes { bytes, validator: Some(validator) } = got
            && name == TIMESTAMP
        {
            let (mirror, timestamp) = (mirror.name().to_owned(), Digest::of(&bytes));
            self.seen = Some(Tag { mirror, timestamp, validator });
        }
    }

    /// Writes the validator down if it belongs to what is stored.
    async fn keep(self, store: &Arc<Store>) -> Result<(), Error> {
        let Some(tag) = self.seen.filter(|tag| Some(tag.timestamp) == self.stored) else {
            return Ok(());
        };
        let store = store.clone();
        Ok(in_background(move || store.save_tag(&tag)).await??)
    }
}
