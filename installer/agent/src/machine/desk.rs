//! What is done about each request.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exuvia::socket::{Ask, Reason, Reply, Request};
use exuvia::{Begun, End, Install, Phase, key};

use crate::args::{Options, Work};
use crate::commands;
use crate::failure::Failure;
use crate::record::Records;
use crate::target::Target;

/// The applications of the machine, and the work that was begun on them.
pub(super) struct Desk {
    options: Options,
    records: Records,
    begun: Arc<Mutex<Works>>,
}

#[derive(Default)]
struct Works {
    /// Applications that somebody works on.
    now: BTreeSet<String>,
    /// When it was begun last.
    last: BTreeMap<(String, Work), Instant>,
}

impl Desk {
    pub(super) fn new(options: &Options) -> Result<Desk, Failure> {
        let records = Records::open(&options.places)?;
        Ok(Desk { options: options.clone(), records, begun: Arc::default() })
    }

    /// Whether nobody works.
    pub(super) fn is_idle(&self) -> bool {
        works(&self.begun).now.is_empty()
    }

    /// Does what is asked for, as far as this user may have it done.
    pub(super) fn answer(&self, request: &Request, user: u32) -> Result<Reply, Reason> {
        let name = self.find(&request.application).ok_or(Reason::UnknownApplication)?;
        match request.ask {
            Ask::Status => Ok(Reply::Known { facts: self.status(&name) }),
            Ask::Check => self.begin(name, Work::Check, user),
            Ask::Update => self.begin(name, Work::Update, user),
            Ask::Started => self.started(&name, user),
            Ask::Healthy => self.step(&name, user, "healthy", Install::healthy),
            Ask::Ended => self.step(&name, user, "ended", |at| at.end_start(End::Clean)),
            Ask::Stopped => self.step(&name, user, "stopped", |at| at.end_start(End::Stopped)),
        }
    }

    /// The registered name of an application: by that, or by the key of the path that it lies at.
    fn find(&self, application: &str) -> Option<String> {
        let names = self.options.places.registry().ok()?.names().ok()?;
        let Some(wanted) = application.strip_prefix('@') else {
            return names.into_iter().find(|name| name == application);
        };
        names.into_iter().find(|name| {
            let install = self.options.places.find(name).ok().map(|found| found.install);
            let path = install.and_then(|install| install.canonicalize().ok());
            path.is_some_and(|path| key(&path) == wanted)
        })
    }

    fn install(&self, name: &str) -> Result<Install, Reason> {
        let found = Target::find(self.options.of(name)).and_then(|target| target.installation());
        found.map_err(|failure| failed(name, &failure))
    }

    fn status(&self, name: &str) -> serde_json::Value {
        commands::about(&self.options, name, Some(&self.records)).1
    }

    fn started(&self, name: &str, user: u32) -> Result<Reply, Reason> {
        let install = self.install(name)?;
        let spared = user != ROOT && self.is_critical(name, &install);
        let begun = install.begin_start(spared).map_err(|error| failed(name, &error))?;
        match begun {
            Begun::Plain => Ok(Reply::Plain),
            Begun::Spared => Err(Reason::Critical),
            Begun::Counted(count) => {
                eprintln!("event=started app={name} user={user} starts={}", count.starts);
                Ok(Reply::Counted { starts: count.starts, clean: count.clean })
            }
        }
    }

    /// Whether the release on trial is one that the publisher asked to install without delay.
    fn is_critical(&self, name: &str, install: &Install) -> bool {
        let phase = install.status().map(|status| status.phase);
        let known = self.records.load(name).and_then(|attended| attended.known);
        match (phase, known) {
            (Ok(Phase::Trial { to, .. }), Some(known)) => {
                known.critical && known.version == to.version
            }
            _ => false,
        }
    }

    fn step<E: std::fmt::Display>(
        &self,
        name: &str,
        user: u32,
        event: &str,
        step: impl FnOnce(&Install) -> Result<(), E>,
    ) -> Result<Reply, Reason> {
        let install = self.install(name)?;
        let on_trial = install.trial().map_err(|error| failed(name, &error))?.is_some();
        if !on_trial {
            return Ok(Reply::Plain);
        }
        step(&install).map_err(|error| failed(name, &error))?;
        eprintln!("event={event} app={name} user={user}");
        Ok(Reply::Done)
    }

    /// Has a process of its own look after an application, unless that was done a moment ago.
    fn begin(&self, name: String, work: Work, user: u32) -> Result<Reply, Reason> {
        let mut works = works(&self.begun);
        if works.now.contains(&name) || works.now.len() >= AT_ONCE {
            return Err(Reason::Busy);
        }
        let last = works.last.get(&(name.clone(), work));
        if last.is_some_and(|last| last.elapsed() < BETWEEN) {
            return Err(Reason::TooSoon);
        }
        let program = std::env::current_exe().map_err(|error| failed(&name, &error))?;
        // The same command line once more, which says where everything lies.
        let args: Vec<OsString> = std::env::args_os().skip(1).collect();
        let mut command = Command::new(program);
        command.args(args).args(["--app", &name, "--round", work.name()]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().map_err(|error| failed(&name, &error))?;
        eprintln!("event={} app={name} user={user}", work.name());
        works.now.insert(name.clone());
        works.last.insert((name.clone(), work), Instant::now());
        let begun = Arc::clone(&self.begun);
        std::thread::spawn(move || {
            let _ = child.wait();
            self::works(&begun).now.remove(&name);
        });
        Ok(Reply::Begun)
    }
}

fn works(works: &Mutex<Works>) -> MutexGuard<'_, Works> {
    works.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(name: &str, error: &dyn std::fmt::Display) -> Reason {
    let text = error.to_string();
    eprintln!("event=failed app={name} text={text:?}");
    Reason::Failed
}

const ROOT: u32 = 0;
/// Applications that are worked on at the same time.
const AT_ONCE: usize = 4;
/// Between two checks, or two updates, of one application.
const BETWEEN: Duration = Duration::from_secs(300);
