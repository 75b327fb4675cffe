//! Servers behind TLS: right and wrong certificates, and handshakes that lead nowhere.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::Stream;

/// Who signs certificates. Made anew for each test; nobody trusts it who was not given its
/// [`pem`](Authority::pem).
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one.
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate, for those who shall trust it.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server whose certificate is in order.
    pub fn good(&self) -> Acceptor {
        self.acceptor("localhost", 2020, 2099)
    }

    /// A server whose certificate is of yesteryear.
    pub fn expired(&self) -> Acceptor {
        self.acceptor("localhost", 2020, 2021)
    }

    /// A server whose certificate is of the future.
    pub fn not_yet_valid(&self) -> Acceptor {
        self.acceptor("localhost", 2098, 2099)
    }

    /// A server with the certificate of another.
    pub fn wrong_name(&self) -> Acceptor {
        self.acceptor("somewhere.example", 2020, 2099)
    }

    fn acceptor(&self, name: &str, from: i32, until: i32) -> Acceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, from, until).signed_by(&key, &self.0).unwrap();
        Acceptor::with(&certificate, &key)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn params(name: &str, from: i32, until: i32) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params
}

/// How a TLS server greets.
#[derive(Clone)]
pub struct Acceptor(How);

#[derive(Clone)]
enum How {
    Honest(Arc<ServerConfig>),
    Cut,
    Garbage,
    Silent,
}

impl Acceptor {
    /// A server that vouches for itself.
    pub fn self_signed() -> Acceptor {
        let key = KeyPair::generate().unwrap();
        Acceptor::with(&params("localhost", 2020, 2099).self_signed(&key).unwrap(), &key)
    }

    /// A server that hangs up in the middle of the handshake.
    pub fn cut() -> Acceptor {
        Acceptor(How::Cut)
    }

    /// A server that speaks something else.
    pub fn garbage() -> Acceptor {
        Acceptor(How::Garbage)
    }

    /// A server that never answers the handshake.
    pub fn silent() -> Acceptor {
        Acceptor(How::Silent)
    }

    fn with(certificate: &rcgen::Certificate, key: &KeyPair) -> Acceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Acceptor(How::Honest(Arc::new(config)))
    }

    /// The connection within TLS, if it leads so far.
    pub(super) fn accept(&self, mut stream: TcpStream) -> io::Result<Option<Stream>> {
        let hello = &mut [0; 16 * 1024];
        match &self.0 {
            How::Honest(config) => {
                let tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                return Ok(Some(Stream::Tls(Box::new(StreamOwned::new(tls, stream)))));
            }
            How::Cut => {
                let _ = stream.read(hello)?;
                // The head of a record whose body never comes.
                stream.write_all(&[0x16, 3, 3, 0x40])?;
                stream.shutdown(Shutdown::Both)?;
            }
            How::Garbage => {
                let _ = stream.read(hello)?;
                stream.write_all(b"220 mail.example ready\r\n")?;
            }
            How::Silent => {
                stream.set_read_timeout(Some(Duration::from_secs(30)))?;
                while stream.read(hello)? > 0 {}
            }
        }
        Ok(None)
    }
}
