//! The service that starts the agent, installed and taken back in a throw-away home.
#![allow(clippy::unwrap_used)]

use exuvia_tests::home::things;
use exuvia_tests::processes::{Done, Stage, program, write_program};

/// Runs the agent with a stand-in for `systemctl` that writes down what it is told.
fn agent(stage: &Stage, args: &[&str]) -> Done {
    let bin = stage.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let log = stage.path("systemctl.log");
    write_program(&bin.join("systemctl"), &format!("echo \"$@\" >> {}", log.display()));
    let mut command = stage.command(&program("exuvia-agent"));
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let output = command.args(args).env("PATH", path).output().unwrap();
    Done::of(&format!("{args:?}"), output)
}

#[test]
fn nothing_is_left_of_a_service_that_was_taken_back() {
    let stage = Stage::new();
    let home = stage.path("home");
    std::fs::create_dir_all(home.join(".config/systemd")).unwrap();
    std::fs::create_dir_all(home.join(".config/autostart")).unwrap();
    std::fs::create_dir_all(home.join(".local/share")).unwrap();
    std::fs::write(home.join(".config/systemd/user.conf"), "").unwrap();
    std::fs::write(home.join(".config/autostart/other.desktop"), "").unwrap();
    std::fs::create_dir_all(home.join(".local/state")).unwrap();
    let before = things(&home);
    for kind in ["systemd-user", "autostart"] {
        agent(&stage, &["install-service", "--kind", kind]).works().says("looked after");
        assert_ne!(things(&home), before, "{kind}");
        // What systemd keeps for a timer that catches up.
        let stamps = home.join(".local/share/systemd/timers");
        std::fs::create_dir_all(&stamps).unwrap();
        std::fs::write(stamps.join("stamp-exuvia-agent.timer"), "").unwrap();
        agent(&stage, &["once"]).ends_with(3);
        if kind == "autostart" {
            std::fs::remove_dir_all(home.join(".local/share/systemd")).unwrap();
        }
        agent(&stage, &["uninstall-service"]).works();
        assert_eq!(things(&home), before, "{kind}");
    }
    agent(&stage, &["uninstall-service"]).ends_with(3).says("no service was installed");
    let told = std::fs::read_to_string(stage.path("systemctl.log")).unwrap();
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(
        told,
        [
            "--user daemon-reload",
            "--user enable --now exuvia-agent.timer",
            "--user disable --now exuvia-agent.timer",
            "--user daemon-reload",
        ]
    );
}

#[test]
fn what_this_system_does_not_have_is_printed_and_not_installed() {
    let stage = Stage::new();
    for (kind, word) in [
        ("systemd-user", "[Timer]"),
        ("systemd-system", "ProtectSystem=strict"),
        ("autostart", "[Desktop Entry]"),
        ("cron", "* * * *"),
        ("launchd", "<key>ProgramArguments</key>"),
        ("windows", "<Exec>"),
    ] {
        agent(&stage, &["install-service", "--print", kind]).works().says(word);
    }
    for kind in ["cron", "launchd", "windows"] {
        agent(&stage, &["install-service", "--kind", kind]).ends_with(2).says("--print");
    }
    assert!(things(&stage.path("home")).is_empty());
}
