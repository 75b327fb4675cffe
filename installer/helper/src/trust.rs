//! The same verifier as everywhere, driven over a directory of metadata files.

use crate::error::Error;
use exuvia_core::floors::Floors;
use exuvia_core::release::{Release, Releases};
use exuvia_core::{Answer, Limits, Machine, Refresh, Start, Want};
use exuvia_core::{App, Channel, Digest, Platform, Time};
use exuvia_durable::{Dir, Kind};

/// Whose release is looked for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) app: &'a App,
    pub(crate) channel: &'a Channel,
    pub(crate) platform: &'a Platform,
    pub(crate) digest: Digest,
}

/// What the metadata taught, to be written down before anything else happens, also when it was
/// refused in the end: a root or a floor that was verified holds.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    pub(crate) root: Option<Vec<u8>>,
    pub(crate) floors: Option<Floors>,
}

/// Verifies the metadata in `files` from `root` on and finds the release by its bundle.
pub(crate) fn find(
    root: &[u8],
    floors: Floors,
    files: &Dir,
    wanted: &Wanted<'_>,
    now: Time,
) -> (Learnt, Result<Release, Error>) {
    let mut learnt = Learnt::default();
    let found = search(root, floors, files, wanted, now, &mut learnt);
    (learnt, found)
}

fn search(
    root: &[u8],
    floors: Floors,
    files: &Dir,
    wanted: &Wanted<'_>,
    now: Time,
    learnt: &mut Learnt,
) -> Result<Release, Error> {
    let start = Start { embedded: root, stored: None, floors, now, limits: Limits::default() };
    let mut refresh = Refresh::new(start).map_err(Error::Metadata)?;
    drive(&mut refresh, files, learnt)?;
    let trusted = refresh.finish().map_err(Error::Metadata)?;
    let Wanted { app, channel, platform, digest } = wanted;
    let mut search = trusted.list(&format!("{channel}/{platform}"));
    drive(&mut search, files, learnt)?;
    let (_, targets) = search.finish().map_err(Error::Metadata)?;
    let releases = Releases::read(targets, app, channel, platform);
    let found = releases.by_digest(*digest).ok_or(Error::NoSuchRelease { digest: *digest })?;
    if releases.is_withdrawn(*digest) {
        return Err(Error::Withdrawn { version: found.version().clone() });
    }
    Ok(found.clone())
}

/// Does what the machine wants until it wants nothing. Nothing is ever loaded: the floors stand
/// for what was seen before.
fn drive(machine: &mut dyn Machine, files: &Dir, learnt: &mut Learnt) -> Result<(), Error> {
    loop {
        let fetched;
        let answer = match machine.wants() {
            Want::Nothing => return Ok(()),
            Want::Load { .. } => Answer::Missing,
            Want::Fetch { name, limit, .. } => {
                fetched = fetch(files, name, limit)?;
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
        machine.accept(answer).map_err(Error::Metadata)?;
    }
}

/// Reads `N.NAME.json` under that name, as a repository has it, or as `NAME.json`, as a metadata
/// store does (formats §8). A root is only taken if it is the one asked for: its absence means
/// that there is no newer one.
fn fetch(files: &Dir, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    if let Some(bytes) = read(files, name, limit)? {
        return Ok(Some(bytes));
    }
    match name.split_once('.') {
        Some((version, "root.json")) => {
            let bytes = read(files, "root.json", limit)?;
            let found = bytes.as_deref().and_then(|bytes| exuvia_core::json::parse(bytes).ok());
            let found = found.and_then(|root| root["signed"]["version"].as_u64());
            Ok(bytes.filter(|_| found.is_some_and(|found| found.to_string() == version)))
        }
        Some((version, plain)) if version.bytes().all(|b| b.is_ascii_digit()) => {
            read(files, plain, limit)
        }
        _ => Ok(None),
    }
}

fn read(files: &Dir, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    match files.read(name, limit) {
        Err(error) if error.kind() == Kind::TooLarge => {
            Err(Error::Metadata(exuvia_core::Error::TooLong { role: name.to_owned(), limit }))
        }
        other => Ok(other?),
    }
}
