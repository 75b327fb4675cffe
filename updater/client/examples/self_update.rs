//! A program that replaces itself with the crate self_update, out of a repository of Exuvia's.
//!
//! ```sh
//! self_update CONFIG VERSION [MIRROR]
//! ```
//!
//! CONFIG is the application's `exuvia.json` and VERSION what this program says it is. A real one has
//! both built in: `include_str!("exuvia.json")`, `env!("CARGO_PKG_VERSION")`.

#![forbid(unsafe_code)]

use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    match update() {
        Ok(version) => {
            println!("{version} is installed");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            // Exuvia knows who must act.
            let cause = error.downcast_ref().and_then(exuvia::self_update::cause);
            cause.inspect(|cause| eprintln!("{}", cause.advice()));
            cause.map_or(1, exuvia::Error::exit_code).into()
        }
    }
}

fn update() -> Result<String, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(config), Some(version)) = (words.next(), words.next()) else {
        return Err("usage: self_update CONFIG VERSION [MIRROR]".into());
    };
    let config = std::fs::read_to_string(config)?;
    let mut updater = exuvia::Updater::builder(&config).current_version(&version);
    if let Some(mirror) = words.next() {
        updater = updater.mirrors([mirror]);
    }
    let status = exuvia::self_update::configure(updater.build()?)?
        .bin_name("notes")
        .no_confirm(true)
        .show_output(false)
        .build()?
        .update()?;
    Ok(status.version().to_owned())
}
