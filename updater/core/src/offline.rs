//! Releases out of metadata files that somebody else fetched, for one who keeps only a root and
//! floors: a helper that is handed bytes.

use crate::{Answer, App, Channel, Error, Floors, Machine, Platform, Refresh, Start, Want};
use crate::{Releases, json};

/// What the metadata taught, to be written down before anything else happens, also when it was
/// refused in the end: a root or a floor that was verified holds.
#[derive(Debug, Default)]
pub struct Learnt {
    /// The newest root, where one was verified.
    pub root: Option<Vec<u8>>,
    /// The floors, where they rose.
    pub floors: Option<Floors>,
}

/// Gives the file of a name if it is there; longer than the limit is an error.
pub type Read<'a, E> = dyn FnMut(&str, u64) -> Result<Option<Vec<u8>>, E> + 'a;

/// Verifies metadata with the same [`Refresh`] as everybody and reads the releases of an
/// application's channel and platform. What is `read` lies below `metadata/`; it is asked for
/// `N.NAME.json`, as a repository has it, then for `NAME.json`, as a metadata store does (formats
/// §8).
///
/// # Errors
/// Repository, or whatever `read` answers. What was [learnt](Learnt) until then holds.
pub fn releases<E: From<Error>>(
    start: Start<'_>,
    (app, channel, platform): (&App, &Channel, &Platform),
    read: &mut Read<'_, E>,
) -> (Learnt, Result<Releases, E>) {
    let mut learnt = Learnt::default();
    let found = (|| {
        let mut refresh = Refresh::new(start)?;
        drive(&mut refresh, read, &mut learnt)?;
        let mut search = refresh.finish()?.list(&format!("{channel}/{platform}"));
        drive(&mut search, read, &mut learnt)?;
        let (_, targets) = search.finish()?;
        Ok(Releases::read(targets, app, channel, platform))
    })();
    (learnt, found)
}

/// Does what the machine wants until it wants nothing. Nothing is ever loaded: the floors stand
/// for what was seen before.
fn drive<E: From<Error>>(
    machine: &mut dyn Machine,
    read: &mut Read<'_, E>,
    learnt: &mut Learnt,
) -> Result<(), E> {
    loop {
        let fetched;
        let answer = match machine.wants() {
            Want::Nothing => return Ok(()),
            Want::Load { .. } => Answer::Missing,
            Want::Fetch { name, limit, .. } => {
                fetched = fetch(name, limit, read)?;
                fetched.as_deref().map_or(Answer::Missing, Answer::Bytes)
            }
            Want::Save { name, bytes } => {
                if name == "root.json" {
                    learnt.root = Some(bytes.to_vec());
                }
                Answer::Done
            }
            Want::SaveFloors { floors } => {
                learnt.floors = Some(floors.clone());
                Answer::Done
            }
        };
        machine.accept(answer)?;
    }
}

/// A root by its plain name is only taken if it is the one asked for: its absence means that there
/// is no newer one.
fn fetch<E>(name: &str, limit: u64, read: &mut Read<'_, E>) -> Result<Option<Vec<u8>>, E> {
    if let Some(bytes) = read(name, limit)? {
        return Ok(Some(bytes));
    }
    match name.split_once('.') {
        Some((version, "root.json")) => {
            let bytes = read("root.json", limit)?;
            let found = bytes.as_deref().and_then(|bytes| json::parse(bytes).ok());
            let found = found.and_then(|root| root["signed"]["version"].as_u64());
            Ok(bytes.filter(|_| found.is_some_and(|found| found.to_string() == version)))
        }
        Some((version, plain)) if version.bytes().all(|b| b.is_ascii_digit()) => read(plain, limit),
        _ => Ok(None),
    }
}
