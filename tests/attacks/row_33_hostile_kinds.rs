//! Set-uid programs, devices, hard links, attributes; signed by an insider.

use crate::are_refused;
use crate::bundles::{bundle, file, head, manifest, seal};

/// The bundles, by what is wrong with them.
pub(crate) fn bundles() -> Vec<(&'static str, Vec<u8>)> {
    let plain = String::from_utf8(manifest(&[file("notes")])).unwrap();
    let with = |from: &str, to: &str| {
        let changed = plain.replace(from, to);
        assert_ne!(changed, plain, "{from}");
        bundle(changed.as_bytes())
    };
    // Behind an honest manifest, a header of another kind than it calls for.
    let second = |kind: u8| {
        let mut stream = bundle(plain.as_bytes());
        let at = 512 + plain.len().next_multiple_of(512);
        let mut block = head(0);
        block[..16].fill(0);
        block[..5].copy_from_slice(b"notes");
        block[156] = kind;
        stream[at..at + 512].copy_from_slice(&seal(block));
        stream
    };
    vec![
        ("set-uid", with("0644", "4755")),
        ("world-writable", with("0644", "0777")),
        ("hard link", with("\"kind\":\"file\"", "\"kind\":\"hardlink\"")),
        ("device", with("\"kind\":\"file\"", "\"kind\":\"char\"")),
        ("fifo", with("\"kind\":\"file\"", "\"kind\":\"fifo\"")),
        ("attributes", with("\"mode\"", "\"xattrs\":{},\"mode\"")),
        ("hard link in the archive", second(b'1')),
        ("device in the archive", second(b'3')),
        ("fifo in the archive", second(b'6')),
        ("attributes in the archive", second(b'x')),
    ]
}

#[tokio::test]
async fn a_bundle_with_a_hostile_kind_of_entry_is_refused_whole() {
    are_refused(bundles()).await;
}
