//! A small HTTP/1.1 server on loopback whose answers a test decides, bad ones included.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// What `Range: bytes=N-` or `bytes=N-M` asks of a file of this length.
    pub(crate) fn range(&self, length: usize) -> Option<std::ops::Range<usize>> {
        let (from, to) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        let end = to.parse().map_or(length, |to: usize| length.min(to + 1));
        Some(from.parse().ok()?..end)
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Announce the whole body but close after so many bytes.
    pub(crate) cut: Option<usize>,
    /// Wait before the header.
    pub(crate) delay: Duration,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Answer { status, headers: Vec::new(), body: Vec::new(), cut: None, delay: Duration::ZERO }
    }

    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Answer { body: body.into(), ..Answer::status(200) }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }

    /// What a well-behaved static host answers for `body` with `etag`.
    pub(crate) fn file(seen: &Seen, body: &[u8], etag: &str) -> Self {
        if seen.header("if-none-match") == Some(etag) {
            return Answer::status(304);
        }
        let resume = seen.header("if-range").is_none_or(|known| known == etag);
        let answer = match seen.range(body.len()) {
            Some(range) if resume && range.is_empty() => Answer::status(416),
            Some(range) if resume => {
                let said = format!("bytes {}-{}/{}", range.start, range.end - 1, body.len());
                Answer { body: body[range].to_vec(), ..Answer::status(206) }
                    .header("Content-Range", said)
            }
            _ => Answer::ok(body),
        };
        answer.header("ETag", etag)
    }
}

pub(crate) struct Server {
    pub(crate) base: url::Url,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/app/", listener.local_addr().unwrap()).parse().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), log.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (answer.clone(), seen.clone());
                std::thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Server { base, log }
    }

    /// Every request so far.
    pub(crate) fn log(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, answer: &dyn Fn(&Seen) -> Answer, log: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(seen) = read_request(&mut reader) {
        log.lock().unwrap().push(seen.clone());
        let answer = answer(&seen);
        std::thread::sleep(answer.delay);
        let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
        for (name, value) in &answer.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if answer.status != 304 {
            head += &format!("Content-Length: {}\r\n", answer.body.len());
        }
        head += "\r\n";
        let end = answer.cut.unwrap_or(answer.body.len());
        let sent =
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer.body[..end]));
        if sent.is_err() || answer.cut.is_some() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<impl Read>) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    let headers = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Some(Seen { path, headers })
}
