//! What goes wrong when an address is asked for, and how it is written in a URL.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What goes wrong when an address is asked for.
///
/// Each is also a word for a URL: `http://127.0.0.1:PORT/truncate=100/metadata/timestamp.json` is the
/// file `metadata/timestamp.json` with the fault `truncate=100`, so that a base address such as
/// `http://127.0.0.1:PORT/truncate=100/` is a whole mirror with it. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `truncate=N`: the stated length is right, but the connection is closed after N bytes of body.
    Truncate(usize),
    /// `reset=N`: as `truncate`, with a reset instead of a polite end.
    Reset(usize),
    /// `stall=N`: after N bytes of the body nothing more comes.
    Stall(usize),
    /// `slow=N,MS`: the body comes in pieces of N bytes, with this pause between them.
    Slow(usize, Duration),
    /// `slow-header=MS`: the head of the answer comes byte by byte, with this pause between them.
    SlowHeader(Duration),
    /// `silent`: nothing is answered.
    Silent,
    /// `hang-up`: the connection is closed without an answer.
    HangUp,
    /// `garbage`: the answer is not HTTP.
    Garbage,
    /// `length=TEXT`: `Content-Length` says this, whatever the body is.
    WrongLength(String),
    /// `two-lengths=TEXT`: the right `Content-Length`, and this one.
    TwoLengths(String),
    /// `chunked=N`: an honest body in chunks of N bytes, without a stated length.
    Chunked(usize),
    /// `chunked-cut=N`: in chunks; after N bytes of body the connection is closed.
    ChunkedCut(usize),
    /// `chunked-bad=N`: in chunks; after N bytes of body comes a chunk whose size is no number.
    ChunkedBad(usize),
    /// `endless`: the body is followed by blanks without end.
    Endless,
    /// `flip=N`: one byte of the body, at this position of the file, is another. The validator stays.
    Flip(usize),
    /// `no-range`: a wish for a range is answered with the whole file.
    IgnoreRange,
    /// `wrong-range`: a wish for a range is answered from another position than asked for.
    WrongRange,
    /// `false-range`: as `wrong-range`, but the answer claims to be what was asked for.
    FalseRange,
    /// `changing-etag`: each answer has another validator.
    ChangingEtag,
    /// `redirect=URL`: sent elsewhere, with status 302. (`%2F` for a slash, in a URL.)
    Redirect(String),
    /// `loop`: redirected to itself.
    Loop,
    /// `hops=N`: redirected N times, then the file.
    Hops(usize),
    /// `status=CODE`: this status, with an empty body.
    Status(u16),
    /// `retry=CODE,TEXT`: this status, with an empty body and `Retry-After: TEXT`.
    Retry(u16, String),
    /// `portal`: status 200 and a page of its own, as a captive portal does.
    Portal,
    /// `portal-redirect`: sent to such a page.
    PortalRedirect,
    /// `encoding=NAME`: the body is said to be encoded so, and is not.
    Encoding(String),
    /// `gzip-bomb=MIB`: a small body, encoded with gzip, that holds so many MiB of zeros.
    GzipBomb(usize),
    /// `header=N`: one header of N bytes.
    Header(usize),
    /// `headers=N`: N headers.
    Headers(usize),
    /// `rate=N`: an honest answer at about N bytes a second.
    Rate(u64),
    /// `gate=N`: an honest answer that waits after N bytes until [`Server::open_gate`].
    ///
    /// [`Server::open_gate`]: super::Server::open_gate
    Gate(usize),
}

impl Fault {
    /// What it says in a URL: the word, and its value.
    fn words(&self) -> (&'static str, Option<String>) {
        let number = |n: &usize| Some(n.to_string());
        match self {
            Fault::Truncate(n) => ("truncate", number(n)),
            Fault::Reset(n) => ("reset", number(n)),
            Fault::Stall(n) => ("stall", number(n)),
            Fault::Slow(n, pause) => ("slow", Some(format!("{n},{}", pause.as_millis()))),
            Fault::SlowHeader(pause) => ("slow-header", Some(pause.as_millis().to_string())),
            Fault::Silent => ("silent", None),
            Fault::HangUp => ("hang-up", None),
            Fault::Garbage => ("garbage", None),
            Fault::WrongLength(said) => ("length", Some(said.clone())),
            Fault::TwoLengths(said) => ("two-lengths", Some(said.clone())),
            Fault::Chunked(n) => ("chunked", number(n)),
            Fault::ChunkedCut(n) => ("chunked-cut", number(n)),
            Fault::ChunkedBad(n) => ("chunked-bad", number(n)),
            Fault::Endless => ("endless", None),
            Fault::Flip(n) => ("flip", number(n)),
            Fault::IgnoreRange => ("no-range", None),
            Fault::WrongRange => ("wrong-range", None),
            Fault::FalseRange => ("false-range", None),
            Fault::ChangingEtag => ("changing-etag", None),
            Fault::Redirect(to) => ("redirect", Some(to.replace('%', "%25").replace('/', "%2F"))),
            Fault::Loop => ("loop", None),
            Fault::Hops(n) => ("hops", number(n)),
            Fault::Status(code) => ("status", Some(code.to_string())),
            Fault::Retry(code, after) => ("retry", Some(format!("{code},{after}"))),
            Fault::Portal => ("portal", None),
            Fault::PortalRedirect => ("portal-redirect", None),
            Fault::Encoding(name) => ("encoding", Some(name.clone())),
            Fault::GzipBomb(mib) => ("gzip-bomb", number(mib)),
            Fault::Header(n) => ("header", number(n)),
            Fault::Headers(n) => ("headers", number(n)),
            Fault::Rate(n) => ("rate", Some(n.to_string())),
            Fault::Gate(n) => ("gate", number(n)),
        }
    }

    /// Whether it is about a position in the body, so that every border deserves its own try.
    pub fn at(&self, position: usize) -> Option<Fault> {
        Some(match self {
            Fault::Truncate(_) => Fault::Truncate(position),
            Fault::Reset(_) => Fault::Reset(position),
            Fault::Stall(_) => Fault::Stall(position),
            Fault::ChunkedCut(_) => Fault::ChunkedCut(position),
            Fault::ChunkedBad(_) => Fault::ChunkedBad(position),
            Fault::Flip(_) => Fault::Flip(position),
            _ => return None,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words() {
            (word, Some(value)) => write!(f, "{word}={value}"),
            (word, None) => f.write_str(word),
        }
    }
}

/// The word names no fault, or its value does not fit.
#[derive(Debug, PartialEq, Eq)]
pub struct NoFault;

impl FromStr for Fault {
    type Err = NoFault;

    fn from_str(text: &str) -> Result<Fault, NoFault> {
        let (word, value) = text.split_once('=').unwrap_or((text, ""));
        let number = || value.parse::<usize>().map_err(|_| NoFault);
        let millis = |text: &str| text.parse().map(Duration::from_millis).map_err(|_| NoFault);
        let pair = || value.split_once(',').ok_or(NoFault);
        let text = || value.to_owned();
        Ok(match word {
            "truncate" => Fault::Truncate(number()?),
            "reset" => Fault::Reset(number()?),
            "stall" => Fault::Stall(number()?),
            "slow" => {
                let (size, pause) = pair()?;
                Fault::Slow(size.parse().map_err(|_| NoFault)?, millis(pause)?)
            }
            "slow-header" => Fault::SlowHeader(millis(value)?),
            "silent" => Fault::Silent,
            "hang-up" => Fault::HangUp,
            "garbage" => Fault::Garbage,
            "length" => Fault::WrongLength(text()),
            "two-lengths" => Fault::TwoLengths(text()),
            "chunked" => Fault::Chunked(number()?),
            "chunked-cut" => Fault::ChunkedCut(number()?),
            "chunked-bad" => Fault::ChunkedBad(number()?),
            "endless" => Fault::Endless,
            "flip" => Fault::Flip(number()?),
            "no-range" => Fault::IgnoreRange,
            "wrong-range" => Fault::WrongRange,
            "false-range" => Fault::FalseRange,
            "changing-etag" => Fault::ChangingEtag,
            "redirect" => Fault::Redirect(value.replace("%2F", "/").replace("%25", "%")),
            "loop" => Fault::Loop,
            "hops" => Fault::Hops(number()?),
            "status" => Fault::Status(value.parse().map_err(|_| NoFault)?),
            "retry" => {
                let (code, after) = pair()?;
                Fault::Retry(code.parse().map_err(|_| NoFault)?, after.to_owned())
            }
            "portal" => Fault::Portal,
            "portal-redirect" => Fault::PortalRedirect,
            "encoding" => Fault::Encoding(text()),
            "gzip-bomb" => Fault::GzipBomb(number()?),
            "header" => Fault::Header(number()?),
            "headers" => Fault::Headers(number()?),
            "rate" => Fault::Rate(value.parse().map_err(|_| NoFault)?),
            "gate" => Fault::Gate(number()?),
            _ => return Err(NoFault),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_a_url_is_what_is_read_from_it() {
        let faults = [
            Fault::Truncate(7),
            Fault::Slow(1, Duration::from_millis(20)),
            Fault::WrongLength("-1".into()),
            Fault::Redirect("http://a.example/50%2F".into()),
            Fault::Retry(503, "120".into()),
            Fault::Silent,
            Fault::GzipBomb(100),
        ];
        for fault in faults {
            let word = fault.to_string();
            assert!(!word.contains('/'), "{word}");
            assert_eq!(word.parse(), Ok(fault), "{word}");
        }
        for other in ["metadata", "truncate", "truncate=x", "slow=1", ""] {
            assert_eq!(other.parse::<Fault>(), Err(NoFault), "{other:?}");
        }
    }
}
