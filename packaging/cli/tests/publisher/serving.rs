//! The development server over real loopback HTTP.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use exuvia_cli::serve::Server;
use exuvia_cli::verify;
use exuvia_core::Time;

use crate::support::*;

const PAYLOAD: &str = "/targets/stable/linux-x86_64/abc.1.0.0-folder.tar.zst";

struct Response {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        let line = |line: &&str| {
            line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
        };
        Some(self.headers.lines().find(line)?.split_once(':')?.1.trim())
    }

    fn is(&self, status: u16, body: &[u8]) {
        assert_eq!((self.status, self.body.as_slice()), (status, body), "{}", self.headers);
    }
}

fn ask(addr: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    Response {
        status: status.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers.to_owned(),
        body: bytes[end + 4..].to_vec(),
    }
}

/// A folder with a timestamp, a payload, and things that are nobody's business.
fn served() -> (Place, Server) {
    let place = Place::new();
    let repo = place.repo();
    fs::create_dir_all(repo.join("metadata")).unwrap();
    fs::create_dir_all(repo.join("keys")).unwrap();
    fs::create_dir_all(repo.join("targets/stable/linux-x86_64")).unwrap();
    fs::write(repo.join("metadata/timestamp.json"), "0123456789").unwrap();
    fs::write(repo.join(&PAYLOAD[1..]), noise(3_000_000)).unwrap();
    fs::write(repo.join("keys/root-1.key"), "secret").unwrap();
    fs::write(repo.join("targets/.hidden"), "secret").unwrap();
    let server = Server::start(&repo, ([127, 0, 0, 1], 0).into()).unwrap();
    (place, server)
}

#[test]
fn a_file_comes_whole_with_its_validator() {
    let (_place, server) = served();
    let response = ask(server.addr(), "GET", "/metadata/timestamp.json", &[]);
    response.is(200, b"0123456789");
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("accept-ranges"), Some("bytes"));
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    assert!(response.header("etag").unwrap().starts_with('"'));
    let payload = ask(server.addr(), "GET", PAYLOAD, &[]);
    payload.is(200, &noise(3_000_000));
    assert_eq!(payload.header("content-length"), Some("3000000"));
    let head = ask(server.addr(), "HEAD", PAYLOAD, &[]);
    head.is(200, b"");
    assert_eq!(head.header("content-length"), Some("3000000"));
}

#[test]
fn an_unchanged_file_is_not_sent_again() {
    let (place, server) = served();
    let path = "/metadata/timestamp.json";
    let etag = ask(server.addr(), "GET", path, &[]).header("etag").unwrap().to_owned();
    for tags in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let response = ask(server.addr(), "GET", path, &[("If-None-Match", &tags)]);
        response.is(304, b"");
        assert_eq!(response.header("etag"), Some(etag.as_str()), "{tags}");
    }
    ask(server.addr(), "GET", path, &[("If-None-Match", "\"x\"")]).is(200, b"0123456789");
    // Of the same length, and maybe within one tick of the clock.
    fs::write(place.repo().join("metadata/timestamp.json"), "9876543210").unwrap();
    ask(server.addr(), "GET", path, &[("If-None-Match", &etag)]).is(200, b"9876543210");
}

#[test]
fn a_range_gives_its_bytes() {
    let (_place, server) = served();
    let path = "/metadata/timestamp.json";
    for (range, content_range, body) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=8-99", "bytes 8-9/10", "89"),
    ] {
        let response = ask(server.addr(), "GET", path, &[("Range", range)]);
        response.is(206, body.as_bytes());
        assert_eq!(response.header("content-range"), Some(content_range));
    }
    let beyond = ask(server.addr(), "GET", path, &[("Range", "bytes=10-")]);
    beyond.is(416, b"");
    assert_eq!(beyond.header("content-range"), Some("bytes */10"));
    ask(server.addr(), "GET", path, &[("Range", "bytes=0-1,4-5")]).is(200, b"0123456789");
    ask(server.addr(), "GET", path, &[("Range", "bytes=5-1")]).is(200, b"0123456789");
    let large = ask(server.addr(), "GET", PAYLOAD, &[("Range", "bytes=1000000-2999999")]);
    large.is(206, &noise(3_000_000)[1_000_000..]);
}

#[test]
fn a_download_is_resumed_only_if_the_file_is_the_same() {
    let (place, server) = served();
    let etag = ask(server.addr(), "HEAD", PAYLOAD, &[]).header("etag").unwrap().to_owned();
    let resume = |etag: &str| {
        ask(server.addr(), "GET", PAYLOAD, &[("Range", "bytes=2999998-"), ("If-Range", etag)])
    };
    resume(&etag).is(206, &noise(3_000_000)[2_999_998..]);
    assert_eq!(resume("\"other\"").status, 200);
    assert_eq!(resume(&format!("W/{etag}")).status, 200, "a weak validator proves nothing");
    fs::write(place.repo().join(&PAYLOAD[1..]), vec![7; 3_000_001]).unwrap();
    assert_eq!(resume(&etag).status, 200);
}

#[test]
fn nothing_but_metadata_and_targets_is_served() {
    let (_place, server) = served();
    for path in [
        "/",
        "/keys/root-1.key",
        "/metadata/../keys/root-1.key",
        "/metadata/%2e%2e/keys/root-1.key",
        "/targets/..%2fkeys/root-1.key",
        "/targets/%2E%2E%2Fkeys%2Froot-1.key",
        "/targets/..%5ckeys/root-1.key",
        "//metadata/timestamp.json",
        "/metadata//timestamp.json",
        "/metadata",
        "/metadata/",
        "/targets/stable",
        "/targets/.hidden",
        "/metadata/2.root.json",
        "/metadata/timestamp.json/x",
        "/metadata/%zz",
        "/metadata/%ff",
        "/publisher.json",
    ] {
        let response = ask(server.addr(), "GET", path, &[]);
        assert_eq!((response.status, response.body.as_slice()), (404, b"".as_slice()), "{path}");
    }
    ask(server.addr(), "GET", "/metadata/%74imestamp.json", &[]).is(200, b"0123456789");
}

#[test]
fn nothing_can_be_written() {
    let (_place, server) = served();
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let response = ask(server.addr(), method, "/metadata/timestamp.json", &[]);
        response.is(405, b"");
        assert_eq!(response.header("allow"), Some("GET, HEAD"), "{method}");
    }
}

#[test]
fn a_stopped_server_is_gone_even_with_a_client_that_hangs() {
    let (_place, server) = served();
    let addr = server.addr();
    let mut idle = TcpStream::connect(addr).unwrap();
    idle.write_all(b"GET /metadata/timestamp.json HTTP/1.1\r\nHost: x\r\n").unwrap();
    server.stop().unwrap();
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_taken_address_is_named() {
    let (place, server) = served();
    let taken = Server::start(&place.repo(), server.addr()).unwrap_err();
    assert!(taken.to_string().starts_with(&format!("cannot listen on {}: ", server.addr())));
}

#[test]
fn a_served_folder_is_trusted_by_a_client() {
    let place = Place::new();
    let mut publisher = place.init();
    place.release(&mut publisher, "1.0.0");
    place.release(&mut publisher, "1.1.0");
    let server = Server::start(&place.repo(), ([127, 0, 0, 1], 0).into()).unwrap();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Time::from_unix(since.as_secs().try_into().unwrap());
    let report = verify(&server.url(), publisher.folder().config(), now).unwrap();
    assert_eq!((report.targets, report.root_version), (3, 1));
    let payload = files(&place.repo()).keys().find(|path| path.ends_with(".zst")).unwrap().clone();
    fs::write(place.repo().join(&payload), "short").unwrap();
    let refused = verify(&server.url(), publisher.folder().config(), now).unwrap_err();
    assert!(matches!(&refused, exuvia_cli::Error::NotListed { path, .. } if *path == payload));
    fs::remove_file(place.repo().join(&payload)).unwrap();
    let refused = verify(&server.url(), publisher.folder().config(), now).unwrap_err();
    assert!(matches!(refused, exuvia_cli::Error::NotServed { .. }), "{refused}");
}
