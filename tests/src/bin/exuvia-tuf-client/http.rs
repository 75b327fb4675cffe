//! The least HTTP that fetches a file: plain, for repositories on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::Error;

/// How long the server may be silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest head of an answer.
const HEAD: u64 = 64 * 1024;

/// An address below which files lie.
#[derive(Debug)]
pub(crate) struct Base {
    authority: String,
    path: String,
}

/// What came.
pub(crate) enum Fetched {
    Bytes(Vec<u8>),
    /// The server says that there is no such file: 403 or 404, and nothing else.
    Missing,
}

impl Base {
    /// `http://HOST[:PORT]/PATH`, of this machine only: nothing protects the transfer.
    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("{url} is not http"))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut path = format!("/{path}");
        if !path.ends_with('/') {
            path.push('/');
        }
        let port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if port { host.to_owned() } else { format!("{host}:80") };
        Ok(Self { authority, path })
    }

    /// Fetches one file of at most so many bytes; `name` stands in the address as it is.
    pub(crate) fn get(&self, name: &str, limit: u64) -> Result<Fetched, Error> {
        self.try_get(name, limit).map_err(|error| format!("{}{name}: {error}", self.path).into())
    }

    fn try_get(&self, name: &str, limit: u64) -> Result<Fetched, Error> {
        let here = |address: &std::net::SocketAddr| address.ip().is_loopback();
        let address = self.authority.to_socket_addrs()?.find(here);
        let mut stream = TcpStream::connect(address.ok_or("the host is not this machine")?)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // In version 1.0 a body ends with its connection: no chunks, nothing kept alive.
        let request =
            format!("GET {}{name} HTTP/1.0\r\nHost: {}\r\n\r\n", self.path, self.authority);
        stream.write_all(request.as_bytes())?;

        let mut answer = BufReader::new(stream);
        let (status, length) = read_head(&mut answer)?;
        match status {
            200 => {}
            403 | 404 => return Ok(Fetched::Missing),
            other => return Err(format!("the server answered {other}").into()),
        }
        if length.is_some_and(|length| length > limit) {
            return Err(format!("longer than {limit} bytes").into());
        }
        let mut bytes = Vec::new();
        answer.take(length.unwrap_or(limit.saturating_add(1))).read_to_end(&mut bytes)?;
        let found = bytes.len() as u64;
        if found > limit {
            return Err(format!("longer than {limit} bytes").into());
        }
        if length.is_some_and(|length| found < length) {
            return Err("the connection broke".into());
        }
        Ok(Fetched::Bytes(bytes))
    }
}

/// The status, and the length of the body where it is stated.
fn read_head(answer: &mut impl BufRead) -> Result<(u16, Option<u64>), Error> {
    let mut head = answer.take(HEAD);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let status = line.split(' ').nth(1).ok_or("no answer of HTTP")?.trim().parse()?;
    let mut length = None;
    loop {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err("the connection broke".into());
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = Some(value.trim().parse()?);
            }
            Some(_) => {}
            None => return Ok((status, length)),
        }
    }
}

/// Text as one segment of an address, or as one file's name.
pub(crate) fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.' | b'-' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
