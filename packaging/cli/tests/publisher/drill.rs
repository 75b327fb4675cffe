//! A publisher with a theft ahead, the folder that clients look at, and their homes.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exuvia::{Check, FirstInstall, Mirror, Placement, Qualify, Updater};
use exuvia_cli::{InitOptions, Outcome, Publisher, Unwatched};
use exuvia_core::Time;

use crate::support::*;

/// A publisher, the folder that clients look at, and their homes.
pub(crate) struct Drill {
    pub(crate) place: Place,
    pub(crate) publisher: Publisher,
}

/// What a client ended with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Current,
    Held,
    Moved(String),
    Refused,
}

impl Drill {
    /// 1.0.0 is published.
    pub(crate) fn new() -> Self {
        let place = Place::new();
        let mirror: Mirror = format!("file://{}/", place.path("www").display()).parse().unwrap();
        let options = InitOptions {
            cost: CHEAP,
            mirrors: vec![mirror],
            health: "alive:1".parse().unwrap(),
            qualify: Qualify::Args(vec!["--version".to_owned()]),
            ..InitOptions::new("notes".parse().unwrap())
        };
        let publisher = Publisher::init(place.repo(), options, passphrase(PASSPHRASE))
            .unwrap()
            .with_cost(CHEAP);
        let mut drill = Self { place, publisher };
        drill.release("1.0.0");
        drill
    }

    pub(crate) fn release(&mut self, version: &str) {
        self.place.release(&mut self.publisher, version);
        self.publish();
    }

    pub(crate) fn publish(&self) {
        self.publisher.publish(self.place.path("www"), &Unwatched).unwrap();
    }

    /// A copy of the publisher's folder in which only these keys are left.
    pub(crate) fn thief(&self, keys: &[&str]) -> Publisher {
        let copy = self.place.path("thief");
        let copied =
            Command::new("cp").arg("-a").arg(self.place.repo()).arg(&copy).status().unwrap();
        assert!(copied.success());
        for entry in fs::read_dir(copy.join("keys")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            if path.extension().unwrap() == "key" && !keys.contains(&name) {
                fs::remove_file(path).unwrap();
            }
        }
        Publisher::open(copy, passphrase(PASSPHRASE)).unwrap().with_cost(CHEAP)
    }

    pub(crate) fn channel(&self) -> String {
        format!("stable-{}", exuvia_cli::host())
    }

    pub(crate) fn client(&self, name: &str) -> Client {
        let config = self.place.repo().join("exuvia.json");
        Client { home: self.place.path(name), config: fs::read_to_string(config).unwrap(), days: 0 }
    }
}

/// An installation and its user's state.
pub(crate) struct Client {
    pub(crate) home: PathBuf,
    config: String,
    /// How many days later than today it is there.
    pub(crate) days: i64,
}

impl Client {
    pub(crate) fn updater(&self) -> Updater {
        let days = self.days;
        Updater::builder(&self.config)
            .install(self.home.join("apps/notes"))
            .state_dir(self.home.join("state"))
            .cache_dir(self.home.join("cache"))
            .clock(move || today().plus_days(days))
            .build()
            .unwrap()
    }

    pub(crate) fn install(self) -> Self {
        fs::create_dir_all(self.home.join("apps")).unwrap();
        let first = FirstInstall {
            layout: Some(Placement::Versioned),
            version: None,
            launcher: Some(PathBuf::from("/bin/true")),
        };
        wait(self.updater().first_install(first, &mut |_| {})).unwrap();
        self
    }

    /// Checks, and goes where an offer leads, to the end.
    pub(crate) fn update(&self) -> Found {
        let updater = self.updater();
        let offer = match wait(updater.check()) {
            Ok(Check::UpToDate) => return Found::Current,
            Ok(Check::Held(_)) => return Found::Held,
            Ok(Check::Offer(offer)) => offer,
            Err(exuvia::Error::Repository(_)) => return Found::Refused,
            Err(other) => panic!("{other:?}"),
        };
        let version = offer.version().to_string();
        wait(async { offer.download(&mut |_| {}).await?.stage().await?.apply_now() }).unwrap();
        let install = self.updater().installation().unwrap().clone();
        if let Some(trial) = install.trial().unwrap() {
            trial.confirm(today()).unwrap();
        }
        Found::Moved(version)
    }

    /// The same installation, lured to another mirror.
    pub(crate) fn at(&self, mirror: &Path) -> Self {
        let mut config: serde_json::Value = serde_json::from_str(&self.config).unwrap();
        config["mirrors"] = serde_json::json!([format!("file://{}/", mirror.display())]);
        Self { home: self.home.clone(), config: config.to_string(), days: self.days }
    }
}

pub(crate) fn today() -> Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix(now.as_secs() as i64)
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn done(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
}
