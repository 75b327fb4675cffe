//! The publisher's command. All of it is in the library, so that other programs and tests can call
//! the same steps.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    // A copy of this program is the application of `exuvia demo`, and its launcher.
    let app = exuvia::startup();
    if let Some(code) = exuvia_cli::demo_app::run(&app) {
        return code;
    }
    exuvia_cli::run(std::env::args_os())
}
