//! What an embedding program does first thing in `main`.

use crate::data::DATA;
use crate::error::Error;
use crate::install::{Install, read_record};
use crate::launch::{Start, exec};
use crate::platform;
use crate::qualify::{QUALIFY, TRIAL};
use crate::watch::{self, Watched};
use exuvia_core::Digest;
use exuvia_durable::Dir;
use exuvia_plan::files::{CURRENT, JOURNAL, STATE, VERSIONS};
use exuvia_plan::{Phase, ReleaseRef, Shape, qualify_answer};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the start of an application found. In none of these cases may the application stop.
#[derive(Debug)]
#[non_exhaustive]
pub enum Startup {
    /// The program runs from no installation (development, a package of the system).
    NotInstalled,
    /// Nothing is on trial.
    Ready(Install),
    /// This process is the first start of a new version, watched by another one: it is to call
    /// [`Trial::confirm`](crate::Trial::confirm) once it is healthy.
    OnTrial(Install),
    /// The state is damaged, newer, or could not be worked on. It was left as it is.
    Unusable(Install, Error),
    /// There is an installation around the program, but not even its layout can be read.
    Unreadable(Error),
}

/// Answers what the process was started for, if that was not to be the application:
///
/// - as the launcher of a versioned installation, under whose name it stands, it starts the
///   application and does not come back, also when the layout cannot be read;
/// - with `EXUVIA_QUALIFY` in its environment it answers the nonce and exits.
///
/// To be called before anything else in `main`, in the launcher and in every program that embeds
/// Exuvia.
pub fn reenter() {
    if let Some(nonce) = std::env::var_os(QUALIFY).and_then(|nonce| nonce.into_string().ok())
        && nonce.len() == 32
        && nonce.bytes().all(|b| b.is_ascii_hexdigit())
    {
        let answered = writeln!(io::stdout(), "{}", qualify_answer(&nonce));
        std::process::exit(i32::from(answered.is_err()));
    }
    let Ok(exe) = std::env::current_exe() else { return };
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(error) = launch_as(&exe, &args) {
        let _ = writeln!(io::stderr(), "{}: {error}", exe.display());
        std::process::exit(1);
    }
}

/// Starts the application if this executable is the launcher of a versioned installation. Comes
/// back if it is none, or with the reason why nothing could be started.
fn launch_as(exe: &Path, args: &[OsString]) -> Option<Error> {
    let result = match Install::open(exe.parent()?) {
        Ok(install) => match &install.layout().shape {
            Shape::Versioned { launcher } if exe.file_name()? == launcher.as_str() => {
                install.launch(args)
            }
            _ => return None,
        },
        Err(_) => exec(&without_layout(exe)?, args),
    };
    let Err(error) = result;
    Some(error)
}

/// What a launcher starts whose layout cannot be read or is not trusted: in the tree that
/// `current` leads to, the program of the journal, else the one that bears the launcher's name.
fn without_layout(exe: &Path) -> Option<PathBuf> {
    let (root, name) = (platform::resolved(exe.parent()?).ok()?, exe.file_name()?);
    let state = Dir::open(root.join(STATE)).ok()?;
    let tree = platform::resolved(&Dir::open(&root).ok()?.reach(CURRENT)).ok()?;
    // Or a link to this very folder would start the launcher for ever.
    if tree.parent()? != root.join(VERSIONS) {
        return None;
    }
    let phase = read_record::<Phase>(&state, JOURNAL).ok().flatten();
    let known = phase.map(|phase| tree.join(phase.live().executable.as_str()));
    let folders = tree.read_dir().ok()?.flatten().map(|folder| folder.path().join(name));
    let mut programs = known.into_iter().chain([tree.join(name)]).chain(folders);
    programs.find(|program| platform::check_program(program, exe).is_ok())
}

/// The path by which this program was installed: its own executable, or the AppImage that it was
/// started from and never the file inside the mounted image.
pub fn own_exe() -> Option<PathBuf> {
    own_image().or_else(|| std::env::current_exe().ok())
}

/// The AppImage that this program was started from, if it runs from one: its runtime says so, and this
/// executable lies in what it mounted. Another program's image is in the environment of all that it
/// starts.
pub fn own_image() -> Option<PathBuf> {
    let of_runtime = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let (image, mount) = (of_runtime("APPIMAGE")?, of_runtime("APPDIR")?);
    let (image, mount) = (image.canonicalize().unwrap_or(image), mount.canonicalize().ok()?);
    std::env::current_exe().ok()?.starts_with(mount).then_some(image)
}

/// The start of an embedding application whose executable is `exe` (see [`own_exe`]). In the
/// versioned layout the launcher has done the work. In place this recovers a step that was cut
/// off; swaps if that was agreed for now; starts and watches a release on trial as the launcher
/// does, and then does not come back.
pub fn at_startup(exe: &Path, args: &[OsString]) -> Startup {
    let install = match Install::locate(exe) {
        Ok(Some(install)) => install,
        Ok(None) => return Startup::NotInstalled,
        Err(error) => return Startup::Unreadable(error),
    };
    match start(&install, exe, args) {
        Ok(true) => Startup::OnTrial(install),
        Ok(false) => Startup::Ready(install),
        Err(error) => Startup::Unusable(install, error),
    }
}

/// Whether this process is on trial.
fn start(install: &Install, exe: &Path, args: &[OsString]) -> Result<bool, Error> {
    if std::env::var_os(DATA).is_some() {
        return Ok(false);
    }
    let phase = install.phase()?;
    let marked = std::env::var(TRIAL).ok().and_then(|digest| digest.parse::<Digest>().ok());
    if let Phase::Trial { to, .. } = &phase
        && marked == Some(to.digest)
    {
        stay_locked(install, to);
        return Ok(true);
    }
    let in_place = matches!(install.layout().shape, Shape::InPlace { .. });
    let exe = platform::resolved(exe).unwrap_or_else(|_| exe.to_owned());
    if !in_place || exe.starts_with(install.state().path()) {
        return Ok(false);
    }
    match install.prepare_start()? {
        Start::Plain(found)
            if matches!(phase, Phase::Reverting { .. })
                || found.live().digest != phase.live().digest =>
        {
            // Another version stands at the fixed path now: it is the one to run.
            let Err(error) = install.start_anyway(args);
            Err(error)
        }
        Start::Plain(found) => {
            stay_locked(install, found.live());
            Ok(false)
        }
        Start::Watched(first) => match watch::watch(install, first, args)? {
            Watched::Ended(status) => platform::mirror(status),
            Watched::StartInstalled => {
                let Err(error) = install.start_anyway(args);
                Err(error)
            }
        },
    }
}

/// Marks the version as running until this process ends, however it ends.
fn stay_locked(install: &Install, release: &ReleaseRef) {
    std::mem::forget(install.running(release));
}
