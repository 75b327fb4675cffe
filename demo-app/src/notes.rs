//! Notes: one Markdown file each.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use std::{fs, process};

use serde::{Serialize, Serializer};

/// The folder of notes.
pub(crate) struct Notes {
    dir: PathBuf,
}

/// One note in the list.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Note {
    id: String,
    /// Its first line with something in it.
    title: String,
    /// Seconds since 1970.
    changed: u64,
}

/// Why a note cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoteError {
    #[error("{id:?} is not the name of a note")]
    Name { id: String },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Serialize for NoteError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Notes {
    /// Makes the folder, with a first note in it, when there is none.
    pub(crate) fn open(data: &Path) -> Result<Notes, NoteError> {
        let notes = Notes { dir: data.join("notes") };
        if !notes.dir.exists() {
            fs::create_dir_all(&notes.dir).map_err(|source| io_at(&notes.dir, source))?;
            notes.write("welcome", WELCOME)?;
        }
        Ok(notes)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    /// The newest first.
    pub(crate) fn list(&self) -> Result<Vec<Note>, NoteError> {
        let entries = fs::read_dir(&self.dir).map_err(|source| io_at(&self.dir, source))?;
        let mut notes: Vec<Note> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let id = entry.file_name().to_str()?.strip_suffix(".md")?.to_owned();
                let changed = entry.metadata().ok()?.modified().ok()?;
                let changed = changed.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let text = self.read(&id).ok()?;
                Some(Note { id, title: title(&text), changed })
            })
            .collect();
        notes.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.id.cmp(&b.id)));
        Ok(notes)
    }

    pub(crate) fn read(&self, id: &str) -> Result<String, NoteError> {
        let path = self.file(id)?;
        fs::read_to_string(&path).map_err(|source| io_at(&path, source))
    }

    /// Replaces it as a whole: a note is never half written.
    pub(crate) fn write(&self, id: &str, text: &str) -> Result<(), NoteError> {
        let path = self.file(id)?;
        replace(&path, text.as_bytes()).map_err(|source| io_at(&path, source))
    }

    pub(crate) fn delete(&self, id: &str) -> Result<(), NoteError> {
        let path = self.file(id)?;
        fs::remove_file(&path).map_err(|source| io_at(&path, source))
    }

    fn file(&self, id: &str) -> Result<PathBuf, NoteError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        match id.len() {
            1..=64 if id.bytes().all(plain) => Ok(self.dir.join(format!("{id}.md"))),
            _ => Err(NoteError::Name { id: id.to_owned() }),
        }
    }
}

/// Writes beside the file, then renames over it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.tmp", process::id()));
    let mut file = fs::File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

pub(crate) fn io_at(path: &Path, source: io::Error) -> NoteError {
    NoteError::Io { path: path.to_owned(), source }
}

fn title(text: &str) -> String {
    let mut lines = text.lines().map(|line| line.trim_start_matches(['#', ' ']).trim());
    lines.find(|line| !line.is_empty()).unwrap_or_default().chars().take(80).collect()
}

const WELCOME: &str = "# Welcome\n\nThis note pad updates itself, and goes back by itself when a new version does not hold.\n\n\
    - Notes are **Markdown**, one file each\n- They lie beside the application, so they stay through every update\n\n\
    Write something here, then watch it survive.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_kept_and_listed_by_their_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::open(folder.path()).unwrap();
        notes.write("a-1", "\n## Milk\nand bread").unwrap();
        let titles: Vec<String> = notes.list().unwrap().into_iter().map(|n| n.title).collect();
        assert!(titles.contains(&"Milk".to_owned()) && titles.contains(&"Welcome".to_owned()));
        notes.delete("a-1").unwrap();
        assert_eq!(Notes::open(folder.path()).unwrap().list().unwrap().len(), 1);
    }

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::open(folder.path()).unwrap();
        for id in ["", "../x", "a/b", "a.b", "A", &"a".repeat(65)] {
            assert!(matches!(notes.write(id, ""), Err(NoteError::Name { .. })), "{id}");
        }
    }
}
