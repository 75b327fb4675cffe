//! Keys on several machines, in tokens, behind commands and in the environment: the built program,
//! as an indie developer and as a company use it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::*;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Five people with a key each, three of whom must sign; the publisher's machine has no root key.
fn company() -> (Place, String) {
    let place = Place::new();
    let mut init: Vec<String> =
        ["init", "--app", "notes", "--root-threshold", "3"].map(str::to_owned).to_vec();
    for name in ["alice", "bob", "carol", "dan", "eve"] {
        place.exuvia(&["keys", "new", name, "--to", name]).done();
        init.extend(["--root-key".to_owned(), format!("{name}/{name}.pub")]);
    }
    init.push("--json".to_owned());
    let init: Vec<&str> = init.iter().map(String::as_str).collect();
    let report = json(&place.exuvia(&init).done());
    assert_eq!(report["founding"]["outcome"], "proposed");
    let file = report["founding"]["file"].as_str().unwrap().to_owned();
    (place, file)
}

/// Each signs an own copy on an own machine, where nothing else of the repository is.
fn signed_by(place: &Place, file: &str, who: &str) -> String {
    let copy = format!("{who}/proposal.json");
    fs::copy(place.path(file), place.path(&copy)).unwrap();
    let key = format!("{who}/{who}.key");
    place.exuvia(&["--repo", "nowhere", "sign", &copy, "--key", &key, "--yes", "--json"]).done();
    copy
}

#[test]
fn a_company_founds_a_repository_with_three_of_five_root_keys() {
    let (place, file) = company();
    let doctor = place.exuvia(&["doctor", "--offline"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.out.contains("the repository is not founded"), "{}", doctor.out);
    place.app("1.0.0");
    for early in [
        &["release", "app", "--version", "1.0.0"][..],
        &["publish", "www"],
        &["keys", "rotate", "timestamp"],
        &["refresh"],
    ] {
        let early = place.exuvia(early);
        assert_eq!(early.code, 1);
        assert!(early.err.contains("the repository is not founded"), "{}", early.err);
    }
    let [alice, bob, eve] = ["alice", "bob", "eve"].map(|who| signed_by(&place, &file, who));
    for (copy, awaited) in [(&alice, "`root` awaits 2 of: "), (&bob, "`root` awaits 1 of: ")] {
        let early = place.exuvia(&["sign", "finish", copy]);
        assert_eq!(early.code, 3);
        assert!(early.out.contains(awaited), "{}", early.out);
    }
    place.exuvia(&["sign", "finish", &eve]).done();
    assert!(!place.path(&file).exists(), "what was carried out awaits nobody");
    place.exuvia(&["release", "app", "--version", "1.0.0", "--level", "1"]).done();
    place.exuvia(&["publish", "www"]).done();
    let verified = json(&place.exuvia(&["verify", "www", "--json"]).done());
    assert_eq!(verified["root_version"], 1);
    let list = json(&place.exuvia(&["keys", "list", "--json"]).done());
    assert_eq!((&list[0]["threshold"], &list[0]["signs_here"]), (&3.into(), &false.into()));
    // Later one of them leaves: a root that three of the old ones sign.
    place.exuvia(&["keys", "new", "frank", "--to", "frank"]).done();
    let rotate =
        ["keys", "rotate", "root", "--key", "dan", "--public", "frank/frank.pub", "--json"];
    let proposed = json(&place.exuvia(&rotate).done());
    let file = proposed["file"].as_str().unwrap();
    let shown = place.exuvia(&["sign", "show", file]).done();
    assert!(shown.contains("may no longer sign `root`"), "{shown}");
    let copies = ["alice", "carol", "eve"].map(|who| signed_by(&place, file, who));
    let mut finish = vec!["sign", "finish"];
    finish.extend(copies.iter().map(String::as_str));
    place.exuvia(&finish).done();
    place.exuvia(&["publish", "www"]).done();
    let verified = json(&place.exuvia(&["verify", "www", "--json"]).done());
    assert_eq!(verified["root_version"], 2);
}

#[test]
fn a_channel_of_two_signers_releases_by_proposal() {
    let place = Place::new();
    place.release(&mut place.init(), "1.0.0");
    let channel = format!("stable-{}", exuvia_cli::host());
    place.exuvia(&["keys", "new", "bob", "--to", "bob"]).done();
    place.exuvia(&["keys", "add", &channel, "--name", "bob", "--public", "bob/bob.pub"]).done();
    let threshold = json(&place.exuvia(&["keys", "threshold", &channel, "2", "--json"]).done());
    let bob = signed_by(&place, threshold["file"].as_str().unwrap(), "bob");
    place.exuvia(&["sign", "finish", &bob]).done();
    place.app("1.1.0");
    let release = ["release", "app", "--version", "1.1.0", "--level", "1"];
    let text = place.exuvia(&release).done();
    assert!(text.starts_with("prepared 1.1.0") && text.contains("awaits 1 of: bob"), "{text}");
    place.exuvia(&["publish", "www"]).done();
    let targets =
        |place: &Place| json(&place.exuvia(&["verify", "www", "--json"]).done())["targets"].clone();
    assert_eq!(targets(&place), 1, "nothing is released before both have signed");
    let json_release = [&release[..], &["--json"]].concat();
    let waits = json(&place.exuvia(&json_release).done())["waits"].clone();
    let bob = signed_by(&place, waits["file"].as_str().unwrap(), "bob");
    place.exuvia(&["sign", "finish", &bob]).done();
    place.exuvia(&["publish", "www"]).done();
    assert_eq!(targets(&place), 3);
}

#[test]
fn a_signer_without_a_wanted_key_or_a_yes_signs_nothing() {
    let (place, file) = company();
    place.exuvia(&["keys", "new", "mallory"]).done();
    let before = fs::read(place.path(&file)).unwrap();
    let unwanted = place.exuvia(&["sign", &file, "--key", "mallory.key", "--yes"]);
    assert_eq!(unwanted.code, 1);
    assert!(unwanted.err.contains("no key at hand is wanted by this proposal"), "{}", unwanted.err);
    let silent = place.exuvia(&["sign", &file, "--key", "alice/alice.key"]);
    assert_eq!(silent.code, 3, "nobody said yes");
    assert_eq!(fs::read(place.path(&file)).unwrap(), before);
}

#[test]
fn an_indie_rotates_every_online_key_on_one_laptop() {
    let place = Place::new();
    place.release(&mut place.init(), "1.0.0");
    place.exuvia(&["publish", "www"]).done();
    for role in ["timestamp", "snapshot", "targets", &format!("stable-{}", exuvia_cli::host())] {
        place.exuvia(&["keys", "rotate", role]).done();
        place.exuvia(&["publish", "www"]).done();
        place.exuvia(&["verify", "www"]).done();
    }
    let doctor = place.exuvia(&["doctor", "--offline"]).done();
    assert!(doctor.contains("all root keys lie on this machine"), "{doctor}");
    assert!(doctor.contains("the key timestamp signs nothing"), "{doctor}");
    let text = place.exuvia(&["keys", "list"]).done();
    assert!(text.lines().any(|line| line.starts_with("timestamp") && line.contains("timestamp-2")));
}

#[test]
fn a_key_in_the_environment_refreshes_in_ci() {
    let place = Place::new();
    place.release(&mut place.init(), "1.0.0");
    let keys = place.repo().join("keys");
    let sealed = fs::read_to_string(keys.join("timestamp.key")).unwrap();
    for entry in fs::read_dir(&keys).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "key") {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(place.exuvia(&["refresh"]).code, 1);
    let output = Command::new(env!("CARGO_BIN_EXE_exuvia"))
        .args(["refresh", "--json"])
        .current_dir(place.home.path())
        .env("EXUVIA_PASSPHRASE", PASSPHRASE)
        .env("EXUVIA_REPO", "repo")
        .env("EXUVIA_KEY_TIMESTAMP", sealed)
        .output()
        .unwrap();
    let report = json(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(report["renewed"], serde_json::json!(["timestamp"]));
}

#[cfg(unix)]
#[test]
fn a_command_signs_and_a_wrong_signature_is_not_taken() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("NOT TESTED: openssl is not installed");
        return;
    }
    let place = Place::new();
    place.release(&mut place.init(), "1.0.0");
    let script = |name: &str, body: &str| {
        let path = place.path(name);
        fs::write(
            &path,
            format!("#!/bin/sh\nset -e\ncd {}\n{body}\n", place.home.path().display()),
        )
        .unwrap();
        make_executable(&path);
        path.display().to_string()
    };
    let make = script(
        "make",
        "openssl genpkey -algorithm ed25519 -out kms.pem\n\
         openssl pkey -in kms.pem -pubout -outform DER | tail -c 32 | od -An -tx1 | tr -d ' \\n'",
    );
    let public = Command::new(make).output().unwrap().stdout;
    let public = String::from_utf8(public).unwrap();
    let text =
        format!(r#"{{"keytype":"ed25519","scheme":"ed25519","keyval":{{"public":"{public}"}}}}"#);
    fs::write(place.path("kms.pub"), text).unwrap();
    let sign = script(
        "sign",
        "cat > payload\nopenssl pkeyutl -sign -rawin -inkey kms.pem -in payload | base64",
    );
    let wrong = script("wrong", "cat > /dev/null\nhead -c 64 /dev/zero | base64");
    let rotate = |command: &str| {
        place.exuvia(&["keys", "rotate", "timestamp", "--public", "kms.pub", "--command", command])
    };
    let refused = rotate(&wrong);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("did not sign `timestamp`"), "{}", refused.err);
    fs::remove_file(place.repo().join("keys/timestamp-2.signer")).unwrap();
    fs::remove_file(place.repo().join("keys/timestamp-2.pub")).unwrap();
    rotate(&sign).done();
    place.exuvia(&["refresh"]).done();
    place.exuvia(&["publish", "www"]).done();
    place.exuvia(&["verify", "www"]).done();
}

#[cfg(all(target_os = "linux", feature = "pkcs11"))]
#[test]
#[ignore = "needs a token in software: tests/run installs softhsm2 and then runs this too"]
fn keys_in_a_token_sign_the_channel_and_the_timestamp() {
    let module = "/usr/lib/softhsm/libsofthsm2.so";
    let place = Place::new();
    place.release(&mut place.init(), "1.0.0");
    fs::create_dir(place.path("tokens")).unwrap();
    let conf = place.path("softhsm2.conf");
    let tokens = place.path("tokens").display().to_string();
    fs::write(&conf, format!("directories.tokendir = {tokens}\n")).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(place.home.path())
            .env("SOFTHSM2_CONF", &conf)
            .env("EXUVIA_PIN", "1234")
            .env("EXUVIA_PASSPHRASE", PASSPHRASE)
            .env("EXUVIA_REPO", "repo")
            .output()
            .unwrap();
        Answer::of(&output)
    };
    let token = ["--init-token", "--free", "--label", "shop", "--so-pin", "0000", "--pin", "1234"];
    assert_eq!(run("softhsm2-util", &token).code, 0);
    let exuvia = env!("CARGO_BIN_EXE_exuvia");
    let channel = format!("stable-{}", exuvia_cli::host());
    let curve = ["-pkeyopt", "ec_paramgen_curve:P-256"];
    for (role, algorithm, options) in
        [("timestamp", "ed25519", &[][..]), (&channel, "EC", &curve[..])]
    {
        let genpkey = [&["genpkey", "-algorithm", algorithm, "-out", "key.pem"], options].concat();
        assert_eq!(run("openssl", &genpkey).code, 0);
        let import = ["--import", "key.pem", "--token", "shop", "--label", role, "--pin", "1234"];
        let id = if role == channel { "02" } else { "01" };
        let imported = run("softhsm2-util", &[&import[..], &["--id", id]].concat());
        assert_eq!(imported.code, 0, "{}{}", imported.out, imported.err);
        let rotate =
            ["keys", "rotate", role, "--module", module, "--token", "shop", "--label", role];
        run(exuvia, &rotate).done();
    }
    let list = json(&run(exuvia, &["keys", "list", "--json"]).done());
    let kinds: Vec<&Value> = list.as_array().unwrap().iter().map(|role| &role["keys"][0]).collect();
    assert!(
        kinds.iter().any(|k| k["kind"] == "ecdsa-sha2-nistp256" && k["whereabouts"] == "token")
    );
    place.app("1.1.0");
    run(exuvia, &["release", "app", "--version", "1.1.0", "--level", "1"]).done();
    run(exuvia, &["publish", "www"]).done();
    run(exuvia, &["verify", "www"]).done();
    let gone = place.exuvia(&["refresh"]);
    assert_eq!(gone.code, 1);
    assert!(gone.err.contains("PIN of the token"), "{}", gone.err);
}
