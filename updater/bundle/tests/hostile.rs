//! Hostile bundles: every one is refused before the sink hears of it.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::io::Write as _;

use common::{EMPTY, Log, bundle, dir, file, head, link, manifest, seal, sized};
use exuvia_bundle::{Error, Limits, Manifest, Unpacker};

#[test]
fn the_generator_makes_good_bundles_when_told_to() {
    let good = [dir("a"), file("a/b"), link("c", "a/b"), link("d", "./a/../c")];
    let parsed = Manifest::parse(&manifest(&good), &Limits::default()).unwrap();
    assert_eq!(parsed.entries().len(), 4);
    let mut log = Log::default();
    let refused = Unpacker::new(&mut log, Limits::default()).write_all(&bundle(&manifest(&good)));
    // The zeros after the manifest are no header, but the manifest itself was taken.
    assert!(matches!(Error::from_io(refused.unwrap_err()), Ok(Error::Frame { offset: 1024.. })));
    assert_eq!(log.0, ["begin 4"]);
}

#[test]
fn hostile_bundles_are_refused_before_the_first_byte_is_written() {
    let cases: Vec<(&str, Vec<u8>)> = paths()
        .into_iter()
        .chain(trees())
        .chain(links())
        .chain(spellings())
        .map(|(name, manifest)| (name, bundle(&manifest)))
        .chain(heads())
        .collect();
    assert!(cases.len() >= 80, "{}", cases.len());
    for (name, bytes) in cases {
        for chunk in [bytes.len(), 7] {
            let mut log = Log::default();
            let mut unpacker = Unpacker::new(&mut log, Limits::default());
            let refused = bytes.chunks(chunk).find_map(|part| unpacker.write_all(part).err());
            let refused = refused.unwrap_or_else(|| panic!("{name}: taken"));
            Error::from_io(refused).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert!(unpacker.write_all(b"x").is_err(), "{name}: goes on after a refusal");
            assert!(unpacker.finish().is_err(), "{name}: finished");
            assert_eq!(log.0, [] as [&str; 0], "{name}");
        }
    }
}

#[test]
fn limits_of_the_reader_are_kept() {
    let tree = manifest(&[dir("a"), file("a/b"), sized("a/c", "5000")]);
    let all = Limits::default();
    let fits = Manifest::parse(&tree, &all).unwrap();
    for limits in [
        Limits { entries: 2, ..all },
        Limits { files: 1, ..all },
        Limits { manifest_length: tree.len() as u64 - 1, ..all },
        Limits { bundle_length: fits.bundle_length() - 1, ..all },
    ] {
        assert!(matches!(Manifest::parse(&tree, &limits), Err(Error::Limit { .. })), "{limits:?}");
        assert!(Unpacker::new(Log::default(), limits).write_all(&bundle(&tree)).is_err());
    }
    let exact = Limits {
        entries: 3,
        files: 2,
        manifest_length: tree.len() as u64,
        bundle_length: fits.bundle_length(),
    };
    assert!(Manifest::parse(&tree, &exact).is_ok());
}

fn paths() -> Vec<(&'static str, Vec<u8>)> {
    let long = |length: usize| "x".repeat(length);
    let segments = |count: usize| vec!["s"; count].join("/");
    let one = |path: &str| manifest(&[file(path)]);
    vec![
        ("climbs out", one("../x")),
        ("climbs out later", one("a/../../x")),
        ("stays inside by ..", one("a/../x")),
        ("absolute", one("/etc/passwd")),
        ("UNC", one("//server/share")),
        ("UNC by backslash", one(r"\\server\share")),
        ("drive", one("C:/x")),
        ("drive-relative", one("C:x")),
        ("backslash", one(r"..\x")),
        ("escaped backslash", one(r"..\\x")),
        ("stream", one("notes.exe:evil")),
        ("wildcard", one("a*")),
        ("question mark", one("a?")),
        ("pipe", one("a|b")),
        ("NUL", one("a\0b")),
        ("line feed", one("a\nb")),
        ("delete", one("a\u{7f}b")),
        ("C1 control", one("a\u{85}b")),
        ("empty", one("")),
        ("empty segment", one("a//b")),
        ("slash at the end", one("a/")),
        ("dot", one(".")),
        ("dot inside", one("a/./b")),
        ("dot at the end", one("notes.exe.")),
        ("space at the end", one("notes.exe ")),
        ("dots only", one("...")),
        ("device", one("CON")),
        ("device in small letters", one("nul")),
        ("device with an extension", one("aux.txt")),
        ("device with two", one("com1.tar.gz")),
        ("device with a space", one("prn .txt")),
        ("device as a directory", one("lpt9/x")),
        ("device with a superscript", one("COM¹")),
        ("console", one("CONOUT$")),
        ("reserved", one(".exuvia")),
        ("reserved, below", one(".exuvia/floors.a")),
        ("reserved, other case", one(".Exuvia/lock")),
        ("over 1,024 bytes", one(&[long(255), long(255), long(255), long(255), long(5)].join("/"))),
        ("64 KiB", one(&long(65536))),
        ("segment over 255 bytes", one(&long(256))),
        ("65 segments", one(&segments(65))),
    ]
}

fn trees() -> Vec<(&'static str, Vec<u8>)> {
    let huge = "68719476736";
    let many: Vec<String> = (0..200_001).map(|at| dir(&format!("{at:06}"))).collect();
    vec![
        ("twice", manifest(&[file("a"), file("a")])),
        ("file and directory at one path", manifest(&[dir("a"), file("a")])),
        ("out of order", manifest(&[file("b"), file("a")])),
        ("child before its parent", manifest(&[file("a/b"), dir("a")])),
        ("no parent", manifest(&[file("a/b")])),
        ("no grandparent", manifest(&[dir("a/b"), file("a/b/c")])),
        ("file as parent", manifest(&[file("a"), file("a/b")])),
        ("link as parent", manifest(&[link("a", "b"), file("a/x"), dir("b")])),
        ("case clash", manifest(&[file("README"), file("readme")])),
        ("case clash of parents", manifest(&[dir("A"), file("A/x"), dir("a"), file("a/y")])),
        ("case clash beyond ASCII", manifest(&[file("É"), file("é")])),
        ("normalisation clash", manifest(&[file("e\u{301}"), file("é")])),
        ("sharp s", manifest(&[file("STRASSE"), file("straße")])),
        ("final sigma", manifest(&[file("ας"), file("ασ")])),
        ("link clashes with a file", manifest(&[file("A"), link("a", "A")])),
        ("over 64 GiB", manifest(&[sized("a", huge)])),
        ("over 64 GiB together", manifest(&[sized("a", "40000000000"), sized("b", "40000000000")])),
        (
            "lengths that overflow",
            manifest(&[sized("a", "18446744073709551615"), sized("b", "1024")]),
        ),
        ("200,001 entries", manifest(&many)),
    ]
}

fn links() -> Vec<(&'static str, Vec<u8>)> {
    let one = |target: &str| manifest(&[dir("d"), file("f"), link("l", target)]);
    let chain: Vec<String> =
        (0..9).map(|at| link(&at.to_string(), &(at + 1).to_string())).collect();
    let chain = [chain, vec![file("9")]].concat();
    vec![
        ("link to an absolute path", one("/etc/passwd")),
        ("link outside", one("../f")),
        ("link outside later", one("d/../../f")),
        ("link to the root", one(".")),
        ("link to the root by ..", one("d/..")),
        ("link to nothing", one("g")),
        ("link to nothing by a missing directory", one("g/../f")),
        ("link to nothing", one("")),
        ("link with an empty segment", one("d//")),
        ("link through a file", one("f/x")),
        ("link through a file and back", one("f/../f")),
        ("link with a backslash", one(r"..\f")),
        ("link to a drive", one("C:f")),
        ("link with NUL", one("f\0")),
        ("link to a reserved place", one(".exuvia/lock")),
        ("link of 1,025 bytes", one(&format!("{}f", "./".repeat(512)))),
        (
            "link through a link",
            manifest(&[dir("d"), file("d/f"), link("k", "d"), link("l", "k/f")]),
        ),
        ("link to itself", manifest(&[link("l", "l")])),
        ("links in a circle", manifest(&[link("k", "l"), link("l", "k")])),
        ("nine links in a row", manifest(&chain)),
    ]
}

fn spellings() -> Vec<(&'static str, Vec<u8>)> {
    let good = String::from_utf8(manifest(&[file("a")])).unwrap();
    let with = |from: &str, to: &str| {
        let changed = good.replace(from, to);
        assert_ne!(changed, good, "{from}");
        changed.into_bytes()
    };
    vec![
        ("newer version", with(":1,", ":2,")),
        ("version as text", with(":1,", ":\"1\",")),
        ("other name", with("exuvia-bundle", "bundle")),
        ("set-uid", with("0644", "4755")),
        ("world-writable", with("0644", "0777")),
        ("hard link", with("\"kind\":\"file\"", "\"kind\":\"hardlink\"")),
        ("device node", with("\"kind\":\"file\"", "\"kind\":\"char\"")),
        ("white space", with(",\"kind\"", ", \"kind\"")),
        ("no newline", with("\n", "")),
        ("two newlines", with("\n", "\n\n")),
        ("bytes after the end", with("\n", "\nx")),
        ("escaped letter", with("\"a\"", "\"\\u0061\"")),
        ("missing field", with("\"mode\":\"0644\",", "")),
        ("unknown field", with("\"mode\"", "\"owner\":\"root\",\"mode\"")),
        ("repeated field", with("\"mode\"", "\"kind\":\"file\",\"mode\"")),
        (
            "other order",
            with("\"path\":\"a\",\"kind\":\"file\"", "\"kind\":\"file\",\"path\":\"a\""),
        ),
        ("leading zero", with("\"length\":0", "\"length\":00")),
        ("negative length", with("\"length\":0", "\"length\":-1")),
        ("fraction", with("\"length\":0", "\"length\":0.0")),
        ("exponent", with("\"length\":0", "\"length\":1e3")),
        ("length over 64 bits", with("\"length\":0", "\"length\":18446744073709551616")),
        ("no length", with("\"length\":0", "\"length\":")),
        ("length as text", with("\"length\":0", "\"length\":\"0\"")),
        ("upper-case digest", with(EMPTY, &EMPTY.to_uppercase())),
        ("short digest", with(EMPTY, &EMPTY[1..])),
        ("digest that is not ASCII", with(EMPTY, &"é".repeat(32))),
        ("entry without end", with("}]}", "")),
        ("comma at the end", with("}]}", "},]}")),
        ("no list", with("[", "{")),
        ("not UTF-8", good.bytes().map(|byte| if byte == b'a' { 0xff } else { byte }).collect()),
        ("nothing", Vec::new()),
        ("deep nesting", vec![b'['; 100_000]),
    ]
}

fn heads() -> Vec<(&'static str, Vec<u8>)> {
    let good = manifest(&[file("a")]);
    let rest = bundle(&good)[512..].to_vec();
    let with = |change: &dyn Fn(&mut [u8; 512])| {
        let mut block = head(good.len());
        change(&mut block);
        [seal(block).to_vec(), rest.clone()].concat()
    };
    let mut unsealed = bundle(&good);
    unsealed[148] = b'7';
    let mut dirty = bundle(&good);
    dirty[512 + good.len()] = 1;
    vec![
        ("no tar", vec![0; 2048]),
        ("gzip", [b"\x1f\x8b\x08".to_vec(), vec![0; 2048]].concat()),
        ("wrong checksum", unsealed),
        ("dirty padding", dirty),
        ("other first name", with(&|block| block[0] = b'x')),
        ("first entry is a link", with(&|block| block[156] = b'2')),
        ("first entry is sparse", with(&|block| block[156] = b'S')),
        ("first entry is a pax header", with(&|block| block[156] = b'x')),
        ("first entry is set-uid", with(&|block| block[103] = b'4')),
        ("first entry has an owner", with(&|block| block[114] = b'1')),
        ("first entry has a time", with(&|block| block[146] = b'1')),
        ("first entry has an owner's name", with(&|block| block[265] = b'r')),
        ("first entry has a prefix", with(&|block| block[345] = b'/')),
        ("length in base 256", with(&|block| block[124] = 0x80)),
        ("length with a sign", with(&|block| block[124] = b'+')),
        ("length with spaces", with(&|block| block[124..126].fill(b' '))),
        ("manifest over 64 MiB", head((64 << 20) + 1).to_vec()),
        ("manifest of no bytes", [head(0).to_vec(), rest.clone()].concat()),
        ("manifest shorter than said", [head(good.len() - 1).to_vec(), rest.clone()].concat()),
    ]
}
