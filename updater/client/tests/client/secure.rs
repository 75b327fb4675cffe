//! TLS, and the proxies that lead to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use exuvia::fetch::{
    Fetch, FetchError, Http, HttpError, HttpOptions, Proxy, Reply, Request, Token,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;

const HOST: &str = "updates.example";

/// Authorities, each with the certificate of a server.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// Serves one line to everybody, over TLS; what was asked with is kept.
    fn serve(&self, change: impl Fn(&mut CertificateParams)) -> Secure {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([HOST.to_owned(), "localhost".to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let (config, asked) = (Arc::new(config), Arc::new(Mutex::new(String::new())));
        let log = asked.clone();
        let port = listen(move |stream| answer(stream, config.clone(), &log));
        Secure { port, asked }
    }
}

struct Secure {
    port: u16,
    asked: Arc<Mutex<String>>,
}

fn answer(stream: TcpStream, config: Arc<rustls::ServerConfig>, log: &Mutex<String>) {
    let connection = rustls::ServerConnection::new(config).unwrap();
    let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    log.lock().unwrap().push_str(&head);
    let stream = stream.get_mut();
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let _ = stream.flush();
}

/// Hands each connection to `serve`, on a thread of its own.
fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// An HTTP proxy that leads every connection to `port`; what it was asked for is kept.
fn http_proxy(port: u16, log: &Arc<Mutex<String>>) -> u16 {
    let log = log.clone();
    listen(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).unwrap();
        }
        log.lock().unwrap().push_str(&head);
        (&stream).write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        join(stream, port);
    })
}

/// A SOCKS 5 proxy (RFC 1928) that leads every connection to `port`; host names are kept.
fn socks_proxy(port: u16, log: &Arc<Mutex<String>>) -> u16 {
    let log = log.clone();
    listen(move |mut stream| {
        let mut greeting = [0; 2];
        stream.read_exact(&mut greeting).unwrap();
        stream.read_exact(&mut vec![0; greeting[1].into()]).unwrap();
        stream.write_all(&[5, 0]).unwrap();
        let mut request = [0; 5];
        stream.read_exact(&mut request).unwrap();
        assert_eq!(request[..4], [5, 1, 0, 3], "connect, by name");
        let mut name = vec![0; usize::from(request[4]) + 2];
        stream.read_exact(&mut name).unwrap();
        log.lock().unwrap().push_str(&String::from_utf8_lossy(&name[..name.len() - 2]));
        stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).unwrap();
        join(stream, port);
    })
}

fn join(client: TcpStream, port: u16) {
    let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut up, &mut &server));
    let _ = std::io::copy(&mut down, &mut &client);
}

async fn ask(address: &str, options: &HttpOptions) -> Result<Reply, FetchError> {
    let mirror = Http::new(&address.parse().unwrap(), options).unwrap();
    mirror.open(Request::whole("metadata/timestamp.json")).await
}

fn trusting(authority: &Authority, proxy: Proxy) -> HttpOptions {
    let mut options = HttpOptions::default();
    (options.proxy, options.authorities) = (proxy, vec![authority.pem()]);
    options
}

#[tokio::test]
async fn an_added_authority_is_trusted_and_no_other() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = ours.serve(|_| {});
    let address = format!("https://localhost:{}/", server.port);
    let reply = ask(&address, &trusting(&ours, Proxy::Direct)).await;
    assert!(matches!(reply, Ok(Reply::Body(_))), "{reply:?}");
    let mut bare = HttpOptions::default();
    bare.proxy = Proxy::Direct;
    for options in [trusting(&theirs, Proxy::Direct), bare] {
        let refused = ask(&address, &options).await.unwrap_err();
        assert!(matches!(refused, FetchError::Certificate { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn expired_and_misnamed_certificates_are_refused() {
    let authority = Authority::new();
    let expired = authority.serve(|params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    });
    let other = authority.serve(|params| params.subject_alt_names.clear());
    for server in [expired, other] {
        let address = format!("https://localhost:{}/", server.port);
        let refused = ask(&address, &trusting(&authority, Proxy::Direct)).await.unwrap_err();
        assert!(matches!(refused, FetchError::Certificate { .. }), "{refused:?}");
    }
}

#[tokio::test]
async fn something_that_speaks_no_tls_is_no_connection() {
    let port = listen(|mut stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{}")));
    let options = trusting(&Authority::new(), Proxy::Direct);
    let refused = ask(&format!("https://localhost:{port}/"), &options).await.unwrap_err();
    assert!(matches!(refused, FetchError::Unreachable { .. }), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_certificate_is_refused_when_it_is_given() {
    for text in ["", "none", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let mut options = HttpOptions::default();
        options.authorities.push(text.as_bytes().to_vec());
        let refused = Http::new(&"https://a.example/".parse().unwrap(), &options);
        assert!(matches!(refused, Err(HttpError::Certificate { .. })), "{text:?}");
    }
}

#[tokio::test]
async fn proxies_of_each_kind_lead_to_the_mirror_and_see_no_token() {
    let authority = Authority::new();
    let server = authority.serve(|_| {});
    let asked = Arc::new(Mutex::new(String::new()));
    let http = http_proxy(server.port, &asked);
    let socks = socks_proxy(server.port, &asked);
    for at in [format!("http://ann:pass@127.0.0.1:{http}"), format!("socks5h://127.0.0.1:{socks}")]
    {
        asked.lock().unwrap().clear();
        server.asked.lock().unwrap().clear();
        let mut options = trusting(&authority, Proxy::At(at.parse().unwrap()));
        options.tokens.push(Token { host: HOST.to_owned(), secret: "s3cret".to_owned() });
        let reply = ask(&format!("https://{HOST}/"), &options).await;
        assert!(matches!(reply, Ok(Reply::Body(_))), "{at}: {reply:?}");
        let (proxy, server) = (asked.lock().unwrap(), server.asked.lock().unwrap());
        assert!(proxy.contains(HOST) && !proxy.contains("s3cret"), "{proxy}");
        assert!(server.contains("authorization: Bearer s3cret"), "{server}");
        assert!(!server.contains("proxy-authorization"), "{server}");
    }
}

#[tokio::test]
async fn what_a_proxy_refuses_is_not_taken_for_an_answer_of_the_mirror() {
    for answer in ["407 Login", "403 No", "404 No", "302 Elsewhere\r\nLocation: http://a.example/"]
    {
        let port = listen(move |stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                reader.read_line(&mut line).unwrap();
            }
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            (&stream).write_all(answer.as_bytes()).unwrap();
        });
        let mut options = HttpOptions::default();
        options.proxy = Proxy::At(format!("http://127.0.0.1:{port}").parse().unwrap());
        let refused = ask(&format!("https://{HOST}/"), &options).await.unwrap_err();
        assert!(matches!(refused, FetchError::Proxy { .. }), "{answer}: {refused:?}");
        assert!(refused.to_string().starts_with("the proxy refuses (tunnel error"), "{refused}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_none_is_refused_when_it_is_given() {
    for address in ["ftp://127.0.0.1/", "file:///tmp/x", "data:x"] {
        let mut options = HttpOptions::default();
        options.proxy = Proxy::At(address.parse().unwrap());
        let refused = Http::new(&"https://a.example/".parse().unwrap(), &options);
        assert!(matches!(refused, Err(HttpError::Proxy)), "{address}");
    }
}

#[tokio::test]
async fn mirrors_on_this_machine_are_reached_without_the_proxy() {
    let port = listen(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
    });
    let nowhere = Proxy::At("http://127.0.0.1:1".parse().unwrap());
    let mut options = HttpOptions::default();
    options.proxy = nowhere;
    let reply = ask(&format!("http://127.0.0.1:{port}/"), &options).await;
    assert!(matches!(reply, Ok(Reply::Body(_))), "{reply:?}");
}
