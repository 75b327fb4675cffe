//! Two at once, and answers from before. There is no socket: who may write the installation may change
//! it, nobody else can ask for that.

use exuvia::{Error, LocalError};
use exuvia_plan::{Qualify, qualify_answer};
use exuvia_tests::home::{as_stranger, open_to_strangers, things};
use exuvia_tests::processes::{Stage, program};
use exuvia_tests::scene::Scene;

#[tokio::test]
async fn of_two_updaters_at_once_one_does_it_and_the_other_leaves() {
    let scene = Scene::under_attack().await;
    let (one, two) = tokio::join!(scene.attempt(), scene.attempt());
    let did =
        |result: &Result<Option<String>, Error>| matches!(result, Ok(Some(v)) if v == "1.1.0");
    let left = |result: &Result<Option<String>, Error>| {
        matches!(result, Ok(None) | Err(Error::Local(LocalError::Busy | LocalError::Helper(_))))
    };
    assert!(did(&one) || did(&two), "{one:?} {two:?}");
    for result in [&one, &two] {
        assert!(did(result) || left(result), "{result:?}");
    }
    scene.settles().await;
}

#[test]
fn an_answer_to_another_question_qualifies_nothing() {
    let answer = qualify_answer("00000000000000000000000000000000") + "\n";
    let judge = |nonce: &str| Qualify::Nonce.judge(Some(0), None, answer.as_bytes(), b"", nonce);
    assert!(judge("00000000000000000000000000000000").is_ok());
    assert!(judge("00000000000000000000000000000001").is_err());
}

#[tokio::test]
async fn an_installation_listens_to_nobody() {
    use std::os::unix::fs::FileTypeExt;
    let scene = Scene::under_attack().await;
    scene.arrives().await;
    let mut open = vec![scene.home.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            assert!(!kind.is_socket() && !kind.is_fifo(), "{}", entry.path().display());
            if kind.is_dir() {
                open.push(entry.path());
            }
        }
    }
}

#[test]
fn another_user_moves_nothing_whatever_he_asks_for() {
    let stage = Stage::new();
    stage.init(&format!("file://{}", stage.path("www").display()));
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    stage.agent(&["update", "--yes"]).works();
    if open_to_strangers(&stage.path(".")).is_none() {
        return;
    }
    let (own, before) = (stage.path("helper"), things(&stage.app()));
    std::fs::copy(program("exuvia-helper"), &own).unwrap();
    // A version is on trial: there is something for each of them to do.
    for verb in ["confirm", "revert", "swap", "recover"] {
        let mut helper = stage.command(&own);
        let asked = as_stranger(helper.arg(verb).arg("--install").arg(stage.app())).output();
        let code = asked.unwrap().status.code();
        assert!(matches!(code, Some(1 | 3)) || verb == "recover", "{verb}: {code:?}");
        assert_eq!(things(&stage.app()), before, "{verb}");
    }
    stage.start(&[]).works().says("notes 1.1.0");
    assert_eq!(stage.status()["phase"], "settled");
}

/// The inodes of all sockets that somebody may connect to.
fn listeners() -> Vec<String> {
    let table =
        |name: &str| std::fs::read_to_string(format!("/proc/net/{name}")).unwrap_or_default();
    let field = |line: &str, at| line.split_whitespace().nth(at).unwrap_or_default().to_owned();
    let [tcp, tcp6] = ["tcp", "tcp6"].map(table);
    let tcp = tcp.lines().chain(tcp6.lines()).filter(|line| field(line, 3) == "0A");
    let unix = table("unix");
    let unix = unix.lines().filter(|line| field(line, 3) == "00010000");
    tcp.map(|line| field(line, 9)).chain(unix.map(|line| field(line, 6))).collect()
}

/// The inodes of the sockets that a process has.
fn sockets(process: u32) -> Vec<String> {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let links = open.filter_map(|fd| std::fs::read_link(fd.path()).ok());
    let names = links.filter_map(|link| link.into_os_string().into_string().ok());
    names.filter_map(|n| Some(n.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect()
}

#[test]
fn while_it_works_an_updater_has_no_socket_that_anybody_could_connect_to() {
    use exuvia_tests::server::{Fault, Server};
    let own = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = sockets(std::process::id());
    assert!(listeners().iter().any(|inode| ours.contains(inode)), "the tables are misread");
    drop(own);
    let stage = Stage::new();
    let server = Server::start(&stage.path("www"));
    stage.init(&server.url());
    stage.release(&stage.good_version("1.0.0"), "1.0.0");
    stage.agent(&["install"]).works();
    stage.release(&stage.good_version("1.1.0"), "1.1.0");
    let targets = things(&stage.path("www/targets")).into_keys();
    for path in targets.filter(|path| path.contains("1.1.0")) {
        // However small it is: it takes a second or two.
        let slow = Fault::Slow(128, std::time::Duration::from_millis(50));
        server.fault(&format!("targets/{path}"), slow);
    }
    let mut agent = stage.command(&program("exuvia-agent"));
    agent.args(stage.agent_options()).args(["update", "--yes"]);
    let mut agent = agent.stderr(std::process::Stdio::null()).spawn().unwrap();
    let (mut looks, mut connected) = (0, 0);
    while agent.try_wait().unwrap().is_none() {
        let has = sockets(agent.id());
        let open: Vec<_> = listeners().into_iter().filter(|inode| has.contains(inode)).collect();
        assert!(open.is_empty(), "it listens");
        (looks, connected) = (looks + 1, connected + usize::from(!has.is_empty()));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(agent.wait().unwrap().success());
    assert!(connected > 4, "{looks} looks, {connected} while it was connected");
}
