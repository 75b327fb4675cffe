//! Names that lead out of the tree, or that some system takes for something else; signed by an insider.

use crate::are_refused;
use crate::bundles::{bundle, dir, file, manifest};

/// The bundles, by what is wrong with them.
pub(crate) fn bundles() -> Vec<(&'static str, Vec<u8>)> {
    let one = |path: &str| bundle(&manifest(&[file(path)]));
    let two = |a: &str, b: &str| bundle(&manifest(&[file(a), file(b)]));
    vec![
        ("climbs out", one("../evil")),
        ("climbs out later", one("share/../../evil")),
        ("absolute", one("/tmp/evil")),
        ("another machine", one("//server/share/evil")),
        ("drive", one("C:/evil")),
        ("backslash", one(r"..\\evil")),
        ("stream", one("notes:evil")),
        ("NUL", one(r"notes\u0000evil")),
        ("raw NUL", one("notes\0evil")),
        ("dot at the end", one("notes.")),
        ("space at the end", one("notes ")),
        ("device", one("aux.txt")),
        ("64 KiB", one(&"x".repeat(65_536))),
        ("our own state", one(".exuvia/journal")),
        ("our own state in capitals", one(".EXUVIA/journal")),
        ("case clash", two("NOTES", "notes")),
        ("clash of spellings", two("e\u{301}", "\u{e9}")),
        ("clash of folders", bundle(&manifest(&[dir("A"), file("A/x"), dir("a"), file("a/x")]))),
        ("twice", two("notes", "notes")),
    ]
}

#[tokio::test]
async fn a_bundle_with_a_hostile_name_is_refused_whole() {
    are_refused(bundles()).await;
}

#[test]
fn forty_hostile_bundles_stand_in_rows_31_to_34() {
    let others = [crate::row_32_hostile_links::bundles(), crate::row_33_hostile_kinds::bundles()];
    let all = bundles().len() + others.iter().map(Vec::len).sum::<usize>();
    assert!(all + crate::row_34_bombs::bundles().len() >= 40, "{all}");
}
