//! A repository in a folder: a stick, a share, a test.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::stream;

use super::{Body, BoxFuture, Fetch, FetchError, Reply, Request, segments};

const CHUNK: usize = 256 * 1024;

/// A mirror that is a folder with `metadata/` and `targets/` in it.
#[derive(Clone, Debug)]
pub struct Folder {
    base: PathBuf,
    name: String,
}

impl Folder {
    /// The folder at `base`. It need not exist yet: a missing one is reported when it is read.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        let base = base.into();
        let name = base.display().to_string();
        Folder { base, name }
    }
}

impl Fetch for Folder {
    fn name(&self) -> &str {
        &self.name
    }

    fn open<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Reply, FetchError>> {
        let offset = request.offset;
        async move {
            let path = segments(request.path)?.iter().fold(self.base.clone(), |p, s| p.join(s));
            let base = self.base.clone();
            in_background(move || open(&base, &path, offset)).await
        }
        .boxed()
    }
}

fn open(base: &Path, path: &Path, offset: u64) -> Result<Reply, FetchError> {
    let unreadable = |e| FetchError::Unreadable { path: path.to_owned(), source: Arc::new(e) };
    // Looked at before it is opened: opening a pipe would wait for ever.
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        // An unplugged stick must not look like "no newer root".
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && base.is_dir() => {
            return Ok(Reply::Missing);
        }
        Err(e) => return Err(unreadable(e)),
    };
    if !metadata.is_file() {
        return Ok(Reply::Missing);
    }
    if offset > metadata.len() {
        return Ok(Reply::NotResumable);
    }
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
    let path = path.to_owned();
    let chunks = stream::try_unfold((file, path), |(mut file, path)| async move {
        in_background(move || match next(&mut file) {
            Ok(chunk) if chunk.is_empty() => Ok(None),
            Ok(chunk) => Ok(Some((chunk, (file, path)))),
            Err(e) => Err(FetchError::Unreadable { path, source: Arc::new(e) }),
        })
        .await
    });
    Ok(Reply::Body(Body { offset, validator: None, in_pieces: false, chunks: chunks.boxed() }))
}

fn next(file: &mut std::fs::File) -> std::io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

/// A stick or a share may be slow: not on the caller's thread.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(FetchError::Broken { source: Arc::new(e) }))
}
