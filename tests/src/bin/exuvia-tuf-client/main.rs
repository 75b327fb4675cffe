//! A plain TUF client around the pure core, with the command line that the public conformance suite
//! asks for. It serves the project's own checks; applications embed `exuvia`.
//!
//! ```text
//! exuvia-tuf-client --metadata-dir D init ROOT
//! exuvia-tuf-client --metadata-dir D --metadata-url U refresh
//! exuvia-tuf-client --metadata-dir D --metadata-url U --target-name T --target-base-url U2 --target-dir TD download
//! ```
//! Exit 0 if all was done, 1 if anything failed; standard error says what. `--target-name` may be
//! repeated. `--now TIME` takes the place of the clock.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr)]

mod arguments;
mod http;
mod state;

use std::process::ExitCode;

use exuvia_core::{Answer, Limits, Machine, Refresh, Start, Target, Trusted, Want};
use exuvia_durable::Dir;

use self::arguments::{Arguments, Command};
use self::http::{Base, Fetched};
use self::state::State;

/// What stops the client; the text tells.
type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match Arguments::read(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exuvia-tuf-client: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Error> {
    let state = State::open(&arguments.metadata_dir)?;
    match &arguments.command {
        Command::Init { root } => state.init(&std::fs::read(root)?),
        Command::Refresh => refresh(&arguments, &state, &arguments.metadata()?).map(drop),
        Command::Download => download(&arguments, &state),
    }
}

fn refresh(arguments: &Arguments, state: &State, metadata: &Base) -> Result<Trusted, Error> {
    let (embedded, stored) = (state.initial_root()?, state.load("root.json"));
    let mut refresh = Refresh::new(Start {
        embedded: &embedded,
        stored: stored.as_deref(),
        floors: state.floors()?,
        now: arguments.now()?,
        limits: Limits::default(),
    })?;
    drive(&mut refresh, state, metadata)?;
    Ok(refresh.finish()?)
}

/// Targets in the order asked for; the first that fails ends it.
fn download(arguments: &Arguments, state: &State) -> Result<(), Error> {
    let (metadata, base) = (arguments.metadata()?, arguments.targets()?);
    let dir = Dir::open_or_create(arguments.target_dir()?)?;
    let mut trusted = refresh(arguments, state, &metadata)?;
    for name in &arguments.target_names {
        let mut search = trusted.find(name);
        drive(&mut search, state, &metadata)?;
        let (again, found) = search.finish()?;
        let target = found.first().ok_or_else(|| format!("there is no target {name:?}"))?;
        obtain(target, &dir, &base).map_err(|error| format!("{name}: {error}"))?;
        trusted = again;
    }
    Ok(())
}

/// Fetches a target unless its bytes are here already. Its name becomes one file's name.
fn obtain(target: &Target, dir: &Dir, base: &Base) -> Result<(), Error> {
    let file = http::encoded(target.path());
    let right = |bytes: &[u8]| {
        let mut checker = target.checker();
        checker.update(bytes)?;
        checker.finish()
    };
    if dir.read(&file, target.length())?.is_some_and(|bytes| right(&bytes).is_ok()) {
        return Ok(());
    }
    let remote = target.remote_path();
    let path = remote.strip_prefix("targets/").unwrap_or(&remote);
    let path: Vec<_> = path.split('/').map(http::encoded).collect();
    match base.get(&path.join("/"), target.length())? {
        Fetched::Bytes(bytes) => {
            right(&bytes)?;
            Ok(dir.write(&file, &bytes)?)
        }
        Fetched::Missing => Err(format!("the repository has no {remote}").into()),
    }
}

/// Does what a machine wants until it wants nothing more. There is one mirror: its first refused
/// answer is the end.
fn drive(machine: &mut impl Machine, state: &State, metadata: &Base) -> Result<(), Error> {
    loop {
        let bytes;
        let answer = match machine.wants() {
            Want::Nothing => return Ok(()),
            Want::Load { name } => {
                bytes = state.load(name);
                bytes.as_deref().map_or(Answer::Missing, Answer::Bytes)
            }
            Want::Fetch { name, limit, .. } => match metadata.get(name, limit)? {
                Fetched::Bytes(fetched) => {
                    bytes = Some(fetched);
                    bytes.as_deref().map_or(Answer::Missing, Answer::Bytes)
                }
                Fetched::Missing => Answer::Missing,
            },
            Want::Save { name, bytes } => {
                state.save(name, bytes)?;
                Answer::Done
            }
            Want::SaveFloors { floors } => {
                state.save_floors(floors)?;
                Answer::Done
            }
        };
        machine.accept(answer)?;
    }
}
