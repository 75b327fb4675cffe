//! Small real proxies on loopback: HTTP with `CONNECT`, and SOCKS 5.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running proxy. It passes everything on and writes down for whom.
pub struct Proxy {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What a proxy insists on.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// The user and password that it wants.
    pub login: Option<(String, String)>,
    /// Where everything is passed on to, whatever was asked for: names need no resolving then.
    pub to: Option<SocketAddr>,
}

impl Proxy {
    /// One that speaks HTTP: `CONNECT`, and plain requests with a whole address.
    pub fn http(demand: Demand) -> Proxy {
        Proxy::start("http", demand, serve_http)
    }

    /// One that speaks SOCKS 5.
    pub fn socks(demand: Demand) -> Proxy {
        Proxy::start("socks5h", demand, serve_socks)
    }

    fn start(scheme: &'static str, demand: Demand, serve: Serve) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (demand, log) = (demand.clone(), Arc::clone(&log));
                // Whoever hangs up is no trouble of ours.
                thread::spawn(move || serve(stream, &demand, &log));
            }
        });
        Proxy { address, scheme, seen }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("{}://{}/", self.scheme, self.address)
    }

    /// For whom it was asked so far: `host:port`.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

type Serve = fn(TcpStream, &Demand, &Mutex<Vec<String>>) -> io::Result<()>;

fn serve_http(mut client: TcpStream, demand: &Demand, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let head = read_head(&mut client)?;
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let authority = match method {
        "CONNECT" => target,
        _ => target.split('/').nth(2).unwrap_or(""),
    };
    log.lock().unwrap().push(authority.to_owned());
    if let Some((user, password)) = &demand.login {
        let wanted = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
        if !head.contains(&wanted) {
            return client.write_all(
                b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
            );
        }
    }
    let Some(mut server) = connect(demand, authority) else {
        return client.write_all(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n");
    };
    match method {
        "CONNECT" => client.write_all(b"HTTP/1.1 200 Yes\r\n\r\n")?,
        // The server wants the path alone; one request a connection keeps this simple.
        _ => {
            let path = target.splitn(4, '/').nth(3).unwrap_or("");
            let (_, rest) = head.split_once("\r\n").unwrap_or_default();
            write!(server, "{method} /{path} HTTP/1.1\r\nConnection: close\r\n{rest}")?;
        }
    }
    tunnel(client, server)
}

fn serve_socks(mut client: TcpStream, demand: &Demand, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let [_, methods] = exactly(&mut client)?;
    client.read_exact(&mut vec![0; methods.into()])?;
    match &demand.login {
        None => client.write_all(&[5, 0])?,
        Some((user, password)) => {
            client.write_all(&[5, 2])?;
            let [_, length] = exactly(&mut client)?;
            let given_user = text(&mut client, length)?;
            let [length] = exactly(&mut client)?;
            let given_password = text(&mut client, length)?;
            if (&given_user, &given_password) != (user, password) {
                return client.write_all(&[1, 1]);
            }
            client.write_all(&[1, 0])?;
        }
    }
    let [_, _, _, kind] = exactly(&mut client)?;
    let host = match kind {
        1 => Ipv4Addr::from(exactly::<4>(&mut client)?).to_string(),
        3 => {
            let [length] = exactly(&mut client)?;
            text(&mut client, length)?
        }
        _ => return client.write_all(&[5, 8, 0, 1, 0, 0, 0, 0, 0, 0]),
    };
    let port = u16::from_be_bytes(exactly(&mut client)?);
    let authority = format!("{host}:{port}");
    log.lock().unwrap().push(authority.clone());
    match connect(demand, &authority) {
        None => client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
        Some(server) => {
            client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
            tunnel(client, server)
        }
    }
}

/// Loopback only, whatever is asked for.
fn connect(demand: &Demand, authority: &str) -> Option<TcpStream> {
    let to = demand.to.or_else(|| {
        let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok())?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    });
    TcpStream::connect(to?).ok()
}

fn tunnel(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = up.join();
    Ok(())
}

fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 64 * 1024 {
        let [byte] = exactly(stream)?;
        head.push(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn exactly<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(stream: &mut TcpStream, length: u8) -> io::Result<String> {
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits =
            (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(*three.get(at).unwrap_or(&0)));
        for place in 0..4 {
            let six = bits >> (18 - 6 * place) & 63;
            out.push(if place > three.len() { '=' } else { alphabet[six as usize].into() });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_that_of_the_standard() {
        for (plain, coded) in [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("a:b", "YTpi")] {
            assert_eq!(super::base64(plain.as_bytes()), coded);
        }
    }
}
