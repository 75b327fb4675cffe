//! A few bytes for an address that is no mirror.

use std::time::Duration;

use reqwest::header;
use url::Url;

use super::clients::Clients;
use super::options::{HttpError, HttpOptions};
use super::{is_protected, reply};
use crate::fetch::FetchError;

/// Why something could not be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The address is none.
    #[error("`{address}` is no address")]
    Address {
        /// The address.
        address: String,
    },
    /// The address is not protected, or an option on how it is reached cannot be used.
    #[error(transparent)]
    Options(#[from] HttpError),
    /// Nobody was reached.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It was not taken.
    #[error("the server answered {status}")]
    Status {
        /// The server's answer.
        status: u16,
    },
}

/// Sends JSON, without the headers and tokens of mirrors, following no redirect. What is answered is not
/// read.
///
/// # Errors
/// [`PostError`].
pub async fn post(address: &str, options: &HttpOptions, json: Vec<u8>) -> Result<(), PostError> {
    let url: Url =
        address.parse().map_err(|_| PostError::Address { address: address.to_owned() })?;
    if !is_protected(&url) {
        return Err(HttpError::Unprotected { address: address.to_owned() }.into());
    }
    let clients = Clients::new(options)?;
    let request = clients.for_url(&url).await?.post(url.clone()).timeout(PATIENCE);
    let request = request.header(header::CONTENT_TYPE, "application/json").body(json);
    let status = request.send().await.map_err(reply::transport)?.status();
    match status.is_success() {
        true => Ok(()),
        false => Err(PostError::Status { status: status.as_u16() }),
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
