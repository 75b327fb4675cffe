//! What an honest server would say, and how a fault bends it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Fault, Request, Way};

const PIECE: usize = 64 * 1024;

/// An answer before it is sent.
pub(super) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Box<dyn Read>,
    length: u64,
    /// Where the body begins in the file.
    start: u64,
}

impl Answer {
    pub(super) fn plan(folder: &Path, request: &Request, fault: Option<&Fault>) -> Self {
        match fault {
            Some(Fault::Status(status)) => return Answer::empty(*status),
            Some(Fault::Retry(status, after)) => {
                return Answer::empty(*status).with("Retry-After", after);
            }
            Some(Fault::Redirect(to)) => return Answer::empty(302).with("Location", to),
            Some(Fault::PortalRedirect) => {
                return Answer::empty(302).with("Location", "/portal/login");
            }
            Some(Fault::Loop) => {
                return Answer::empty(302).with("Location", &format!("/loop/{}", request.path));
            }
            Some(Fault::Hops(hops @ 1..)) => {
                let next = format!("/hops={}/{}", hops - 1, request.path);
                return Answer::empty(302).with("Location", &next);
            }
            Some(Fault::Portal) => {
                let page = b"<!DOCTYPE html><title>Welcome to the hotel</title>".to_vec();
                return Answer::bytes(200, page).with("Content-Type", "text/html");
            }
            Some(Fault::GzipBomb(mib)) => {
                return Answer::bytes(200, gzip_bomb(*mib)).with("Content-Encoding", "gzip");
            }
            _ => {}
        }
        Answer::file(folder, request, fault)
            .unwrap_or_else(|| Answer::bytes(404, b"not here".into()))
    }

    fn file(folder: &Path, request: &Request, fault: Option<&Fault>) -> Option<Self> {
        let (file, length, etag) = open(folder, &request.path)?;
        let etag = match fault {
            Some(Fault::ChangingEtag) => {
                static COUNT: AtomicU64 = AtomicU64::new(0);
                format!("\"{}\"", COUNT.fetch_add(1, Ordering::SeqCst))
            }
            _ => etag,
        };
        if request.header("if-none-match") == Some(&etag) {
            return Some(Answer::empty(304).with("ETag", &etag));
        }
        let holds = request.header("if-range").is_none_or(|known| known == etag);
        let wanted = request.from.map(|from| (from, request.to));
        let wanted = wanted.filter(|_| holds && fault != Some(&Fault::IgnoreRange));
        Some(Answer::range(file, length, wanted, fault).with("ETag", &etag))
    }

    fn range(
        mut file: File,
        whole: u64,
        wanted: Option<(u64, Option<u64>)>,
        fault: Option<&Fault>,
    ) -> Self {
        let from = wanted.map(|(from, _)| from);
        if from.is_some_and(|from| from >= whole) {
            return Answer::empty(416).with("Content-Range", &format!("bytes */{whole}"));
        }
        let (start, said) = match (from, fault) {
            (Some(from), Some(Fault::WrongRange)) => (from / 2, from / 2),
            (Some(from), Some(Fault::FalseRange)) => (from / 2, from),
            (from, _) => (from.unwrap_or(0), from.unwrap_or(0)),
        };
        file.seek(SeekFrom::Start(start)).unwrap();
        // What claims to begin later must not be longer than the file.
        let end = wanted.and_then(|(_, to)| to).map_or(whole, |to| whole.min(to.saturating_add(1)));
        let length = end.saturating_sub(said);
        let mut body: Box<dyn Read> = Box::new(file.take(length));
        if let Some(Fault::Flip(at)) = fault
            && let Some(left) = (*at as u64).checked_sub(start)
        {
            body = Box::new(Flipped { inner: body, left: Some(left) });
        }
        let answer = Answer { status: 200, headers: Vec::new(), body, length, start };
        match from {
            None => answer,
            Some(_) => {
                let range = format!("bytes {said}-{}/{whole}", end.saturating_sub(1));
                Answer { status: 206, ..answer }.with("Content-Range", &range)
            }
        }
    }

    fn empty(status: u16) -> Self {
        Answer::bytes(status, Vec::new())
    }

    fn bytes(status: u16, body: Vec<u8>) -> Self {
        let length = body.len() as u64;
        Answer {
            status,
            headers: Vec::new(),
            body: Box::new(io::Cursor::new(body)),
            length,
            start: 0,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends it, with whatever the fault does to the sending. Gives whether the connection is still
    /// of use.
    pub(super) fn send(mut self, way: &mut Way<'_>, fault: Option<&Fault>) -> io::Result<bool> {
        match fault {
            Some(Fault::Silent) => {
                way.be_silent();
                return Ok(false);
            }
            Some(Fault::HangUp) => return Ok(false),
            Some(Fault::Garbage) => {
                way.stream.write_all(b"\x16\x03\x01\xff\xffSSH-2.0-nothing\r\n\r\n")?;
                return Ok(false);
            }
            _ => {}
        }
        let head = self.head(fault);
        match fault {
            Some(Fault::SlowHeader(pause)) => drip(way, head.as_bytes(), *pause)?,
            _ => way.stream.write_all(head.as_bytes())?,
        }
        let whole = self.send_body(way, fault)?;
        way.stream.flush()?;
        if let Some(Fault::Reset(_)) = fault {
            // Without lingering, closing is a reset; a shutdown first would be a polite end.
            let socket = way.stream.socket();
            rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO)).unwrap();
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(whole && !lies_about_length(fault))
    }

    fn head(&self, fault: Option<&Fault>) -> String {
        let mut head = format!("HTTP/1.1 {} X\r\n", self.status);
        let mut line = |name: &str, value: &str| head += &format!("{name}: {value}\r\n");
        let length = self.length.to_string();
        match fault {
            Some(Fault::Endless) => line("Connection", "close"),
            Some(Fault::Chunked(_) | Fault::ChunkedCut(_) | Fault::ChunkedBad(_)) => {
                line("Transfer-Encoding", "chunked");
            }
            Some(Fault::WrongLength(said)) => line("Content-Length", said),
            Some(Fault::TwoLengths(said)) => {
                line("Content-Length", &length);
                line("Content-Length", said);
            }
            _ if self.status == 304 => {}
            _ => line("Content-Length", &length),
        }
        match fault {
            Some(Fault::Encoding(name)) => line("Content-Encoding", name),
            Some(Fault::Header(size)) => line("X-Padding", &"x".repeat(*size)),
            Some(Fault::Headers(count)) => {
                (0..*count).for_each(|n| line(&format!("X-Header-{n}"), "x"));
            }
            _ => {}
        }
        self.headers.iter().for_each(|(name, value)| line(name, value));
        head + "\r\n"
    }

    /// Gives whether all of it was sent.
    fn send_body(&mut self, way: &mut Way<'_>, fault: Option<&Fault>) -> io::Result<bool> {
        match fault {
            Some(Fault::Truncate(at) | Fault::Reset(at)) => {
                pass(way, &mut (&mut self.body).take(*at as u64), PIECE, |_| {})?;
                Ok(false)
            }
            Some(Fault::Stall(at)) => {
                pass(way, &mut (&mut self.body).take(*at as u64), PIECE, |_| {})?;
                way.stream.flush()?;
                way.be_silent();
                Ok(false)
            }
            Some(Fault::Gate(at)) => {
                if let Some(before) = (*at as u64).checked_sub(self.start)
                    && before < self.length
                {
                    pass(way, &mut (&mut self.body).take(before), PIECE, |_| {})?;
                    way.stream.flush()?;
                    way.wait();
                }
                pass(way, &mut self.body, PIECE, |_| {}).map(|()| true)
            }
            Some(Fault::Slow(size, pause)) => {
                pass(way, &mut self.body, *size, |_| thread::sleep(*pause)).map(|()| true)
            }
            Some(Fault::Rate(rate)) => {
                let begun = Instant::now();
                let pace = |sent: u64| {
                    let due = Duration::from_secs_f64(sent as f64 / *rate as f64);
                    thread::sleep(due.saturating_sub(begun.elapsed()));
                };
                pass(way, &mut self.body, 16 * 1024, pace).map(|()| true)
            }
            Some(Fault::Endless) => {
                pass(way, &mut self.body, PIECE, |_| {})?;
                // Far beyond every limit; an endless test would be no test.
                pass(way, &mut io::repeat(b' ').take(1 << 32), PIECE, |_| {})?;
                Ok(false)
            }
            Some(Fault::Chunked(size)) => chunked(way, &mut self.body, *size).and_then(|()| {
                way.stream.write_all(b"0\r\n\r\n")?;
                Ok(true)
            }),
            Some(Fault::ChunkedCut(at) | Fault::ChunkedBad(at)) => {
                chunked(way, &mut (&mut self.body).take(*at as u64), PIECE)?;
                if let Some(Fault::ChunkedBad(_)) = fault {
                    way.stream.write_all(b"many\r\nxx\r\n")?;
                }
                Ok(false)
            }
            _ => pass(way, &mut self.body, PIECE, |_| {}).map(|()| true),
        }
    }
}

fn lies_about_length(fault: Option<&Fault>) -> bool {
    matches!(fault, Some(Fault::WrongLength(_) | Fault::TwoLengths(_)))
}

/// Passes a body on in pieces; `paced` hears after each how much is gone.
fn pass(
    way: &mut Way<'_>,
    body: &mut dyn Read,
    size: usize,
    paced: impl Fn(u64),
) -> io::Result<()> {
    let (mut piece, mut sent) = (vec![0; size.clamp(1, PIECE)], 0);
    loop {
        let read = body.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        way.body(&piece[..read])?;
        sent += read as u64;
        paced(sent);
    }
}

fn chunked(way: &mut Way<'_>, body: &mut dyn Read, size: usize) -> io::Result<()> {
    let mut piece = vec![0; size.clamp(1, PIECE)];
    loop {
        let read = body.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        way.stream.write_all(format!("{read:x}\r\n").as_bytes())?;
        way.body(&piece[..read])?;
        way.stream.write_all(b"\r\n")?;
    }
}

fn drip(way: &mut Way<'_>, bytes: &[u8], pause: Duration) -> io::Result<()> {
    for byte in bytes {
        way.stream.write_all(&[*byte])?;
        way.stream.flush()?;
        thread::sleep(pause);
    }
    Ok(())
}

/// The file, its length, and a validator that changes with it.
fn open(folder: &Path, path: &str) -> Option<(File, u64, String)> {
    let inside = path.split('/').all(|segment| !segment.is_empty() && segment != "..");
    let file = File::open(folder.join(path)).ok().filter(|_| inside)?;
    let about = file.metadata().ok().filter(|about| about.is_file())?;
    let (length, inode) = (about.len(), about.ino());
    let etag = format!("\"{length:x}-{inode:x}-{:x}-{:x}\"", about.mtime(), about.mtime_nsec());
    Some((file, length, etag))
}

/// Changes the byte that is `left` bytes away.
struct Flipped {
    inner: Box<dyn Read>,
    left: Option<u64>,
}

impl Read for Flipped {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(left) = self.left {
            match usize::try_from(left).ok().filter(|at| *at < read) {
                Some(at) => {
                    buffer[at] ^= 1;
                    self.left = None;
                }
                None => self.left = Some(left - read as u64),
            }
        }
        Ok(read)
    }
}

/// A gzip member of so many MiB of zeros, about a hundredth as long: a literal, then matches of 258
/// bytes at distance 1 in the fixed code (RFC 1951 3.2.6). It has no end; nobody gets there.
fn gzip_bomb(mib: usize) -> Vec<u8> {
    // The last block, in the fixed code; a zero as 0b0011_0000; codes go highest bit first.
    let begin = [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0];
    // 258 bytes (code 285 is 0b1100_0101), distance 1 (code 0, five bits).
    let copy = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let bits: Vec<u8> = begin.into_iter().chain(copy.repeat(16)).collect();
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit);
    let bytes: Vec<u8> = bits.chunks_exact(8).map(byte).collect();
    // Eight copies are thirteen bytes; they begin anew with the third.
    let (begin, period) = (&bytes[..2], &bytes[2..15]);
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend_from_slice(begin);
    out.extend(period.repeat((mib << 20) / (8 * 258)));
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[test]
    fn the_bomb_is_small_and_holds_what_it_says() {
        let bomb = super::gzip_bomb(10);
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        let mut gzip = Command::new("gzip");
        let gzip = gzip.arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut gzip = gzip.stderr(Stdio::null()).spawn().unwrap();
        let mut stdin = gzip.stdin.take().unwrap();
        let writing = std::thread::spawn(move || stdin.write_all(&bomb));
        let zeros = gzip.wait_with_output().unwrap().stdout;
        writing.join().unwrap().unwrap();
        assert!(zeros.len() > 9 << 20, "{}", zeros.len());
        assert!(zeros.iter().all(|byte| *byte == 0));
    }
}
