//! The agent asks by notifications: with dunst, on a screen and a bus of its own.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use exuvia_tests::desktop::{Bus, Buttons, Desktop};
use exuvia_tests::processes::{Done, Stage, program};
use serde_json::Value;

/// 1.0.0 is installed and registered, 1.1.0 is published, and the policy is this one.
fn registered(policy: &str) -> (Stage, Desktop) {
    let stage = stage(policy);
    let desktop = Desktop::start(&stage.path("desktop"));
    (stage, desktop)
}

fn stage(policy: &str) -> Stage {
    let stage = Stage::new();
    stage.init(&format!("file://{}/", stage.path("www").display()));
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.agent(&["register"]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    std::fs::create_dir_all(stage.path("home/.config/exuvia")).unwrap();
    let text = format!("[policy]\n{policy}\n");
    std::fs::write(stage.path("home/.config/exuvia/policy.toml"), text).unwrap();
    stage
}

/// A round of the agent, which goes on.
fn round(stage: &Stage, bus: &Bus, locale: &str) -> Child {
    let mut command = stage.command(&program("exuvia-agent"));
    command.args(["once", "--now"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("DBUS_SESSION_BUS_ADDRESS", bus.address());
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    command.env("LANG", locale).spawn().unwrap()
}

fn end(round: Child) -> Done {
    Done::of("once --now", round.wait_with_output().unwrap())
}

/// A round in which this is clicked.
fn clicked(stage: &Stage, desktop: &Desktop, label: &str) -> Done {
    let round = round(stage, desktop.bus(), "en_GB.UTF-8");
    desktop.wait_for_one();
    desktop.click(label);
    end(round)
}

fn phase(stage: &Stage) -> String {
    let told = stage.agent_alone(&["--json", "status"]).works().stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    told["apps"][0]["phase"].as_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs a desktop"]
fn install_now_installs() {
    let (stage, desktop) = registered("mode = \"notify\"");
    clicked(&stage, &desktop, "Install now").works().says("event=updated app=notes version=1.1.0");
    stage.start(&["hello"]).works().says("notes 1.1.0 hello");
    let history = desktop.history();
    assert!(history.contains("notes 1.1.0 is ready"), "{history}");
    assert!(history.contains("Verified and ready"), "{history}");
    assert_eq!(history.matches("\"summary\"").count(), 1, "they pile up: {history}");
}

#[test]
#[ignore = "needs a desktop"]
fn what_lies_ready_is_asked_about_and_installed_on_quit() {
    let (stage, desktop) = registered("mode = \"download\"");
    let mut command = stage.command(&stage.app().join("notes"));
    let mut runs = command.stdout(Stdio::null()).spawn().unwrap();
    clicked(&stage, &desktop, "When I quit").works().says("event=on-quit app=notes version=1.1.0");
    runs.wait().unwrap();
    stage.start(&["next"]).works().says("notes 1.1.0 next");
}

#[test]
#[ignore = "needs a desktop"]
fn later_changes_nothing_and_nobody_is_asked_again_that_day() {
    let (stage, desktop) = registered("mode = \"notify\"");
    clicked(&stage, &desktop, "Later").works().says("event=offered app=notes version=1.1.0");
    assert_eq!(phase(&stage), "settled");
    end(round(&stage, desktop.bus(), "C")).works().says("event=offered");
    assert_eq!(desktop.shown(), 0);
}

#[test]
#[ignore = "needs a desktop"]
fn a_version_that_is_skipped_is_not_offered_again() {
    let (stage, desktop) = registered("mode = \"download\"");
    clicked(&stage, &desktop, "Skip")
        .ends_with(3)
        .says("event=held app=notes version=1.1.0 reason=skipped");
    assert_eq!(phase(&stage), "settled");
    end(round(&stage, desktop.bus(), "C")).ends_with(3).says("reason=skipped");
    stage.release(&stage.good_version("1.2.0"), "1.2.0");
    end(round(&stage, desktop.bus(), "C")).works().says("version=1.2.0");
}

#[test]
#[ignore = "needs a desktop"]
fn nobody_is_asked_while_not_to_be_disturbed_or_when_the_policy_says_so() {
    let (stage, desktop) = registered("mode = \"notify\"");
    assert!(desktop.dunstctl(&["set-paused", "true"]).status.success());
    end(round(&stage, desktop.bus(), "C")).works().says("event=offered");
    assert_eq!(desktop.shown(), 0);
    assert!(desktop.dunstctl(&["set-paused", "false"]).status.success());
    let policy = "[policy]\nmode = \"notify\"\nnotices = false\n";
    std::fs::write(stage.path("home/.config/exuvia/policy.toml"), policy).unwrap();
    end(round(&stage, desktop.bus(), "C")).works().says("event=offered");
    assert_eq!(desktop.shown(), 0);
}

#[test]
#[ignore = "needs a desktop"]
fn it_speaks_the_users_language_and_looks_like_this() {
    let (stage, desktop) = registered("mode = \"notify\"");
    let round = round(&stage, desktop.bus(), "de_DE.UTF-8");
    desktop.wait_for_one();
    let picture = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("notice-de.png");
    desktop.picture(&picture);
    desktop.dunstctl(&["close"]);
    end(round).works().says("event=offered");
    let history = desktop.history();
    assert!(history.contains("notes 1.1.0 ist verfügbar"), "{history}");
}

#[test]
#[ignore = "needs a desktop"]
fn who_was_gone_back_for_is_told() {
    let (stage, desktop) = registered("mode = \"automatic\"");
    let script = "[ \"$1\" = --version ] && exit 0; exit 1";
    stage.release(&stage.version("1.2.0", script), "1.2.0");
    end(round(&stage, desktop.bus(), "C")).works().says("event=updated app=notes version=1.2.0");
    // History counts in seconds.
    std::thread::sleep(Duration::from_millis(1_100));
    stage.start(&["a"]).works().says("notes 1.0.0 a");
    // The one before it is as good as ever.
    end(round(&stage, desktop.bus(), "C")).works().says("event=updated app=notes version=1.1.0");
    let history = desktop.history();
    assert!(history.contains("Back to 1.0.0"), "{history}");
    assert!(history.contains("1.2.0 did not start properly"), "{history}");
    // Once.
    end(round(&stage, desktop.bus(), "C")).ends_with(3).says("reason=on-trial");
    let (again, told) = (desktop.history(), |text: &str| text.matches("Back to 1.0.0").count());
    assert_eq!(told(&again), told(&history), "{again}");
}

#[test]
#[ignore = "needs a desktop"]
fn while_somebody_is_asked_the_others_are_looked_after() {
    let (stage, desktop) = registered("mode = \"notify\"");
    let second = stage.path("apps/second");
    let options = ["--config", "exuvia.json", "--install", second.to_str().unwrap()];
    stage.agent_alone(&[&options[..], &["install", "--version", "1.0.0"]].concat()).works();
    stage.agent_alone(&[&options[..], &["register", "--name", "second"]].concat()).works();
    let policy = "[app.second]\nmode = \"automatic\"\n[policy]\nmode = \"notify\"\n";
    std::fs::write(stage.path("home/.config/exuvia/policy.toml"), policy).unwrap();
    let mut round = round(&stage, desktop.bus(), "C");
    desktop.wait_for_one();
    let mut log = BufReader::new(round.stderr.take().unwrap()).lines();
    let mut next = || log.find_map(|line| line.ok().filter(|line| line.starts_with("event=")));
    assert_eq!(next().unwrap(), "event=updated app=second version=1.1.0 from=1.0.0");
    // The first one is asked about all the while, and nobody else may begin with it.
    assert_eq!(desktop.shown(), 1);
    stage.agent_alone(&["once", "--now", "--app", "notes"]).ends_with(3).says("nothing is due");
    desktop.click("Install now");
    assert_eq!(next().unwrap(), "event=updated app=notes version=1.1.0 from=1.0.0");
    end(round).works();
}

#[test]
#[ignore = "needs a desktop"]
fn without_a_desktop_nobody_waits() {
    let (stage, _desktop) = registered("mode = \"notify\"");
    let mut command = stage.command(&program("exuvia-agent"));
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let output = command.args(["once", "--now"]).output().unwrap();
    Done::of("once", output).works().says("event=offered");
}

#[test]
#[ignore = "needs a desktop"]
fn buttons_do_what_they_say() {
    let picture = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("notice-buttons.png");
    let table = [
        ("event=updated app=notes version=1.1.0", "notes 1.1.0"),
        // It does not run: it has quit.
        ("event=updated app=notes version=1.1.0", "notes 1.1.0"),
        ("event=offered app=notes version=1.1.0", "notes 1.0.0"),
        ("event=held app=notes version=1.1.0 reason=skipped", "notes 1.0.0"),
    ];
    for (at, (event, runs)) in table.into_iter().enumerate() {
        let stage = stage("mode = \"notify\"");
        let desktop = Buttons::start(&stage.path("desktop"));
        let round = round(&stage, desktop.bus(), "en_GB.UTF-8");
        desktop.click(at, table.len());
        end(round).says(event);
        desktop.picture(&picture);
        stage.start(&[]).works().says(runs);
    }
}
