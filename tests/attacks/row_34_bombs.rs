//! What is small to send and without end to unpack; signed by an insider.

use std::io::Write;

use exuvia_tests::scene::Scene;

use crate::bundles::{EMPTY, bundle, dir, file, head, manifest, seal, sized};
use crate::{are_refused, sign_full};

/// The bundles, by what is wrong with them.
pub(crate) fn bundles() -> Vec<(&'static str, Vec<u8>)> {
    let many: Vec<String> = (0..200_001).map(|at| dir(&format!("{at:06}"))).collect();
    let files: Vec<String> = (0..101).map(|at| file(&format!("{at:03}"))).collect();
    let overlapping = manifest(&[file("a"), file("b")]);
    let sparse = {
        let plain = manifest(&[file("notes")]);
        let mut block = head(plain.len());
        block[156] = b'S';
        [seal(block).to_vec(), bundle(&plain)[512..].to_vec()].concat()
    };
    vec![
        ("a file longer than the bundle", bundle(&manifest(&[sized("notes", "60000000000")]))),
        ("lengths that overflow", {
            bundle(&manifest(&[sized("a", "18446744073709551615"), sized("b", "1024")]))
        }),
        ("too many entries", bundle(&manifest(&many))),
        ("more files than were signed", bundle(&manifest(&files))),
        ("overlapping files", {
            let mut stream = bundle(&overlapping);
            let at = 512 + overlapping.len().next_multiple_of(512);
            let copy = stream[at..at + 512].to_vec();
            stream[at + 512..at + 1024].copy_from_slice(&copy);
            stream[at] = b'a';
            stream
        }),
        ("sparse", sparse),
    ]
}

#[tokio::test]
async fn a_bundle_that_claims_too_much_is_refused_whole() {
    assert_eq!(EMPTY.len(), 64);
    are_refused(bundles()).await;
}

#[tokio::test]
async fn a_gibibyte_in_a_few_kilobytes_is_cut_at_its_signed_length() {
    let scene = Scene::under_attack().await;
    let mut packed = zstd::Encoder::new(Vec::new(), 3).unwrap();
    packed.write_all(&bundle(&manifest(&[sized("notes", "1024")]))).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..1024).for_each(|_| packed.write_all(&zeros).unwrap());
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 200_000, "{}", packed.len());
    sign_full(&scene, &packed, &[], 10_000);
    let before = peak();
    let error = scene.attempt().await.unwrap_err();
    assert_eq!(error.exit_code(), 4, "{error:?}");
    assert!(peak() - before < 64 << 20, "{} bytes more in memory", peak() - before);
    scene.is_unharmed();
    scene.new_keys_work().await;
}

/// Most bytes of this process that were in memory at once.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}
