//! From verified payloads to the stream of the new bundle.
//!
//! Payloads were signed, but a signature says who made them and not that they are harmless: memory,
//! output and time are bounded here too. Whether the result is the signed bundle is judged by whoever
//! takes the stream, for deltas and full bundles alike.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use exuvia_bundle::{Limits, Stream, Tree, Unpacker};
use exuvia_core::release::BundleFacts;

use crate::cancel::Watch;
use crate::error::LocalError;
use crate::events::RouteKind;
use crate::flat::FlatTree;
use crate::part::Payload;

/// Largest window that a full bundle's decompressor may allocate: 32 MiB (formats §4).
const WINDOW_LOG: u32 = 25;

/// Everything that one route needs, received and verified.
#[derive(Debug)]
pub(crate) struct Ingredients {
    pub(crate) payloads: Vec<Payload>,
    pub(crate) how: How,
}

/// What to do with the payloads.
#[derive(Debug)]
pub(crate) enum How {
    /// The one payload is the compressed bundle.
    Unpack,
    /// Each payload is a delta; the bundles they lead to, in order.
    Patch(Vec<BundleFacts>),
}

impl Ingredients {
    pub(crate) fn kind(&self) -> RouteKind {
        match &self.how {
            How::Unpack => RouteKind::Full,
            How::Patch(steps) if steps.len() == 1 => RouteKind::Delta,
            How::Patch(_) => RouteKind::Chain,
        }
    }
}

/// Why a stream was not rebuilt.
#[derive(Debug)]
pub(crate) enum Failure {
    /// This route leads nowhere; another may.
    Route(RebuildError),
    /// Whoever takes the stream refused it; it knows why.
    Outlet(io::Error),
    /// This machine is in the way.
    Local(LocalError),
}

impl Failure {
    /// What the helper is told. It knows its own refusal best; for the rest this side keeps the reason.
    pub(crate) fn through_the_helper(self, kept: &mut Option<Failure>) -> io::Error {
        match self {
            Failure::Outlet(error) => error,
            why => {
                *kept = Some(why);
                io::ErrorKind::Other.into()
            }
        }
    }
}

/// Why a payload does not make the bundle it should.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The compressed bundle cannot be decompressed.
    #[error("the compressed bundle is damaged")]
    Compression {
        /// What the decompressor said.
        source: Arc<io::Error>,
    },
    /// The compressed bundle holds more than was signed.
    #[error("the compressed bundle holds more than the signed {limit} bytes")]
    TooLong {
        /// The signed length, in bytes.
        limit: u64,
    },
    /// What is installed has lost its manifest, so that nothing can be built on it.
    #[error("the installed version has lost its manifest")]
    NoBase,
    /// A delta cannot be applied.
    #[error("{0}")]
    Delta(Arc<exuvia_delta::Error>),
    /// A step of a chain gives a bundle that is refused.
    #[error("{0}")]
    Bundle(Arc<exuvia_bundle::Error>),
    /// What comes out, of a step of a chain or of the whole, is not the bundle that was signed.
    #[error("it gives the bundle {found} instead of {expected}")]
    WrongStep {
        /// The bundle that was signed.
        expected: exuvia_bundle::Digest,
        /// The bundle that came out.
        found: exuvia_bundle::Digest,
    },
}

/// Writes the stream of the bundle into `out`, no more than was signed. Deltas begin at `base`, the
/// installed tree.
pub(crate) fn rebuild(
    ingredients: &Ingredients,
    base: Option<&dyn Tree>,
    bundle: &BundleFacts,
    scratch: &Path,
    watch: &Watch,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let length = bundle.length;
    let mut outlet = Outlet { out, watch, failed: None };
    let rebuilt = match (&ingredients.how, base, &*ingredients.payloads) {
        (How::Patch(steps), Some(base), payloads) => {
            patch(steps, payloads, base, scratch, &mut outlet)
        }
        (How::Patch(_), None, _) => Err(Failure::Route(RebuildError::NoBase)),
        (How::Unpack, _, payloads) => {
            payloads.iter().try_for_each(|payload| unpack(payload, length, &mut outlet))
        }
    };
    match outlet.failed {
        _ if watch.check().is_err() => Err(Failure::Local(LocalError::Cancelled)),
        Some(refused) => Err(Failure::Outlet(refused)),
        None => rebuilt,
    }
}

fn unpack(payload: &Payload, length: u64, out: &mut dyn Write) -> Result<(), Failure> {
    let damaged = |e| Failure::Route(RebuildError::Compression { source: Arc::new(e) });
    let mut decoder = zstd::Decoder::new(open(payload)?).map_err(damaged)?;
    decoder.window_log_max(WINDOW_LOG).map_err(damaged)?;
    let mut buffer = vec![0; 128 * 1024];
    let mut left = length;
    loop {
        let read = decoder.read(&mut buffer).map_err(damaged)?;
        if read == 0 {
            return Ok(());
        }
        left = left
            .checked_sub(read as u64)
            .ok_or(Failure::Route(RebuildError::TooLong { limit: length }))?;
        out.write_all(&buffer[..read]).map_err(Failure::Outlet)?;
    }
}

fn patch(
    steps: &[BundleFacts],
    payloads: &[Payload],
    base: &dyn Tree,
    scratch: &Path,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut between: Option<FlatTree> = None;
    for (at, (to, payload)) in steps.iter().zip(payloads).enumerate() {
        let tree = between.as_ref().map_or(base, |tree| tree);
        if at + 1 == steps.len() {
            return apply(tree, payload, limits_of(to), out);
        }
        let path = scratch.join(format!("chain-{}", at % 2));
        let fail = |e| LocalError::Io { path: path.clone(), source: Arc::new(e) };
        let flat = FlatTree::create(&path).map_err(fail).map_err(Failure::Local)?;
        let mut unpacker = Unpacker::new(flat, limits_of(to));
        apply(tree, payload, limits_of(to), &mut unpacker)?;
        let bundle =
            unpacker.finish().map_err(|e| Failure::Route(RebuildError::Bundle(Arc::new(e))))?;
        let expected = digest_of(to);
        if bundle.digest() != expected {
            let found = bundle.digest();
            return Err(Failure::Route(RebuildError::WrongStep { expected, found }));
        }
        between = Some(bundle.into_sink());
    }
    Ok(())
}

/// The crates for bundles and for metadata do not know each other's digests.
fn digest_of(bundle: &BundleFacts) -> exuvia_bundle::Digest {
    exuvia_bundle::Digest::from_bytes(*bundle.digest.as_bytes())
}

/// No more than was signed.
fn limits_of(bundle: &BundleFacts) -> Limits {
    Limits { bundle_length: bundle.length, files: bundle.files, ..Limits::default() }
}

fn apply(
    tree: &dyn Tree,
    payload: &Payload,
    bundle: Limits,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let limits = exuvia_delta::Limits { bundle, ..exuvia_delta::Limits::default() };
    let mut patch = io::BufReader::with_capacity(128 * 1024, open(payload)?);
    let mut stream = Stream::new(out);
    match exuvia_delta::apply(tree, &mut patch, &limits, &mut stream) {
        Ok(_) => stream.finish().map(drop).map_err(unwritten),
        Err(exuvia_delta::Error::Write { source }) => Err(unwritten(source)),
        Err(error) => Err(Failure::Route(RebuildError::Delta(Arc::new(error)))),
    }
}

/// The taker of a step in the middle is ours: it refuses what is no bundle, or its disk is full.
fn unwritten(source: io::Error) -> Failure {
    match exuvia_bundle::Error::from_io(source) {
        Ok(refused) => Failure::Route(RebuildError::Bundle(Arc::new(refused))),
        Err(source) => Failure::Outlet(source),
    }
}

fn open(payload: &Payload) -> Result<File, Failure> {
    payload.open().map_err(Failure::Local)
}

/// Passes bytes on, ends when the run does, and remembers that it was the taker who failed.
struct Outlet<'a> {
    out: &'a mut dyn Write,
    watch: &'a Watch,
    failed: Option<io::Error>,
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed.is_some() || self.watch.check().is_err() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.out.write(bytes).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
