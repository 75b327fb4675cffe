//! A second, independent writer of bundles, which writes whatever it is told.
#![allow(dead_code, reason = "every test file uses another part")]

use std::io;

use exuvia_bundle::{Manifest, RelPath, Sink};

pub(crate) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(crate) fn dir(path: &str) -> String {
    format!(r#"{{"path":"{path}","kind":"dir"}}"#)
}

pub(crate) fn file(path: &str) -> String {
    sized(path, "0")
}

pub(crate) fn sized(path: &str, length: &str) -> String {
    format!(
        r#"{{"path":"{path}","kind":"file","mode":"0644","length":{length},"sha256":"{EMPTY}"}}"#
    )
}

pub(crate) fn link(path: &str, target: &str) -> String {
    format!(r#"{{"path":"{path}","kind":"link","target":"{target}"}}"#)
}

pub(crate) fn manifest(entries: &[String]) -> Vec<u8> {
    format!("{{\"exuvia-bundle\":1,\"entries\":[{}]}}\n", entries.join(",")).into_bytes()
}

/// The start of a bundle with this manifest, and zeros for whatever would follow.
pub(crate) fn bundle(manifest: &[u8]) -> Vec<u8> {
    let mut out = head(manifest.len()).to_vec();
    out.extend(manifest);
    out.resize(out.len().next_multiple_of(512) + 8192, 0);
    out
}

pub(crate) fn head(length: usize) -> [u8; 512] {
    let mut block = [0; 512];
    block[..16].copy_from_slice(b".exuvia/manifest");
    block[100..124].copy_from_slice(b"0000644\x000000000\x000000000\0");
    block[124..136].copy_from_slice(format!("{length:011o}\0").as_bytes());
    block[136..147].copy_from_slice(b"00000000000");
    block[156] = b'0';
    block[257..264].copy_from_slice(b"ustar  ");
    seal(block)
}

/// Puts the checksum right.
pub(crate) fn seal(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// Writes down what it is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Log(pub(crate) Vec<String>);

impl Sink for Log {
    fn begin(&mut self, manifest: &Manifest) -> io::Result<()> {
        self.0.push(format!("begin {}", manifest.entries().len()));
        Ok(())
    }

    fn dir(&mut self, path: &RelPath) -> io::Result<()> {
        self.0.push(format!("dir {path}"));
        Ok(())
    }

    fn file(&mut self, path: &RelPath, executable: bool, length: u64) -> io::Result<()> {
        self.0.push(format!("file {path} {executable} {length} "));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        let line = self.0.last_mut().unwrap();
        bytes.iter().for_each(|byte| line.push_str(&format!("{byte:02x}")));
        Ok(())
    }

    fn end_file(&mut self) -> io::Result<()> {
        self.0.push("end".to_owned());
        Ok(())
    }

    fn link(&mut self, path: &RelPath, target: &str) -> io::Result<()> {
        self.0.push(format!("link {path} {target}"));
        Ok(())
    }
}
