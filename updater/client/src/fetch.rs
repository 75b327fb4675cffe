//! Where bytes come from.
//!
//! A [`Fetch`] is one mirror. It is trusted with nothing: it may serve any bytes, stop at any point or
//! lie about lengths and validators; whoever reads caps, hashes and times what arrives. All it owes is
//! honesty about *absence*: [`Reply::Missing`] stands for 403 and 404 and nothing else, because the
//! end of the chain of roots is concluded from it (TUF 5.3.3), and an outage must not look like it.

mod folder;
mod http;

pub use folder::Folder;
pub use http::{Http, HttpError, HttpOptions, PostError, Proxy, Token, post};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use futures_util::future::BoxFuture;
pub use futures_util::stream::BoxStream;

/// One mirror: a base under which `metadata/` and `targets/` lie.
///
/// Object safe, so that an application or a test can bring its own.
pub trait Fetch: Send + Sync {
    /// What to call this mirror in events and errors: its base address.
    fn name(&self) -> &str;

    /// Opens one file.
    ///
    /// # Errors
    /// [`FetchError`] for everything that is neither the file nor its certain absence.
    fn open<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Result<Reply, FetchError>>;
}

/// What is asked of a mirror.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Path below the mirror's base, `/`-separated. Names below `metadata/` stand in a URL as they
    /// are; those below `targets/` may hold any character and are to be percent-encoded.
    pub path: &'a str,
    /// First byte wanted. Above zero the rest of a file is asked for.
    pub offset: u64,
    /// The validator a former reply came with. With `offset` zero: reply
    /// [`Reply::NotModified`] if it still holds. With an offset: resume only if it still holds.
    pub validator: Option<&'a str>,
    /// Length of the whole file, where it is known. For those who would rather fetch in pieces; a body
    /// goes to the end of the file all the same.
    pub length: Option<u64>,
}

impl<'a> Request<'a> {
    /// The whole file, unconditionally.
    pub fn whole(path: &'a str) -> Self {
        Request { path, offset: 0, validator: None, length: None }
    }
}

/// How a mirror answered.
#[derive(Debug)]
pub enum Reply {
    /// The file, or the rest of it.
    Body(Body),
    /// The mirror says that there is no such file (403 or 404).
    Missing,
    /// The validator still holds. Only for requests with a validator and no offset.
    NotModified,
    /// The mirror cannot continue at that offset; ask again from zero.
    NotResumable,
}

/// Bytes on their way.
pub struct Body {
    /// Position of the first chunk in the file. Zero when the mirror ignored the offset.
    pub offset: u64,
    /// A strong validator to resume or to ask again with, if the mirror gave one.
    pub validator: Option<String>,
    /// The chunks come by more than one answer, which may not fit together.
    pub in_pieces: bool,
    /// The chunks, in order; ends after the last.
    pub chunks: BoxStream<'static, Result<Vec<u8>, FetchError>>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("offset", &self.offset)
            .field("validator", &self.validator)
            .finish_non_exhaustive()
    }
}

/// Why a mirror could not be heard: the network family, worth another try later.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The name of a host was not resolved: it does not exist, or this machine is offline.
    #[error("the host {host} cannot be found")]
    NoSuchHost {
        /// The host, of the mirror or of a proxy.
        host: String,
    },
    /// The certificate that a server showed is not one to trust.
    #[error("the server's certificate is refused: {}", root_cause(&**source))]
    Certificate {
        /// What is wrong with it.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// No connection: route, refusal or TLS handshake.
    #[error("no connection: {}", root_cause(&**source))]
    Unreachable {
        /// What the transport said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The proxy does not lead to the server.
    #[error("the proxy refuses ({})", root_cause(&**source))]
    Proxy {
        /// What the transport said of it.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The connection broke before the body was complete.
    #[error("the connection broke: {}", root_cause(&**source))]
    Broken {
        /// What the transport said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The body ended before it was complete.
    #[error("the transfer ended after {received} of {expected} bytes")]
    Truncated {
        /// Bytes of the file held so far.
        received: u64,
        /// Signed length of the file, in bytes.
        expected: u64,
    },
    /// A step took longer than its deadline.
    #[error("{step} took longer than {} s", limit.as_secs_f32())]
    Deadline {
        /// The step.
        step: Wait,
        /// The deadline.
        limit: Duration,
    },
    /// Fewer bytes arrived than the least rate asks for.
    #[error("only {received} bytes came in {} s", window.as_secs_f32())]
    TooSlow {
        /// Bytes that came within the window.
        received: u64,
        /// The window.
        window: Duration,
    },
    /// A status that is neither success nor certain absence.
    #[error("the server answered {code}{}", until(*retry_after))]
    Status {
        /// HTTP status code.
        code: u16,
        /// When to come back, if the server said so.
        retry_after: Option<Duration>,
    },
    /// The answer's header is larger than allowed.
    #[error("the answer's header has more than {fields} fields or {bytes} bytes")]
    Header {
        /// The most fields.
        fields: usize,
        /// The most bytes of names and values.
        bytes: usize,
    },
    /// Redirected more often than allowed.
    #[error("redirected more than {limit} times")]
    TooManyRedirects {
        /// The most redirects that are followed.
        limit: usize,
    },
    /// Redirected from https to something weaker, or to plain http on another machine.
    #[error("redirected to {to}, which is not as well protected")]
    WeakerRedirect {
        /// Where the server wanted to send us.
        to: String,
    },
    /// The server applied a content encoding nobody asked for.
    #[error("the server encoded the answer as {encoding}")]
    Encoded {
        /// The encoding it named.
        encoding: String,
    },
    /// A page came in place of metadata or of a payload: a captive portal's or a proxy's.
    #[error("something between here and the server answered with a page of its own")]
    NotMetadata,
    /// A file of a folder source could not be read: the stick was pulled, rights are missing.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A reply that the request did not allow, such as "not modified" to a first request.
    #[error("the server gave an answer that was not asked for")]
    BadReply,
    /// There is no mirror left to ask.
    #[error("no mirror is left")]
    NoMirror,
    /// A path that cannot be a file below the base, such as one with `..` in it.
    #[error("{path:?} is not a path below the mirror")]
    BadPath {
        /// The path asked for.
        path: String,
    },
}

impl FetchError {
    /// Whether asking the same mirror again may bring more, after a wait of at most `patience`.
    pub(crate) fn may_pass_within(&self, patience: Duration) -> bool {
        match self {
            FetchError::NoSuchHost { .. }
            | FetchError::Unreachable { .. }
            | FetchError::Proxy { .. }
            | FetchError::Broken { .. }
            | FetchError::Truncated { .. }
            | FetchError::NotMetadata
            | FetchError::Deadline { step: Wait::Header | Wait::Whole, .. }
            | FetchError::TooSlow { .. } => true,
            // Overloaded or starting anew (RFC 9110 15.5.9, 15.6; RFC 6585 4).
            FetchError::Status { code: 408 | 429 | 500..600, retry_after } => {
                retry_after.is_none_or(|wait| wait <= patience)
            }
            _ => false,
        }
    }

    /// Whether the mirror serves, but not fast enough.
    pub(crate) fn is_slow(&self) -> bool {
        matches!(self, FetchError::TooSlow { .. } | FetchError::Deadline { step: Wait::Whole, .. })
    }

    /// Whether the mirror was heard: perhaps it is this one file that it does not serve.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(
            self,
            FetchError::Broken { .. }
                | FetchError::Truncated { .. }
                | FetchError::Status { .. }
                | FetchError::Header { .. }
                | FetchError::TooManyRedirects { .. }
                | FetchError::WeakerRedirect { .. }
                | FetchError::Encoded { .. }
                | FetchError::NotMetadata
                | FetchError::BadReply
        )
    }

    /// How long the server asked to be left alone, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            FetchError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// What was waited for when a deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Connecting and the answer's header.
    Header,
    /// The whole of a file.
    Whole,
    /// A whole check, or a route's whole download.
    Run,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wait::Header => "the answer",
            Wait::Whole => "the file",
            Wait::Run => "all of it",
        })
    }
}

fn until(retry_after: Option<Duration>) -> String {
    retry_after.map_or(String::new(), |wait| format!(" and is busy for {} s", wait.as_secs()))
}

/// The innermost reason: what stands around it names the same failure in more general words.
fn root_cause<'a>(
    mut error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    while let Some(inner) = error.source() {
        error = inner;
    }
    error
}

/// The segments of a path below a base, or the refusal of a path that could leave it.
fn segments(path: &str) -> Result<Vec<&str>, FetchError> {
    let bad = |s: &&str| {
        s.is_empty() || *s == "." || *s == ".." || s.contains(['\\', '\0']) || s.contains(':')
    };
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(bad) {
        return Err(FetchError::BadPath { path: path.to_owned() });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_leave_the_base_are_refused() {
        for path in ["", "/a", "a//b", "a/../b", "..", "a/.", "a\\b", "c:/x", "a/b/"] {
            assert!(segments(path).is_err(), "{path:?}");
        }
        assert_eq!(segments("metadata/1.root.json").unwrap(), ["metadata", "1.root.json"]);
    }
}
