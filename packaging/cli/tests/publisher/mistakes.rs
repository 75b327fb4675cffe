//! What people do wrong, and the two lines that they read then.

use std::fs;

use crate::support::*;

/// Runs a command that is a mistake: its exit code, and both lines.
fn wrong(place: &Place, arguments: &[&str], code: i32, what: &str, advice: &str) {
    let answer = place.exuvia(arguments);
    let home = place.home.path().display().to_string();
    let err = answer.err.replace(&home, "~");
    assert_eq!((answer.code, err), (code, format!("error: {what}\n→ {advice}\n")), "{arguments:?}");
    assert_eq!(answer.out, "");
}

fn released() -> Place {
    let place = Place::new();
    place.release(&mut place.init(), "1.1.0");
    place
}

#[test]
fn the_wrong_folder() {
    let place = Place::new();
    for command in [&["refresh"][..], &["publish", "www"], &["keys", "list"], &["verify", "www"]] {
        wrong(
            &place,
            command,
            1,
            "there is no publisher's folder at repo",
            "run `exuvia init --app NAME` first, or name the folder with --repo",
        );
    }
    fs::create_dir(place.path("full")).unwrap();
    fs::write(place.path("full/file"), "").unwrap();
    wrong(
        &place,
        &["init", "--app", "notes", "--repo", "full"],
        1,
        "full is not empty",
        "choose a new folder with --repo",
    );
    wrong(
        &place,
        &["serve", "full"],
        1,
        "there is no repository in full",
        "name a folder that holds metadata/ and targets/",
    );
}

#[test]
fn the_wrong_passphrase() {
    let place = released();
    let answer = place.exuvia_with("wrong", &["refresh"]);
    assert_eq!(
        (answer.code, answer.err.as_str()),
        (
            1,
            "error: repo/keys/snapshot.key cannot be opened: the passphrase does not open it\n\
             → type the passphrase that was chosen at `exuvia init`; if it is right, the file is damaged: restore it from a backup\n"
        )
    );
    let empty = place.exuvia_with("", &["refresh"]);
    assert_eq!(
        (empty.code, empty.err.as_str()),
        (1, "error: the passphrase is empty\n→ type it, or set EXUVIA_PASSPHRASE\n")
    );
}

#[test]
fn a_damaged_key() {
    let place = released();
    let key = place.repo().join("keys/timestamp.key");
    fs::write(&key, &fs::read(&key).unwrap()[..40]).unwrap();
    wrong(
        &place,
        &["refresh"],
        1,
        "repo/keys/timestamp.key cannot be opened: it is not a key file",
        "restore the file from a backup",
    );
    fs::remove_file(&key).unwrap();
    place.app("1.2.0");
    wrong(
        &place,
        &["release", "app", "--version", "1.2.0"],
        1,
        "no key of the role `timestamp` is in repo/keys",
        "copy a key of `timestamp` back into that folder (`exuvia keys list` shows their names)",
    );
    wrong(
        &place,
        &["refresh"],
        1,
        "role `timestamp` is signed by 1 of its keys, but 0 are at hand",
        "copy the keys of `timestamp` back into keys/ (`exuvia keys list` shows their names)",
    );
}

#[test]
fn the_wrong_version() {
    let place = released();
    let platform = exuvia_cli::host();
    let bundle = {
        let list = place.exuvia(&["--json", "bundle", "make", "app", "x.tar"]).done();
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        list["bundle"].as_str().unwrap().to_owned()
    };
    wrong(
        &place,
        &["release", "app", "--version", "1.1.0"],
        3,
        &format!("1.1.0 for {platform} (folder) is already released with this very content"),
        "nothing is left to do; publish it with `exuvia publish`",
    );
    wrong(
        &place,
        &["release", "app", "--version", "1.2.0"],
        1,
        "1.2.0 has the same content as 1.1.0",
        "build the new version first",
    );
    place.app("other content");
    wrong(
        &place,
        &["release", "app", "--version", "1.0.9"],
        1,
        "version 1.0.9 is not higher than 1.1.0, the newest in channel stable",
        "choose a version above 1.1.0: clients never go down",
    );
    wrong(
        &place,
        &["release", "app", "--version", "1.1.0"],
        1,
        &format!("1.1.0 for {platform} (folder) is already released with other content ({bundle})"),
        "give the new content a new version: one version means one content for ever",
    );
    wrong(
        &place,
        &["release", "app", "--version", "1.1.0", "--platform", "haiku-x86_64"],
        1,
        "version 1.1.0 is already released for another platform or kind",
        "give --add to add this platform or kind to it, or choose a higher version",
    );
    wrong(
        &place,
        &["release", "app", "--version", "1.2.0", "--add"],
        1,
        "channel stable has no version 1.2.0 to add to",
        "release it without --add",
    );
}

#[test]
fn the_wrong_path() {
    let place = released();
    wrong(
        &place,
        &["release", "dist", "--version", "1.2.0"],
        1,
        "dist does not exist",
        "name the folder or file that holds the new version",
    );
    wrong(
        &place,
        &["release", ".", "--version", "1.2.0"],
        1,
        ". contains the publisher's folder",
        "release only the built application: keys must never be given away",
    );
    wrong(
        &place,
        &["release", "app", "--version", "1.2.0", "--executable", "bin/notes"],
        2,
        "bin/notes is not a file in app",
        "name the program with --executable, as a path inside the folder",
    );
    wrong(
        &place,
        &["release", "app", "--version", "1.2.0", "--kind", "appimage"],
        2,
        "a release of kind appimage is made from a file, but app is none",
        "give another path, or another --kind",
    );
    fs::remove_file(place.path("app/notes")).unwrap();
    wrong(
        &place,
        &["release", "app", "--version", "1.2.0"],
        2,
        "app has no file named like the app, and not exactly one executable at its top",
        "name the program with --executable, as a path inside the folder",
    );
    fs::write(place.path("app/notes"), "").unwrap();
    fs::write(place.path("app/NOTES"), "").unwrap();
    wrong(
        &place,
        &["release", "app", "--version", "1.2.0"],
        1,
        "app: \"NOTES\" and \"notes\" are one path on some systems",
        "rename one of them",
    );
}

#[test]
fn the_wrong_configuration() {
    let place = released();
    let config = place.repo().join("exuvia.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replacen("\"channel\"", "\"chanel\"", 1)).unwrap();
    wrong(
        &place,
        &["publish", "www"],
        1,
        "repo/exuvia.json: exuvia.json: unknown key `chanel` (known are exuvia, app, channel, mirrors, root, health, qualify, data)",
        "correct it, or restore it from the application's sources",
    );
    fs::write(&config, text.replace("\"app\": \"notes\"", "\"app\": \"other\"")).unwrap();
    wrong(
        &place,
        &["publish", "www"],
        1,
        "repo/exuvia.json is of `other`, but the publisher's folder is of `notes`",
        "correct it, or restore it from the application's sources",
    );
    fs::remove_file(&config).unwrap();
    wrong(
        &place,
        &["publish", "www"],
        1,
        "repo/exuvia.json is missing",
        "restore it from the application's sources, which embed it",
    );
}

#[test]
fn the_wrong_destination() {
    let place = released();
    wrong(
        &place,
        &["publish"],
        2,
        "there is no destination",
        "name a folder: `exuvia publish /srv/www/updates`",
    );
    wrong(
        &place,
        &["publish", "s3://bucket/notes"],
        2,
        "cannot publish to s3://bucket/notes",
        "publish into a folder, and copy that to the host with its own tools",
    );
    wrong(
        &place,
        &["publish", "repo"],
        1,
        "repo holds the publisher's keys",
        "choose a folder outside of it",
    );
    place.exuvia(&["publish", "www"]).done();
    let stranger = Place::new();
    stranger.release(&mut stranger.init(), "1.0.0");
    let www = place.path("www").display().to_string();
    wrong(
        &stranger,
        &["publish", &www],
        4,
        &format!("{www} holds another repository"),
        "choose another folder, or another --repo",
    );
}

#[test]
fn a_repository_that_cannot_be_trusted() {
    let place = released();
    place.exuvia(&["publish", "www"]).done();
    let stranger = Place::new();
    stranger.init();
    let www = place.path("www").display().to_string();
    let answer = stranger.exuvia(&["verify", &www]);
    assert_eq!(answer.code, 4);
    assert!(answer.err.starts_with(&format!("error: {www} is not trusted: ")), "{}", answer.err);
    wrong(
        &place,
        &["verify", "ftp://example.org/"],
        2,
        "ftp://example.org/ is no address of a repository",
        "give a folder, or an address that begins with https://, or with http:// and a loopback host",
    );
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = place.exuvia(&["verify", &format!("http://{closed}/")]);
    assert_eq!(answer.code, 5, "{}", answer.err);
    assert!(
        answer.err.ends_with("→ see that the address is right and reachable, then try again\n")
    );
}

#[test]
fn a_folder_that_is_not_there() {
    let place = released();
    let answer = place.exuvia(&["verify", "nowhere"]);
    assert_eq!(answer.code, 1, "{}", answer.err);
    assert!(answer.err.starts_with("error: nowhere cannot be read: "), "{}", answer.err);
    assert!(answer.err.ends_with("\n→ see that the path is right\n"), "{}", answer.err);
}

#[test]
fn two_at_once() {
    let place = released();
    let dir = exuvia_durable::Dir::open(place.repo()).unwrap();
    let _other = exuvia_durable::Lock::try_exclusive(&dir, ".lock").unwrap().unwrap();
    wrong(
        &place,
        &["refresh"],
        1,
        "another exuvia is at work in repo",
        "wait until it is done, then try again",
    );
}

#[test]
fn damaged_metadata() {
    let place = released();
    let timestamp = place.repo().join("metadata/timestamp.json");
    let whole = fs::read_to_string(&timestamp).unwrap();
    fs::write(&timestamp, &whole[..20]).unwrap();
    let answer = place.exuvia(&["refresh"]);
    assert!(
        answer.err.starts_with("error: metadata/timestamp.json is damaged: "),
        "{}",
        answer.err
    );
    assert!(
        answer.err.ends_with(
            "→ restore the metadata folder from a backup or from where it was published\n"
        )
    );
    fs::remove_file(&timestamp).unwrap();
    wrong(
        &place,
        &["publish", "www"],
        1,
        "metadata/timestamp.json is missing",
        "restore the metadata folder from a backup or from where it was published",
    );
}

#[test]
fn errors_are_json_when_reports_are() {
    let place = Place::new();
    let answer = place.exuvia(&["--json", "refresh"]);
    let error: serde_json::Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!((answer.code, answer.err.as_str()), (1, ""));
    assert_eq!(
        error["error"],
        serde_json::json!({
            "what": "there is no publisher's folder at repo",
            "advice": "run `exuvia init --app NAME` first, or name the folder with --repo",
            "exit": 1,
        })
    );
}

#[test]
fn bad_usage_is_told_by_its_exit_code() {
    let place = Place::new();
    for arguments in [
        &["release"][..],
        &["relase", "app", "--version", "1.0.0"],
        &["release", "app", "--version", "1.0"],
        &["init", "--app", "My App"],
        &["init", "--app", "notes", "--mirror", "http://example.org/"],
        &["release", "app", "--version", "1.0.0", "--readable-from", "1.0.0"],
    ] {
        let answer = place.exuvia(arguments);
        assert_eq!(answer.code, 2, "{arguments:?}");
        assert!(answer.err.starts_with("error: "), "{}", answer.err);
    }
}
