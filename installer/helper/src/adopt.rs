//! Taking over a program that came here without Exuvia, an AppImage that somebody downloaded: what a
//! first installation would have written down is written down around it (docs/adr/0020).

use crate::error::Error;
use crate::first::{prepare, settled};
use crate::held::Held;
use crate::install::Install;
use crate::receive::keep_manifest;
use exuvia_bundle::{Entry, Hasher, Manifest, Node, RelPath, Stream, Writer};
use exuvia_core::offline::Learnt;
use exuvia_core::{Digest, Facts, Kind, Platform, Time};
use exuvia_durable::Dir;
use exuvia_plan::files::{JOURNAL, LAYOUT};
use exuvia_plan::history::{Entry as Line, Event};
use exuvia_plan::{Config, Layout, LayoutError, Phase, Refusal, ReleaseRef};
use semver::Version;
use std::io;
use std::path::Path;
use std::time::Duration;

/// A program to be taken over as it stands. It is not verified: it runs already.
#[derive(Clone, Debug)]
pub struct Adoption<'a> {
    /// The program.
    pub path: &'a Path,
    /// What kind of release it is: a single file.
    pub kind: Kind,
    /// The platform whose releases are wanted.
    pub platform: &'a Platform,
    /// The configuration inside the program, whose root is trusted first.
    pub config: &'a Config,
    /// The file name under which it was released, which is part of its bundle; another one makes it
    /// a program that nobody signed.
    pub released_as: &'a str,
    /// The version that it says it is.
    pub version: &'a Version,
    /// Signed facts of that version, where they are known: the program may be what was signed.
    pub facts: Option<&'a Facts>,
    /// The time now.
    pub now: Time,
}

impl Install {
    /// Makes an installation of a program that stands there. Cut off at any moment it leaves nothing
    /// that counts, and doing it again starts over.
    ///
    /// # Errors
    /// [`Error::Occupied`] if an installation stands there, [`Error::Refused`] for a kind that is no
    /// single file or a name that cannot be. Else as any step.
    pub fn adopt(adoption: &Adoption<'_>) -> Result<Install, Error> {
        let Adoption { config, version, facts, now, .. } = *adoption;
        let path = std::path::absolute(adoption.path).unwrap_or_else(|_| adoption.path.to_owned());
        let no_name = || LayoutError::Name { name: path.display().to_string() };
        let name = path.file_name().and_then(|name| name.to_str());
        let (parent, name) = path.parent().zip(name).ok_or_else(no_name).map_err(Refusal::from)?;
        let executable = RelPath::new(adoption.released_as).map_err(|_| Refusal::NoProgram)?;
        let (manifest, digest) = bundle_of(&Dir::open(parent)?, name.as_ref(), &executable)?;
        // Facts that are another file's say nothing about this one.
        let signed = facts.filter(|facts| facts.bundle.digest == digest);
        let signed = signed.and_then(|facts| ReleaseRef::of(facts).ok());
        let current = signed.unwrap_or_else(|| ReleaseRef::unsigned(version, digest, executable));
        let layout = Layout::adopted(config, adoption.platform, adoption.kind, name, &current)?;
        let install = prepare(&path, layout, true)?;
        let held = install.lock(Duration::ZERO)?;
        let known = install.record::<Layout>(LAYOUT)?.is_some();
        if known && install.record::<Phase>(JOURNAL)?.is_some() {
            return Err(Error::Occupied { path: install.path().to_owned() });
        }
        keep_manifest(install.state(), current.digest, &manifest)?;
        held.write_trust(config, &Learnt::default())?;
        held.taken_over(None, current, now)?;
        // Last: without it there is no installation.
        held.write(LAYOUT, install.layout())?;
        drop(held);
        Ok(install)
    }

    /// The program says that it is another version than the installed one: somebody put it there by
    /// hand, and from now on it is the installed one. Does nothing if the file is the installed one
    /// after all.
    ///
    /// # Errors
    /// [`Error::Phase`] unless nothing is on trial. Else as any step.
    pub fn replaced_by_hand(&self, version: &Version, now: Time) -> Result<(), Error> {
        let held = self.lock(Duration::ZERO)?;
        let phase = held.recovered(now)?;
        let (before, _) = phase.at_rest()?;
        let live = self.layout().live();
        let (manifest, digest) = bundle_of(self.root(), live.as_ref(), &before.executable)?;
        if digest == before.digest {
            return Ok(());
        }
        keep_manifest(self.state(), digest, &manifest)?;
        let current = ReleaseRef::unsigned(version, digest, before.executable.clone());
        held.taken_over(Some(before.version.clone()), current, now)
    }

    /// Whether the single file at the fixed path is this release: its user may have put another one
    /// there. A folder is taken at the journal's word.
    pub(crate) fn stands(&self, release: &ReleaseRef) -> Result<bool, Error> {
        let found = || self.identify(self.layout().live().as_ref(), Some(&[release]));
        Ok(!self.layout().is_single_file() || found()? == Some(release.digest))
    }
}

impl Held<'_> {
    fn taken_over(
        &self,
        from: Option<Version>,
        current: ReleaseRef,
        now: Time,
    ) -> Result<(), Error> {
        let to = Some(current.version.clone());
        self.settle(&settled(current), now)?;
        self.note(&Line { time: now, event: Event::Installed, from, to, reason: None });
        Ok(())
    }
}

/// The manifest and the digest of the bundle that a single program would make.
fn bundle_of(root: &Dir, name: &Path, executable: &RelPath) -> Result<(Manifest, Digest), Error> {
    let mut hasher = Hasher::new();
    let length = io::copy(&mut root.open_file(name)?, &mut hasher).map_err(Error::Fill)?;
    let node = Node::File { executable: true, length, sha256: hasher.finish() };
    let entry = Entry { path: executable.clone(), node };
    let manifest = Manifest::new(vec![entry]).map_err(Error::Bundle)?;
    let stream = Stream::new(Hasher::new());
    let mut writer = Writer::new(stream, &manifest).map_err(Error::Bundle)?;
    writer.file(&mut root.open_file(name)?).map_err(Error::Bundle)?;
    let stream = writer.finish().map_err(Error::Bundle)?;
    let digest = stream.finish().map_err(Error::Fill)?.finish();
    Ok((manifest, Digest::from_bytes(*digest.as_bytes())))
}
