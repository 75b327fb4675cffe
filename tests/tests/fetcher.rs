//! Who fetches for the agent of the machine has no rights, and whatever it hands over installs nothing
//! but what the publisher signed (docs/adr/0030).
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use exuvia_tests::home::{STRANGER, Thing, things};
use exuvia_tests::processes::{Done, Stage, program, write_program};
use exuvia_tests::server::{Fault, Server};

/// A machine with one application of root's, 1.0.0; 1.1.0 is published.
struct Machine {
    stage: Stage,
    server: Server,
}

impl Machine {
    fn new() -> Machine {
        let stage = Stage::new();
        let server = Server::start(&stage.path("www"));
        stage.init(&server.url());
        stage.release(&stage.good_version("1.0.0"), "1.0.0");
        for folder in [".", "home", "apps"] {
            let open = PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(stage.path(folder), open).unwrap();
        }
        let machine = Machine { stage, server };
        let options = ["--config", "exuvia.json", "--install", "apps/notes"];
        machine.root(&[&options[..], &["install"]].concat()).works();
        machine.root(&[&options[..], &["register"]].concat()).works();
        machine.stage.release(&machine.stage.good_version("1.1.0"), "1.1.0");
        machine
    }

    fn places(&self) -> [(&'static str, PathBuf); 2] {
        let path = |name| self.stage.path(name);
        [("EXUVIA_STATE_DIR", path("state")), ("EXUVIA_CACHE_DIR", path("cache"))]
    }

    fn root(&self, args: &[&str]) -> Done {
        let mut command = Command::new(program("exuvia-agent"));
        self.stage.run_with(command.arg("--system").args(args), &self.places())
    }

    /// A round that goes on.
    fn round(&self) -> Child {
        let mut command = self.stage.command(&program("exuvia-agent"));
        command.args(["--system", "once", "--now"]).env("SECRET", "of root's");
        command.envs(self.places()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// A round in which a thief stands where the agent looks for who fetches: itself.
    fn round_with_a_thief(&self) -> Done {
        let script = "mount -t tmpfs thief /proc && mkdir /proc/self && chmod 755 /proc \
                      && install -m 755 thief /proc/self/exe && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh"]).arg(program("exuvia-agent"));
        self.stage.run_with(command.args(["--system", "once", "--now"]), &self.places())
    }

    /// Where who fetches keeps what it has.
    fn kept(&self) -> PathBuf {
        self.stage.path("cache/exuvia-fetch")
    }

    fn phase(&self) -> String {
        let status = self.root(&["--json", "--app", "notes", "status"]).works().stdout;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        status["phase"].as_str().unwrap().to_owned()
    }
}

/// The only child of a process, once it has one.
fn child_of(parent: u32) -> u32 {
    let begun = Instant::now();
    loop {
        let children = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        if let Some(child) = children.split_whitespace().next() {
            return child.parse().unwrap();
        }
        // It may have been started by another thread than the first.
        for process in std::fs::read_dir("/proc").unwrap().map(Result::unwrap) {
            let id: Option<u32> = process.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(id) = id.filter(|id| status(*id).get("PPid") == Some(&parent.to_string())) {
                return id;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it has no child");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What the kernel says of a process, by name.
fn status(process: u32) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), words(value)))
        .collect()
}

/// Sockets of the internet that a process has.
fn connections(process: u32) -> usize {
    let of_internet: Vec<String> = ["tcp", "tcp6", "udp", "udp6"]
        .iter()
        .flat_map(|kind| {
            let table = std::fs::read_to_string(format!("/proc/{process}/net/{kind}")).unwrap();
            let inode = |line: &str| line.split_whitespace().nth(9).unwrap_or("-").to_owned();
            table.lines().skip(1).map(inode).collect::<Vec<_>>()
        })
        .collect();
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())
        })
        .filter(|inode| of_internet.contains(inode))
        .count()
}

#[test]
#[ignore = "needs to be root"]
fn who_fetches_has_no_rights_and_who_has_rights_fetches_nothing() {
    let machine = Machine::new();
    let served = things(&machine.stage.path("www"));
    let delta = served.keys().find(|path| path.ends_with(".delta")).unwrap();
    machine.server.fault(delta, Fault::Gate(10));
    machine.server.requests();
    let round = machine.round();
    assert!(machine.server.waits_at_gate(Duration::from_secs(30)));
    let fetches = child_of(round.id());
    let found = status(fetches);
    let four = |id: u32| [id; 4].map(|id| id.to_string()).join(" ");
    for (name, value) in [
        ("Uid", four(STRANGER)),
        ("Gid", four(STRANGER)),
        ("Groups", String::new()),
        ("CapInh", NONE.to_owned()),
        ("CapPrm", NONE.to_owned()),
        ("CapEff", NONE.to_owned()),
        ("CapAmb", NONE.to_owned()),
        ("NoNewPrivs", "1".to_owned()),
    ] {
        assert_eq!(found[name], value, "{name} of {found:#?}");
    }
    assert_eq!(status(round.id())["Uid"], four(0));
    assert_eq!((connections(fetches), connections(round.id())), (1, 0));
    let environment = std::fs::read(format!("/proc/{fetches}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    assert!(!environment.contains("SECRET") && environment.contains("EXUVIA_"), "{environment}");
    let open = std::fs::read_dir(format!("/proc/{fetches}/fd")).unwrap();
    let open: Vec<PathBuf> =
        open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok()).collect();
    // Nothing of root's but what everybody may read.
    let own = [machine.kept(), machine.stage.app(), "/dev/null".into()];
    let theirs =
        |path: &&PathBuf| path.starts_with("/") && !own.iter().any(|o| path.starts_with(o));
    assert_eq!(open.iter().find(theirs), None);
    machine.server.open_gate();
    let done = Done::of("once", round.wait_with_output().unwrap());
    done.works().says("event=updated app=notes version=1.1.0 from=1.0.0");
    machine.stage.start(&["a"]).works().says("notes 1.1.0 a");
    // It was the delta, and two requests for a check: one by who fetches, none by root.
    let asked = machine.server.requests();
    assert!(!asked.iter().any(|request| request.path.ends_with(".tar.zst")), "{asked:?}");
    machine.root(&["once", "--now"]).ends_with(3).says("event=");
    assert_eq!(machine.server.requests().len(), 2);
    let kept = std::fs::metadata(machine.kept()).unwrap();
    assert_eq!((kept.uid(), kept.mode() & 0o7777), (STRANGER, 0o700));
    for folder in ["apps", "state"] {
        let mut find = Command::new("find");
        find.arg(machine.stage.path(folder)).args(["!", "-uid", "0"]);
        assert_eq!(find.output().unwrap().stdout, b"", "not all of {folder} is root's");
    }
}

#[test]
#[ignore = "needs to be root"]
fn what_who_fetches_fails_with_is_told_and_waited_after() {
    let machine = Machine::new();
    machine.server.fault("metadata/timestamp.json", Fault::Retry(503, "7200".into()));
    machine.root(&["once", "--now"]).ends_with(5).says("event=failed app=notes family=network");
    machine.server.requests();
    machine.root(&["once"]).ends_with(3).says("nothing is due");
    assert_eq!(machine.server.requests().len(), 0);
    machine.server.heal();
    machine.root(&["once", "--now"]).works().says("event=updated");
}

#[test]
#[ignore = "needs to be root"]
fn a_report_is_sent_by_who_fetches() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.stage.path("machine")).unwrap();
    let policy = format!("[policy]\nreport = \"{}report\"\n", machine.server.url());
    std::fs::write(machine.stage.path("machine/policy.toml"), policy).unwrap();
    machine.root(&["once", "--now"]).works().says("event=updated");
    std::thread::sleep(Duration::from_millis(1_100));
    machine.stage.start(&[]).works();
    machine.server.fault("report", Fault::Silent);
    let mut round = machine.round();
    let begun = Instant::now();
    while !machine.server.requests().iter().any(|request| request.path == "report") {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing is reported");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((connections(child_of(round.id())), connections(round.id())), (1, 0));
    round.kill().unwrap();
    round.wait().unwrap();
}

/// A program in the place of who fetches, in Python: serves a folder's metadata honestly, and `bundle`
/// as the rest of it says.
const THIEF: &str = r#"#!/usr/bin/python3
import json, os, sys
STAGE, WWW = '@STAGE@', "www"
inp, out = os.fdopen(0, "rb"), os.fdopen(1, "wb")
def say(**word):
    out.write(json.dumps(word).encode() + b"\n"); out.flush()
def give(data, length=None):
    say(word="bytes", length=len(data) if length is None else length); out.write(data); out.flush()
def read(name):
    return open(STAGE + "/" + name, "rb").read()
def metadata(name):
    try: give(read(WWW + "/metadata/" + os.path.basename(name)))
    except FileNotFoundError: say(word="missing")
def fit(data):
    length = len(read("1.1.0.bundle"))
    return (data + bytes(length))[:length]
def check(): say(word="done")
def bundle(): give(read("1.1.0.bundle"))
@HERE@
for line in inp:
    order = json.loads(line)
    if order["order"] == "check": check()
    elif order["order"] == "file": metadata(order["name"])
    elif order["order"] == "bundle": bundle()
"#;

#[test]
#[ignore = "needs to be root"]
fn whatever_is_handed_over_installs_nothing_but_what_was_signed() {
    let machine = Machine::new();
    prepare(&machine.stage);
    let handed_over = |here: &str| {
        let stage = machine.stage.path("");
        let text = THIEF.replace("@STAGE@", stage.to_str().unwrap()).replace("@HERE@", here);
        std::fs::write(machine.stage.path("thief"), text).unwrap();
        machine.round_with_a_thief()
    };
    let before = machine_files(&machine);
    for (what, here, said) in HANDED_OVER {
        let begun = Instant::now();
        let done = handed_over(here);
        assert!(done.stderr.contains(said), "{what}: {said:?} is missing in {done:#?}");
        let events = done.stderr.lines().filter(|line| line.starts_with("event=")).count();
        assert_eq!(events, 1, "{what}: {done:#?}");
        assert!(!done.stderr.contains("panicked"), "{what}: {done:#?}");
        assert!(done.stderr.len() < 20_000, "{what} floods the log");
        assert!(begun.elapsed() < Duration::from_secs(90), "{what} takes {:?}", begun.elapsed());
        assert_eq!(machine.phase(), "settled", "{what}");
        assert_eq!(machine_files(&machine), before, "{what}");
        machine.stage.start(&["--version"]).works().says("notes 1.0.0");
    }
    // The rig itself is sound.
    handed_over("").works().says("event=updated app=notes version=1.1.0");
    machine.stage.start(&[]).works().says("notes 1.1.0");
}

/// What is handed over, how, and what is said of it.
const HANDED_OVER: [(&str, &str, &str); 20] = [
    ("noise", "def bundle(): give(fit(os.urandom(200000)))", "family=repository"),
    ("nothing", "def bundle(): give(b'')", "event=failed"),
    ("an older release", "def bundle(): give(fit(read('1.0.0.bundle')))", "family=repository"),
    ("another application", "def bundle(): give(fit(read('evil.bundle')))", "family=repository"),
    ("a link out of it", "def bundle(): give(fit(read('link.tar')))", "family=repository"),
    (
        "one bit more",
        "def bundle():\n  b = bytearray(read('1.1.0.bundle')); b[-60000] ^= 1; give(bytes(b))",
        "family=repository",
    ),
    ("too little", "def bundle(): give(read('1.1.0.bundle')[:-512])", "event=failed"),
    ("too much", "def bundle(): give(read('1.1.0.bundle') + bytes(512))", "event=failed"),
    ("a lie about its length", "def bundle(): give(read('1.1.0.bundle'), 2**63)", "event=failed"),
    (
        "a pause for ever",
        "def bundle(): give(read('1.1.0.bundle')[:9999], len(read('1.1.0.bundle'))); inp.read()",
        "event=failed",
    ),
    ("a negative length", "def bundle(): say(word='bytes', length=-1)", "event=failed"),
    ("no JSON", "def bundle(): out.write(b'install it\\n'); out.flush()", "event=failed"),
    (
        "an endless line",
        "def bundle():\n  while True: out.write(b'x' * 65536); out.flush()",
        "event=failed",
    ),
    ("an end", "def bundle(): sys.exit(0)", "event=failed"),
    (
        "lines for the log",
        "def bundle(): say(word='failed', text='no\\nevent=updated app=notes', advice='\\x1b[2J', code=0, retry_after=None, busy=False)",
        "family=local",
    ),
    (
        "many warnings",
        "def bundle():\n  for n in range(9999): say(word='warned', text='x' * 9999)\n  sys.exit(0)",
        "event=failed",
    ),
    ("metadata of another repository", "WWW = 'evil'", "family=repository"),
    ("metadata that is noise", "def metadata(name): give(os.urandom(3000))", "event=failed"),
    (
        "metadata without end",
        "def metadata(name):\n  say(word='bytes', length=2**60)\n  while True: out.write(b'x' * 65536)",
        "event=failed",
    ),
    (
        "a file of root's",
        "def bundle():\n  os.symlink('/etc/shadow', '/tmp/exuvia-handed-over'); give(open('/tmp/exuvia-handed-over', 'rb').read())",
        "event=failed",
    ),
];

/// Bundles as they are handed over, and a repository of somebody else.
fn prepare(stage: &Stage) {
    for version in ["1.0.0", "1.1.0"] {
        let (from, to) = (format!("dist-{version}"), format!("{version}.bundle"));
        stage.exuvia(&["bundle", "make", &from, &to]).works();
    }
    let evil = stage.version("9.0.0", "echo evil");
    stage.exuvia(&["bundle", "make", evil.to_str().unwrap(), "evil.bundle"]).works();
    let repo = ["--repo", "evil-repo"];
    stage
        .exuvia(&[&repo[..], &["init", "--app", "notes", "--mirror", "file:///evil/"]].concat())
        .works();
    stage
        .exuvia(&[&repo[..], &["release", evil.to_str().unwrap(), "--version", "9.0.0"]].concat())
        .works();
    stage.exuvia(&[&repo[..], &["publish", stage.path("evil").to_str().unwrap()]].concat()).works();
    let link = stage.path("dist-link");
    std::fs::create_dir(&link).unwrap();
    write_program(&link.join("notes"), "echo link");
    std::os::unix::fs::symlink("/etc", link.join("share")).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(stage.path("link.tar")).arg("-C").arg(&link).arg(".");
    assert!(tar.status().unwrap().success());
}

/// All that could be installed, and where it would be registered.
fn machine_files(machine: &Machine) -> BTreeMap<String, Thing> {
    let mut files = things(&machine.stage.path("apps"));
    // What was learnt of the repository, and that it was looked at.
    files.retain(|path, _| !path.contains("/.exuvia/floors") && !path.ends_with("/lock"));
    files
}

const NONE: &str = "0000000000000000";
