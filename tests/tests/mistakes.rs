//! What people do wrong, and what they are told: what happened, what to do, with an exit code that
//! a script can use (0 done, 1 local, 2 usage, 3 nothing to do, 4 not trusted, 5 network).
#![allow(clippy::unwrap_used)]

use exuvia_tests::processes::Stage;
use exuvia_tests::server::{Fault, Server};

fn published() -> (Stage, Server) {
    let stage = Stage::new();
    let server = Server::start(&stage.path("www"));
    stage.init(&server.url());
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    (stage, server)
}

// The publisher's mistakes.

#[test]
fn releasing_a_version_twice_or_backwards() {
    let (stage, _server) = published();
    let dist = stage.good_version("0.9.0");
    let dist = dist.to_str().unwrap();
    for version in ["1.0.0", "0.9.0"] {
        let refused = stage.exuvia(&["release", dist, "--version", version]);
        refused.ends_with(1).says("1.0.0");
    }
}

#[test]
fn releasing_something_that_is_no_version() {
    let (stage, _server) = published();
    let dist = stage.good_version("1.1.0");
    let refused = stage.exuvia(&["release", dist.to_str().unwrap(), "--version", "one"]);
    refused.ends_with(2).says("one");
}

#[test]
fn releasing_a_folder_that_is_not_there() {
    let (stage, _server) = published();
    stage.exuvia(&["release", "./dits", "--version", "1.1.0"]).ends_with(1).says("dits");
}

#[test]
fn releasing_a_link_that_leads_out_of_the_folder() {
    let (stage, _server) = published();
    let dist = stage.good_version("1.1.0");
    std::os::unix::fs::symlink("/etc/passwd", dist.join("share/secrets")).unwrap();
    let refused = stage.exuvia(&["release", dist.to_str().unwrap(), "--version", "1.1.0"]);
    refused.ends_with(1).says("share/secrets");
}

#[test]
fn releasing_a_set_user_id_program() {
    use std::os::unix::fs::PermissionsExt;
    let (stage, _server) = published();
    let dist = stage.good_version("1.1.0");
    std::fs::set_permissions(dist.join("share/data"), PermissionsExt::from_mode(0o4755)).unwrap();
    let refused = stage.exuvia(&["release", dist.to_str().unwrap(), "--version", "1.1.0"]);
    refused.ends_with(1).says("share/data");
}

#[test]
fn initialising_where_a_repository_is() {
    let (stage, _server) = published();
    let before = exuvia_tests::home::things(&stage.path("repo"));
    stage.exuvia(&["init", "--app", "notes", "--mirror", "https://example.org/"]).ends_with(1);
    assert_eq!(exuvia_tests::home::things(&stage.path("repo")), before);
}

#[test]
fn a_mirror_without_protection() {
    let stage = Stage::new();
    let refused = stage.exuvia(&["init", "--app", "notes", "--mirror", "http://example.org/"]);
    refused.says("https://");
    assert!(!stage.path("repo/keys/root-1.key").exists());
}

#[test]
fn the_wrong_passphrase() {
    let (stage, _server) = published();
    let mut command = stage.command(&exuvia_tests::processes::program("exuvia"));
    let output = command.env("EXUVIA_PASSPHRASE", "wrong").arg("refresh").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("passphrase"), "{said}");
}

#[test]
fn a_published_file_that_is_missing_or_changed_is_found_by_verify() {
    let (stage, _server) = published();
    let www = stage.path("www");
    let url = www.to_str().unwrap();
    stage.exuvia(&["verify", url]).works();
    let files = exuvia_tests::home::things(&www);
    let payload = files.keys().find(|path| path.ends_with(".tar.zst")).unwrap();
    let bytes = std::fs::read(www.join(payload)).unwrap();
    std::fs::write(www.join(payload), &bytes[1..]).unwrap();
    stage.exuvia(&["verify", url]).ends_with(4).says("1.0.0-folder.tar.zst");
    std::fs::remove_file(www.join(payload)).unwrap();
    stage.exuvia(&["verify", url]).ends_with(4).says("1.0.0-folder.tar.zst");
}

// The user's and the administrator's.

#[test]
fn a_configuration_with_a_misspelt_key() {
    let (stage, _server) = published();
    let text = std::fs::read_to_string(stage.path("exuvia.json")).unwrap();
    let text = text.replacen("\"channel\"", "\"chanel\"", 1);
    std::fs::write(stage.path("exuvia.json"), text).unwrap();
    stage.agent(&["install"]).ends_with(2).says("chanel");
}

#[test]
fn a_configuration_that_is_not_there() {
    let (stage, _server) = published();
    std::fs::remove_file(stage.path("exuvia.json")).unwrap();
    stage.agent(&["check"]).says("exuvia.json");
}

#[test]
fn updating_what_is_not_installed() {
    let (stage, _server) = published();
    stage.agent(&["update", "--yes"]).ends_with(1).says("install");
    stage.agent(&["status"]).ends_with(1).says("install");
}

#[test]
fn installing_over_something_else() {
    let (stage, _server) = published();
    std::fs::create_dir(stage.app()).unwrap();
    std::fs::write(stage.app().join("thesis.txt"), b"ten years of work").unwrap();
    let refused = stage.agent(&["install"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert_eq!(std::fs::read(stage.app().join("thesis.txt")).unwrap(), b"ten years of work");
    assert_eq!(std::fs::read_dir(stage.app()).unwrap().count(), 1);
}

#[test]
fn installing_twice() {
    let (stage, _server) = published();
    stage.agent(&["install"]).works();
    let before = exuvia_tests::home::things(&stage.app());
    let again = stage.agent(&["install"]);
    assert!(matches!(again.code, Some(1 | 3)), "{again:?}");
    assert_eq!(exuvia_tests::home::things(&stage.app()), before);
}

#[test]
fn a_server_that_is_down() {
    let (stage, server) = published();
    stage.agent(&["install"]).works();
    drop(server);
    stage.agent(&["check"]).ends_with(5).says("connection");
    stage.start(&[]).works().says("notes 1.0.0");
}

#[test]
fn a_captive_portal() {
    let (stage, server) = published();
    stage.agent(&["install"]).works();
    server.fault("metadata/timestamp.json", Fault::Portal);
    server.fault("metadata/2.root.json", Fault::Portal);
    stage.agent(&["check"]).ends_with(5).says("log in");
}

#[test]
fn somebody_elses_repository() {
    let (stage, _server) = published();
    let other = Stage::new();
    let server = Server::start(&other.path("www"));
    other.init(&server.url());
    other.release(&other.good_version("9.0.0"), "9.0.0");
    stage.agent(&["install"]).works();
    stage.agent(&["--mirror", &server.url(), "update", "--yes"]).ends_with(4);
    assert_eq!(stage.status()["version"], "1.0.0");
}

#[test]
fn removing_keeps_what_the_user_put_there() {
    let (stage, _server) = published();
    stage.agent(&["install"]).works();
    std::fs::write(stage.app().join("mine.txt"), b"mine").unwrap();
    stage.agent(&["uninstall"]).works().says("mine.txt");
    assert_eq!(std::fs::read_dir(stage.app()).unwrap().count(), 1);
}
