//! Requests as they come in.

use std::io::{self, Read};

use super::Fault;

/// One request that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Path, decoded no further, without the leading slash and without a fault.
    pub path: String,
    /// First byte of the range asked for.
    pub from: Option<u64>,
    /// Last byte of it, if it was named.
    pub to: Option<u64>,
    /// Whether it came with `If-None-Match`.
    pub conditional: bool,
    /// All its headers.
    pub headers: Vec<(String, String)>,
    /// What went wrong with its answer.
    pub fault: Option<Fault>,
    /// Bytes of body that were sent.
    pub sent: u64,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }
}

/// The longest head that is read.
const LONGEST: usize = 64 * 1024;

/// Reads the head of a request; `None` when there is none. What came after it stays in `ahead`.
pub(super) fn read(from: &mut impl Read, ahead: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let end = loop {
        if let Some(end) = ahead.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end;
        }
        let mut buffer = [0; 4096];
        let read = from.read(&mut buffer)?;
        if read == 0 || ahead.len() > LONGEST {
            return Ok(None);
        }
        ahead.extend_from_slice(&buffer[..read]);
    };
    let head = String::from_utf8_lossy(&ahead[..end]).into_owned();
    ahead.drain(..end + 4);
    Ok(parse(&head))
}

fn parse(head: &str) -> Option<Request> {
    let mut lines = head.split("\r\n");
    let target = lines.next()?.split(' ').nth(1)?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let (fault, path) = split_fault(target.trim_start_matches('/'));
    let (from, to) = (None, None);
    let mut request = Request { path, from, to, conditional: false, headers, fault, sent: 0 };
    let range = request.header("range").and_then(|v| v.strip_prefix("bytes=")?.split_once('-'));
    if let Some((from, to)) = range {
        (request.from, request.to) = (from.parse().ok(), to.parse().ok());
    }
    request.conditional = request.header("if-none-match").is_some();
    Some(request)
}

/// `truncate=5/a/b` is `a/b` with a fault; `truncate=5@.json/a/b` has it only if `.json` is in it.
fn split_fault(target: &str) -> (Option<Fault>, String) {
    let Some((first, path)) = target.split_once('/') else { return (None, target.to_owned()) };
    let (word, part) = first.split_once('@').unwrap_or((first, ""));
    match word.parse() {
        Ok(fault) => (Some(fault).filter(|_| path.contains(part)), path.to_owned()),
        Err(_) => (None, target.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_begin_with_a_fault() {
        let cases = [
            ("a/b", None, "a/b"),
            ("truncate=5/a/b", Some(Fault::Truncate(5)), "a/b"),
            ("truncate=5@.json/a/b", None, "a/b"),
            ("truncate=5@a/a/b", Some(Fault::Truncate(5)), "a/b"),
            ("truncate/a", None, "truncate/a"),
        ];
        for (target, fault, path) in cases {
            assert_eq!(split_fault(target), (fault, path.to_owned()), "{target}");
        }
    }
}
