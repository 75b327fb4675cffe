use std::collections::BTreeMap;

/// One file to write, relative to the repository's base address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// `/`-separated path, such as `metadata/timestamp.json`.
    pub path: String,
    /// The whole content.
    pub bytes: Vec<u8>,
}

/// The metadata files that one change writes, in the order in which they may be written.
///
/// Every file is named by those after it, so whoever writes them one by one never shows a mixed
/// repository: until the last file, `metadata/timestamp.json`, is replaced, a reader sees the
/// state before the change. (A root that exchanges keys comes after it: by then everything is signed by
/// the old keys and the new.) Payloads under `targets/` come before all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The files in writing order.
    pub files: Vec<File>,
}

impl Changes {
    pub(crate) fn push(&mut self, path: String, bytes: Vec<u8>) {
        self.files.push(File { path, bytes });
    }

    /// Writes the changes into a map of files, as a directory would hold them.
    pub fn write_to(&self, files: &mut BTreeMap<String, Vec<u8>>) {
        for file in &self.files {
            files.insert(file.path.clone(), file.bytes.clone());
        }
    }
}
