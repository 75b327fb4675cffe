//! The walls of the house, checked: who depends on whom, what is pure, what stays small, and that
//! each proof type has one constructor.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use exuvia_tests::syntax::Source;
use exuvia_tests::workspace::{Package, Workspace, in_platform, rust_files};

/// Which of our crates may use which: ARCHITECTURE.md, "The walls".
const ARROWS: [(&str, &[&str]); 12] = [
    ("exuvia-core", &[]),
    ("exuvia-bundle", &[]),
    ("exuvia-durable", &[]),
    ("exuvia-delta", &["exuvia-bundle"]),
    ("exuvia-plan", &["exuvia-core", "exuvia-bundle"]),
    ("exuvia-helper", &["exuvia-plan", "exuvia-durable", "exuvia-core", "exuvia-bundle"]),
    (
        "exuvia",
        &[
            "exuvia-core",
            "exuvia-bundle",
            "exuvia-delta",
            "exuvia-durable",
            "exuvia-plan",
            "exuvia-helper",
        ],
    ),
    ("exuvia-agent", &["exuvia", "exuvia-durable"]),
    ("tauri-plugin-exuvia", &["exuvia"]),
    ("exuvia-demo", &["tauri-plugin-exuvia"]),
    ("exuvia-repo", &["exuvia-core"]),
    (
        "exuvia-cli",
        &[
            "exuvia-repo",
            "exuvia-core",
            "exuvia-bundle",
            "exuvia-delta",
            "exuvia-durable",
            "exuvia",
        ],
    ),
];

/// Bytes and a time come in, values go out.
const PURE: [&str; 5] =
    ["exuvia-core", "exuvia-bundle", "exuvia-delta", "exuvia-plan", "exuvia-repo"];

/// No dependency that is, or compiles, something other than Rust.
const RUST_ONLY: [&str; 5] =
    ["exuvia-core", "exuvia-bundle", "exuvia-durable", "exuvia-plan", "exuvia-helper"];

/// The types that prove that something was checked, and the one function that makes each. A state
/// that outlives its process is also read back from the journal: that is its second maker.
const PROOFS: [(&str, &str, &[&str]); 14] = [
    ("exuvia-core", "Verified", &["verified"]),
    ("exuvia-core", "Current", &["current"]),
    ("exuvia-core", "Trusted", &["finish"]),
    ("exuvia-core", "Target", &["new"]),
    ("exuvia-bundle", "Bundle", &["finish"]),
    ("exuvia", "Payload", &["finish"]),
    ("exuvia", "Payloads", &["of"]),
    ("exuvia", "Staged", &["staged"]),
    ("exuvia", "Applied", &["new"]),
    ("exuvia-helper", "Staged", &["in_journal"]),
    ("exuvia-helper", "Qualified", &["in_journal"]),
    ("exuvia-helper", "Trial", &["in_journal"]),
    ("exuvia-helper", "Committed", &["confirm"]),
    ("exuvia-helper", "Reverted", &["in_phase"]),
];

#[test]
fn arrows_between_our_crates_point_downwards_only() {
    let workspace = Workspace::read();
    let allowed = BTreeMap::from(ARROWS);
    for (name, package) in workspace.ours() {
        if ["exuvia-tests", "exuvia-gui-tests"].contains(&name) {
            continue;
        }
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("{name} has no place yet"));
        let uses = package.dependencies(true);
        let beyond: Vec<_> = uses.iter().filter(|used| !allowed.contains(used)).collect();
        assert!(beyond.is_empty(), "{name} may not use {beyond:?}");
    }
}

#[test]
fn direct_dependencies_are_those_of_the_committed_list() {
    let workspace = Workspace::read();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dependencies.txt");
    let list = std::fs::read_to_string(path).unwrap();
    let mut allowed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, dependencies) = line.split_once(':').unwrap();
        allowed.insert(name, dependencies.split_whitespace().collect());
    }
    let found: BTreeMap<&str, BTreeSet<&str>> =
        workspace.ours().into_iter().map(|(n, p)| (n, p.dependencies(false))).collect();
    for (name, found) in &found {
        let allowed = allowed.remove(name).unwrap_or_default();
        let new: Vec<_> = found.difference(&allowed).collect();
        let gone: Vec<_> = allowed.difference(found).collect();
        assert!(
            new.is_empty() && gone.is_empty(),
            "{name}: new {new:?}, gone {gone:?}: if this is meant, say so in tests/dependencies.txt"
        );
    }
    assert!(allowed.is_empty(), "no such crates: {allowed:?}");
}

#[test]
fn core_and_helper_keep_their_dependency_budgets() {
    let workspace = Workspace::read();
    for (name, most) in [("exuvia-core", 8), ("exuvia-helper", 5)] {
        let external = workspace.ours()[name].dependencies(false);
        assert!(external.len() <= most, "{name} has {}: {external:?}", external.len());
    }
}

#[test]
fn what_decides_and_what_installs_is_rust_alone() {
    let workspace = Workspace::read();
    for name in RUST_ONLY {
        let closure = workspace.closure(name);
        let foreign: Vec<_> =
            closure.iter().filter(|p| workspace.is_foreign(p)).map(Package::name).collect();
        assert!(foreign.is_empty(), "{name} brings {foreign:?}");
    }
}

#[test]
fn the_helper_sees_no_network_no_async_no_patches_and_no_decompressor() {
    let workspace = Workspace::read();
    let never = [
        "tokio",
        "reqwest",
        "hyper",
        "rustls",
        "ring",
        "futures-util",
        "zstd",
        "zstd-sys",
        "flate2",
        "exuvia-delta",
        "exuvia",
    ];
    for package in workspace.closure("exuvia-helper") {
        assert!(!never.contains(&package.name()), "the helper brings {}", package.name());
    }
}

#[test]
fn the_helper_stays_small_enough_to_read() {
    let workspace = Workspace::read();
    let helper = workspace.ours()["exuvia-helper"];
    let sources = helper.sources();
    let sizes = sources
        .iter()
        .filter(|file| !in_platform(file))
        .map(|file| (file.file_name().unwrap().to_str().unwrap(), Source::read(file).lines));
    // The launcher, the in-place watcher, what takes over a download and what has data looked after are
    // ordinary processes of the user (docs/adr/0010, 0020, 0022).
    const BESIDE: [&str; 6] =
        ["adopt.rs", "data.rs", "launch.rs", "machine.rs", "startup.rs", "watch.rs"];
    let (beside, within): (Vec<_>, Vec<_>) = sizes.partition(|(name, _)| BESIDE.contains(name));
    let total = |sizes: &[(&str, usize)]| sizes.iter().map(|(_, lines)| lines).sum::<usize>();
    assert_eq!(beside.len(), BESIDE.len(), "{beside:?}");
    assert!(total(&within) <= 1_500, "{} lines: {within:?}", total(&within));
    assert!(total(&beside) <= 630, "{} lines: {beside:?}", total(&beside));
}

#[test]
fn no_rust_file_is_over_500_lines() {
    let workspace = Workspace::read();
    for file in rust_files(workspace.root()) {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{} has {lines} lines", file.display());
    }
}

#[test]
fn each_proof_type_has_one_constructor_and_private_fields() {
    let workspace = Workspace::read();
    for (owner, name, makers) in PROOFS {
        let files = workspace.ours()[owner].sources();
        // The blocking face has types of the same names, each around the one that is the proof.
        let files = files.iter().filter(|file| !file.ends_with("src/blocking.rs"));
        let sources: Vec<Source> = files.map(|file| Source::read(file)).collect();
        let made: Vec<String> = sources.iter().flat_map(|s| s.constructions(name)).collect();
        assert_eq!(made, makers, "who makes {owner}'s {name}");
        let structs: Vec<_> = sources.iter().filter_map(|s| s.declaration(name)).collect();
        assert_eq!(structs.len(), 1, "declarations of {name} in {owner}");
        for field in &structs[0].fields {
            let open = matches!(field.vis, syn::Visibility::Public(_));
            assert!(!open, "{owner}'s {name} has an open field");
        }
    }
}

#[test]
fn operating_systems_are_told_apart_in_platform_modules_only() {
    let workspace = Workspace::read();
    for package in workspace.ours().values().filter(|p| p.name() != "exuvia-tests") {
        for file in package.sources().iter().filter(|file| !in_platform(file)) {
            let text = std::fs::read_to_string(file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let asks = line.contains("cfg")
                    && [
                        "target_os",
                        "target_family",
                        "(unix",
                        "(windows",
                        "(not(unix",
                        "(not(windows",
                    ]
                    .iter()
                    .any(|word| line.contains(word));
                assert!(!asks, "{}:{}: {line}", file.display(), number + 1);
            }
        }
    }
}

#[test]
fn unsafe_code_is_forbidden_or_kept_in_platform_modules() {
    let workspace = Workspace::read();
    for package in workspace.ours().values() {
        let sources = package.sources();
        for root in package.crate_roots() {
            let root = Source::read(&root);
            let forbids = root.has_inner("forbid", "unsafe_code");
            let denies =
                root.has_inner("deny", "unsafe_code") && sources.iter().any(|f| in_platform(f));
            assert!(forbids || denies, "{} must forbid(unsafe_code)", root.path.display());
        }
        for file in sources.iter().filter(|file| !in_platform(file)) {
            let allows = std::fs::read_to_string(file).unwrap().contains("allow(unsafe_code)");
            assert!(!allows, "{} allows unsafe code", file.display());
        }
    }
}

#[test]
fn pure_crates_ban_the_outside_world_by_lint_and_do_without_it() {
    let workspace = Workspace::read();
    let ours = workspace.ours();
    let model = bans(&ours["exuvia-core"]);
    assert!(model.len() > 15, "the model list went missing");
    for name in PURE {
        let missing: Vec<_> = model.difference(&bans(&ours[name])).cloned().collect();
        assert!(missing.is_empty(), "{name}/clippy.toml does not ban {missing:?}");
        for file in ours[name].sources() {
            let source = Source::read(&file);
            assert!(!source.is_async(), "{} is async", file.display());
            for path in source.paths() {
                let outside = ["std::fs", "std::net", "std::env", "std::process", "std::time"]
                    .iter()
                    .any(|module| path.starts_with(module));
                // Values, not doors.
                let harmless = ["std::time::Duration", "std::net::Ip"]
                    .iter()
                    .any(|value| path.starts_with(value));
                assert!(!outside || harmless, "{} uses {path}", file.display());
            }
        }
    }
}

/// The paths that a crate's clippy.toml bans.
fn bans(package: &Package<'_>) -> BTreeSet<String> {
    let path = package.folder().join("clippy.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let banned = text.lines().filter_map(|line| line.split("path = \"").nth(1)?.split('"').next());
    banned.map(str::to_owned).collect()
}
