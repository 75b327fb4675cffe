//! A driver in memory, which writes down what it is asked.

use std::collections::BTreeMap;

use exuvia_core::{
    Answer, Error, Floors, Limits, Machine, Refresh, Start, Target, Time, Trusted, Want,
};

use crate::publisher::{Publisher, now};

/// What an installation keeps.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) embedded: Vec<u8>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) floors: Floors,
    pub(crate) limits: Limits,
    pub(crate) now: Time,
    /// What was done, such as `get 2.root.json`, `load timestamp.json`, `save root.json`, `floors`.
    pub(crate) log: Vec<String>,
    /// How many writes still work.
    pub(crate) writes_left: usize,
}

/// The end of a drive.
#[derive(Debug, PartialEq)]
pub(crate) enum Failure {
    Refused(Error),
    /// The machine stopped in the middle of writing.
    Crashed,
}

impl Client {
    pub(crate) fn of(publisher: &Publisher) -> Self {
        Self {
            embedded: publisher.first_root(),
            files: BTreeMap::new(),
            floors: Floors::default(),
            limits: Limits::default(),
            now: now(),
            log: Vec::new(),
            writes_left: usize::MAX,
        }
    }

    /// A client that has refreshed once.
    pub(crate) fn refreshed(publisher: &Publisher) -> Self {
        let mut client = Self::of(publisher);
        client.refresh(publisher).unwrap();
        client
    }

    pub(crate) fn start(&self) -> Result<Refresh, Error> {
        Refresh::new(Start {
            embedded: &self.embedded,
            stored: self.files.get("root.json").map(Vec::as_slice),
            floors: self.floors.clone(),
            now: self.now,
            limits: self.limits,
        })
    }

    pub(crate) fn refresh(&mut self, publisher: &Publisher) -> Result<Trusted, Error> {
        match self.try_refresh(publisher) {
            Ok(trusted) => Ok(trusted),
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Crashed) => panic!("crashed without having been told to"),
        }
    }

    pub(crate) fn try_refresh(&mut self, publisher: &Publisher) -> Result<Trusted, Failure> {
        self.log.clear();
        let mut refresh = self.start().map_err(Failure::Refused)?;
        self.drive(&mut refresh, publisher)?;
        refresh.finish().map_err(Failure::Refused)
    }

    pub(crate) fn find(&mut self, publisher: &Publisher, path: &str) -> Result<Vec<Target>, Error> {
        self.search(publisher, |trusted| trusted.find(path))
    }

    pub(crate) fn list(&mut self, publisher: &Publisher, dir: &str) -> Result<Vec<Target>, Error> {
        self.search(publisher, |trusted| trusted.list(dir))
    }

    fn search(
        &mut self,
        publisher: &Publisher,
        search: impl FnOnce(Trusted) -> exuvia_core::Search,
    ) -> Result<Vec<Target>, Error> {
        let trusted = self.refresh(publisher)?;
        self.log.clear();
        let mut search = search(trusted);
        match self.drive(&mut search, publisher) {
            Ok(()) => search.finish().map(|(_, targets)| targets),
            Err(Failure::Refused(error)) => Err(error),
            Err(Failure::Crashed) => panic!("crashed without having been told to"),
        }
    }

    fn drive(&mut self, machine: &mut impl Machine, publisher: &Publisher) -> Result<(), Failure> {
        loop {
            let loaded;
            let answer = match machine.wants() {
                Want::Nothing => return Ok(()),
                Want::Load { name } => {
                    self.log.push(format!("load {name}"));
                    loaded = self.files.get(name).cloned();
                    loaded.as_deref().map_or(Answer::Missing, Answer::Bytes)
                }
                Want::Fetch { name, conditional, .. } => {
                    self.log.push(format!("get {name}"));
                    match publisher.files.get(name) {
                        Some(bytes) if conditional && self.files.get(name) == Some(bytes) => {
                            self.log.push("304".to_owned());
                            Answer::NotModified
                        }
                        found => found.map_or(Answer::Missing, |bytes| Answer::Bytes(bytes)),
                    }
                }
                Want::Save { name, bytes } => {
                    self.log.push(format!("save {name}"));
                    self.writes_left = self.writes_left.checked_sub(1).ok_or(Failure::Crashed)?;
                    self.files.insert(name.to_owned(), bytes.to_vec());
                    Answer::Done
                }
                Want::SaveFloors { floors } => {
                    self.log.push("floors".to_owned());
                    self.writes_left = self.writes_left.checked_sub(1).ok_or(Failure::Crashed)?;
                    self.floors = floors.clone();
                    Answer::Done
                }
            };
            machine.accept(answer).map_err(Failure::Refused)?;
        }
    }

    /// The files asked of the repository.
    pub(crate) fn fetched(&self) -> Vec<&str> {
        self.log.iter().filter_map(|line| line.strip_prefix("get ")).collect()
    }
}
