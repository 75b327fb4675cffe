//! Applications of root's that other users start: the agent of the machine keeps the count, and does
//! nothing else for them. With the real programs and a second user.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use exuvia_tests::processes::{Done, Stage, program};
use serde_json::Value;

/// An application that is installed for the machine, and the agent that listens.
struct Machine {
    stage: Stage,
    agent: Child,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

impl Machine {
    /// 1.0.0 is installed and registered by root.
    fn new() -> Machine {
        let stage = Stage::new();
        stage.init(&format!("file://{}/", stage.path("www").display()));
        for folder in [".", "home", "apps", "www"] {
            let open = PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(stage.path(folder), open).unwrap();
        }
        stage.release(&stage.good_version("1.0.0"), "1.0.0");
        let mut command = stage.command(&program("exuvia-agent"));
        let socket = stage.path("run/agent.sock");
        command.args(["--system", "serve", "--socket"]).arg(&socket);
        for (name, value) in Machine::places(&stage) {
            command.env(name, value);
        }
        let log = std::fs::File::create(stage.path("agent.log")).unwrap();
        let agent = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let machine = Machine { stage, agent };
        machine.root(&["--config", "exuvia.json", "--install", "apps/notes", "install"]).works();
        machine.root(&["--config", "exuvia.json", "--install", "apps/notes", "register"]).works();
        let begun = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{}", machine.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        machine
    }

    fn places(stage: &Stage) -> [(&'static str, std::path::PathBuf); 3] {
        [
            ("EXUVIA_STATE_DIR", stage.path("state")),
            ("EXUVIA_CACHE_DIR", stage.path("cache")),
            ("EXUVIA_AGENT_SOCKET", stage.path("run/agent.sock")),
        ]
    }

    /// Runs the agent for the machine.
    fn root(&self, args: &[&str]) -> Done {
        let mut command = Command::new(program("exuvia-agent"));
        command.arg("--system").args(args);
        self.stage.run_with(&mut command, &Machine::places(&self.stage))
    }

    /// Starts the application as somebody else, and waits for its end.
    fn user_starts(&self, args: &[&str]) -> Done {
        let mut command = Command::new(self.stage.app().join("notes"));
        command.args(args).uid(USER).gid(USER);
        self.stage.run_with(&mut command, &Machine::places(&self.stage))
    }

    fn update(&self, script: &str, version: &str, more: &[&str]) {
        let folder = self.stage.version(version, script);
        self.stage.release_with(&folder, version, more);
        self.root(&["once", "--now"]).works().says("event=updated");
        assert_eq!(self.phase(), "trial");
    }

    fn phase(&self) -> String {
        let status = self.root(&["--json", "--app", "notes", "status"]).works().stdout;
        let status: Value = serde_json::from_str(&status).unwrap();
        status["phase"].as_str().unwrap().to_owned()
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.stage.path("run/agent.sock")).unwrap()
    }

    /// What the agent answers to these bytes, sent by this process.
    fn answer(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes);
        let mut answer = String::new();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    /// The same, sent by a process of somebody else.
    fn user_asks(&self, ask: &str, application: &str) -> Done {
        let own = self.stage.path("user-agent");
        if !own.exists() {
            std::fs::copy(program("exuvia-agent"), &own).unwrap();
        }
        let mut command = Command::new(own);
        command.args(["--json", "ask", ask, application]).uid(USER).gid(USER);
        self.stage.run_with(&mut command, &Machine::places(&self.stage))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.stage.path("agent.log")).unwrap()
    }
}

#[test]
#[ignore = "needs to be root"]
fn the_trial_of_an_application_of_roots_ends_when_a_user_finds_it_healthy() {
    let machine = Machine::new();
    machine.user_starts(&["a"]).works().says("notes 1.0.0 a");
    machine.update(&staying("1.1.0"), "1.1.0", &[]);
    machine.user_starts(&["b"]).works().says("notes 1.1.0 b");
    assert_eq!(machine.phase(), "settled", "{}", machine.log());
    let log = machine.log();
    assert!(log.contains("event=started app=notes user=65534 starts=1"), "{log}");
    assert!(log.contains("event=healthy app=notes user=65534"), "{log}");
    // The next one arrives: nobody is stranded.
    machine.update(&staying("1.2.0"), "1.2.0", &[]);
    machine.user_starts(&["c"]).works().says("notes 1.2.0 c");
    assert_eq!(machine.phase(), "settled");
}

#[test]
#[ignore = "needs to be root"]
fn what_fails_three_times_for_a_user_is_gone_back_from() {
    let machine = Machine::new();
    machine.update(&failing("1.1.0"), "1.1.0", &[]);
    let start = machine.user_starts(&["a"]).works();
    assert_eq!(start.stdout.matches("notes 1.1.0 fails").count(), 3, "{start:?}");
    start.says("notes 1.0.0 a");
    assert_eq!(machine.phase(), "settled");
    machine.root(&["once", "--now"]).ends_with(3).says("reason=failed-here");
}

#[test]
#[ignore = "needs to be root"]
fn only_an_administrator_goes_back_from_a_critical_release() {
    let machine = Machine::new();
    machine.update(&failing("1.1.0"), "1.1.0", &["--critical"]);
    let start = machine.user_starts(&[]).ends_with(1);
    assert_eq!(start.stdout.matches("notes 1.1.0 fails").count(), 4, "{start:?}");
    assert_eq!(machine.phase(), "trial");
    machine.user_asks("started", "notes").ends_with(1).says("only an administrator");
    assert_eq!(machine.phase(), "trial");
    machine.root(&["--app", "notes", "rollback"]).works();
    machine.user_starts(&["b"]).works().says("notes 1.0.0 b");
}

#[test]
#[ignore = "needs to be root"]
fn a_critical_release_that_does_not_start_makes_room_for_its_repair() {
    let machine = Machine::new();
    machine.update(&failing("1.1.0"), "1.1.0", &["--critical"]);
    machine.user_starts(&[]).ends_with(1);
    machine.root(&["once", "--now"]).ends_with(3).says("reason=on-trial");
    machine.update(&staying("1.2.0"), "1.2.0", &[]);
    machine.user_starts(&["b"]).works().says("notes 1.2.0 b");
    assert_eq!(machine.phase(), "settled");
}

#[test]
#[ignore = "needs to be root"]
fn starts_that_end_cleanly_are_given_back_and_the_third_is_enough() {
    let machine = Machine::new();
    machine.update("echo notes 1.1.0 quick", "1.1.0", &[]);
    for _ in 0..2 {
        machine.user_starts(&[]).works().says("notes 1.1.0 quick");
        assert_eq!(machine.phase(), "trial");
    }
    machine.user_starts(&[]).works();
    assert_eq!(machine.phase(), "settled", "{}", machine.log());
}

#[test]
#[ignore = "needs to be root"]
fn what_lies_ready_is_switched_to_when_a_user_starts_it() {
    let machine = Machine::new();
    machine.stage.release(&machine.stage.version("1.1.0", &staying("1.1.0")), "1.1.0");
    let mut command = Command::new(machine.stage.app().join("notes"));
    command.arg("busy").uid(USER).gid(USER).stdout(Stdio::null());
    let mut runs = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    machine.root(&["once", "--now"]).works().says("event=on-quit app=notes version=1.1.0");
    machine.user_starts(&["second"]).works().says("notes 1.0.0 second");
    runs.wait().unwrap();
    machine.user_starts(&["next"]).works().says("notes 1.1.0 next");
    assert_eq!(machine.phase(), "settled", "{}", machine.log());
}

#[test]
#[ignore = "needs to be root"]
fn without_an_agent_the_application_starts_all_the_same() {
    let mut machine = Machine::new();
    machine.update(&staying("1.1.0"), "1.1.0", &[]);
    machine.agent.kill().unwrap();
    machine.agent.wait().unwrap();
    machine.user_starts(&["a"]).works().says("notes 1.1.0 a");
    assert_eq!(machine.phase(), "trial");
}

#[test]
#[ignore = "needs to be root"]
fn a_user_can_ask_for_what_the_agent_would_do_by_itself() {
    let machine = Machine::new();
    machine.stage.release(&machine.stage.version("1.1.0", &staying("1.1.0")), "1.1.0");
    machine.user_asks("check", "notes").works().says("begun");
    let told = |what: &str| {
        let begun = Instant::now();
        loop {
            let said = machine.user_asks("status", "notes");
            if said.stdout.contains(what) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{said:?} {}", machine.log());
            std::thread::sleep(Duration::from_millis(1_200));
        }
    };
    told("\"result\":\"offered\"");
    machine.user_asks("check", "notes").ends_with(1).says("a moment ago");
    assert_eq!(machine.phase(), "settled");
    machine.user_asks("update", "notes").works();
    told("\"result\":\"updated\"");
    // Somebody wants no more than the policy does.
    machine.user_starts(&[]).works();
    std::fs::create_dir_all(machine.stage.path("machine")).unwrap();
    std::fs::write(machine.stage.path("machine/policy.toml"), "[policy]\nhold = true\n").unwrap();
    machine.user_asks("update", "notes").ends_with(1).says("a moment ago");
}

#[test]
#[ignore = "needs to be root"]
fn whatever_is_not_one_of_the_requests_is_refused() {
    let machine = Machine::new();
    machine.update(&staying("1.1.0"), "1.1.0", &[]);
    let long = [b"1 healthy ".as_slice(), &[b'x'; 4_000], b"\n"].concat();
    for (bytes, reason) in [
        (b"".as_slice(), "not-understood"),
        (b"healthy notes\n", "not-understood"),
        (b"2 healthy notes\n", "not-understood"),
        (b"1 healthy notes /opt/x\n", "not-understood"),
        (b"1 healthy notes", "not-understood"),
        (&long, "not-understood"),
        (b"\xff\xfe\n", "not-understood"),
        (b"1 rollback notes\n", "unknown-request"),
        (b"1 install notes\n", "unknown-request"),
        (b"1 HEALTHY notes\n", "unknown-request"),
        (b"1 healthy other\n", "unknown-application"),
        (b"1 healthy ../notes\n", "unknown-application"),
        (b"1 healthy @0123456789abcdef\n", "unknown-application"),
        (b"1 healthy \n", "unknown-application"),
    ] {
        let answer = machine.answer(bytes);
        let expected = format!("{{\"result\":\"refused\",\"reason\":\"{reason}\"}}\n");
        assert_eq!(answer, expected, "{:?}", String::from_utf8_lossy(bytes));
    }
    assert_eq!(machine.phase(), "trial");
    assert!(machine.answer(b"1 healthy notes\n").contains("done"));
    assert_eq!(machine.phase(), "settled");
}

#[test]
#[ignore = "needs to be root"]
fn a_flood_is_refused_and_others_are_served() {
    let machine = Machine::new();
    let answers: Vec<String> = (0..200).map(|_| machine.answer(b"1 status notes\n")).collect();
    let refused = answers.iter().filter(|answer| answer.contains("too-much")).count();
    assert!((150..=171).contains(&refused), "{refused} of 200");
    // Who only stays takes no more than a few places.
    machine.user_asks("status", "notes").works().says("1.0.0");
    let lines = machine.log().lines().filter(|line| line.contains("event=refused")).count();
    assert!(lines <= 60, "{lines} lines in the log");
    std::thread::sleep(Duration::from_secs(2));
    assert!(machine.answer(b"1 status notes\n").contains("known"));
}

#[test]
#[ignore = "needs to be root"]
fn who_says_nothing_keeps_nobody_out() {
    let machine = Machine::new();
    let silent: Vec<UnixStream> = (0..8).map(|_| machine.connect()).collect();
    assert!(machine.answer(b"1 status notes\n").contains("too-much"));
    machine.user_asks("status", "notes").works().says("1.0.0");
    std::thread::sleep(Duration::from_millis(2_500));
    assert!(machine.answer(b"1 status notes\n").contains("known"), "they are still there");
    drop(silent);
}

#[test]
#[ignore = "needs to be root"]
fn a_socket_of_somebody_else_is_not_believed() {
    let machine = Machine::new();
    machine.update(&staying("1.1.0"), "1.1.0", &[]);
    let folder = machine.stage.path("theirs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    let socket = folder.join("agent.sock");
    let script = "import socket,sys,time\ns=socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\nwhile 1:\n c=s.accept()[0]\n c.sendall(b'{\"result\":\"counted\",\"starts\":1,\"clean\":0}\\n')\n c.close()\n";
    let mut command = Command::new("/usr/bin/python3");
    let mut theirs = command.args(["-c", script]).arg(&socket).uid(USER).gid(USER).spawn().unwrap();
    let begun = Instant::now();
    while !socket.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut command = Command::new(machine.stage.app().join("notes"));
    command.arg("a").uid(USER).gid(USER);
    let places = [("EXUVIA_AGENT_SOCKET", socket)];
    machine.stage.run_with(&mut command, &places).works().says("notes 1.1.0 a");
    theirs.kill().unwrap();
    theirs.wait().unwrap();
    assert!(!machine.log().contains("event=started"));
}

/// Nobody, who owns nothing.
const USER: u32 = 65_534;

fn staying(version: &str) -> String {
    format!("echo notes {version} \"$@\"; [ \"$1\" = --version ] || sleep 1.5")
}

fn failing(version: &str) -> String {
    format!("[ \"$1\" = --version ] && exit 0; echo notes {version} fails; exit 1")
}
