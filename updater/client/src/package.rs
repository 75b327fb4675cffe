//! An application that came as a package of the system: the verified package is handed to the system's
//! own installer, which runs with its own rights (docs/adr/0021).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use exuvia_core::Kind;
use semver::Version;

use crate::background::in_background;
use crate::error::{Error, LocalError};
use crate::events::Progress;
use crate::keeper::Keeper;
use crate::program::Program;
use crate::road::Offer;

/// A package was installed, and the system says so too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packaged {
    /// Its name.
    pub package: String,
    /// Its version, as packages count.
    pub version: String,
}

/// Why a package was not installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// This machine has no installer for such packages.
    #[error("there is no installer for packages of kind {kind} here")]
    NoInstaller {
        /// The kind.
        kind: Kind,
    },
    /// The release holds another package than the one that is installed.
    #[error("the release holds the package {found}, installed is {installed}")]
    OtherPackage {
        /// The package in the release.
        found: String,
        /// The package that the application came from.
        installed: String,
    },
    /// It is no package that the installer can read.
    #[error("the release holds no package: {said}")]
    NotAPackage {
        /// What the system's tool said last.
        said: String,
    },
    /// Nobody with the right to install packages agreed.
    #[error("nobody with the right to install packages agreed")]
    NotAuthorised,
    /// Another installation of packages is under way.
    #[error("another installation of packages is under way")]
    Busy,
    /// The installer refused it or failed. It leaves what was installed, or says what it left.
    #[error("the package {package} was not installed ({code}): {said}")]
    Failed {
        /// The package.
        package: String,
        /// The installer's exit status; -1 after a signal.
        code: i32,
        /// What it said last.
        said: String,
    },
}

impl PackageError {
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            PackageError::NoInstaller { .. } => "install the release for this system by hand",
            PackageError::OtherPackage { .. } | PackageError::NotAPackage { .. } => {
                "nothing was changed; tell the publisher"
            }
            PackageError::NotAuthorised => {
                "nothing was changed; try again with the password of an administrator"
            }
            PackageError::Busy => "wait until it is done, then try again",
            PackageError::Failed { .. } => {
                "see what it says; sudo apt-get install --fix-broken mends what was left half way"
            }
        }
    }
}

impl Offer {
    /// Receives a release that is a package, judges it whole, and has the system's own installer put it
    /// in the place of the installed one: as root by `apt-get`, else by `pkexec`, which asks for the
    /// right to do so. There is no trial and no way back: both are the system's.
    ///
    /// # Errors
    /// [`LocalError::Package`]. Else as [`Offer::download`] and
    /// [`Payloads::stage`](crate::Payloads::stage), without those of an installation.
    pub async fn install_package(self, progress: &mut dyn Progress) -> Result<Packaged, Error> {
        let kind = self.facts().kind;
        if kind != Kind::Deb || !Path::new(APT).exists() {
            return Err(LocalError::from(PackageError::NoInstaller { kind }).into());
        }
        let (installed, folder) = (self.keeper(), self.scratch());
        let program = self.program(progress).await?;
        let packaged = in_background(move || {
            let file = folder.join("package.deb");
            let packaged = write(program, &file).and_then(|()| install(&file, installed));
            // Scratch: what is left behind is written over by the next one.
            let _ = fs::remove_file(&file);
            packaged
        });
        Ok(packaged.await??)
    }
}

/// The version of an installed package, as far as it is one that releases can have.
pub(crate) fn version(package: &str) -> Option<Version> {
    let (_, version) = status(package)?;
    let upstream = version.rsplit_once('-').map_or(&*version, |(upstream, _)| upstream);
    upstream.split(':').next_back()?.replace('~', "-").parse().ok()
}

fn write(mut program: Program, to: &Path) -> Result<(), LocalError> {
    let fail = |e| LocalError::Io { path: to.to_owned(), source: Arc::new(e) };
    let _ = fs::remove_file(to);
    // Not followed and not shared: what stands there now was made by this process.
    let mut file = File::options().write(true).create_new(true).open(to).map_err(fail)?;
    let (length, copied) = (program.length(), io::copy(&mut program, &mut file).map_err(fail)?);
    if copied != length {
        return Err(fail(io::ErrorKind::UnexpectedEof.into()));
    }
    file.sync_all().map_err(fail)
}

fn install(file: &Path, installed: Option<Keeper>) -> Result<Packaged, LocalError> {
    let field = run(Command::new(DPKG_DEB).arg("--field").arg(file).arg("Package"))?;
    if !field.status.success() {
        return Err(PackageError::NotAPackage { said: last_line(&field.stderr) }.into());
    }
    let package = String::from_utf8_lossy(&field.stdout).trim().to_owned();
    if let Some(Keeper::Dpkg { package: installed }) = installed
        && installed != package
    {
        return Err(PackageError::OtherPackage { found: package, installed }.into());
    }
    let mut command = match exuvia_helper::is_root() {
        true => Command::new(APT),
        false => {
            let mut command = Command::new(PKEXEC);
            command.arg(APT);
            command
        }
    };
    // apt rather than dpkg, which unpacks first and looks for what it depends on afterwards.
    command.args(["install", "--yes", "--no-remove", "--no-install-recommends"]);
    command.args(["-o", "DPkg::Lock::Timeout=30", "-o", "Dpkg::Use-Pty=0"]);
    command.args([
        "-o",
        "Dpkg::Options::=--force-confdef",
        "-o",
        "Dpkg::Options::=--force-confold",
    ]);
    let done = run(command.arg(file).env("DEBIAN_FRONTEND", "noninteractive"))?;
    match (done.status.code().unwrap_or(-1), status(&package)) {
        (0, Some((state, version))) if state == INSTALLED => Ok(Packaged { package, version }),
        (126 | 127, _) => Err(PackageError::NotAuthorised.into()),
        (_, _) if String::from_utf8_lossy(&done.stderr).contains("Could not get lock") => {
            Err(PackageError::Busy.into())
        }
        (code, _) => {
            let said = last_line(&[done.stdout, done.stderr].concat());
            Err(PackageError::Failed { package, code, said }.into())
        }
    }
}

/// What the system says about a package: its state and its version.
fn status(package: &str) -> Option<(String, String)> {
    let format = "--showformat=${db:Status-Abbrev}|${Version}";
    let done = run(Command::new(DPKG_QUERY).args(["--show", format, "--", package])).ok()?;
    let said = String::from_utf8(done.stdout).ok()?;
    let (state, version) = said.split_once('|')?;
    Some((state.trim().to_owned(), version.to_owned()))
}

/// Runs a tool of the system to its end, in the one language whose words are known.
fn run(command: &mut Command) -> Result<Output, LocalError> {
    command.env("LC_ALL", "C.UTF-8").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let output = command.stdin(Stdio::null()).output();
    let path = PathBuf::from(command.get_program());
    output.map_err(|source| LocalError::Io { path, source: Arc::new(source) })
}

/// What a tool said that tells most: which script failed, what is missing, else its last line.
fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let tells = |line: &&str| line.contains("Depends:") || line.contains("returned error exit");
    lines().find(tells).or(lines().next_back()).unwrap_or_default().chars().take(300).collect()
}

const APT: &str = "/usr/bin/apt-get";
const DPKG_DEB: &str = "/usr/bin/dpkg-deb";
const DPKG_QUERY: &str = "/usr/bin/dpkg-query";
const PKEXEC: &str = "/usr/bin/pkexec";
const INSTALLED: &str = "ii";
