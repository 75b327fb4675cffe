//! Makes and applies a delta between two folders or files, and says what it cost.
//!
//! ```text
//! cargo run --release -p exuvia-delta --features make --example measure -- make OLD NEW PATCH
//! cargo run --release -p exuvia-delta --features make --example measure -- apply OLD PATCH
//! ```
//! Time is the processor's and memory the peak of the process, as Linux has them in `/proc`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a program, not the crate")]

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use exuvia_bundle::{Entry, Hasher, Manifest, Node, ReadAt, RelPath, Stream, Tree};
use exuvia_delta::{Limits, Options, Phase, apply, info, make};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", old, new, patch] => measure_make(&Folder::scan(old)?, &Folder::scan(new)?, patch)?,
        ["apply", old, patch] => measure_apply(&Folder::scan(old)?, patch)?,
        _ => return Err("make OLD NEW PATCH, or apply OLD PATCH".into()),
    }
    println!("cpu {:.2} s, peak {} MiB (scan included)", cpu_seconds()?, peak_kib()? >> 10);
    Ok(())
}

fn measure_make(old: &Folder, new: &Folder, patch: &str) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(File::create(patch)?);
    let made = make(old, new, &mut out, &Options::default(), &mut |progress| {
        if progress.phase == Phase::Compress {
            eprintln!("compressed {} of {}", progress.done, progress.total);
        }
    })?;
    println!("{made:?}");
    println!("{:?}", info(&mut BufReader::new(File::open(patch)?))?);
    Ok(())
}

fn measure_apply(old: &Folder, patch: &str) -> Result<(), Box<dyn Error>> {
    let before = cpu_seconds()?;
    let mut patch = BufReader::new(File::open(patch)?);
    let applied = apply(old, &mut patch, &Limits::default(), &mut Stream::new(io::sink()))?;
    println!("{applied:?}: cpu {:.2} s", cpu_seconds()? - before);
    Ok(())
}

/// A folder, or a single file, as a tree.
struct Folder {
    root: PathBuf,
    manifest: Manifest,
}

impl Folder {
    fn scan(root: &str) -> Result<Self, Box<dyn Error>> {
        let root = fs::canonicalize(root)?;
        let mut entries = Vec::new();
        if root.is_dir() {
            scan_dir(&root, "", &mut entries)?;
        } else {
            entries.push(scan_file(&root, RelPath::new("file")?)?);
        }
        Ok(Self { root, manifest: Manifest::new(entries)? })
    }
}

impl Tree for Folder {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn ReadAt + '_>> {
        let place =
            if self.root.is_dir() { self.root.join(path.as_str()) } else { self.root.clone() };
        let file = File::open(place)?;
        let length = file.metadata()?.len();
        Ok(Box::new(Positioned { file, length }))
    }
}

struct Positioned {
    file: File,
    length: u64,
}

impl ReadAt for Positioned {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        (&self.file).seek(SeekFrom::Start(offset))?;
        (&self.file).read(buf)
    }
}

fn scan_dir(root: &Path, at: &str, entries: &mut Vec<Entry>) -> Result<(), Box<dyn Error>> {
    for item in fs::read_dir(root.join(at))? {
        let item = item?;
        let name = item.file_name().into_string().map_err(|_| "a name that is not UTF-8")?;
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        let rel = RelPath::new(&path)?;
        let kind = item.file_type()?;
        if kind.is_dir() {
            entries.push(Entry { path: rel, node: Node::Dir });
            scan_dir(root, &path, entries)?;
        } else if kind.is_file() {
            entries.push(scan_file(&item.path(), rel)?);
        } else {
            return Err(format!("{path} is neither a file nor a folder").into());
        }
    }
    Ok(())
}

fn scan_file(place: &Path, path: RelPath) -> Result<Entry, Box<dyn Error>> {
    let mut file = File::open(place)?;
    let (mut hasher, mut length, mut chunk) = (Hasher::new(), 0, vec![0; 1 << 20]);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => {
                hasher.update(&chunk[..read]);
                length += read as u64;
            }
        }
    }
    let sha256 = hasher.finish();
    Ok(Entry { path, node: Node::File { executable: false, length, sha256 } })
}

fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = after_name.split(' ').skip(11).take(2).flat_map(str::parse::<u64>).sum();
    Ok(ticks as f64 / 100.0)
}

fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}
