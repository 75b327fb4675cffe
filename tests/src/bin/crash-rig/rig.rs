//! The rig on a machine that it can work on.

use std::path::PathBuf;
use std::process::Command;

use exuvia_tests::crash::Rig;
use exuvia_tests::crash::ground::TRACED;
use exuvia_tests::crash::modes::MODES;
use exuvia_tests::crash::sequences::{SEQUENCE, install};
use exuvia_tests::crash::table::{Results, Sample};
use exuvia_tests::crash::trace::{become_traced, lack};

/// As the module above says.
pub(crate) fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, program, rest @ ..] = args.as_slice()
        && first == TRACED
    {
        let mut command = Command::new(program);
        command.args(rest);
        panic!("{program}: {}", become_traced(command));
    }
    if let [first, name, old, new] = args.as_slice()
        && first == SEQUENCE
    {
        install(name, old.as_ref(), new.as_ref()).unwrap();
        return;
    }
    if let Some(code) = in_own_mounts(&args) {
        std::process::exit(code);
    }
    let (step, modes) = match args.as_slice() {
        [option, step, modes @ ..] if option == "--step" => (step.parse().unwrap(), modes),
        modes => (1, modes),
    };
    let rig = Rig::new(programs(), Sample { step });
    let (mut results, lack) = (Results::default(), lack());
    for mode in modes {
        if let Some(lack) = &lack {
            results.skipped.push(format!("{mode}: needs {lack}"));
            continue;
        }
        let found = MODES.iter().find(|(name, _)| name == mode);
        let (_, run) = found.unwrap_or_else(|| panic!("no mode {mode}: {:?}", MODES.map(|m| m.0)));
        run(&rig, &mut results);
    }
    print!("{results}");
    std::process::exit(i32::from(results.total().bad > 0));
}

/// Runs the rig where its mounts are nobody else's: a copy of one, in a namespace that another process
/// made meanwhile, keeps a file system shut down after it was unmounted and mounted again. `None` for
/// who is in there, or may not mount.
fn in_own_mounts(args: &[String]) -> Option<i32> {
    if std::env::var_os(OWN_MOUNTS).is_some() || !rustix::process::geteuid().is_root() {
        return None;
    }
    let mut inside = Command::new("unshare");
    inside.arg("--mount").arg(std::env::current_exe().ok()?).args(args).env(OWN_MOUNTS, "1");
    inside.status().ok()?.code()
}

const OWN_MOUNTS: &str = "EXUVIA_TESTS_OWN_MOUNTS";

fn programs() -> PathBuf {
    match std::env::var_os("EXUVIA_TESTS_PROGRAMS") {
        Some(folder) => folder.into(),
        None => std::env::current_exe().unwrap().parent().unwrap().to_owned(),
    }
}
