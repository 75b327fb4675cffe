//! A loopback HTTP/1.1 server for a folder that misbehaves on request.
//!
//! Each address can be given [`Fault`]s, for ever or for the next requests. Everything
//! that was asked for is logged. One connection serves one request: nothing here depends on
//! keep-alive, and a cut connection harms no other request.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What goes wrong when an address is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The stated length is right, but the connection is closed after so many bytes of the body.
    Truncate(usize),
    /// As `Truncate`, with a reset instead of a polite end.
    Reset(usize),
    /// The body comes in pieces of so many bytes, with this pause between them.
    Slow(usize, Duration),
    /// Nothing is answered for so long; then the connection is closed.
    Silent(Duration),
    /// `Content-Length` says this, whatever the body is.
    WrongLength(String),
    /// The body never ends.
    Endless,
    /// One byte of the body, at this position, is another.
    Flip(usize),
    /// A wish for a range is answered with the whole file.
    IgnoreRange,
    /// A wish for a range is answered from another position than asked for.
    WrongRange,
    /// Sent elsewhere, with status 302.
    Redirect(String),
    /// This status, with an empty body.
    Status(u16),
    /// Status 200 and a page of its own, as a captive portal does.
    Portal,
    /// Each answer has another validator.
    ChangingEtag,
    /// The body is said to be encoded so, and is not.
    Encoding(String),
    /// So many bytes of headers.
    Headers(usize),
}

/// One request that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Path, decoded no further, without the leading slash.
    pub path: String,
    /// First byte of the range asked for.
    pub from: Option<u64>,
    /// Whether it came with `If-None-Match`.
    pub conditional: bool,
    /// Bytes of body that were sent.
    pub sent: u64,
}

/// A running server; it stops when dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    faults: Mutex<BTreeMap<String, Plan>>,
    log: Mutex<Vec<Request>>,
    over: AtomicBool,
}

/// What goes wrong at one address.
#[derive(Default)]
struct Plan {
    /// With the next requests, one each.
    next: VecDeque<Fault>,
    /// With all after them.
    always: Option<Fault>,
}

impl Server {
    /// Serves the files of a folder on a free port.
    pub fn start(folder: &Path) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            faults: Mutex::default(),
            log: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let accept = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accept.over.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&accept)) else { continue };
                // A client that hangs up is no trouble of ours.
                thread::spawn(move || shared.answer(stream));
            }
        });
        Server { address, shared }
    }

    /// The base address, with a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// From now on, `path` fails.
    pub fn fault(&self, path: &str, fault: Fault) {
        let mut faults = self.shared.faults.lock().unwrap();
        faults.insert(path.to_owned(), Plan { always: Some(fault), ..Plan::default() });
    }

    /// The next requests for `path` fail, each in its way.
    pub fn faults(&self, path: &str, next: impl IntoIterator<Item = Fault>) {
        let mut faults = self.shared.faults.lock().unwrap();
        faults.entry(path.to_owned()).or_default().next.extend(next);
    }

    /// Everything works again.
    pub fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// What was asked for so far; the log begins anew.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.log.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn answer(&self, stream: TcpStream) -> io::Result<()> {
        let Some(mut request) = read_request(&stream)? else { return Ok(()) };
        let fault = self.take_fault(&request.path);
        let body = read_file(&self.folder, &request.path);
        let etag = match &fault {
            Some(Fault::ChangingEtag) => format!("\"{:x}\"", self.log.lock().unwrap().len() + 1),
            _ => format!("\"{:016x}\"", body.as_deref().map_or(0, fingerprint)),
        };
        let answer = Answer::plan(&request, body, &etag, fault.as_ref());
        let index = {
            let mut log = self.log.lock().unwrap();
            log.push(request.line.clone());
            log.len() - 1
        };
        let sent = answer.send(&mut request.stream, fault.as_ref());
        if let Some(line) = self.log.lock().unwrap().get_mut(index) {
            line.sent = sent;
        }
        Ok(())
    }

    fn take_fault(&self, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let plan = faults.get_mut(path)?;
        plan.next.pop_front().or_else(|| plan.always.clone())
    }
}

struct Incoming {
    stream: TcpStream,
    line: Request,
    path: String,
    if_none_match: Option<String>,
    if_range: Option<String>,
}

/// Reads the head of a request; `None` when there is none.
fn read_request(stream: &TcpStream) -> io::Result<Option<Incoming>> {
    let mut lines = BufReader::new(stream.try_clone()?.take(64 * 1024)).lines();
    let Some(first) = lines.next().transpose()? else { return Ok(None) };
    let target = first.split(' ').nth(1).unwrap_or("/");
    let path = target.trim_start_matches('/').to_owned();
    let line = Request { path: path.clone(), from: None, conditional: false, sent: 0 };
    let mut incoming =
        Incoming { stream: stream.try_clone()?, line, path, if_none_match: None, if_range: None };
    for header in lines {
        let header = header?;
        let Some((name, value)) = header.split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                let from = value.strip_prefix("bytes=").and_then(|v| v.strip_suffix('-'));
                incoming.line.from = from.and_then(|from| from.parse().ok());
            }
            "if-none-match" => incoming.if_none_match = Some(value.to_owned()),
            "if-range" => incoming.if_range = Some(value.to_owned()),
            _ => {}
        }
    }
    incoming.line.conditional = incoming.if_none_match.is_some();
    Ok(Some(incoming))
}

/// What an honest server would say, bent by the fault.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn plan(request: &Incoming, body: Option<Vec<u8>>, etag: &str, fault: Option<&Fault>) -> Self {
        match fault {
            Some(Fault::Status(status)) => return Answer::new(*status, Vec::new()),
            Some(Fault::Redirect(to)) => return Answer::new(302, Vec::new()).with("Location", to),
            Some(Fault::Portal) => {
                let page = b"<!DOCTYPE html><title>Welcome to the hotel</title>".to_vec();
                return Answer::new(200, page).with("Content-Type", "text/html");
            }
            _ => {}
        }
        let Some(mut body) = body else { return Answer::new(404, b"not here".to_vec()) };
        if let Some(Fault::Flip(at)) = fault
            && let Some(byte) = body.get_mut(*at)
        {
            *byte ^= 1;
        }
        if request.if_none_match.as_deref() == Some(etag) {
            return Answer::new(304, Vec::new()).with("ETag", etag);
        }
        let holds = request.if_range.as_deref().is_none_or(|known| known == etag);
        let range = request.line.from.filter(|_| holds && fault != Some(&Fault::IgnoreRange));
        Answer::range(body, range, fault).with("ETag", etag)
    }

    fn range(body: Vec<u8>, from: Option<u64>, fault: Option<&Fault>) -> Self {
        let Some(from) = from else { return Answer::new(200, body) };
        let length = body.len();
        let mut start = usize::try_from(from).unwrap();
        if start >= length {
            let range = format!("bytes */{length}");
            return Answer::new(416, Vec::new()).with("Content-Range", &range);
        }
        if fault == Some(&Fault::WrongRange) {
            start /= 2;
        }
        let range = format!("bytes {start}-{}/{length}", length - 1);
        Answer::new(206, body[start..].to_vec()).with("Content-Range", &range)
    }

    fn new(status: u16, body: Vec<u8>) -> Self {
        Answer { status, headers: Vec::new(), body }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends it, with whatever the fault does to the sending. Gives the bytes of body sent.
    fn send(mut self, stream: &mut TcpStream, fault: Option<&Fault>) -> u64 {
        let mut length = self.body.len().to_string();
        match fault {
            Some(Fault::Silent(pause)) => {
                thread::sleep(*pause);
                return 0;
            }
            Some(Fault::WrongLength(said)) => length = said.clone(),
            Some(Fault::Encoding(name)) => self = self.with("Content-Encoding", name),
            Some(Fault::Headers(size)) => self = self.with("X-Padding", &"x".repeat(*size)),
            _ => {}
        }
        let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", self.status);
        if fault != Some(&Fault::Endless) {
            head += &format!("Content-Length: {length}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        if stream.write_all(head.as_bytes()).is_err() {
            return 0;
        }
        let sent = self.send_body(stream, fault);
        if let Some(Fault::Reset(_)) = fault {
            // Without lingering, closing is a reset; a shutdown first would be a polite end.
            rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
            return sent;
        }
        let _ = stream.shutdown(Shutdown::Write);
        // Reads what is left so that closing does not turn into a reset.
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        let _ = stream.read(&mut [0; 1024]);
        sent
    }

    fn send_body(&self, stream: &mut TcpStream, fault: Option<&Fault>) -> u64 {
        let all = &self.body[..];
        match fault {
            Some(Fault::Truncate(at) | Fault::Reset(at)) => {
                pieces(stream, &all[..(*at).min(all.len())], 65_536, None)
            }
            Some(Fault::Slow(size, pause)) => pieces(stream, all, *size, Some(*pause)),
            Some(Fault::Endless) => {
                let mut sent = pieces(stream, all, 65_536, None);
                // Far beyond every limit; an endless test would be no test.
                while sent < 1 << 32 && stream.write_all(&[b' '; 65_536]).is_ok() {
                    sent += 65_536;
                }
                sent
            }
            _ => pieces(stream, all, 65_536, None),
        }
    }
}

fn pieces(stream: &mut TcpStream, body: &[u8], size: usize, pause: Option<Duration>) -> u64 {
    let mut sent = 0;
    for piece in body.chunks(size.max(1)) {
        if stream.write_all(piece).is_err() {
            break;
        }
        sent += piece.len() as u64;
        if let Some(pause) = pause {
            thread::sleep(pause);
        }
    }
    sent
}

fn read_file(folder: &Path, path: &str) -> Option<Vec<u8>> {
    let inside = path.split('/').all(|segment| !segment.is_empty() && segment != "..");
    if inside { std::fs::read(folder.join(path)).ok() } else { None }
}

/// FNV-1a: a validator needs to differ, not to resist.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
