//! An installation of root's that a user starts: the agent of the machine writes what the user may
//! not (docs/adr/0019). Runs as the user.

use crate::count::Counted;
use crate::error::Error;
use crate::install::Install;
use crate::launch::Start;
use crate::platform;
use crate::watch::keep_running;
use exuvia_plan::socket::{Ask, Reply, Request};
use exuvia_plan::trial::{Count, End};
use exuvia_plan::{Phase, files};
use std::io;

/// Asks the agent of the machine.
///
/// # Errors
/// What the system answered where none listens, or somebody who is not root.
pub fn ask_machine(request: &Request) -> io::Result<Reply> {
    platform::ask_machine(&request.line())
}

impl Install {
    /// Whether it is root's, and this user is not root.
    pub fn is_machines(&self) -> bool {
        platform::is_machines(self.state().path())
    }

    /// Asks the agent of the machine about this installation.
    ///
    /// # Errors
    /// [`Error::Agent`] if there is none that answers; [`Error::Declined`] if it does nothing.
    pub fn ask(&self, ask: Ask) -> Result<Reply, Error> {
        let path = platform::resolved(self.path()).unwrap_or_else(|_| self.path().to_owned());
        let application = format!("@{}", files::key(&path));
        match ask_machine(&Request { ask, application }) {
            Ok(Reply::Refused { reason }) => Err(Error::Declined { reason }),
            Ok(reply) => Ok(reply),
            Err(source) => Err(Error::Agent { source }),
        }
    }

    /// As [`prepare_start`](Install::prepare_start), with all that is written done by the agent.
    pub(crate) fn have_prepared(&self) -> Result<Start, Error> {
        match (self.ask(Ask::Started)?, self.phase()?) {
            (Reply::Counted { starts, clean }, phase @ Phase::Trial { .. }) => {
                let to = phase.live().clone();
                // Only now: until it is counted, a lock of this process would say that it runs.
                let running = keep_running(self, &to);
                let count = Count { starts, clean };
                let counted = Counted { to, count, phase, running };
                Ok(Start::Watched(Some(Box::new(counted))))
            }
            (_, phase) => Ok(Start::Plain(Box::new(phase))),
        }
    }

    /// The next start of a watch: counted here, or by the agent.
    pub(crate) fn next_start(&self) -> Result<Option<Counted>, Error> {
        if !self.is_machines() {
            return self.count_start();
        }
        match self.have_prepared()? {
            Start::Watched(counted) => Ok(counted.map(|counted| *counted)),
            Start::Plain(_) => Ok(None),
        }
    }

    /// Gives a start back, here or at the agent's.
    pub(crate) fn return_start(&self, end: End) -> Result<(), Error> {
        match end {
            _ if !self.is_machines() => self.end_start(end),
            End::Clean => self.ask(Ask::Ended).map(drop),
            _ => self.ask(Ask::Stopped).map(drop),
        }
    }

    /// The release on trial is healthy, if one is: told to whoever counts its starts.
    ///
    /// # Errors
    /// As [`Trial::confirm`](crate::Trial::confirm) and [`Install::ask`].
    pub fn healthy(&self) -> Result<(), Error> {
        let Some(trial) = self.trial()? else { return Ok(()) };
        match self.is_machines() {
            true => self.ask(Ask::Healthy).map(drop),
            false => trial.confirm(crate::now()).map(drop),
        }
    }
}
