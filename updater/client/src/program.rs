//! A release's program alone, for whoever puts it in place without an installation.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use exuvia_bundle::{Limits, Node, RelPath, Tree as _, Unpacker};
use exuvia_core::Facts;
use exuvia_core::choose::{Route, Step};
use exuvia_durable::Lock;

use crate::background::in_background;
use crate::cancel::Watch;
use crate::error::{Error, LocalError, RepositoryError};
use crate::events::{Event, Progress, RouteKind};
use crate::flat::FlatTree;
use crate::rebuild::{Failure, Ingredients, RebuildError, rebuild};
use crate::road::Offer;

/// The program of a verified bundle, to be read once. Its scratch file goes with it.
pub(crate) struct Program {
    tree: FlatTree,
    path: RelPath,
    length: u64,
    at: u64,
    /// While it is held nobody else unpacks there.
    _lock: Arc<Lock>,
}

impl Program {
    /// Its length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }
}

impl Read for Program {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.tree.open(&self.path)?.read_at(self.at, buf)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Offer {
    /// Receives the full bundle, judges it whole, and gives the program out of it. Nothing is
    /// installed, and there is nothing that a delta could begin from.
    ///
    /// # Errors
    /// As [`Offer::download`] and [`Payloads::stage`](crate::Payloads::stage), without those of an
    /// installation.
    pub(crate) async fn program(self, progress: &mut dyn Progress) -> Result<Program, Error> {
        let (mut run, release) = self.into_parts();
        let full = release.full().clone();
        let route = Route { bytes: full.length(), steps: vec![Step::Full(full)] };
        let lock = run.lock(&[route.clone()].into()).await?;
        let ingredients = run.gather(&route, release.facts(), &lock, progress).await?;
        progress.event(Event::Staging { route: RouteKind::Full });
        let (facts, scratch) = (release.facts().clone(), run.cache());
        let (watch, waiting) = run.mirrors.watch().for_blocking_work();
        let program =
            in_background(move || unpack(ingredients, &facts, scratch, &watch, lock)).await?;
        drop(waiting);
        run.sweep().await?;
        program
    }
}

fn unpack(
    ingredients: Ingredients,
    facts: &Facts,
    scratch: PathBuf,
    watch: &Watch,
    lock: Arc<Lock>,
) -> Result<Program, Error> {
    let bundle = &facts.bundle;
    let refused = |source| RepositoryError::Rebuild { version: facts.version.clone(), source };
    let path = scratch.join("program");
    let fail = |source| LocalError::Io { path: path.clone(), source: Arc::new(source) };
    let limits = Limits { bundle_length: bundle.length, files: bundle.files, ..Limits::default() };
    let mut unpacker = Unpacker::new(FlatTree::create(&path).map_err(fail)?, limits);
    let rebuilt = rebuild(&ingredients, None, bundle, &scratch, watch, &mut unpacker);
    // They have served, or never will.
    ingredients.payloads.into_iter().for_each(|payload| payload.discard());
    match rebuilt {
        Ok(()) => {}
        Err(Failure::Route(source)) => return Err(refused(source).into()),
        Err(Failure::Local(error)) => return Err(error.into()),
        Err(Failure::Outlet(error)) => {
            let error = exuvia_bundle::Error::from_io(error).map_err(fail)?;
            return Err(refused(RebuildError::Bundle(error.into())).into());
        }
    }
    let made = unpacker.finish().map_err(|error| refused(RebuildError::Bundle(error.into())))?;
    let expected = exuvia_bundle::Digest::from_bytes(*bundle.digest.as_bytes());
    if made.digest() != expected {
        let found = made.digest();
        return Err(refused(RebuildError::WrongStep { expected, found }).into());
    }
    let path = RelPath::new(&facts.executable).ok();
    let tree = made.into_sink();
    match path.and_then(|path| Some((tree.manifest().get(&path)?.clone(), path))) {
        Some((Node::File { length, .. }, path)) => {
            Ok(Program { length, path, tree, at: 0, _lock: lock })
        }
        _ => Err(RepositoryError::NoProgram { path: facts.executable.clone() }.into()),
    }
}
