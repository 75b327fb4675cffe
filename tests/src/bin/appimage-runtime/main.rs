//! What stands in front of the squashfs in the tests' AppImages (type 2). Mounts the image through FUSE
//! or, where that cannot be or is not wanted, unpacks it; then becomes the `AppRun` in it, with what the
//! format promises: `APPIMAGE`, `APPDIR`, `ARGV0`, `OWD`. The image goes once nobody uses it.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::io::{FdFlags, fcntl_setfd};

fn main() {
    let mut args = env::args_os();
    let name = args.next().unwrap_or_default();
    let args: Vec<_> = args.collect();
    if let [word, folder] = &args[..]
        && word == TIDY
    {
        return tidy(folder.as_ref());
    }
    let unpack = args.first().is_some_and(|word| word == "--appimage-extract-and-run");
    let image = fs::read_link("/proc/self/exe").unwrap();
    let folder = folder();
    if unpack || env::var_os("APPIMAGE_EXTRACT_AND_RUN").is_some() || !mounts(&image, &folder) {
        unpacks(&image, &folder);
    }
    keep_until_unused(&folder);
    let mut program = Command::new(folder.join("AppRun"));
    program.args(args.into_iter().skip(usize::from(unpack)));
    program.env("APPIMAGE", &image).env("APPDIR", &folder).env("ARGV0", name);
    program.env("OWD", env::current_dir().unwrap());
    panic!("AppRun: {}", program.exec());
}

fn folder() -> PathBuf {
    let name = |n: u32| env::temp_dir().join(format!(".mount_{}_{n}", std::process::id()));
    (0..).map(name).find(|folder| fs::create_dir(folder).is_ok()).unwrap()
}

fn mounts(image: &Path, folder: &Path) -> bool {
    let mut mount = Command::new("squashfuse");
    mount.arg("-o").arg(format!("offset={}", end_of_program(image))).arg(image).arg(folder);
    quiet(&mut mount).status().is_ok_and(|status| status.success())
}

fn unpacks(image: &Path, folder: &Path) {
    let mut unpack = Command::new("unsquashfs");
    unpack.args(["-q", "-n", "-f", "-o"]).arg(end_of_program(image).to_string()).arg("-d");
    assert!(quiet(unpack.arg(folder).arg(image)).status().unwrap().success());
}

/// Where the program ends and the file system begins: behind the table of sections.
fn end_of_program(image: &Path) -> u64 {
    let mut head = [0; 64];
    File::open(image).unwrap().read_exact_at(&mut head, 0).unwrap();
    let small = |at: usize| u64::from(u16::from_le_bytes(head[at..at + 2].try_into().unwrap()));
    u64::from_le_bytes(head[40..48].try_into().unwrap()) + small(58) * small(60)
}

/// Leaves a process behind that reads from a pipe whose other end all that `AppRun` starts have.
#[allow(clippy::zombie_processes, reason = "this process becomes another one, whose child it is")]
fn keep_until_unused(folder: &Path) {
    let (used, keeps) = io::pipe().unwrap();
    let mut tidier = Command::new("/proc/self/exe");
    quiet(tidier.arg(TIDY).arg(folder)).stdin(used).process_group(0).spawn().unwrap();
    fcntl_setfd(&keeps, FdFlags::empty()).unwrap();
    std::mem::forget(keeps);
}

fn tidy(folder: &Path) {
    let _ = io::stdin().read_to_end(&mut Vec::new());
    let mut unmount = Command::new("fusermount3");
    let unmounted = quiet(unmount.arg("-u").arg(folder)).status();
    if unmounted.is_ok_and(|status| status.success()) {
        fs::remove_dir(folder).unwrap();
    } else {
        fs::remove_dir_all(folder).unwrap();
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

const TIDY: &str = "--appimage-tidy";
