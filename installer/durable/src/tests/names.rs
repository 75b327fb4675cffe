//! Names, limits and what is said when something is missing.

use super::{names, sandbox};
use crate::{Dir, FileKind, Kind, Step};

#[test]
fn a_name_that_leaves_the_directory_is_refused() {
    let (_folder, dir) = sandbox();
    for name in ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\0b"] {
        assert_eq!(dir.write(name, b"").unwrap_err().kind(), Kind::WrongPath, "{name:?}");
        assert_eq!(dir.read(name, 1).unwrap_err().kind(), Kind::WrongPath, "{name:?}");
        assert_eq!(dir.remove_tree(name).unwrap_err().kind(), Kind::WrongPath, "{name:?}");
    }
    assert!(names(&dir).is_empty());
}

#[test]
fn a_file_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    let (_folder, dir) = sandbox();
    dir.write("five", b"12345").unwrap();
    assert_eq!(dir.read("five", 5).unwrap().unwrap().len(), 5);
    assert_eq!(dir.read("five", 4).unwrap_err().kind(), Kind::TooLarge);
}

#[test]
fn what_is_missing_reads_as_none_and_removes_as_done() {
    let (_folder, dir) = sandbox();
    assert_eq!(dir.read("a", 1).unwrap(), None);
    assert_eq!(dir.read("a/b", 1).unwrap(), None);
    assert_eq!(dir.metadata("a/b").unwrap(), None);
    dir.remove_file("a").unwrap();
    dir.remove_tree("a").unwrap();
}

#[test]
fn a_tree_is_removed_but_for_what_is_to_be_kept() {
    let (folder, dir) = sandbox();
    for place in ["tree/bin", "tree/share/deep", "tree/empty"] {
        std::fs::create_dir_all(folder.path().join(place)).unwrap();
    }
    for name in ["tree/bin/notes", "tree/share/deep/mine", "tree/share/theirs"] {
        dir.write(name, b"").unwrap();
    }
    let mine = std::path::Path::new("share/deep/mine");
    let kept = dir.remove_tree_but("tree", &|path| path == mine).unwrap();
    assert_eq!(kept, [mine]);
    assert_eq!(names(&dir.subdir("tree").unwrap()), ["share"]);
    assert_eq!(names(&dir.subdir("tree/share").unwrap()), ["deep"]);
    assert!(dir.remove_tree_but("tree", &|_| false).unwrap().is_empty());
    assert!(names(&dir).is_empty());
    dir.write("file", b"").unwrap();
    assert!(dir.remove_tree_but("file", &|_| true).unwrap().is_empty(), "it is no tree");
    assert!(names(&dir).is_empty());
}

#[test]
fn an_error_names_the_step_and_the_path() {
    let (folder, dir) = sandbox();
    let error = dir.subdir("versions/1.0.0").unwrap_err();
    assert_eq!((error.step, error.kind()), (Step::Open, Kind::NotFound));
    let path = folder.path().join("versions");
    let said = error.to_string();
    assert!(said.starts_with(&format!("cannot open {}: ", path.display())), "{said}");
}

#[test]
fn missing_parents_are_created_on_request() {
    let (folder, dir) = sandbox();
    let deep = Dir::open_or_create(folder.path().join("a/b/c")).unwrap();
    deep.write("x", b"").unwrap();
    assert_eq!(dir.metadata("a/b/c").unwrap().unwrap().kind, FileKind::Dir);
    dir.subdir_or_create("a/d").unwrap();
    dir.subdir_or_create("a/d").unwrap();
    assert_eq!(dir.subdir_or_create("a/b/c/x").unwrap_err().kind(), Kind::WrongPath);
}

#[test]
fn a_file_moves_between_directories() {
    let (_folder, dir) = sandbox();
    let (from, to) = (dir.create_dir("from").unwrap(), dir.create_dir("to").unwrap());
    from.write_executable("x", b"moved").unwrap();
    from.rename_into("x", &to, "y").unwrap();
    assert!(names(&from).is_empty());
    assert_ne!(to.metadata("y").unwrap().unwrap().executable, Some(false));
    dir.rename("to/y", "from/z").unwrap();
    assert_eq!(from.read("z", 64).unwrap().unwrap(), b"moved");
}

#[test]
fn there_is_free_space_to_be_told() {
    let (_folder, dir) = sandbox();
    assert!(dir.free_space().unwrap() > 0);
}

#[test]
fn a_pointer_moves_in_one_step() {
    let (_folder, dir) = sandbox();
    dir.point("current", "versions/1.0.0").unwrap();
    dir.point("current", "versions/1.1.0").unwrap();
    let target = dir.pointer("current").unwrap().unwrap();
    assert_eq!(target, std::path::Path::new("versions/1.1.0"));
    assert_eq!(names(&dir), ["current"]);
    assert_eq!(dir.pointer("missing").unwrap(), None);
}
