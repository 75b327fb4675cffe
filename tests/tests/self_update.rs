//! Programs that replace themselves with the crate self_update, out of a TUF repository.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use exuvia_tests::processes::{Done, Stage, program, write_program};
use exuvia_tests::server::Server;

/// A published 2.0.0, and somebody's program that calls itself 1.0.0.
struct OldWorld {
    stage: Stage,
    server: Server,
    program: PathBuf,
}

impl OldWorld {
    fn new(program: &Path) -> OldWorld {
        let stage = Stage::new();
        let server = Server::start(&stage.path("www"));
        stage.exuvia(&["init", "--app", "notes", "--mirror", &server.url()]).works();
        let new = stage.path("notes");
        write_program(&new, "echo this is 2.0.0");
        stage.release(&new, "2.0.0");
        let own = stage.path("apps/program");
        std::fs::copy(program, &own).unwrap();
        OldWorld { stage, server, program: own }
    }

    fn run(&self, args: &[&str]) -> Done {
        self.stage.run(Command::new(&self.program).args(args))
    }

    fn update(&self) -> Done {
        let config = self.stage.path("repo/exuvia.json");
        self.run(&[config.to_str().unwrap(), "1.0.0"])
    }

    /// The payload, as it is served.
    fn payload(&self) -> PathBuf {
        let find = Command::new("find")
            .arg(self.stage.path("www/targets"))
            .args(["-size", "+0", "-name", "*.zst"])
            .output();
        PathBuf::from(String::from_utf8(find.unwrap().stdout).unwrap().trim())
    }
}

fn example() -> OldWorld {
    OldWorld::new(Path::new(env!("CARGO_BIN_EXE_self-update-app")))
}

#[test]
fn a_program_replaces_itself_by_a_verified_release() {
    let world = example();
    world.update().works().says("2.0.0 is installed");
    world.run(&[]).works().says("this is 2.0.0");
}

#[test]
fn what_was_tampered_with_is_refused_and_the_program_stays() {
    let world = example();
    let before = std::fs::read(&world.program).unwrap();
    let payload = world.payload();
    let mut bytes = std::fs::read(&payload).unwrap();
    let good = bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&payload, &bytes).unwrap();
    world.update().ends_with(4);
    assert_eq!(std::fs::read(&world.program).unwrap(), before);
    std::fs::write(&payload, good).unwrap();
    world.update().works();
}

#[test]
fn a_server_that_is_down_is_no_refusal() {
    let world = example();
    let OldWorld { stage, server, program } = world;
    drop(server);
    let config = stage.path("repo/exuvia.json");
    stage.run(Command::new(program).arg(config).arg("1.0.0")).ends_with(5);
}

#[test]
fn nothing_older_is_taken_after_something_newer_was_seen() {
    let world = example();
    let old = world.stage.path("old");
    Command::new("cp").arg("-a").arg(world.stage.path("www")).arg(&old).status().unwrap();
    let newer = world.stage.path("newer/notes");
    std::fs::create_dir(newer.parent().unwrap()).unwrap();
    write_program(&newer, "echo this is 2.1.0");
    world.stage.release(&newer, "2.1.0");
    let before = std::fs::read(&world.program).unwrap();
    world.update().works().says("2.1.0");
    // The same program again, and a mirror that shows what was there before.
    std::fs::write(&world.program, before).unwrap();
    let www = world.stage.path("www");
    std::fs::rename(&www, world.stage.path("away")).unwrap();
    std::fs::rename(&old, &www).unwrap();
    world.update().ends_with(4);
}

#[test]
fn the_command_replaces_itself() {
    let world = OldWorld::new(&program("exuvia"));
    let config = world.stage.path("repo/exuvia.json");
    let of = |more: &[&str]| {
        world.run(&[&["self-update", "--config", config.to_str().unwrap()], more].concat())
    };
    of(&["--check"]).works().says("2.0.0 is there");
    of(&[]).ends_with(3).says("--yes installs it");
    of(&["--yes"]).works().says("2.0.0 is installed");
    world.run(&[]).works().says("this is 2.0.0");
}

#[test]
fn a_command_without_a_home_says_so() {
    let stage = Stage::new();
    stage.exuvia(&["self-update"]).ends_with(2);
}

#[test]
fn a_program_that_exuvia_installed_is_left_to_it() {
    let world = example();
    let place = world.stage.path("apps/notes");
    let config = world.stage.path("repo/exuvia.json");
    let new = world.stage.path("example");
    std::fs::copy(&world.program, &new).unwrap();
    world.stage.release(&new, "3.0.0");
    let (config, app) = (config.to_str().unwrap(), place.to_str().unwrap());
    let install = ["--config", config, "--install", app, "install"];
    world.stage.agent_alone(&install).works();
    let run = world.stage.run(Command::new(&place).args([config, "1.0.0"]));
    run.ends_with(1).says("is installed in");
}
