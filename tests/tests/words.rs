//! What users read when an update cannot be had: one line of what happened, one of what to do, an exit
//! code. The texts are kept in `words.txt`, to be read as a whole; `EXUVIA_BLESS=1` writes it anew.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::SystemTime;

use exuvia::Time;
use exuvia_durable::faults::{Fault as DiskFault, Faults};
use exuvia_tests::home::{Thing, things};
use exuvia_tests::processes::{Done, Stage};
use exuvia_tests::scene::{Scene, good};
use exuvia_tests::server::{Fault, Server};
use exuvia_tests::sim::Sim;
use exuvia_tests::sim::forge::{channel_role, sign};
use serde_json::{Value, json};

/// An installation by the real agent, of a repository that a test may turn against it.
struct Victim {
    sim: Sim,
    stage: Stage,
    server: Server,
    before: BTreeMap<String, Thing>,
    honest: BTreeMap<String, Vec<u8>>,
    text: String,
}

impl Victim {
    /// 1.0.0 is installed, 1.1.0 is published and not yet known.
    fn new() -> Victim {
        // The agent knows the real time only.
        let (sim, stage) = (Sim::at(now()), Stage::new());
        let server = Server::start(&stage.path("www"));
        sim.publish("1.0.0", &good("1.0.0"));
        sim.write_to(&stage.path("www"));
        let config = sim.config("alive:1", json!(["--version"]));
        let config = config.replace("https://sim.invalid/", &server.url());
        std::fs::write(stage.path("exuvia.json"), config).unwrap();
        stage.agent(&["install"]).works();
        sim.publish("1.1.0", &good("1.1.0"));
        let (before, honest) = (things(&stage.app()), sim.served());
        let victim = Victim { sim, stage, server, before, honest, text: String::new() };
        victim.publish();
        victim
    }

    /// What the repository serves now is on the server.
    fn publish(&self) {
        std::fs::remove_dir_all(self.stage.path("www")).unwrap();
        std::fs::create_dir(self.stage.path("www")).unwrap();
        self.sim.write_to(&self.stage.path("www"));
    }

    /// Notes what `update` says, after `change` has done its worst; then all is well again.
    fn case(&mut self, name: &str, change: impl FnOnce(&Victim)) {
        self.case_with(name, change, &["update", "--yes"]);
    }

    fn case_with(&mut self, name: &str, change: impl FnOnce(&Victim), args: &[&str]) {
        let config = std::fs::read(self.stage.path("exuvia.json")).unwrap();
        self.forget();
        change(self);
        self.publish();
        let done = self.stage.agent(args);
        assert!(!done.stderr.contains("panicked"), "{name}: {done:?}");
        self.note(name, &done);
        assert_eq!(untouched(things(&self.stage.app())), untouched(self.before.clone()), "{name}");
        self.server.heal();
        self.sim.serve_instead(self.honest.clone());
        std::fs::write(self.stage.path("exuvia.json"), config).unwrap();
    }

    /// Nothing is known of earlier runs.
    fn forget(&self) {
        for name in ["home/.local", "home/.cache"] {
            let _ = std::fs::remove_dir_all(self.stage.path(name));
        }
    }

    fn note(&mut self, name: &str, done: &Done) {
        let said = self.plain(&format!("{}{}", done.stdout, done.stderr));
        let code = done.code.unwrap();
        write!(self.text, "# {name}\n{said}exit code {code}\n\n").unwrap();
    }

    /// Without what differs from run to run.
    fn plain(&self, said: &str) -> String {
        let folder = self.stage.path("home").parent().unwrap().to_str().unwrap().to_owned();
        let said = said.replace(self.server.url().trim_end_matches('/'), "https://mirror.example");
        let said = said.replace(&folder, "/home/jo");
        let digest = |word: &str| word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let mut plain = said.clone();
        for word in said.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| digest(word)) {
            plain = plain.replace(word, &format!("{}…", &word[..1].replace(|_| true, "5")));
        }
        for name in said.split('/').filter(|name| name.starts_with(".exuvia-tmp-")) {
            plain = plain.replace(name.split(':').next().unwrap(), ".exuvia-tmp");
        }
        let today = now().to_string();
        let minute = said.split_whitespace().find(|word| word.starts_with(&today[..10]));
        plain.replace(minute.unwrap_or("now"), "now").replace(std::env::consts::ARCH, "ARCH")
    }

    fn config(&self, change: impl FnOnce(&mut Value)) {
        let path = self.stage.path("exuvia.json");
        let mut config = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut config);
        std::fs::write(path, config.to_string()).unwrap();
    }
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Time::from_unix(i64::try_from(since.as_secs()).unwrap())
}

/// All but what the updater itself writes down.
fn untouched(mut things: BTreeMap<String, Thing>) -> BTreeMap<String, Thing> {
    things.retain(|path, _| !path.starts_with(".exuvia"));
    things
}

#[test]
fn what_goes_wrong_is_said_in_words_that_help() {
    let mut victim = Victim::new();
    network(&mut victim);
    repository(&mut victim);
    here(&mut victim);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/words.txt");
    if std::env::var_os("EXUVIA_BLESS").is_some() {
        std::fs::write(&path, &victim.text).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let (known, text) = (known.split("\n\n"), victim.text.split("\n\n"));
    for (known, text) in known.zip(text) {
        assert_eq!(text, known);
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), victim.text);
}

fn network(victim: &mut Victim) {
    victim.case("no connection", |victim| {
        victim.config(|config| config["mirrors"] = json!(["http://127.0.0.1:1/"]));
    });
    victim.case("no such host", |victim| {
        victim.config(|config| config["mirrors"] = json!(["https://nowhere.invalid/"]));
    });
    victim.case("captive portal", |victim| {
        for path in victim.honest.keys().chain([&"metadata/2.root.json".to_owned()]) {
            victim.server.fault(path, Fault::Portal);
        }
    });
    victim.case("server out of order", |victim| {
        victim.server.fault("metadata/timestamp.json", Fault::Retry(503, "3600".into()));
    });
    victim.case("server that wants a token", |victim| {
        victim.server.fault("metadata/timestamp.json", Fault::Status(401));
    });
    victim.case("sent to an unprotected place", |victim| {
        let to = Fault::Redirect("http://elsewhere.example/".into());
        victim.server.fault("metadata/timestamp.json", to);
    });
    victim.case("no metadata there", |victim| {
        victim.sim.serve_instead(BTreeMap::new());
    });
    victim.case("connection breaks off", |victim| {
        for path in victim.honest.keys().filter(|path| path.starts_with("targets/")) {
            victim.server.fault(path, Fault::Truncate(0));
        }
    });
}

fn repository(victim: &mut Victim) {
    let wrong_root = |victim: &Victim| {
        let mut signed = victim.sim.signed("root");
        for role in ["snapshot", "targets", "timestamp"] {
            signed["roles"][role] = signed["roles"]["root"].clone();
        }
        let root: Value = serde_json::from_slice(&sign(&signed, &["root"])).unwrap();
        victim.config(|config| config["root"] = root);
    };
    victim.case_with("wrong root", wrong_root, &["install", "--install", "apps/other"]);
    victim.case("expired", |victim| {
        victim.sim.forge("timestamp", |signed| {
            signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
            signed["expires"] = json!("2026-01-01T00:00:00Z");
        });
    });
    victim.case("unsigned", |victim| {
        let path = "metadata/timestamp.json";
        let mut timestamp: Value = serde_json::from_slice(&victim.sim.served()[path]).unwrap();
        timestamp["signatures"] = json!([]);
        victim.sim.replace(path, timestamp.to_string());
    });
    victim.case("signed by a stranger", |victim| {
        victim.sim.forge_signed_by("timestamp", &["stranger"], |signed| {
            signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        });
    });
    victim.case("releases of another application", |victim| {
        forge_facts(victim, |facts| facts["app"] = json!("letters"));
    });
    victim.case("releases for another platform", |victim| {
        forge_facts(victim, |facts| facts["platform"] = json!("plan9-mips"));
    });
    victim.case("another payload", |victim| {
        for (path, bytes) in victim.honest.iter().filter(|(path, _)| path.contains("1.1.0")) {
            victim.sim.replace(path, bytes.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>());
        }
    });
    victim.case("unknown channel", |victim| {
        victim.config(|config| config["channel"] = json!("nightly"));
    });
    victim.case("configuration of another application", |victim| {
        victim.config(|config| config["app"] = json!("letters"));
    });
}

/// Every release says something else about itself, rightly signed.
fn forge_facts(victim: &Victim, change: impl Fn(&mut Value)) {
    victim.sim.forge(&channel_role(), |signed| {
        signed["version"] = json!(signed["version"].as_u64().unwrap() + 1);
        for target in signed["targets"].as_object_mut().unwrap().values_mut() {
            change(&mut target["custom"]["exuvia"]);
        }
    });
}

fn here(victim: &mut Victim) {
    let journal = victim.stage.app().join(".exuvia/journal");
    let kept = std::fs::read(&journal).unwrap();
    victim.case("damaged state", |_| std::fs::write(&journal, "nonsense").unwrap());
    std::fs::write(&journal, kept).unwrap();
    victim.case_with("no configuration", |_| {}, &["update", "--config", "missing.json"]);
    let other = ["update", "--yes", "--install", "apps/other"];
    victim.case_with("nothing installed", |_| {}, &other);
    victim.forget();
    let done = victim.stage.agent_of_another_user(&["update", "--yes"]);
    victim.note("installation of another user", &done);
}

#[tokio::test]
async fn a_full_disk_is_said_to_be_one_wherever_it_is_met() {
    let scene = Scene::new().await;
    let saved = scene.home.save();
    for step in 0.. {
        let faults = Faults::everywhere(step, DiskFault::Errno(28));
        let result = scene.attempt().await;
        let struck = faults.struck();
        drop(faults);
        if !struck {
            break;
        }
        if let Err(error) = result {
            let said = format!("step {step}: {error}: {}", error.advice());
            assert_eq!(error.exit_code(), 1, "{said}");
            assert!(error.advice().contains("make room"), "{said}");
        }
        scene.home.restore(&saved);
    }
}
