//! Walks, several at the same time as far as memory goes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, Scope},
};

use exuvia_bundle::Tree;

use super::{
    Fresh, Options, decide,
    pieces::{Piece, read_piece},
};
use crate::{Error, walk};

/// A walk of its own costs some bytes and some thousand instructions: not for less than this.
const LEAST: u64 = 2 << 10;

/// The walks of those fresh files that are worth it.
pub(super) fn walks(
    old: &dyn Tree,
    new: &dyn Tree,
    fresh: &[Fresh],
    options: &Options,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let mut jobs = jobs(fresh, options);
    // What takes longest begins first.
    jobs.sort_by_key(|job| (job.memory, job.at));
    thread::scope(|scope| {
        let (sender, receiver) = channel();
        let mut crew = Crew { options, sender, receiver, free: options.memory, busy: 0 };
        let mut walks: Vec<Option<Vec<u8>>> = vec![None; fresh.len()];
        let mut done: Vec<u64> = vec![0; fresh.len()];
        loop {
            while let Some(job) = jobs.pop_if(|job| crew.has_room(job)) {
                let read = read(old, new, &fresh[job.at])?;
                crew.start(scope, job, read);
            }
            match crew.next_news() {
                None => return Ok(walks),
                Some((at, News::Progress(thousandths))) => {
                    done[at] = fresh[at].length / 1000 * thousandths.min(1000);
                }
                Some((at, News::Done(walk))) => {
                    walks[at] = walk?;
                    done[at] = walks[at].as_ref().map_or(0, |_| fresh[at].length);
                }
            }
            progress(done.iter().sum());
        }
    })
}

/// Bytes that one walk takes, with both files.
pub(super) fn memory(old: u64, new: u64) -> u64 {
    let both = old.saturating_add(new);
    both.saturating_add(walk::encode_memory(old, new).max(walk::MEMORY))
}

struct Job {
    /// Which fresh file.
    at: usize,
    memory: u64,
}

fn jobs(fresh: &[Fresh], options: &Options) -> Vec<Job> {
    let wanted = fresh.iter().enumerate().filter(|(_, file)| file.length >= LEAST);
    let job = wanted.map(|(at, file)| {
        let base = file.base.map_or(0, |(_, length)| length);
        Job { at, memory: memory(base, file.length) }
    });
    job.filter(|job| options.line < u64::MAX && job.memory <= options.memory).collect()
}

fn read(old: &dyn Tree, new: &dyn Tree, file: &Fresh) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let whole = |tree, entry, length: u64| {
        let mut bytes = vec![0; length as usize];
        read_piece(tree, &Piece { entry, offset: 0, count: length }, &mut bytes).map(|()| bytes)
    };
    let base = file.base.map(|(entry, length)| whole(old, entry, length)).transpose()?;
    Ok((base.unwrap_or_default(), whole(new, file.entry, file.length)?))
}

struct Crew<'a> {
    options: &'a Options,
    sender: Sender<Letter>,
    receiver: Receiver<Letter>,
    /// Bytes of memory that nobody uses.
    free: u64,
    busy: usize,
}

/// What a walker tells, and which fresh file it is about.
enum News {
    Progress(u64),
    Done(Result<Option<Vec<u8>>, Error>),
}

/// News with the memory that is given back.
type Letter = (usize, u64, News);

impl Crew<'_> {
    fn has_room(&self, job: &Job) -> bool {
        self.busy < self.options.threads.max(1) && job.memory <= self.free
    }

    fn start<'scope, 'env>(
        &mut self,
        scope: &'scope Scope<'scope, 'env>,
        Job { at, memory }: Job,
        (old, new): (Vec<u8>, Vec<u8>),
    ) where
        Self: 'scope,
    {
        self.busy += 1;
        self.free -= memory;
        let (sender, options) = (self.sender.clone(), *self.options);
        scope.spawn(move || {
            // Nobody listens any more when another one has failed.
            let tell = |memory, news| drop(sender.send((at, memory, news)));
            let work = || decide::walk(&old, &new, &options, &mut |t| tell(0, News::Progress(t)));
            let walk = catch_unwind(AssertUnwindSafe(work))
                .unwrap_or(Err(Error::Compress { reason: "the encoder broke down" }));
            tell(memory, News::Done(walk));
        });
    }

    /// Waits for news; `None` when nobody is at work.
    fn next_news(&mut self) -> Option<(usize, News)> {
        if self.busy == 0 {
            return None;
        }
        let (at, memory, news) = self.receiver.recv().ok()?;
        if matches!(news, News::Done(_)) {
            self.busy -= 1;
            self.free += memory;
        }
        Some((at, news))
    }
}
