//! A mirror in memory that records what it is asked, and may be made to fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia::fetch::{Body, BoxFuture, Fetch, FetchError, Reply, Request};
use futures_util::{FutureExt, StreamExt, stream};

type Files = BTreeMap<String, Vec<u8>>;

#[derive(Clone)]
pub(crate) struct Mirror {
    name: String,
    files: Arc<Mutex<Files>>,
    faults: Arc<Mutex<Faults>>,
    log: Arc<Mutex<Vec<Asked>>>,
}

/// What a mirror was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) offset: u64,
    pub(crate) not_modified: bool,
}

/// How a mirror fails.
#[derive(Default)]
pub(crate) struct Faults {
    /// Cannot be reached at all.
    pub(crate) silent: bool,
    /// Files whose transfer stops for good after so many bytes.
    pub(crate) hang_after: BTreeMap<String, usize>,
    /// Files whose transfer breaks after so many bytes, so many times.
    pub(crate) break_after: BTreeMap<String, (usize, u32)>,
    /// Files that are answered with a status and a `Retry-After`, so many times.
    pub(crate) status: BTreeMap<String, (u16, Option<Duration>, u32)>,
    /// Files that come with a byte flipped.
    pub(crate) flip: Vec<String>,
    /// Files with more bytes than were signed.
    pub(crate) lengthen: Vec<String>,
    /// Files whose offset cannot be served.
    pub(crate) no_ranges: bool,
    /// Claims that no file can be continued.
    pub(crate) refuse_ranges: bool,
}

impl Mirror {
    pub(crate) fn new(name: &str, files: Arc<Mutex<Files>>) -> Self {
        let name = name.to_owned();
        Mirror { name, files, faults: Arc::default(), log: Arc::default() }
    }

    pub(crate) fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.faults.lock().unwrap());
    }

    /// Everything asked since the last call.
    pub(crate) fn take_log(&self) -> Vec<Asked> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// The paths asked for since the last call.
    pub(crate) fn take_paths(&self) -> Vec<String> {
        self.take_log().into_iter().map(|asked| asked.path).collect()
    }

    fn reply(&self, request: Request<'_>) -> Result<Reply, FetchError> {
        let mut faults = self.faults.lock().unwrap();
        let (path, offset) = (request.path.to_owned(), request.offset);
        let mut asked = Asked { path: path.clone(), offset, not_modified: false };
        let broken = || FetchError::Broken { source: Arc::new(std::io::Error::other("reset")) };
        if faults.silent {
            self.log.lock().unwrap().push(asked);
            return Err(FetchError::Unreachable {
                source: Arc::new(std::io::Error::other("down")),
            });
        }
        let file = self.files.lock().unwrap().get(&path).cloned();
        let validator = file.as_ref().map(|bytes| format!("\"{}\"", exuvia::Digest::of(bytes)));
        asked.not_modified =
            offset == 0 && request.validator.is_some() && request.validator == validator.as_deref();
        self.log.lock().unwrap().push(asked.clone());
        if let Some((code, retry_after, times)) = faults.status.get_mut(&path)
            && *times > 0
        {
            *times -= 1;
            return Err(FetchError::Status { code: *code, retry_after: *retry_after });
        }
        let Some(mut bytes) = file else { return Ok(Reply::Missing) };
        if asked.not_modified {
            return Ok(Reply::NotModified);
        }
        if faults.flip.contains(&path) {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }
        if faults.lengthen.contains(&path) {
            bytes.push(0);
        }
        let offset = match usize::try_from(offset).unwrap() {
            offset if offset > bytes.len() => return Ok(Reply::NotResumable),
            1.. if faults.refuse_ranges => return Ok(Reply::NotResumable),
            _ if faults.no_ranges => 0,
            offset => offset,
        };
        let (mut end, mut hangs, mut breaks) = (bytes.len(), false, false);
        if let Some(&after) = faults.hang_after.get(&path) {
            (end, hangs) = (end.min(after.max(offset)), true);
        }
        if let Some((after, times)) = faults.break_after.get_mut(&path)
            && *times > 0
        {
            *times -= 1;
            (end, breaks) = (end.min(offset + *after), true);
        }
        let mut chunks: Vec<Result<Vec<u8>, FetchError>> =
            bytes[offset..end].chunks(64 * 1024).map(|chunk| Ok(chunk.to_vec())).collect();
        if breaks {
            chunks.push(Err(broken()));
        }
        let given = stream::iter(chunks);
        let chunks = if hangs { given.chain(stream::pending()).boxed() } else { given.boxed() };
        Ok(Reply::Body(Body { offset: offset as u64, validator, in_pieces: false, chunks }))
    }
}

impl Fetch for Mirror {
    fn name(&self) -> &str {
        &self.name
    }

    fn open<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Reply, FetchError>> {
        async move { self.reply(request) }.boxed()
    }
}
