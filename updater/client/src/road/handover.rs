//! The road in two processes (docs/adr/0030): one without rights fetches, verifies and rebuilds; one
//! with rights takes nothing but bytes from it, and verifies them again.
//!
//! - Who fetches: [`Updater::fetch_metadata`], [`Updater::metadata_file`], [`Updater::fetch_bundle`].
//! - Who installs: [`Updater::check`] over those files as its mirror, then [`Offer::receive`].

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;

use exuvia_bundle::{Limits, Manifest, RelPath, Sink, Unpacker};
use exuvia_core::Digest;

use super::{Offer, Payloads, Staged};
use crate::background::in_background;
use crate::builder::{Settings, Updater};
use crate::error::{Error, LocalError};
use crate::events::Progress;
use crate::rebuild::{Failure, Ingredients, RebuildError};
use crate::run::{Purpose, Run};
use crate::stage::Work;
use crate::store::Store;

impl Updater {
    /// Brings what is known of the repository up to date, verified, and decides nothing.
    ///
    /// # Errors
    /// As [`check`](Updater::check).
    pub async fn fetch_metadata(&self, progress: &mut dyn Progress) -> Result<(), Error> {
        let mut run = Run::begin(self, Purpose::Update).await?;
        let trusted = run.refresh(progress).await?;
        run.releases(trusted, progress).await.map(drop)
    }

    /// A metadata file by its name in a repository, as it is kept here; `None` if it is not.
    ///
    /// # Errors
    /// [`Error::Local`] when the store cannot be opened.
    pub fn metadata_file(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Settings { state, config, place, .. } = &*self.settings;
        Ok(Store::open(state, config.app.as_str(), place)?.served(name))
    }

    /// Receives the release of this digest, by the cheapest route that leads to it, and gives its
    /// bundle: a verified stream in a file that nobody else finds. Whether it should be installed is
    /// for whoever asks.
    ///
    /// # Errors
    /// As [`Offer::download`] and [`Payloads::stage`].
    pub async fn fetch_bundle(
        &self,
        digest: Digest,
        progress: &mut dyn Progress,
    ) -> Result<File, Error> {
        let mut run = Run::begin(self, Purpose::Update).await?;
        let trusted = run.refresh(progress).await?;
        let releases = run.releases(trusted, progress).await?;
        let (release, routes) = run.routes_to(digest, &releases).await?;
        let install = run.installation()?;
        let offer = Offer { run: Box::new(run), release: Box::new(release), routes: routes.into() };
        let lock = offer.run.lock(&offer.routes).await?;
        let mut payloads = Payloads::of(offer, install, lock);
        let (file, _) = payloads.build(progress, write).await?;
        payloads.offer.run.sweep().await?;
        Ok(file)
    }
}

/// Rebuilds a bundle into a file, and judges it.
fn write(work: &Work, ingredients: &Ingredients) -> Result<Result<File, Error>, Error> {
    let base = work.base(ingredients)?;
    let bundle = &work.facts.bundle;
    let limits = Limits { bundle_length: bundle.length, files: bundle.files, ..Limits::default() };
    let path = work.scratch.join("bundle");
    let fail = |e: io::Error| LocalError::Io { path: path.clone(), source: Arc::new(e) };
    let file = without_a_name(&path).map_err(fail)?;
    let unpacker = Unpacker::new(Nowhere, limits);
    let mut out = Judged { file: BufWriter::new(file), failed: None, unpacker };
    let refused = |source| Ok(Err(work.refused(source)));
    match work.rebuild(ingredients, base.as_ref(), &mut out) {
        Ok(()) => {}
        Err(Failure::Route(source)) => return refused(source),
        Err(Failure::Local(error)) => return Err(error.into()),
        Err(Failure::Outlet(error)) => match (out.failed, exuvia_bundle::Error::from_io(error)) {
            (None, Ok(error)) => return refused(RebuildError::Bundle(error.into())),
            (Some(error), _) | (None, Err(error)) => return Err(fail(error).into()),
        },
    }
    let expected = exuvia_bundle::Digest::from_bytes(*bundle.digest.as_bytes());
    match out.unpacker.finish() {
        Ok(made) if made.digest() == expected => {}
        Ok(made) => return refused(RebuildError::WrongStep { expected, found: made.digest() }),
        Err(error) => return refused(RebuildError::Bundle(error.into())),
    }
    let mut file = out.file.into_inner().map_err(|error| fail(error.into_error()))?;
    file.rewind().map_err(fail)?;
    Ok(Ok(file))
}

/// Its room is given back when it is closed, however this process ends.
fn without_a_name(path: &Path) -> io::Result<File> {
    let _ = std::fs::remove_file(path);
    let file = File::options().read(true).write(true).create_new(true).open(path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

/// A file, and whoever judges what is written there.
struct Judged {
    file: BufWriter<File>,
    failed: Option<io::Error>,
    unpacker: Unpacker<Nowhere>,
}

impl Write for Judged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.unpacker.write(bytes)?;
        self.file.write_all(&bytes[..taken]).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            io::Error::from(kind)
        })?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Nothing is unpacked here.
struct Nowhere;

impl Sink for Nowhere {
    fn begin(&mut self, _: &Manifest) -> io::Result<()> {
        Ok(())
    }

    fn dir(&mut self, _: &RelPath) -> io::Result<()> {
        Ok(())
    }

    fn file(&mut self, _: &RelPath, _executable: bool, _length: u64) -> io::Result<()> {
        Ok(())
    }

    fn data(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn end_file(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn link(&mut self, _: &RelPath, _target: &str) -> io::Result<()> {
        Ok(())
    }
}

impl Offer {
    /// Takes the bundle from whoever fetched it, in place of a download: no byte of it is believed.
    /// Else as [`Payloads::stage`].
    ///
    /// # Errors
    /// As [`Payloads::stage`]; the installed version is untouched then.
    pub async fn receive(
        self,
        mut bundle: impl Read + Send + 'static,
        progress: &mut dyn Progress,
    ) -> Result<Staged, Error> {
        let install = self.run.installation()?;
        let lock = self.run.lock(&self.routes).await?;
        let (work, waiting) = Work::new(&self.run, &install, self.facts());
        let staged = in_background(move || {
            // Longer than signed is refused by the first byte too many.
            work.take_in(&mut |out| io::copy(&mut bundle, out).map(drop))
        });
        let staged = staged.await??;
        drop(waiting);
        Payloads::of(self, install, lock).finish(staged, None, progress).await
    }
}
