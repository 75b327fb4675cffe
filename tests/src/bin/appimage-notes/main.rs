//! The application in the tests' AppImages: embeds the updater, and reads from files beside it which
//! version it is and how it behaves.
//!
//!   notes                     says what it is and what happened
//!   notes update|on-quit      goes the whole road and switches, now or at the next start
//!   notes relaunch            as update, and starts what it switched to
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use exuvia::{Check, Event, Updater};

fn main() {
    let app = exuvia::startup();
    let read = |name: &str| std::fs::read_to_string(here().join(name)).unwrap_or_default();
    let version = read("version");
    if read("behaviour") == "crash" {
        std::process::exit(9);
    }
    let of = |name| std::env::var(name).unwrap_or_default();
    println!("notes {version} {:?}", app.report());
    let unpack = of("APPIMAGE_EXTRACT_AND_RUN");
    println!("from {} in {} path {} unpack={unpack}", of("APPIMAGE"), of("APPDIR"), of("PATH"));
    app.healthy();
    let Some(verb) = std::env::args().nth(1) else { return };
    match update(&read("exuvia.json"), &version, &verb) {
        Ok(said) => println!("{said}"),
        Err(error) => {
            println!("{error}; {}", error.advice());
            std::process::exit(error.exit_code().into());
        }
    }
}

fn here() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

fn update(config: &str, version: &str, verb: &str) -> Result<String, exuvia::Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let updater = Updater::builder(config).current_version(version).build().unwrap();
        let Check::Offer(offer) = updater.check().await? else { return Ok("no offer".to_owned()) };
        let mut failed = 0;
        let mut count =
            |event: Event| failed += usize::from(matches!(event, Event::RouteFailed { .. }));
        let staged = offer.download(&mut count).await?.stage_with(&mut count).await?;
        let said = format!("staged {} by {:?}, {failed} failed", staged.version(), staged.route());
        match verb {
            "on-quit" => staged.apply_on_quit()?,
            "relaunch" => staged.apply_now()?.relaunch()?,
            _ => drop(staged.apply_now()?),
        }
        Ok(said)
    })
}
