//! Power cuts on real file systems: ext4 and XFS on loop devices, stopped by their own shutdown call,
//! so that everything that was not flushed is gone, and mounted again.
//!
//! ext4 is mounted with `noauto_da_alloc`: its default flushes what a rename brings into place, which
//! hides missing flushes.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::call::Call;
use super::trace::{Verdict, Watcher};

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// With `noauto_da_alloc`.
    Ext4,
    /// As it comes.
    Xfs,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            System::Ext4 => "ext4 power",
            System::Xfs => "XFS power",
        })
    }
}

/// How the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// What lies in memory is lost, the log of the file system too.
    AtOnce,
    /// The log arrives and file contents do not: names without their data.
    AfterTheLog,
}

/// A mounted file system in a file, unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    system: System,
    image: PathBuf,
    mount: PathBuf,
}

impl Disk {
    /// Makes and mounts one.
    ///
    /// # Errors
    /// What the machine lacks.
    pub fn new(folder: &Path, name: &str, system: System) -> Result<Disk, String> {
        let [image, mount] = ["img", "mnt"].map(|end| folder.join(format!("{name}.{end}")));
        std::fs::create_dir_all(&mount).unwrap();
        // XFS wants so much; the file is sparse.
        File::create(&image).unwrap().set_len(320 << 20).unwrap();
        let make: &[&str] = match system {
            System::Ext4 => &["mkfs.ext4", "-q", "-F"],
            System::Xfs => &["mkfs.xfs", "-q", "-f"],
        };
        let disk = Disk { system, image, mount };
        run(make, &[disk.image.as_path()])
            .map_err(|e| format!("{system}: needs {}: {e}", make[0]))?;
        run(&["xfs_io", "-V"], &[]).map_err(|e| format!("{system}: needs xfs_io: {e}"))?;
        disk.mount().map_err(|e| format!("{system}: needs root and loop devices: {e}"))?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mount
    }

    fn mount(&self) -> Result<(), String> {
        let options = match self.system {
            System::Ext4 => "loop,noauto_da_alloc",
            System::Xfs => "loop",
        };
        run(&["mount", "-o", options], &[&self.image, &self.mount])
    }

    /// Lets everything reach the device.
    pub fn settle(&self) {
        run(&["sync", "-f"], &[&self.mount]).unwrap();
    }

    /// The power goes.
    pub fn cut(&self, cut: Cut) {
        let shutdown = match cut {
            Cut::AtOnce => "shutdown",
            Cut::AfterTheLog => "shutdown -f",
        };
        run(&["xfs_io", "-x", "-c", shutdown], &[&self.mount]).unwrap();
    }

    /// The power comes back.
    pub fn come_back(&self) {
        self.unmount().unwrap();
        self.mount().unwrap();
    }

    fn unmount(&self) -> Result<(), String> {
        let mut tried = run(&["umount"], &[&self.mount]);
        for _ in 0..50 {
            if tried.is_ok() {
                break;
            }
            // The last process that was killed may still be on its way out.
            std::thread::sleep(Duration::from_millis(20));
            tried = run(&["umount"], &[&self.mount]);
        }
        tried
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}

/// Lets the power go at one call.
pub struct CutAt<'a> {
    /// The file systems of the machine.
    pub disks: &'a [Disk],
    /// How.
    pub cut: Cut,
    /// At which call, from 0.
    pub point: usize,
    /// Calls so far.
    pub seen: usize,
}

impl Watcher for CutAt<'_> {
    fn before(&mut self, _call: &Call) -> Verdict {
        self.seen += 1;
        if self.seen <= self.point {
            return Verdict::Go;
        }
        self.disks.iter().for_each(|disk| disk.cut(self.cut));
        Verdict::Kill
    }
}

fn run(command: &[&str], paths: &[&Path]) -> Result<(), String> {
    let output = Command::new(command[0]).args(&command[1..]).args(paths).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
