//! The built program: reports, JSON, exit codes.

use std::fs;

use exuvia::Qualify;
use serde_json::Value;

use crate::support::*;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_whole_way_of_a_publisher() {
    let place = Place::new();
    let www = place.path("www").display().to_string();
    let mirror = format!("file://{www}");
    let init = place.exuvia(&["init", "--app", "notes", "--mirror", &mirror]).done();
    let lines: Vec<&str> = init.lines().collect();
    assert_eq!(
        lines,
        [
            "made the repository of notes in repo",
            &format!("embed repo/exuvia.json in the application; it will look at {mirror}/"),
            "",
            "Move repo/keys/root-2.key to a place that is not on this machine, and note the passphrase there.",
            "It is the spare: with it you can replace every other key, without it a lost key strands your users.",
        ]
    );
    place.app("1.0.0");
    let release = place.exuvia(&["release", "app", "--version", "1.0.0", "--level", "1"]).done();
    let platform = exuvia_cli::host();
    assert!(
        release.starts_with(&format!(
            "released 1.0.0 (folder, {platform}, channel stable): 2 files, "
        )),
        "{release}"
    );
    place.app("1.1.0");
    let args =
        ["--json", "release", "app", "--version", "1.1.0", "--notes", "Faster.", "--level", "1"];
    let report = json(&place.exuvia(&args).done());
    assert_eq!(report["version"], "1.1.0");
    assert_eq!(report["deltas"][0]["from"], "1.0.0");
    assert_eq!(report["deltas"][0]["outcome"], "released");
    let published = json(&place.exuvia(&["publish", "--json"]).done());
    assert_eq!((&published["payloads"], &published["metadata"]), (&3.into(), &5.into()));
    let again = place.exuvia(&["publish"]);
    assert_eq!((again.code, again.out), (3, format!("{www}/ has everything already\n")));
    let verified = json(&place.exuvia(&["verify", "www", "--json"]).done());
    assert_eq!((&verified["targets"], &verified["root_version"]), (&3.into(), &1.into()));
    let refreshed = json(&place.exuvia(&["refresh", "--json"]).done());
    assert_eq!(refreshed["renewed"], serde_json::json!(["timestamp"]));
}

#[cfg(unix)]
#[test]
fn keys_are_sealed_and_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.exuvia(&["init", "--app", "notes"]).done();
    let keys = fs::metadata(place.repo().join("keys")).unwrap();
    assert_eq!(keys.permissions().mode() & 0o777, 0o700);
    let key = json(&fs::read_to_string(place.repo().join("keys/root-1.key")).unwrap());
    assert_eq!((&key["memory_kib"], &key["passes"]), (&19_456.into(), &2.into()));
    let where_is = |name: &str| {
        let list = json(&place.exuvia(&["keys", "list", "--json"]).done());
        let keys = list[0]["keys"].as_array().unwrap().clone();
        keys.iter().find(|key| key["name"] == name).unwrap()["whereabouts"].clone()
    };
    assert_eq!(where_is("root-2"), "here");
    fs::remove_file(place.repo().join("keys/root-2.key")).unwrap();
    assert_eq!((where_is("root-1"), where_is("root-2")), ("here".into(), "elsewhere".into()));
}

#[test]
fn what_is_embedded_is_a_configuration() {
    let place = Place::new();
    let args = ["init", "--app", "notes", "--channel", "beta", "--mirror", "https://a.example/n"];
    place.exuvia(&args).done();
    let text = fs::read_to_string(place.repo().join("exuvia.json")).unwrap();
    let config = exuvia::Config::parse(&text).unwrap();
    assert_eq!((config.app.as_str(), config.channel.as_str()), ("notes", "beta"));
    assert_eq!(config.mirrors[0].as_str(), "https://a.example/n/");
    assert_eq!(
        json(std::str::from_utf8(&config.root).unwrap()),
        json(&fs::read_to_string(place.repo().join("metadata/1.root.json")).unwrap())
    );
}

#[test]
fn an_application_that_does_not_embed_is_described() {
    let config = |arguments: &[&str]| {
        let place = Place::new();
        place.exuvia(&[&["init", "--app", "notes"], arguments].concat()).done();
        let text = fs::read_to_string(place.repo().join("exuvia.json")).unwrap();
        let config = exuvia::Config::parse(&text).unwrap();
        (config.health.to_string(), config.qualify)
    };
    let explicit = "explicit".to_owned();
    assert_eq!(config(&[]), (explicit.clone(), Qualify::Nonce));
    assert_eq!(config(&["--qualify", "false"]), (explicit, Qualify::No));
    let arguments = Qualify::Args(vec!["--version".to_owned(), "-q".to_owned()]);
    assert_eq!(
        config(&["--qualify", "--version", "--qualify=-q", "--health", "alive:20"]),
        ("alive:20".to_owned(), arguments)
    );
}

#[test]
fn deltas_between_files_keep_the_mode_of_the_old_one() {
    let place = Place::new();
    let (old, new) =
        (noise(100_000), [noise(50_000), b"inserted".to_vec(), noise(100_000)].concat());
    fs::write(place.path("old"), old).unwrap();
    make_executable(&place.path("old"));
    fs::write(place.path("new"), &new).unwrap();
    place.exuvia(&["delta", "make", "old", "new", "patch"]).done();
    let info = json(&place.exuvia(&["delta", "info", "patch", "--json"]).done());
    assert_eq!(info["format"], "exuvia-delta-3");
    let length = fs::metadata(place.path("patch")).unwrap().len();
    assert_eq!(info["length"], length);
    assert!(length < 5_000, "{length}");
    place.exuvia(&["delta", "apply", "old", "patch", "rebuilt"]).done();
    assert_eq!(fs::read(place.path("rebuilt")).unwrap(), new);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(place.path("rebuilt")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }
}

#[test]
fn a_delta_that_does_not_fit_leaves_nothing() {
    let place = Place::new();
    place.app("1.0.0");
    fs::create_dir(place.path("empty")).unwrap();
    place.exuvia(&["delta", "make", "empty", "app", "patch"]).done();
    let wrong = place.exuvia(&["delta", "apply", "app", "patch", "rebuilt"]);
    assert_eq!(wrong.code, 1);
    assert!(
        wrong.err.ends_with("→ give the version that the delta was made from\n"),
        "{}",
        wrong.err
    );
    assert!(!place.path("rebuilt").exists());
    let mut patch = fs::read(place.path("patch")).unwrap();
    let middle = patch.len() / 2;
    patch[middle] ^= 1;
    fs::write(place.path("patch"), patch).unwrap();
    assert_eq!(place.exuvia(&["delta", "apply", "empty", "patch", "rebuilt"]).code, 1);
    assert!(!place.path("rebuilt").exists());
}

#[test]
fn a_bundle_comes_back_out_as_it_went_in() {
    let place = Place::new();
    let app = place.app("1.0.0");
    for out in ["app.tar", "app.tar.zst"] {
        place.exuvia(&["bundle", "make", "app", out]).done();
        let list = json(&place.exuvia(&["bundle", "list", out, "--json"]).done());
        let paths: Vec<&str> = list["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["path"].as_str().unwrap())
            .collect();
        assert_eq!(paths, ["notes", "share", "share/data.bin"]);
        place.exuvia(&["bundle", "unpack", out, "again"]).done();
        assert_eq!(files(&place.path("again")), files(&app));
        fs::remove_dir_all(place.path("again")).unwrap();
    }
    let plain = fs::read(place.path("app.tar")).unwrap();
    fs::write(place.path("torn.tar"), &plain[..plain.len() - 1]).unwrap();
    assert_eq!(place.exuvia(&["bundle", "unpack", "torn.tar", "again"]).code, 1);
    assert!(!place.path("again").exists());
}

#[test]
fn completions_and_help_are_printed() {
    let place = Place::new();
    let bash = place.exuvia(&["completions", "bash"]).done();
    assert!(bash.contains("_exuvia()"));
    let help = place.exuvia(&["--help"]).done();
    for command in
        ["init", "release", "refresh", "publish", "serve", "verify", "bundle", "delta", "keys"]
    {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
    }
}
