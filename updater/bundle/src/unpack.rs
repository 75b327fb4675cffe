//! Reading a bundle: a machine that bytes are pushed into, in pieces of any size.

use std::io::{self, Write};

use crate::{
    Digest, Entry, Error, Hasher, Limit, Limits, Manifest, Node, Sink,
    header::{self, BLOCK, TRAILER},
    limits::within,
    path::shorten,
};

/// Checks a bundle and hands its tree to a [`Sink`]. Bytes are pushed in through [`io::Write`];
/// how they are cut makes no difference. A refusal is an [`Error`] inside the `io::Error`
/// ([`Error::from_io`]); an error of the sink comes back as it was. After either, nothing more is
/// taken.
pub struct Unpacker<S> {
    sink: S,
    limits: Limits,
    hasher: Hasher,
    length: u64,
    state: State,
}

enum State {
    /// The first header; as many bytes as have come.
    Head(Vec<u8>),
    /// The manifest and its padding, which end at `wanted` bytes.
    Manifest {
        length: usize,
        wanted: usize,
        bytes: Vec<u8>,
    },
    Body(Body),
    Refused,
}

struct Body {
    manifest: Manifest,
    /// The entry whose header is awaited, or whose content is read.
    next: usize,
    phase: Phase,
}

enum Phase {
    /// These bytes and no others, the first `at` of which have come: padding and a header.
    Expect {
        bytes: Vec<u8>,
        at: usize,
    },
    /// Content of the file at `next`.
    Content {
        left: u64,
        hasher: Hasher,
    },
    Complete,
}

impl<S: Sink> Unpacker<S> {
    /// Begins a bundle. Nothing reaches the sink before the manifest is in order.
    pub fn new(sink: S, limits: Limits) -> Self {
        Self { sink, limits, hasher: Hasher::new(), length: 0, state: State::Head(Vec::new()) }
    }

    /// The proof that a whole bundle went through.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes are missing, [`Error::Refused`] after an earlier error.
    pub fn finish(self) -> Result<Bundle<S>, Error> {
        match self.state {
            State::Body(Body { manifest, phase: Phase::Complete, .. }) => Ok(Bundle {
                digest: self.hasher.finish(),
                length: self.length,
                manifest,
                sink: self.sink,
            }),
            State::Refused => Err(Error::Refused),
            _ => Err(Error::Truncated { length: self.length }),
        }
    }

    fn take(&mut self, mut input: &[u8]) -> io::Result<()> {
        while !input.is_empty() {
            let offset = self.length;
            let used = match &mut self.state {
                State::Refused => return Err(Error::Refused.into()),
                State::Head(bytes) => {
                    let used = fill(bytes, BLOCK, input);
                    if bytes.len() == BLOCK {
                        self.state = read_head(bytes, &self.limits)?;
                    }
                    used
                }
                State::Manifest { length, wanted, bytes } => {
                    let used = fill(bytes, *wanted, input);
                    if bytes.len() == *wanted {
                        let body = read_manifest(bytes, *length, &self.limits)?;
                        self.sink.begin(&body.manifest)?;
                        self.state = State::Body(body);
                    }
                    used
                }
                State::Body(body) => body.take(input, offset, &mut self.sink)?,
            };
            self.hasher.update(&input[..used]);
            self.length += used as u64;
            input = &input[used..];
        }
        Ok(())
    }
}

impl<S: Sink> Write for Unpacker<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.take(bytes) {
            self.state = State::Refused;
            return Err(error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A whole bundle went through an [`Unpacker`]: every byte was what its manifest calls for. Whether
/// it is the bundle that somebody signed is told by [`Bundle::digest`] alone.
#[derive(Debug)]
pub struct Bundle<S> {
    digest: Digest,
    length: u64,
    manifest: Manifest,
    sink: S,
}

impl<S> Bundle<S> {
    /// SHA-256 of the stream: the version's name.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Bytes of the stream.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What belongs to the version.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The sink that holds the tree.
    pub fn into_sink(self) -> S {
        self.sink
    }
}

impl Body {
    fn new(manifest: Manifest) -> Self {
        let mut body = Self { manifest, next: 0, phase: Phase::Complete };
        body.expect_next(0);
        body
    }

    /// Awaits `padding` zeros and the header at `next`, or the end of the bundle.
    fn expect_next(&mut self, padding: usize) {
        let mut bytes = vec![0; padding];
        match self.manifest.entries().get(self.next) {
            Some(entry) => bytes.extend(header::entry_header(entry)),
            None => bytes.resize(padding + TRAILER, 0),
        }
        self.phase = Phase::Expect { bytes, at: 0 };
    }

    fn take(&mut self, input: &[u8], offset: u64, sink: &mut dyn Sink) -> io::Result<usize> {
        match &mut self.phase {
            Phase::Complete => Err(Error::Trailing { length: offset }.into()),
            Phase::Expect { bytes, at } => {
                let expected = &bytes[*at..];
                let used = expected.len().min(input.len());
                let same = expected.iter().zip(input).take_while(|(a, b)| a == b).count();
                if same < used {
                    return Err(Error::Frame { offset: offset + same as u64 }.into());
                }
                *at += used;
                if *at == bytes.len() {
                    self.open(sink)?;
                }
                Ok(used)
            }
            Phase::Content { left, hasher } => {
                let used = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                hasher.update(&input[..used]);
                sink.data(&input[..used])?;
                *left -= used as u64;
                if *left == 0 {
                    self.close(sink)?;
                }
                Ok(used)
            }
        }
    }

    /// The header at `next` has come, or the end.
    fn open(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        let Some(Entry { path, node }) = self.manifest.entries().get(self.next) else {
            self.phase = Phase::Complete;
            return Ok(());
        };
        match node {
            Node::File { executable, length, .. } => {
                sink.file(path, *executable, *length)?;
                let left = *length;
                self.phase = Phase::Content { left, hasher: Hasher::new() };
                return if left == 0 { self.close(sink) } else { Ok(()) };
            }
            Node::Dir => sink.dir(path)?,
            Node::Link { target } => sink.link(path, target)?,
        }
        self.next += 1;
        self.expect_next(0);
        Ok(())
    }

    /// The content of the file at `next` is whole.
    fn close(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        let entry = self.manifest.entries().get(self.next);
        let phase = std::mem::replace(&mut self.phase, Phase::Complete);
        if let (
            Some(Entry { path, node: Node::File { length, sha256, .. } }),
            Phase::Content { hasher, .. },
        ) = (entry, phase)
        {
            let actual = hasher.finish();
            if actual != *sha256 {
                let path = shorten(path.as_str());
                return Err(Error::Content { path, expected: *sha256, actual }.into());
            }
            sink.end_file()?;
            let padding = header::padding(*length);
            self.next += 1;
            self.expect_next(padding);
        }
        Ok(())
    }
}

/// Moves bytes from `input` until `into` has `wanted`, and says how many.
fn fill(into: &mut Vec<u8>, wanted: usize, input: &[u8]) -> usize {
    let used = wanted.saturating_sub(into.len()).min(input.len());
    into.extend_from_slice(&input[..used]);
    used
}

fn read_head(head: &[u8], limits: &Limits) -> Result<State, Error> {
    let length = header::manifest_length(head).ok_or(Error::NotABundle)?;
    if head != header::manifest_header(length) {
        return Err(Error::NotABundle);
    }
    within(Limit::ManifestLength, length, limits.manifest_length)?;
    let wanted = length + header::padding(length) as u64;
    match (usize::try_from(length), usize::try_from(wanted)) {
        (Ok(length), Ok(wanted)) if length > 0 => {
            Ok(State::Manifest { length, wanted, bytes: Vec::new() })
        }
        _ => Err(Error::NotABundle),
    }
}

fn read_manifest(bytes: &[u8], length: usize, limits: &Limits) -> Result<Body, Error> {
    let (manifest, padding) = bytes.split_at(length);
    if let Some(at) = padding.iter().position(|&byte| byte != 0) {
        return Err(Error::Frame { offset: (BLOCK + length + at) as u64 });
    }
    Ok(Body::new(Manifest::parse(manifest, limits)?))
}
