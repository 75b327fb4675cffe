//! The road over real HTTP: an installed application, a newer release behind a server that misbehaves
//! on request, and what must hold whatever it does.

pub mod table;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use exuvia::{Check, Error, Limits};
use exuvia_bundle::{Item, MemoryTree};

use self::table::Case;
use crate::home::{Home, expected};
use crate::server::{Fault, Server};
use crate::sim::forge::channel_role;
use crate::sim::{APP, Sim};

/// No attempt takes longer, whatever the server does.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// 1.0.0 is installed, 1.1.0 is published; nothing of the way there is known yet.
pub struct Web {
    /// The publisher.
    pub sim: Sim,
    /// The user.
    pub home: Home,
    /// What stands between them.
    pub server: Server,
    saved: tempfile::TempDir,
    _folder: tempfile::TempDir,
}

/// A kind of file that an update asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// The second root.
    Root,
    /// The timestamp.
    Timestamp,
    /// The snapshot.
    Snapshot,
    /// The top-level targets.
    Targets,
    /// The role of channel and platform.
    Channel,
    /// The full bundle; no delta is there.
    Full,
    /// The delta; the full bundle is there too.
    Delta,
}

impl Asked {
    /// All of them.
    pub const ALL: [Asked; 7] = [
        Asked::Root,
        Asked::Timestamp,
        Asked::Snapshot,
        Asked::Targets,
        Asked::Channel,
        Asked::Full,
        Asked::Delta,
    ];

    /// Whether it is metadata.
    pub fn is_metadata(self) -> bool {
        self < Asked::Full
    }
}

impl Web {
    /// Sets it up.
    pub async fn new() -> Web {
        let (sim, home) = (Sim::new(), Home::new());
        sim.publish("1.0.0", &tree("1.0.0"));
        home.install(&sim).await;
        sim.pass_days(1);
        sim.publish("1.1.0", &tree("1.1.0"));
        sim.next_root(&["root"], |_| {});
        std::fs::remove_dir_all(home.path().join("state")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        sim.write_to(folder.path());
        let (server, saved) = (Server::start(folder.path()), home.save());
        Web { sim, home, server, saved, _folder: folder }
    }

    /// Where a kind of file lies.
    pub fn path(&self, asked: Asked) -> String {
        let metadata = |role: &str| {
            format!("metadata/{}.{role}.json", self.sim.signed(role)["version"].as_u64().unwrap())
        };
        match asked {
            Asked::Root => metadata("root"),
            Asked::Timestamp => "metadata/timestamp.json".to_owned(),
            Asked::Snapshot => metadata("snapshot"),
            Asked::Targets => metadata("targets"),
            Asked::Channel => metadata(&channel_role()),
            Asked::Full => self.sim.path_of(&["1.1.0-folder.tar.zst"]),
            Asked::Delta => self.sim.path_of(&["1.1.0-folder-from-1.0.0.delta"]),
        }
    }

    /// Bytes of a file.
    pub fn length(&self, asked: Asked) -> usize {
        self.sim.served()[&self.path(asked)].len()
    }

    /// Goes the whole road.
    ///
    /// # Errors
    /// The updater's.
    pub async fn attempt(&self, limits: Limits) -> Result<Option<String>, Error> {
        self.attempt_at(&[self.server.url()], limits).await
    }

    /// As [`Web::attempt`], with these mirrors.
    ///
    /// # Errors
    /// The updater's.
    pub async fn attempt_at(
        &self,
        mirrors: &[String],
        limits: Limits,
    ) -> Result<Option<String>, Error> {
        let builder = self.home.builder(&self.sim).mirrors(mirrors.iter().cloned()).limits(limits);
        let updater = builder.build().unwrap();
        let mut progress = |_| {};
        let Check::Offer(offer) = updater.check().await? else { return Ok(None) };
        let staged = offer.download(&mut progress).await?.stage().await?;
        Ok(Some(staged.apply_now()?.version().to_string()))
    }

    /// Tries to update while the server answers so: each of `faults` once, the last one for ever if
    /// there is only one. Whatever happens, the old version or the new one is there and whole, nothing
    /// took for ever, and the next honest update works. Gives what the attempt ended with.
    pub async fn survives(&self, asked: Asked, faults: &[Fault]) -> Outcome {
        let (path, when) = (self.path(asked), format!("{faults:?} at {asked:?}"));
        if asked == Asked::Full {
            self.server.fault(&self.path(Asked::Delta), Fault::Status(404));
        }
        match faults {
            [fault] => self.server.fault(&path, fault.clone()),
            _ => self.server.faults(&path, faults.iter().cloned()),
        }
        let (begun, surroundings) = (Instant::now(), self.home.surroundings());
        let result = tokio::time::timeout(DEADLINE, self.attempt(impatient())).await;
        let result = result.unwrap_or_else(|_| panic!("{when}: still not done"));
        let (took, sent) = (begun.elapsed(), self.server.sent());
        self.server.heal();
        let there = match &result {
            Ok(version) => version.as_deref().unwrap_or("1.0.0"),
            Err(_) => "1.0.0",
        };
        assert_eq!(self.home.installed(), expected(&tree(there)), "{when}: {result:?}");
        assert_eq!(self.home.surroundings(), surroundings, "{when}");
        if there == "1.0.0" {
            let next = self.attempt(Limits::default()).await;
            let next = next.unwrap_or_else(|e| panic!("after {when}: {e}"));
            assert_eq!(next.as_deref(), Some("1.1.0"), "after {when}");
            assert_eq!(self.home.installed(), expected(&tree("1.1.0")), "after {when}");
        }
        self.home.restore(&self.saved);
        self.server.requests();
        Outcome { label: label(&result), took, sent }
    }
}

/// Runs cases, several at a time since they mostly wait. Each result goes to `told`.
pub fn run_all(cases: Vec<Case>, lanes: usize, told: impl Fn(&Case, Outcome) + Sync) {
    let queue = Mutex::new(cases.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(async {
                    let web = Web::new().await;
                    loop {
                        let next = queue.lock().unwrap().next();
                        let Some(case) = next else { break };
                        told(&case, web.survives(case.asked, &case.faults).await);
                    }
                });
            });
        }
    });
}

/// What an attempt ended with.
#[derive(Debug)]
pub struct Outcome {
    /// `installed`, `nothing`, or the family of the error and its name.
    pub label: String,
    /// How long it took.
    pub took: Duration,
    /// Bytes of body that the server sent.
    pub sent: u64,
}

fn label(result: &Result<Option<String>, Error>) -> String {
    let name = |error: &dyn std::fmt::Debug| {
        let text = format!("{error:?}");
        text.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()
    };
    match result {
        Ok(Some(_)) => "installed".to_owned(),
        Ok(None) => "nothing".to_owned(),
        Err(error @ Error::Network(e)) => format!("{} {}", error.exit_code(), name(&e.source)),
        Err(error @ Error::Repository(e)) => format!("{} {}", error.exit_code(), name(e)),
        Err(error @ Error::Local(e)) => format!("{} {}", error.exit_code(), name(e)),
        Err(error) => name(error),
    }
}

/// Limits for servers that shall be given up soon.
pub fn impatient() -> Limits {
    let mut limits = Limits::default();
    limits.header = Duration::from_secs(1);
    limits.metadata = Duration::from_secs(5);
    limits.payload = Duration::from_secs(10);
    limits.window = Duration::from_secs(1);
    limits.pause = Duration::from_millis(5);
    limits
}

/// 800 KiB that compression cannot make smaller, half of it another in each version: more than one
/// piece of a download.
pub fn tree(version: &str) -> MemoryTree {
    let noise = |seed: u64| -> Vec<u8> {
        let mut state = 0x2545_F491_4F6C_DD1D ^ seed;
        let words = std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        words.take(50 * 1024).flatten().collect()
    };
    let seed = version.bytes().fold(0, |sum, byte| sum * 256 + u64::from(byte));
    let script = format!("#!/bin/sh\necho notes {version}\n");
    let file = |executable, bytes: Vec<u8>| Item::File { executable, bytes };
    MemoryTree::new([
        (APP, file(true, script.into_bytes())),
        ("share/same", file(false, noise(0))),
        ("share/version", file(false, noise(seed))),
    ])
    .unwrap()
}
