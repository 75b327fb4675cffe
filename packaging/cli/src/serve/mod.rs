//! The development server: the static files of a repository over plain HTTP/1.1.
//!
//! It serves what lies under `metadata/` and `targets/` and nothing else, so that a publisher's own
//! folder can be served without giving away `keys/`. Any web server does for production.

mod answer;
mod range;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use tokio::sync::oneshot;

use crate::Error;

/// A server that runs on a thread of its own until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Serves the repository in `dir`. Port 0 takes any free one; see [`Server::addr`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let server = exuvia_cli::serve::Server::start(folder.path(), ([127, 0, 0, 1], 0).into())?;
    /// assert_ne!(server.addr().port(), 0);
    /// server.stop()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The address is taken or may not be used.
    pub fn start(dir: &Path, addr: SocketAddr) -> Result<Self, Error> {
        let listen = |source| Error::Listen { addr, source };
        let listener = TcpListener::bind(addr).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(listen)?;
        let (stop, stopped) = oneshot::channel();
        let dir = dir.to_owned();
        let run = move || runtime.block_on(serve(listener, dir, stopped));
        let thread = std::thread::Builder::new().name("exuvia-serve".to_owned()).spawn(run);
        Ok(Self { addr, stop: Some(stop), thread: Some(thread.map_err(listen)?) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base address of the repository, as a mirror in `exuvia.json`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Takes no more requests, and gives those that run two seconds to end.
    ///
    /// # Errors
    /// The listener failed while it ran.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    /// Waits until the server ends by itself, which it does only when it fails.
    ///
    /// # Errors
    /// The listener failed.
    pub fn wait(mut self) -> Result<(), Error> {
        self.join()
    }

    fn end(&mut self) -> Result<(), Error> {
        if let Some(stop) = self.stop.take() {
            // Nobody listens any more if it ended by itself.
            let _ = stop.send(());
        }
        self.join()
    }

    fn join(&mut self) -> Result<(), Error> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let ended = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        ended.map_err(|source| Error::Listen { addr: self.addr, source })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever wants to know calls `stop`.
        let _ = self.end();
    }
}

/// How long running requests may take to end once the server is to stop.
const GRACE: Duration = Duration::from_secs(2);

async fn serve(
    listener: TcpListener,
    dir: PathBuf,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let handle = |State(dir): State<PathBuf>, request: Request| async move {
        let (parts, _) = request.into_parts();
        answer::answer(&dir, &parts).await
    };
    let router = Router::new().fallback(handle).with_state(dir);
    let (stopping, stop) = oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async {
        let _ = stop.await;
    });
    let deadline = async {
        // An error says that the handle is gone, which means the same.
        let _ = stopped.await;
        let _ = stopping.send(());
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = server => ended,
        () = deadline => Ok(()),
    }
}
