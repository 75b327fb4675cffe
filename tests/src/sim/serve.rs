//! The simulated repository behind a real HTTP server on this machine.
//!
//! What is served, asked for and wrong is the simulation's; only the way is real: sockets, headers,
//! lengths, broken connections. One connection serves one request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use exuvia::fetch::{FetchError, Reply, Request};
use futures_util::{FutureExt, StreamExt};

use super::{Sim, Trouble};

/// A server in front of a simulation; it stops when dropped.
pub struct Front {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Front {
    /// Serves a simulation on a free port.
    pub fn of(sim: &Sim) -> Front {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (sim, ended) = (sim.clone(), Arc::clone(&over));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), sim) = (stream, sim.clone()) else { continue };
                // A client that hangs up is no trouble of ours.
                thread::spawn(move || answer(&sim, stream));
            }
        });
        Front { address, over }
    }

    /// The base address, with a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread so that it sees the end.
        let _ = TcpStream::connect(self.address);
    }
}

/// What a request says.
struct Asked {
    path: String,
    offset: u64,
    validator: Option<String>,
}

fn read_request(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream.try_clone().ok()?.take(64 * 1024)).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let mut asked = Asked { path, offset: 0, validator: None };
    for header in lines {
        let header = header.ok()?;
        let Some((name, value)) = header.split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                let from = value.strip_prefix("bytes=")?.split('-').next()?;
                asked.offset = from.parse().ok()?;
            }
            "if-none-match" | "if-range" => asked.validator = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(asked)
}

fn answer(sim: &Sim, mut stream: TcpStream) -> Option<()> {
    let Asked { path, offset, validator } = read_request(&stream)?;
    let trouble = sim.lock().troubles.get(&path).copied();
    let request = Request { path: &path, offset, validator: validator.as_deref(), length: None };
    let reply = sim.lock().answer(&request);
    let length = sim.lock().served.get(&path).map_or(0, |file| file.len() as u64);
    let body = match reply {
        Ok(Reply::Body(body)) => body,
        Ok(Reply::Missing) => return end(&mut stream, "404 X"),
        Ok(Reply::NotModified) => return end(&mut stream, "304 X"),
        Ok(Reply::NotResumable) => return end(&mut stream, "416 X"),
        Err(FetchError::Status { code, .. }) => return end(&mut stream, &format!("{code} X")),
        // Nobody answers.
        Err(_) => return None,
    };
    let mut head = match body.offset {
        0 => "HTTP/1.1 200 X\r\n".to_owned(),
        from => format!(
            "HTTP/1.1 206 X\r\nContent-Range: bytes {from}-{}/{length}\r\n",
            length.saturating_sub(1)
        ),
    };
    if let Some(tag) = &body.validator {
        head += &format!("ETag: {tag}\r\n");
    }
    if trouble != Some(Trouble::Endless) {
        head += &format!("Content-Length: {}\r\n", length.saturating_sub(body.offset));
    }
    head += "Connection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).ok()?;
    // So that what lies in between is little, and "sent" says what was read.
    rustix::net::sockopt::set_socket_send_buffer_size(&stream, 16 * 1024).ok()?;
    let mut chunks = body.chunks;
    // What is simulated is always ready.
    while let Some(Some(Ok(chunk))) = chunks.next().now_or_never() {
        stream.write_all(&chunk).ok()?;
        if let Some(Trouble::Slow(pause)) = trouble {
            thread::sleep(pause);
        }
    }
    close(&mut stream)
}

fn end(stream: &mut TcpStream, status: &str) -> Option<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    close(stream)
}

/// Reads what is left, so that closing does not turn into a reset.
fn close(stream: &mut TcpStream) -> Option<()> {
    stream.shutdown(Shutdown::Write).ok()?;
    stream.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    let _ = stream.read(&mut [0; 1024]);
    Some(())
}
