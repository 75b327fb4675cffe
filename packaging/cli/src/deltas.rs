//! Deltas from the last releases to a new one: made, proved with the real decoder, and kept if they
//! are worth their bytes.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use exuvia_bundle::{Limits, Stream, Tree};
use exuvia_durable::Dir;
use exuvia_repo::{Listed, NewDelta, Payload};
use semver::Version;
use serde::Serialize;

use crate::Error;
use crate::folder::{Folder, holds};
use crate::packing::{Measured, unpack};
use crate::tree::{DiskTree, FolderSink};
use crate::watch::{Task, Watch};

/// What became of a delta.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeltaReport {
    /// The version it starts from.
    pub from: Version,
    /// Its length in bytes, if it was made.
    pub bytes: Option<u64>,
    /// Its length in hundredths of the full download.
    pub percent: Option<f64>,
    /// Whether it is part of the release.
    pub outcome: DeltaOutcome,
}

/// Whether a delta is part of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DeltaOutcome {
    /// It is, and it was proved.
    Released,
    /// It saves too little.
    TooLarge,
    /// The bundle it would start from is not in `targets/` any more.
    NoBase,
    /// The version it would start from does not read the format.
    Unread,
}

/// A delta that was made, proved and flushed.
pub(crate) struct Finished {
    pub(crate) report: DeltaReport,
    /// For the repository, with its file's name in the work folder.
    pub(crate) delta: Option<(NewDelta, String)>,
}

/// What all deltas of a release lead to.
pub(crate) struct Goal<'a> {
    pub(crate) tree: &'a DiskTree,
    pub(crate) bundle_length: u64,
    pub(crate) files: u64,
    /// Bytes of the full download.
    pub(crate) full: u64,
}

/// What deltas may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// Bytes of memory for all that are made at the same time. A changed file that would take more
    /// by itself is packed in blocks instead of walked: its part of the delta is larger then.
    pub memory: u64,
    /// Bytes a second of the line that deltas are made for, see [`exuvia_delta::Options::line`].
    pub line: u64,
    /// The largest share of the full download, in hundredths, at which a delta is worth having.
    pub share: u64,
}

impl Default for Costs {
    fn default() -> Self {
        Self { memory: 4 << 30, line: exuvia_delta::Options::default().line, share: 60 }
    }
}

/// Makes the deltas from `bases`, several at a time as far as processors and memory go.
pub(crate) fn make_all(
    folder: &Folder,
    work: &Dir,
    bases: Vec<Listed>,
    goal: &Goal<'_>,
    costs: Costs,
    watch: &dyn Watch,
) -> Result<Vec<Finished>, Error> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let workers = processors.min(bases.len());
    let queue: Mutex<VecDeque<(usize, Listed)>> =
        Mutex::new(bases.into_iter().enumerate().collect());
    let maker = Maker {
        folder,
        work,
        goal,
        costs,
        threads: processors / workers.max(1),
        memory: Budget { free: Mutex::new(costs.memory), given_back: Condvar::new() },
        watch,
    };
    let run = || -> Vec<Result<(usize, Finished), Error>> {
        let mut finished = Vec::new();
        while let Some((number, base)) = { locked(&queue).pop_front() } {
            let one = maker.make(number, &base);
            watch.end(Task::Delta(&base.facts.version));
            if one.is_err() {
                locked(&queue).clear();
            }
            finished.push(one.map(|one| (number, one)));
        }
        finished
    };
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<_>, Error>>()
    });
    let mut all = all?;
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, finished)| finished).collect())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory that is shared among the deltas being made.
struct Budget {
    free: Mutex<u64>,
    given_back: Condvar,
}

impl Budget {
    /// Does something for which `bytes` are needed, when they are there.
    fn with<T>(&self, bytes: u64, act: impl FnOnce() -> T) -> T {
        let waited = self.given_back.wait_while(locked(&self.free), |free| *free < bytes);
        *waited.unwrap_or_else(PoisonError::into_inner) -= bytes;
        let done = act();
        *locked(&self.free) += bytes;
        self.given_back.notify_all();
        done
    }
}

struct Maker<'a> {
    folder: &'a Folder,
    work: &'a Dir,
    goal: &'a Goal<'a>,
    costs: Costs,
    /// Of processors, for each delta.
    threads: usize,
    memory: Budget,
    watch: &'a dyn Watch,
}

impl Maker<'_> {
    fn make(&self, number: usize, base: &Listed) -> Result<Finished, Error> {
        let report = |bytes: Option<u64>, outcome| DeltaReport {
            from: base.facts.version.clone(),
            bytes,
            percent: bytes.map(|bytes| percent(bytes, self.goal.full)),
            outcome,
        };
        let dropped = |bytes, outcome| Finished { report: report(bytes, outcome), delta: None };
        let format = exuvia_delta::FORMAT;
        if !base.facts.reads.iter().any(|read| read == format) {
            return Ok(dropped(None, DeltaOutcome::Unread));
        }
        let Some(old) = unpack_base(self.folder, self.work, number, base)? else {
            return Ok(dropped(None, DeltaOutcome::NoBase));
        };
        let name = format!("{number}.delta");
        let wanted = exuvia_delta::memory_wanted(old.manifest(), self.goal.tree.manifest());
        // Who wants more than there is gets all of it.
        let memory = wanted.min(self.costs.memory);
        let payload = self.memory.with(memory, || self.write(&old, base, &name, memory))?;
        if payload.length.saturating_mul(100) > self.goal.full.saturating_mul(self.costs.share) {
            return Ok(dropped(Some(payload.length), DeltaOutcome::TooLarge));
        }
        prove(&old, base, &self.work.path().join(&name), self.goal)?;
        let delta = NewDelta { from: base.facts.bundle.digest, format: format.to_owned(), payload };
        let report = report(Some(payload.length), DeltaOutcome::Released);
        Ok(Finished { report, delta: Some((delta, name)) })
    }

    fn write(
        &self,
        old: &DiskTree,
        base: &Listed,
        name: &str,
        memory: u64,
    ) -> Result<Payload, Error> {
        let path = self.work.path().join(name);
        let mut out = Measured::new(BufWriter::new(self.work.create_file(name, false)?));
        let mut progress = |at: exuvia_delta::Progress| {
            self.watch.progress(Task::Delta(&base.facts.version), at.done, at.total);
        };
        let mut options = exuvia_delta::Options::default();
        (options.memory, options.threads) = (memory, self.threads);
        options.line = self.costs.line;
        exuvia_delta::make(old, self.goal.tree, &mut out, &options, &mut progress)
            .map_err(Error::delta(&path))?;
        let (mut buffered, payload) = out.finish();
        buffered.flush().map_err(Error::io(&path))?;
        let file = buffered.into_inner().map_err(|error| Error::io(&path)(error.into_error()))?;
        file.finish()?;
        Ok(payload)
    }
}

/// The tree that a delta starts from, out of the bundle that was released; none when it is gone.
fn unpack_base(
    folder: &Folder,
    work: &Dir,
    number: usize,
    base: &Listed,
) -> Result<Option<DiskTree>, Error> {
    if folder.dir.metadata(&base.remote_path)?.is_none() {
        return Ok(None);
    }
    let path = folder.path().join(&base.remote_path);
    if !holds(&folder.dir, &base.remote_path, base.payload)? {
        return Err(Error::Payload { path });
    }
    let name = format!("{number}.base");
    let sink = FolderSink::new(work.stage(&name)?);
    let file = folder.dir.open_file(&base.remote_path)?;
    let bundle = unpack(&path, file, sink)?;
    if bundle.digest().as_bytes() != base.facts.bundle.digest.as_bytes() {
        return Err(Error::Payload { path });
    }
    Ok(Some(DiskTree::unpacked(work.path().join(&name), bundle.manifest().clone())))
}

/// Applies a delta as a client will, and looks at what comes out.
fn prove(old: &dyn Tree, base: &Listed, patch: &Path, goal: &Goal<'_>) -> Result<(), Error> {
    let mut file = BufReader::new(File::open(patch).map_err(Error::io(patch))?);
    let bundle =
        Limits { bundle_length: goal.bundle_length, files: goal.files, ..Limits::default() };
    let limits = exuvia_delta::Limits { bundle, ..exuvia_delta::Limits::default() };
    let mut out = Stream::new(io::sink());
    let applied = exuvia_delta::apply(old, &mut file, &limits, &mut out);
    let unproved = || Error::DeltaUnproved { from: base.facts.version.clone() };
    let applied = applied.map_err(|_| unproved())?;
    match applied.manifest == goal.tree.manifest().digest() {
        true => Ok(()),
        false => Err(unproved()),
    }
}

/// Hundredths with one decimal.
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    let tenths = part.saturating_mul(1000).checked_div(whole).unwrap_or(0);
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}
