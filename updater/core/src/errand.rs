//! What `Refresh` and `Search` share: the fetching of one named file, and writes in order.

use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::Time;
use crate::error::Error;
use crate::floors::Floors;
use crate::machine::{Answer, Want};
use crate::metadata::{Authority, MetaFile, Role};
use crate::verify::{Current, Unverified, Verified};

/// The way to a metadata file whose version a parent names: the store is asked first, and what it
/// has is used only if it is exactly what is named; then the repository.
#[derive(Debug, Clone)]
pub(crate) struct Errand {
    role: String,
    named: MetaFile,
    stored: String,
    remote: String,
    limit: u64,
    looked: bool,
}

impl Errand {
    pub(crate) fn new(role: &str, named: &MetaFile, consistent: bool, limit: u64) -> Self {
        let stored = file_name(role);
        // With consistent snapshots every version has a name of its own (5.5.1, 5.6.1).
        let remote =
            if consistent { format!("{}.{stored}", named.version) } else { stored.clone() };
        let limit = named.length.map_or(limit, |length| length.min(limit));
        let (role, named) = (role.to_owned(), named.clone());
        Self { role, named, stored, remote, limit, looked: false }
    }

    /// The same errand once the store has been asked.
    pub(crate) fn after_store(&self) -> Self {
        Self { looked: true, ..self.clone() }
    }

    pub(crate) fn want(&self) -> Want<'_> {
        if self.looked {
            Want::Fetch { name: &self.remote, limit: self.limit, conditional: false }
        } else {
            Want::Load { name: &self.stored }
        }
    }

    /// The bytes in an answer, with where they are from.
    pub(crate) fn received<'a>(&self, answer: Answer<'a>) -> Result<Received<'a>, Error> {
        match answer {
            Answer::Missing if self.looked => Err(Error::Missing { file: self.remote.clone() }),
            Answer::Missing => Ok(Received::Stored(None)),
            Answer::Bytes(bytes) if self.looked => {
                within(&self.role, bytes, self.limit).map(Received::Fetched)
            }
            Answer::Bytes(bytes) => Ok(Received::Stored(Some(bytes))),
            Answer::NotModified | Answer::Done => Err(Error::UnexpectedAnswer),
        }
    }

    /// Checks against the parent and the signatures (5.5.2 to 5.5.4, 5.6.2 to 5.6.4).
    pub(crate) fn verify<M: Role>(
        &self,
        bytes: &[u8],
        by: Authority<'_>,
    ) -> Result<Verified<M>, Error> {
        Unverified::<M>::new(&self.role, bytes)
            .named_by(&self.named)?
            .verify(by)?
            .of_version(self.named.version)
    }

    /// Follows an answer to its end, for roles that need no further check (5.6.2 to 5.6.6).
    pub(crate) fn pursue<M: Role>(
        &self,
        answer: Answer<'_>,
        by: Authority<'_>,
        floor: u64,
        now: Time,
        outbox: &mut Outbox,
    ) -> Result<Option<Current<M>>, Error> {
        match self.received(answer)? {
            Received::Stored(bytes) => Ok(bytes
                .and_then(|bytes| self.verify::<M>(bytes, by).ok())
                .and_then(|verified| verified.current(floor, now).ok())),
            Received::Fetched(bytes) => {
                let current = self.verify::<M>(bytes, by)?.current(floor, now)?;
                outbox.file(&self.role, bytes);
                Ok(Some(current))
            }
        }
    }
}

/// Where bytes are from.
pub(crate) enum Received<'a> {
    /// The store, if it has the file. Whatever is wrong with it makes it absent, never an error.
    Stored(Option<&'a [u8]>),
    /// The repository.
    Fetched(&'a [u8]),
}

/// The file of a role. Whatever is neither a letter, a digit nor one of `_.-~` is percent-encoded,
/// so that no role can name a file elsewhere (as the reference implementation does).
pub(crate) fn file_name(role: &str) -> String {
    let mut name = String::new();
    for byte in role.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) {
            name.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name + ".json"
}

/// The bytes, if they are within the limit, whether or not the driver kept to it.
pub(crate) fn within<'a>(role: &str, bytes: &'a [u8], limit: u64) -> Result<&'a [u8], Error> {
    if bytes.len() as u64 > limit {
        return Err(Error::TooLong { role: role.to_owned(), limit });
    }
    Ok(bytes)
}

/// Writes that must happen, in order, before anything else is wanted.
#[derive(Debug)]
pub(crate) struct Outbox {
    writes: VecDeque<Write>,
    /// The floors as they were last written.
    flushed: Floors,
}

#[derive(Debug)]
enum Write {
    Floors(Floors),
    File { name: String, bytes: Vec<u8> },
}

impl Outbox {
    /// Nothing to write; `flushed` is what the store has.
    pub(crate) fn new(flushed: Floors) -> Self {
        Self { writes: VecDeque::new(), flushed }
    }

    /// Writes the floors if they rose.
    pub(crate) fn floors(&mut self, floors: &Floors) {
        if self.flushed != *floors {
            self.flushed = floors.clone();
            self.writes.push_back(Write::Floors(floors.clone()));
        }
    }

    /// Writes a role's metadata, byte for byte.
    pub(crate) fn file(&mut self, role: &str, bytes: &[u8]) {
        self.writes.push_back(Write::File { name: file_name(role), bytes: bytes.to_vec() });
    }

    pub(crate) fn want(&self) -> Option<Want<'_>> {
        self.writes.front().map(|write| match write {
            Write::Floors(floors) => Want::SaveFloors { floors },
            Write::File { name, bytes } => Want::Save { name, bytes },
        })
    }

    /// Takes the answer to the first write; gives back an answer that is not about a write.
    pub(crate) fn accept<'a>(&mut self, answer: Answer<'a>) -> Result<Option<Answer<'a>>, Error> {
        match (self.writes.front(), answer) {
            (Some(_), Answer::Done) => {
                self.writes.pop_front();
                Ok(None)
            }
            (Some(_), _) | (None, Answer::Done) => Err(Error::UnexpectedAnswer),
            (None, answer) => Ok(Some(answer)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_role_names_a_file_elsewhere() {
        let cases = [
            ("stable-linux-x86_64", "stable-linux-x86_64.json"),
            ("../x", "..%2Fx.json"),
            ("/etc", "%2Fetc.json"),
            ("?#", "%3F%23.json"),
            ("a\\b:é\0", "a%5Cb%3A%C3%A9%00.json"),
            ("..", "...json"),
        ];
        for (role, file) in cases {
            assert_eq!(file_name(role), file);
        }
    }
}
