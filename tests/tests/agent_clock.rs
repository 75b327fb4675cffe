//! The agent under clocks that are wrong and servers that are down for long, with the real programs and
//! libfaketime in their way.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use exuvia_tests::processes::{Done, Stage, program};
use exuvia_tests::server::{Fault, Server};
use serde_json::Value;

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// 1.0.0 is installed and registered.
fn registered() -> (Stage, Server) {
    let stage = Stage::new();
    let server = Server::start(&stage.path("www"));
    stage.init(&server.url());
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.agent(&["register"]).works();
    (stage, server)
}

/// A round, by a clock that is off by so many seconds.
fn round(stage: &Stage, off: i64) -> Done {
    let mut command = Command::new(program("exuvia-agent"));
    let more = [
        ("LD_PRELOAD", LIBRARY.into()),
        ("FAKETIME", format!("{off:+}").into()),
        // Deadlines go by the clock that only moves on.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ];
    stage.run_with(command.arg("once"), &more)
}

fn attended(stage: &Stage) -> Value {
    let told = stage.agent_alone(&["--json", "status"]).works().stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    told["apps"][0].clone()
}

#[test]
#[ignore = "needs libfaketime"]
fn a_clock_that_is_ten_years_off_delays_nothing_once_it_is_right() {
    for off in [10 * YEAR, -10 * YEAR] {
        let (stage, server) = registered();
        round(&stage, 0).ends_with(3).says("event=up-to-date");
        stage.release(&stage.good_version("1.1.0"), "1.1.0");
        server.requests();
        // It is due by that clock, once.
        let by_wrong_clock = round(&stage, off);
        if off > 0 {
            by_wrong_clock.ends_with(4).says("event=failed").says("clock seems wrong");
        } else {
            // What is in date was not out of date ten years ago.
            by_wrong_clock.works().says("event=updated app=notes version=1.1.0");
        }
        assert!(!server.requests().is_empty());
        for later in [0, 60, 240] {
            round(&stage, off + later).ends_with(3).says("nothing is due");
        }
        assert!(server.requests().is_empty());
        // The clock is put right.
        let right = round(&stage, 0);
        let right = match off > 0 {
            true => right.works().says("event=updated app=notes version=1.1.0"),
            false => right.ends_with(3).says("event=held app=notes reason=on-trial"),
        };
        assert!(!right.stderr.contains("nothing new"), "{right:?}");
        stage.start(&[]).works().says("notes 1.1.0");
        round(&stage, 0).ends_with(3).says("nothing is due");
        assert_eq!(attended(&stage)["failures"], 0);
        assert_eq!(stage.status()["stale_days"], Value::Null);
    }
}

#[test]
#[ignore = "needs libfaketime"]
fn a_server_that_is_down_for_a_week_is_asked_ever_more_rarely_and_then_all_is_well() {
    let (stage, server) = registered();
    round(&stage, 0).ends_with(3);
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    server.fault("metadata/timestamp.json", Fault::Status(503));
    server.requests();
    // A timer that fires every minute for three hours after it is due, and then every hour.
    let begins = 2 * DAY;
    let minutes = (0..180).map(|minute| begins + minute * 60);
    let hours = (3..7 * 24).map(|hour| begins + hour * HOUR);
    let mut asked = Vec::new();
    for off in minutes.chain(hours) {
        let done = round(&stage, off);
        if server.requests().is_empty() {
            assert_eq!(done.stderr, "", "it fills the log");
        } else {
            assert!(done.stderr.lines().count() <= 3, "{done:#?}");
            asked.push(off);
        }
    }
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 300), "{asked:?}");
    assert!((8..=20).contains(&asked.len()), "{} times: {asked:?}", asked.len());
    assert!(attended(&stage)["failures"].as_u64().unwrap() >= 8);
    server.heal();
    let mut off = begins + 7 * DAY;
    while !round(&stage, off).stderr.contains("event=updated") {
        assert!(off < begins + 9 * DAY, "it never asks again");
        off += HOUR;
    }
    stage.start(&[]).works().says("notes 1.1.0");
    assert_eq!(attended(&stage)["failures"], 0);
}

#[test]
#[ignore = "needs libfaketime"]
fn a_server_that_wants_to_be_left_alone_is() {
    let (stage, server) = registered();
    round(&stage, 0).ends_with(3);
    server.fault("metadata/timestamp.json", Fault::Retry(503, "7200".into()));
    server.requests();
    round(&stage, 2 * DAY).ends_with(5);
    assert!(!server.requests().is_empty());
    for minutes in [5, 30, 60, 119] {
        round(&stage, 2 * DAY + minutes * 60).ends_with(3).says("nothing is due");
    }
    assert!(server.requests().is_empty());
    round(&stage, 2 * DAY + 125 * 60).ends_with(5);
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;
