//! Every fault at every kind of file, and what an update may then end with.

use std::time::Duration;

use super::{Asked, Web};
use crate::server::Fault;

/// What goes wrong with one kind of file: once each, or one for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The kind of file.
    pub asked: Asked,
    /// The faults.
    pub faults: Vec<Fault>,
}

/// Faults that have nothing to do with a position in the body.
pub fn everywhere() -> Vec<Fault> {
    vec![
        Fault::Slow(1, Duration::from_millis(100)),
        Fault::SlowHeader(Duration::from_millis(50)),
        Fault::Silent,
        Fault::HangUp,
        Fault::Garbage,
        Fault::WrongLength("1".into()),
        Fault::WrongLength("-1".into()),
        Fault::WrongLength("9223372036854775808".into()),
        Fault::WrongLength("99999999999999999999".into()),
        Fault::TwoLengths("1".into()),
        Fault::Chunked(100),
        Fault::Endless,
        Fault::ChangingEtag,
        Fault::Redirect("http://example.invalid/".into()),
        Fault::Redirect("file:///etc/passwd".into()),
        Fault::Loop,
        Fault::Hops(5),
        Fault::Hops(10),
        Fault::Status(204),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(416),
        Fault::Status(500),
        Fault::Retry(429, "3600".into()),
        Fault::Retry(503, "3600".into()),
        Fault::Portal,
        Fault::PortalRedirect,
        Fault::Encoding("gzip".into()),
        Fault::GzipBomb(100),
        Fault::Header(200_000),
        Fault::Headers(2_000),
    ]
}

/// Faults that have to do with a position in the body.
pub fn somewhere() -> Vec<Fault> {
    vec![
        Fault::Truncate(0),
        Fault::Reset(0),
        Fault::Stall(0),
        Fault::ChunkedCut(0),
        Fault::ChunkedBad(0),
        Fault::Flip(0),
    ]
}

/// What a server may do to somebody who comes back for the rest.
pub fn on_resuming(at: usize) -> Vec<Vec<Fault>> {
    let then = [
        Fault::IgnoreRange,
        Fault::WrongRange,
        Fault::FalseRange,
        Fault::Status(416),
        Fault::ChangingEtag,
        Fault::Flip(at + 1),
        Fault::Truncate(at),
        Fault::Portal,
        Fault::Status(500),
    ];
    then.into_iter().map(|then| vec![Fault::Truncate(at), then]).collect()
}

/// One of each fault at each kind of file; where it has a position, somewhere in the middle.
pub fn sample(web: &Web) -> Vec<Case> {
    cases(web, |length| vec![length / 2])
}

/// Each fault at each kind of file, at the borders of what servers send and clients write at once.
pub fn whole(web: &Web) -> Vec<Case> {
    cases(web, borders)
}

/// Both ends, and around each multiple of 64 KiB; of a small file around each multiple of 512 bytes.
pub fn borders(length: usize) -> Vec<usize> {
    let step = if length > 64 * 1024 { 64 * 1024 } else { 512 };
    let inner = (step..length).step_by(step).flat_map(|border| [border - 1, border, border + 1]);
    let mut all: Vec<usize> = [0, 1].into_iter().chain(inner).chain([length - 1]).collect();
    all.retain(|at| *at < length);
    all.dedup();
    all
}

fn cases(web: &Web, positions: impl Fn(usize) -> Vec<usize>) -> Vec<Case> {
    let mut cases = Vec::new();
    for asked in Asked::ALL {
        let positions = positions(web.length(asked));
        let mut add = |faults| cases.push(Case { asked, faults });
        everywhere().into_iter().for_each(|fault| add(vec![fault]));
        for at in positions {
            somewhere().iter().filter_map(|fault| fault.at(at)).for_each(|fault| add(vec![fault]));
            // With nothing in hand there is nothing to resume.
            if !asked.is_metadata() && at > 0 {
                on_resuming(at).into_iter().for_each(&mut add);
            }
        }
    }
    cases
}

impl Case {
    /// What the attempt may end with.
    pub fn allowed(&self) -> Vec<&'static str> {
        match (&self.faults[..], self.asked) {
            // The server behaves well in the end.
            ([_, _], _) => vec!["installed"],
            // There is another way, the full bundle; but it is no help where the line is the trouble.
            ([Fault::Stall(_) | Fault::Slow(..)], Asked::Delta) => vec!["installed", "5 TooSlow"],
            ([Fault::SlowHeader(_) | Fault::Silent], Asked::Delta) => vec!["5 Deadline"],
            ([_], Asked::Delta) => vec!["installed"],
            ([fault], _) => self.of_one(fault),
            _ => Vec::new(),
        }
    }

    fn of_one(&self, fault: &Fault) -> Vec<&'static str> {
        let metadata = self.asked.is_metadata();
        match fault {
            Fault::Chunked(_) | Fault::ChangingEtag | Fault::Hops(..=5) => vec!["installed"],
            // Each answer brings some more.
            Fault::Truncate(at)
            | Fault::Reset(at)
            | Fault::ChunkedCut(at)
            | Fault::ChunkedBad(at)
                if !metadata && *at >= 16 * 1024 =>
            {
                vec!["installed", "5 Broken", "5 Truncated"]
            }
            Fault::Truncate(_)
            | Fault::Reset(_)
            | Fault::ChunkedCut(_)
            | Fault::ChunkedBad(_)
            | Fault::HangUp
            | Fault::Garbage
            | Fault::TwoLengths(_) => vec!["5 Broken"],
            Fault::Stall(at) if !metadata && *at >= 16 * 1024 => vec!["installed", "5 TooSlow"],
            Fault::Stall(_) | Fault::Slow(..) => vec!["5 TooSlow"],
            Fault::SlowHeader(_) | Fault::Silent => vec!["5 Deadline"],
            Fault::WrongLength(said) if said == "1" && metadata => vec!["4 Refused"],
            Fault::WrongLength(said) if said == "1" => vec!["5 Truncated"],
            // All of a payload comes before that can be seen.
            Fault::WrongLength(said) if said.starts_with('9') && !metadata => {
                vec!["installed", "5 Broken"]
            }
            Fault::WrongLength(_) => vec!["5 Broken"],
            Fault::Endless if metadata => vec!["4 TooLong"],
            Fault::Endless => vec!["4 WrongPayload"],
            // What does not begin like JSON is a page of somebody else's.
            Fault::Flip(0) if metadata => vec!["5 NotMetadata"],
            Fault::Flip(_) if metadata => vec!["4 Refused"],
            Fault::Flip(_) => vec!["4 WrongPayload"],
            Fault::Redirect(_) => vec!["5 WeakerRedirect"],
            Fault::Loop | Fault::Hops(_) => vec!["5 TooManyRedirects"],
            // The end of the chain of roots looks so (TUF 5.3.3).
            Fault::Status(403 | 404) if self.asked == Asked::Root => vec!["installed"],
            Fault::Status(403 | 404) => vec!["4 Refused", "4 Missing"],
            Fault::Status(_) | Fault::Retry(..) => vec!["5 Status"],
            Fault::Portal | Fault::PortalRedirect => vec!["5 NotMetadata"],
            Fault::Encoding(_) | Fault::GzipBomb(_) => vec!["5 Encoded"],
            Fault::Header(_) => vec!["5 Header"],
            Fault::Headers(_) => vec!["5 Broken", "5 Header"],
            _ => Vec::new(),
        }
    }
}
