//! What a staged program said before it failed.

use exuvia_plan::Qualify;

fn said(errors: &[u8]) -> String {
    match Qualify::Nonce.judge(Some(127), None, b"", errors, "") {
        Err(why) => why.to_string(),
        Ok(()) => panic!("127 is no success"),
    }
}

#[test]
fn the_last_line_of_its_errors_is_part_of_the_reason() {
    assert_eq!(said(b""), "it ended with status 127");
    assert_eq!(said(b"first\nno libzz.so \n\n"), "it ended with status 127: no libzz.so");
    assert_eq!(said(b"\x1b[31mred\x07"), "it ended with status 127: [31mred");
    let killed = Qualify::No.judge(None, Some(11), b"", b"oh", "").map_err(|why| why.to_string());
    assert_eq!(killed, Err("signal 11 ended it: oh".to_owned()));
}

#[test]
fn what_it_said_is_cut_at_a_whole_character() {
    let long = "ä".repeat(150);
    let text = said(long.as_bytes());
    assert_eq!(text, format!("it ended with status 127: {}", "ä".repeat(100)));
    let text = said(format!("x{long}").as_bytes());
    assert_eq!(text, format!("it ended with status 127: x{}", "ä".repeat(99)));
}
