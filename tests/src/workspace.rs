//! The workspace as data: its packages, what they depend on, and their source files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What `cargo metadata` says of this workspace.
pub struct Workspace {
    root: PathBuf,
    metadata: Value,
}

impl Workspace {
    /// Asks cargo, for the platform that the budgets are stated for.
    pub fn read() -> Workspace {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked"])
            .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
            .current_dir(&root)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Workspace { root, metadata: serde_json::from_slice(&output.stdout).unwrap() }
    }

    /// The folder of the workspace.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Our packages, by name.
    pub fn ours(&self) -> BTreeMap<&str, Package<'_>> {
        let members: BTreeSet<&str> = texts(&self.metadata["workspace_members"]).collect();
        self.packages()
            .filter(|package| members.contains(package.id()))
            .map(|package| (package.name(), package))
            .collect()
    }

    /// Everything that ends up in a build of `package`: itself, and what it and its dependencies
    /// need to run or to be built. Not what only tests need, nor what no feature switches on.
    pub fn closure(&self, package: &str) -> Vec<Package<'_>> {
        let by_id: BTreeMap<&str, Package<'_>> = self.packages().map(|p| (p.id(), p)).collect();
        let mut open = vec![self.ours()[package].id()];
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(self.needs(id));
            }
        }
        seen.into_iter().map(|id| by_id[id]).collect()
    }

    /// The ids that one package needs itself, with the features that are on.
    fn needs(&self, id: &str) -> Vec<&str> {
        let node = list(&self.metadata["resolve"]["nodes"]).find(|node| node["id"] == id).unwrap();
        list(&node["deps"])
            .filter(|dep| list(&dep["dep_kinds"]).any(|kind| kind["kind"] != "dev"))
            .map(|dep| dep["pkg"].as_str().unwrap())
            .collect()
    }

    /// Whether a package binds to a library, or compiles something, that is not Rust.
    pub fn is_foreign(&self, package: &Package<'_>) -> bool {
        let by_id: BTreeMap<&str, Package<'_>> = self.packages().map(|p| (p.id(), p)).collect();
        let compilers = ["cc", "cmake", "bindgen", "pkg-config"];
        package.json["links"].is_string()
            || self.needs(package.id()).iter().any(|id| compilers.contains(&by_id[id].name()))
    }

    fn packages(&self) -> impl Iterator<Item = Package<'_>> {
        list(&self.metadata["packages"]).map(|json| Package { json })
    }
}

/// One package of the dependency graph.
#[derive(Clone, Copy)]
pub struct Package<'a> {
    json: &'a Value,
}

impl<'a> Package<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.json["name"].as_str().unwrap()
    }

    fn id(&self) -> &'a str {
        self.json["id"].as_str().unwrap()
    }

    /// Its folder.
    pub fn folder(&self) -> &'a Path {
        Path::new(self.json["manifest_path"].as_str().unwrap()).parent().unwrap()
    }

    /// The names it depends on directly to run or to be built, ours (`exuvia…`) or others'.
    pub fn dependencies(&self, ours: bool) -> BTreeSet<&'a str> {
        list(&self.json["dependencies"])
            .filter(|dep| dep["kind"] != "dev")
            .filter(|dep| dep["path"].is_string() == ours)
            .map(|dep| dep["name"].as_str().unwrap())
            .collect()
    }

    /// The roots of its libraries and programs, tests not among them.
    pub fn crate_roots(&self) -> Vec<PathBuf> {
        list(&self.json["targets"])
            .filter(|target| texts(&target["kind"]).any(|kind| kind == "lib" || kind == "bin"))
            .map(|target| PathBuf::from(target["src_path"].as_str().unwrap()))
            .collect()
    }

    /// Its source files that are part of a build: those under `src/`, without files of tests.
    pub fn sources(&self) -> Vec<PathBuf> {
        let mut files = rust_files(&self.folder().join("src"));
        files.retain(|file| {
            let inside = file.strip_prefix(self.folder()).unwrap();
            !inside.components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs")
            })
        });
        files
    }
}

/// All Rust files under a folder, sorted; build output is left out.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                if name != "target" && name != "node_modules" && name != ".git" {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Whether a source file lies in a `platform` module.
pub fn in_platform(file: &Path) -> bool {
    // The checkout itself may lie in a folder of that name.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = file.strip_prefix(root).unwrap_or(file);
    file.components().any(|part| part.as_os_str() == "platform")
        || file.file_stem().is_some_and(|stem| stem == "platform")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).map(|item| item.as_str().unwrap())
}
