//! What fleets and publishers see of the agent's work: the metrics file, the log, the report.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use exuvia_tests::processes::Stage;
use serde_json::{Value, json};

/// 1.0.0 is installed and registered.
fn registered() -> Stage {
    let stage = Stage::new();
    stage.init(&format!("file://{}/", stage.path("www").display()));
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.agent(&["register"]).works();
    stage.agent_alone(&["once"]).ends_with(3);
    stage
}

/// A server that takes reports, and gives them on with their header.
fn receiver(status: &'static str) -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/report", listener.local_addr().unwrap());
    let (sender, reports) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut header = String::new();
            while !header.ends_with("\r\n\r\n") && stream.read_line(&mut header).unwrap() > 0 {}
            let length = header.to_lowercase();
            let length = length.split("content-length: ").nth(1).unwrap();
            let mut body = vec![0; length.split('\r').next().unwrap().parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            let _ = sender.send((header, serde_json::from_slice(&body).unwrap()));
        }
    });
    (address, reports)
}

fn policy(stage: &Stage, text: &str) {
    std::fs::create_dir_all(stage.path("home/.config/exuvia")).unwrap();
    std::fs::write(stage.path("home/.config/exuvia/policy.toml"), text).unwrap();
}

#[test]
fn the_metrics_file_tells_what_is_installed_and_what_came_of_the_last_run() {
    let stage = registered();
    let file = stage.path("exuvia.prom");
    let once = ["once", "--now", "--metrics", file.to_str().unwrap()];
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage.agent_alone(&once).works();
    stage.start(&[]).works();
    stage.agent_alone(&once).ends_with(3);
    let text = std::fs::read_to_string(&file).unwrap();
    for line in [
        "exuvia_application_info{application=\"notes\",version=\"1.1.0\",phase=\"settled\"} 1",
        "exuvia_application_outcome{application=\"notes\",result=\"up-to-date\"} 1",
        "exuvia_application_failures{application=\"notes\"} 0",
        "exuvia_application_events{application=\"notes\",event=\"committed\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert!(text.contains("exuvia_application_renewed_timestamp_seconds{"), "{text}");
    // A folder that is not there costs no update.
    let nowhere = ["once", "--now", "--metrics", "/nonexistent/exuvia.prom"];
    stage.agent_alone(&nowhere).ends_with(3).says("event=metrics-failed");
}

#[test]
fn a_report_is_sent_where_the_policy_says_so_and_tells_nothing_of_who_sends_it() {
    let stage = registered();
    let (address, reports) = receiver("204 No Content");
    policy(&stage, &format!("[policy]\nreport = \"{address}\"\n"));
    let bad = stage.version("1.1.0", "[ \"$1\" = --version ] && exit 0; exit 1");
    stage.release(&bad, "1.1.0");
    stage.agent_alone(&["once", "--now"]).works().says("event=updated");
    std::thread::sleep(Duration::from_millis(1_100));
    stage.start(&[]).works();
    stage.agent_alone(&["once", "--now"]).ends_with(3);
    let (header, report) = reports.recv_timeout(Duration::from_secs(20)).unwrap();
    let platform = report["platform"].clone();
    let reason = "three starts, the last one ended with 1";
    assert_eq!(
        report,
        json!({
            "exuvia_report": 1, "app": "notes", "platform": platform,
            "result": "reverted", "from": "1.1.0", "to": "1.0.0", "reason": reason,
        })
    );
    // As every check's: the version of the updater, which a server sees anyway.
    let agent = format!("user-agent: exuvia/{}", env!("CARGO_PKG_VERSION"));
    let said: Vec<&str> = header.lines().filter(|line| line.starts_with("user-agent:")).collect();
    assert_eq!(said, [agent]);
    let usual = ["host", "content-type", "content-length", "accept", "user-agent"];
    let names: Vec<String> = header
        .lines()
        .skip(1)
        .filter_map(|line| Some(line.split_once(':')?.0.to_lowercase()))
        .filter(|name| !usual.contains(&&**name))
        .collect();
    assert!(names.is_empty(), "{names:?}");
    // Nothing is told twice.
    stage.agent_alone(&["once", "--now"]).ends_with(3);
    assert!(reports.recv_timeout(Duration::from_millis(500)).is_err());
}

#[test]
fn nothing_depends_on_a_report() {
    let stage = registered();
    let (address, reports) = receiver("500 Internal Server Error");
    for address in [&*address, "http://reports.example.org/", "nonsense"] {
        policy(&stage, &format!("[policy]\nreport = \"{address}\"\n"));
        std::fs::rename(stage.path("www/metadata"), stage.path("www/gone")).unwrap();
        let failed = stage.agent_alone(&["once", "--now"]);
        failed.says("event=failed app=notes").says("event=report-failed");
        std::fs::rename(stage.path("www/gone"), stage.path("www/metadata")).unwrap();
        stage.agent_alone(&["once", "--now"]).ends_with(3).says("event=up-to-date");
    }
    let (_, report) = reports.recv().unwrap();
    assert_eq!(report["result"], "failed");
}
