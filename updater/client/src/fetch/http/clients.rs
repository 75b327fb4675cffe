//! The client library's clients, made when the first request needs them: a check that stays on this
//! machine reads no certificates.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::OnceCell;
use url::Url;

use super::desktop::{self, Desktop};
use super::options::{HttpError, HttpOptions, Proxy};
use crate::fetch::FetchError;

/// One client for this machine, one for the world.
#[derive(Debug)]
pub(super) struct Clients {
    connect: Duration,
    proxy: Proxy,
    authorities: Vec<CertificateDer<'static>>,
    plain: OnceCell<reqwest::Client>,
    secure: OnceCell<reqwest::Client>,
}

impl Clients {
    pub(super) fn new(options: &HttpOptions) -> Result<Self, HttpError> {
        if let Proxy::At(url) = &options.proxy {
            proxy(url)?;
        }
        let (connect, proxy) = (options.connect, options.proxy.clone());
        let authorities = certificates(&options.authorities)?;
        let (plain, secure) = (OnceCell::new(), OnceCell::new());
        Ok(Clients { connect, proxy, authorities, plain, secure })
    }

    /// The client for an address. Plain http is for this machine: a proxy would carry it elsewhere.
    pub(super) async fn for_url(&self, url: &Url) -> Result<&reqwest::Client, FetchError> {
        if url.scheme() == "http" {
            let make = async || build(self.connect, &Proxy::Direct, None, no_roots()?);
            return self.plain.get_or_try_init(make).await;
        }
        self.secure
            .get_or_try_init(async || {
                let authorities = self.authorities.clone();
                let of_system = matches!(self.proxy, Proxy::System);
                // The system's certificates are many, and lie on a disk; its proxy may too.
                let work =
                    move || Ok((roots(authorities)?, of_system.then(desktop::proxy).flatten()));
                let done = tokio::task::spawn_blocking(work).await.map_err(unreachable)?;
                let (tls, desktop) = done?;
                build(self.connect, &self.proxy, desktop, tls)
            })
            .await
    }
}

fn build(
    connect: Duration,
    through: &Proxy,
    desktop: Option<Desktop>,
    tls: rustls::ClientConfig,
) -> Result<reqwest::Client, FetchError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(System))
        .connect_timeout(connect)
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        // More than are let through, so that too many can be told from a broken answer.
        .http1_max_headers(4096)
        .pool_max_idle_per_host(2)
        .user_agent(concat!("exuvia/", env!("CARGO_PKG_VERSION")));
    let builder = match (through, desktop) {
        (Proxy::System, None) => builder,
        (Proxy::System, Some(Desktop { proxy: url, exempt })) => {
            let proxy = proxy(&url).map_err(unreachable)?;
            builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&exempt)))
        }
        (Proxy::Direct, _) => builder.no_proxy(),
        (Proxy::At(url), _) => builder.no_proxy().proxy(proxy(url).map_err(unreachable)?),
    };
    builder.build().map_err(unreachable)
}

fn proxy(url: &Url) -> Result<reqwest::Proxy, HttpError> {
    if !PROXIES.contains(&url.scheme()) || !url.has_host() {
        return Err(HttpError::Proxy);
    }
    reqwest::Proxy::all(url.clone()).map_err(|_| HttpError::Proxy)
}

/// For clients that speak no TLS.
fn no_roots() -> Result<rustls::ClientConfig, FetchError> {
    let config = versions()?.with_root_certificates(rustls::RootCertStore::empty());
    Ok(config.with_no_client_auth())
}

/// The system's roots and those that were added.
fn roots(authorities: Vec<CertificateDer<'static>>) -> Result<rustls::ClientConfig, FetchError> {
    let verifier =
        rustls_platform_verifier::Verifier::new_with_extra_roots(authorities, provider())
            .map_err(unreachable)?;
    let config = versions()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(config.with_no_client_auth())
}

/// Handed to the client ready made, so that no process-wide crypto provider is installed behind the
/// application's back.
fn versions()
-> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, FetchError> {
    rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unreachable)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(texts: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let mut found = Vec::new();
    for text in texts {
        let before = found.len();
        for certificate in CertificateDer::pem_slice_iter(text) {
            let certificate = certificate.map_err(refused)?;
            // Read as it will be, so that a bad one is told of now.
            rustls::RootCertStore::empty().add(certificate.clone()).map_err(refused)?;
            found.push(certificate);
        }
        if found.len() == before {
            return Err(refused("there is none in it"));
        }
    }
    Ok(found)
}

fn refused(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> HttpError {
    HttpError::Certificate { source: source.into() }
}

fn unreachable(source: impl std::error::Error + Send + Sync + 'static) -> FetchError {
    FetchError::Unreachable { source: Arc::new(source) }
}

/// The system's resolver, with an error that can be told from others.
struct System;

/// A name that was not resolved.
#[derive(Debug, thiserror::Error)]
#[error("{host} cannot be found: {source}")]
pub(super) struct Unresolved {
    pub(super) host: String,
    source: std::io::Error,
}

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            // The port is the connector's affair.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            let found = found.map(|found| found.collect::<Vec<SocketAddr>>());
            match found {
                Ok(found) => Ok(Box::new(found.into_iter()) as Addrs),
                Err(source) => Err(Unresolved { host, source }.into()),
            }
        })
    }
}

const PROXIES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
