//! A list spread over bins: every command goes on with it, and so does every client.
#![cfg(target_os = "linux")]

use crate::drill::*;

#[test]
fn a_list_in_bins_serves_clients_from_before_and_new_ones_through_every_change() {
    let mut drill = Drill::new();
    let (client, channel) = (drill.client("user").install(), drill.channel());
    let run = |drill: &Drill, arguments: &[&str], code: i32| {
        let answer = drill.place.exuvia(arguments);
        assert_eq!(answer.code, code, "{arguments:?}: {answer:?}");
        answer
    };
    let spread = run(&drill, &["bins", "8"], 0);
    assert!(spread.out.contains(&format!("signed {channel}, snapshot")), "{}", spread.out);
    run(&drill, &["bins", "8"], 3);
    run(&drill, &["bins", "4"], 2);
    drill.publish();
    assert_eq!(client.update(), Found::Current);
    let keys = drill.place.repo().join("keys");
    let files = || std::fs::read_dir(&keys).unwrap().count();
    let before = files();
    run(&drill, &["keys", "rotate", &format!("{channel}-0")], 1);
    run(&drill, &["keys", "add", &format!("{channel}-0")], 1);
    assert_eq!(files(), before, "no key is made for a bin");
    let moved = |version: &str| Found::Moved(version.to_owned());

    run(&drill, &["keys", "rotate", &channel], 0);
    drill.publisher = drill.place.open();
    drill.release("1.1.0");
    assert_eq!(client.update(), moved("1.1.0"));
    for role in ["targets", "snapshot", "timestamp"] {
        run(&drill, &["keys", "rotate", role], 0);
    }
    run(&drill, &["refresh"], 0);
    drill.publisher = drill.place.open();
    drill.release("1.2.0");
    let fresh = drill.client("fresh").install();
    assert_eq!((client.update(), fresh.update()), (moved("1.2.0"), Found::Current));

    run(&drill, &["yank", "1.2.0"], 0);
    run(&drill, &["keys", "revoke", &channel], 0);
    run(&drill, &["publish", "www"], 0);
    run(&drill, &["verify", "www"], 0);
    assert_eq!((client.update(), fresh.update()), (moved("1.1.0"), moved("1.1.0")));
}
