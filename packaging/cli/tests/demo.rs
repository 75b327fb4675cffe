//! The demo as a newcomer runs it: the built command, nothing else.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn demo(arguments: &[&str]) -> Value {
    let run = Command::new(env!("CARGO_BIN_EXE_exuvia"))
        .args(["--json", "demo"])
        .args(arguments)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{told}\n{}", String::from_utf8_lossy(&run.stdout));
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn the_story_comes_to_its_end() {
    let told = demo(&[]);
    let steps: BTreeMap<&str, &Value> = told["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["step"].as_str().unwrap(), step))
        .collect();
    let result = |step: &str| steps[step]["result"].as_str().unwrap();
    assert_eq!(steps["install 1.0.0"]["route"], "full");
    assert_eq!(steps["update to 1.1.0"]["route"], "delta");
    let wire = |step: &str| steps[step]["bytes"].as_u64().unwrap();
    assert!(wire("update to 1.1.0") * 20 < wire("install 1.0.0"));
    assert_eq!(result("update to 1.2.0"), "crashed 3 times, 1.1.0 runs again");
    assert!(result("check again").starts_with("not offered: "));
    assert!(result("update to 1.3.0").starts_with("runs, healthy"));
    assert!(result("tampered bundle").contains("the hash is not the signed one"));
    assert!(result("replayed metadata").contains("goes back to version"));
    assert!(result("expired metadata").contains("expired at"));
    assert_eq!(result("start"), "1.3.0 runs, untouched");
}

#[test]
fn two_real_trees_are_updated_to_the_very_tree() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let noise: Vec<u8> =
        (0..200_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for (tree, word) in [(&old, "first"), (&new, "second")] {
        fs::create_dir_all(tree.join("lib/deep/empty")).unwrap();
        let mut program = noise.clone();
        program.extend(word.bytes());
        fs::write(tree.join("program"), &program).unwrap();
        fs::write(tree.join("lib/deep/text"), word).unwrap();
        fs::set_permissions(tree.join("lib/deep/text"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(tree.join("lib/same"), &noise[..1000]).unwrap();
        std::os::unix::fs::symlink("deep/text", tree.join("lib/link")).unwrap();
    }
    fs::write(new.join("added"), "new").unwrap();
    fs::write(old.join("removed"), "old").unwrap();
    fs::set_permissions(new.join("program"), fs::Permissions::from_mode(0o755)).unwrap();

    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let home = folder.path().join("home");
    let told = demo(&["--old", old, "--new", new, "--keep", home.to_str().unwrap()]);
    let sizes = &told["sizes"];
    assert!(sizes["delta"].as_u64().unwrap() * 20 < sizes["full"].as_u64().unwrap(), "{told}");
    let installed = PathBuf::from(sizes["installed"].as_str().unwrap());
    let (expected, found) = (tree(Path::new(new)), tree(&installed));
    assert_eq!(expected, found);
}

/// Path → what is there: mode as bundles have it, and content or target.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let below = path.strip_prefix(root).unwrap().to_owned();
            let what = if meta.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                (0o777, target.into_os_string().into_encoded_bytes())
            } else if meta.is_dir() {
                open.push(path);
                (0o755, Vec::new())
            } else {
                let mode = if meta.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
                (mode, fs::read(&path).unwrap())
            };
            found.insert(below, what);
        }
    }
    found
}
