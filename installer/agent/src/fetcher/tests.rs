//! Whoever sits at the other end may say what it likes.

use std::io::{BufReader, Write};
use std::time::{Duration, Instant};

use super::wire::{Failed, Order, Word};
use super::{Line, wire};
use crate::failure::Failure;
use crate::platform;

/// What comes of an order if this is answered to it.
fn answered(said: &[u8]) -> std::io::Result<Word> {
    let (here, mut there) = platform::channel().unwrap();
    let said = said.to_owned();
    let thief = std::thread::spawn(move || {
        let order: Order = wire::receive(&mut BufReader::new(&mut there)).unwrap();
        let _ = there.write_all(&said);
        order
    });
    let mut line = Line::new(here, None);
    let answer = line.ask(&Order::Check);
    drop(line);
    assert_eq!(thief.join().unwrap(), Order::Check);
    answer
}

#[test]
fn an_answer_is_what_comes_after_signs_of_life() {
    let said = b"{\"word\":\"alive\"}\n{\"word\":\"warned\",\"text\":\"x\"}\n{\"word\":\"done\"}\n";
    assert_eq!(answered(said).unwrap(), Word::Done);
    assert_eq!(
        answered(b"{\"word\":\"bytes\",\"length\":7}\n").unwrap(),
        Word::Bytes { length: 7 }
    );
}

#[test]
fn what_is_no_answer_is_an_end() {
    let endless = [b'x'; 1 << 20];
    let deep = "[".repeat(60_000) + "\n";
    let said: [&[u8]; 8] = [
        b"",
        b"{\"word\":\"done\"}",
        b"install it\n",
        b"{\"word\":\"installed\"}\n",
        b"{\"word\":\"bytes\",\"length\":-1}\n",
        b"\xff\xfe\n",
        &endless,
        deep.as_bytes(),
    ];
    for said in said {
        let begun = Instant::now();
        assert!(
            answered(said).is_err(),
            "{:?}",
            String::from_utf8_lossy(&said[..said.len().min(40)])
        );
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn who_never_comes_to_an_end_is_left() {
    // Too much of it, or too little.
    for (said, pause) in [(&b"{\"word\":\"alive\"}\n"[..], 0), (b"x", 20)] {
        let (here, mut there) = platform::channel().unwrap();
        let thief = std::thread::spawn(move || {
            while there.write_all(said).is_ok() {
                std::thread::sleep(Duration::from_millis(pause));
            }
        });
        let mut line = Line::new(here, None);
        line.input.get_mut().deadline = Instant::now() + Duration::from_millis(300);
        assert_eq!(line.ask(&Order::Check).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        drop(line);
        thief.join().unwrap();
    }
}

#[test]
fn what_it_fails_with_is_one_line_and_a_code_that_there_is() {
    let failed = |text: &str, code| Failed {
        text: text.to_owned(),
        advice: "a\x1b[2Jb".to_owned(),
        code,
        retry_after: None,
        busy: false,
    };
    let failure = Failure::from(failed(&"no\nevent=updated ".repeat(100), 0));
    let told = failure.to_string();
    assert!(!told.contains('\n') && told.len() <= 400, "{told}");
    assert_eq!((failure.advice(), failure.code()), ("a [2Jb", 1));
    assert_eq!(Failure::from(failed("x", 200)).code(), 5);
}
