//! A loopback HTTP/1.1 server for a folder that misbehaves on request.
//!
//! A fault is asked for by the URL ([`Fault`]) or given to an address by the test, for ever or for the
//! next requests. Everything that was asked for is logged. Connections are kept alive as long as
//! nothing is wrong with them.

mod answer;
mod fault;
mod request;
pub mod tls;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use answer::Answer;
pub use fault::{Fault, NoFault};
pub use request::Request;

/// A running server; it stops when dropped.
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    host: &'static str,
    shared: Arc<Shared>,
}

/// How a connection begins.
#[derive(Clone)]
enum Greeting {
    Plain,
    Tls(tls::Acceptor),
}

struct Shared {
    folder: PathBuf,
    greeting: Greeting,
    faults: Mutex<BTreeMap<String, Plan>>,
    log: Mutex<Vec<Arc<Entry>>>,
    connections: AtomicU64,
    gate: Gate,
    over: AtomicBool,
}

/// A request, and how much of its answer has left.
struct Entry {
    request: Request,
    sent: AtomicU64,
}

impl Entry {
    fn seen(&self) -> Request {
        Request { sent: self.sent.load(Ordering::SeqCst), ..self.request.clone() }
    }
}

/// What goes wrong at one address.
#[derive(Default)]
struct Plan {
    /// With the next requests, one each.
    next: VecDeque<Fault>,
    /// With all after them.
    always: Option<Fault>,
}

/// Where [`Fault::Gate`] waits.
#[derive(Default)]
struct Gate {
    /// How many wait, and how often the gate was opened.
    state: Mutex<(usize, u64)>,
    changed: Condvar,
}

impl Server {
    /// Serves the files of a folder on a free port.
    pub fn start(folder: &Path) -> Server {
        Server::greet(folder, Greeting::Plain, "http", "127.0.0.1")
    }

    /// As [`Server::start`], over TLS, in the way `acceptor` does it.
    pub fn start_tls(folder: &Path, acceptor: tls::Acceptor) -> Server {
        // Certificates name a host.
        Server::greet(folder, Greeting::Tls(acceptor), "https", "localhost")
    }

    fn greet(
        folder: &Path,
        greeting: Greeting,
        scheme: &'static str,
        host: &'static str,
    ) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            greeting,
            faults: Mutex::default(),
            log: Mutex::default(),
            connections: AtomicU64::new(0),
            gate: Gate::default(),
            over: AtomicBool::new(false),
        });
        let accept = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accept.over.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&accept)) else { continue };
                shared.connections.fetch_add(1, Ordering::SeqCst);
                // A client that hangs up is no trouble of ours.
                thread::spawn(move || shared.talk(stream));
            }
        });
        Server { address, scheme, host, shared }
    }

    /// The base address, with a slash at its end.
    pub fn url(&self) -> String {
        format!("{}://{}:{}/", self.scheme, self.host, self.address.port())
    }

    /// The base address of a mirror where `fault` happens to every file.
    pub fn url_with(&self, fault: &Fault) -> String {
        format!("{}{fault}/", self.url())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
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
        let log = std::mem::take(&mut *self.shared.log.lock().unwrap());
        log.iter().map(|entry| entry.seen()).collect()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Bytes of body written so far, without emptying the log.
    pub fn sent(&self) -> u64 {
        self.shared.log.lock().unwrap().iter().map(|entry| entry.seen().sent).sum()
    }

    /// Waits until somebody waits at a [`Fault::Gate`]; `false` if nobody does within `patience`.
    pub fn waits_at_gate(&self, patience: Duration) -> bool {
        let state = self.shared.gate.state.lock().unwrap();
        let waiting = |state: &mut (usize, u64)| state.0 == 0;
        !self
            .shared
            .gate
            .changed
            .wait_timeout_while(state, patience, waiting)
            .unwrap()
            .1
            .timed_out()
    }

    /// Lets go who waits at a [`Fault::Gate`].
    pub fn open_gate(&self) {
        let mut state = self.shared.gate.state.lock().unwrap();
        *state = (0, state.1 + 1);
        self.shared.gate.changed.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.open_gate();
        // Wakes the accepting thread so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// Serves one connection as long as nothing is wrong with it.
    fn talk(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        // Whoever keeps a connection alive and says nothing does not keep this thread for ever.
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut stream = match &self.greeting {
            Greeting::Plain => Stream::Plain(stream),
            Greeting::Tls(acceptor) => match acceptor.accept(stream)? {
                Some(stream) => stream,
                None => return Ok(()),
            },
        };
        let mut ahead = Vec::new();
        while let Some(mut request) = request::read(&mut stream, &mut ahead)? {
            let fault = request.fault.take().or_else(|| self.take_fault(&request.path));
            request.fault = fault.clone();
            let entry = self.note(request);
            let answer = Answer::plan(&self.folder, &entry.request, fault.as_ref());
            let mut way = Way { stream: &mut stream, sent: &entry.sent, shared: self };
            if !answer.send(&mut way, fault.as_ref())? || self.over.load(Ordering::SeqCst) {
                break;
            }
        }
        stream.close();
        Ok(())
    }

    fn note(&self, request: Request) -> Arc<Entry> {
        let entry = Arc::new(Entry { request, sent: AtomicU64::new(0) });
        self.log.lock().unwrap().push(Arc::clone(&entry));
        entry
    }

    fn take_fault(&self, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let plan = faults.get_mut(path)?;
        plan.next.pop_front().or_else(|| plan.always.clone())
    }
}

/// Where an answer goes, and what is kept of its going.
struct Way<'a> {
    stream: &'a mut Stream,
    sent: &'a AtomicU64,
    shared: &'a Shared,
}

impl Way<'_> {
    /// Writes a piece of a body.
    fn body(&mut self, piece: &[u8]) -> io::Result<()> {
        self.stream.write_all(piece)?;
        self.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    /// Says nothing until the other side leaves, or the server ends.
    fn be_silent(&mut self) {
        let socket = self.stream.socket();
        let _ = socket.set_read_timeout(Some(Duration::from_millis(50)));
        while !self.shared.over.load(Ordering::SeqCst) {
            let mut socket = socket;
            match io::Read::read(&mut socket, &mut [0; 1024]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
    }

    /// Waits at the gate.
    fn wait(&mut self) {
        let gate = &self.shared.gate;
        let mut state = gate.state.lock().unwrap();
        state.0 += 1;
        let opened = state.1;
        gate.changed.notify_all();
        drop(gate.changed.wait_while(state, |state| state.1 == opened).unwrap());
    }
}

/// A connection.
enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Within TLS.
    Tls(Box<rustls::StreamOwned<rustls::ServerConnection, TcpStream>>),
}

impl Stream {
    /// The socket beneath.
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    /// Ends it politely. Reads what is left, so that closing does not turn into a reset.
    fn close(&mut self) {
        if let Stream::Tls(stream) = self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let socket = self.socket();
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let _ = socket.set_read_timeout(Some(Duration::from_millis(200)));
        let mut socket = socket;
        let _ = io::Read::read(&mut socket, &mut [0; 1024]);
    }
}

impl io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}
