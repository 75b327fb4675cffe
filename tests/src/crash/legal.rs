//! Every state that a crash may legally leave, by a record of the calls: POSIX promises the contents of
//! a file after it was flushed, the names in a directory after that was flushed, everything after the
//! file system was, and nothing else, in no order. A rename is one step, and lasts when both of its
//! directories were flushed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::call::{Call, Kind};
use super::trace::{Verdict, Watcher};
use crate::home::Thing;

/// What lies on a disk, by absolute path.
pub type State = BTreeMap<PathBuf, Rc<Content>>;

/// What stands somewhere, with a number that tells it from others quickly.
#[derive(Debug)]
pub struct Content {
    /// The thing itself.
    pub thing: Thing,
    number: u64,
}

impl Content {
    fn new(thing: Thing) -> Rc<Content> {
        let mut hasher = DefaultHasher::new();
        thing.hash(&mut hasher);
        Rc::new(Content { thing, number: hasher.finish() })
    }
}

impl Hash for Content {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.number.hash(hasher);
    }
}

type Id = usize;

/// A file system as the calls made it: what a process sees now, and what is sure to last.
pub struct Model {
    nodes: Vec<Node>,
    now: BTreeMap<(Id, String), Id>,
    lasting: BTreeMap<(Id, String), (usize, Option<Id>)>,
    pending: Vec<Step>,
    steps: usize,
    roots: Vec<(PathBuf, Id)>,
}

/// A file, directory or link, wherever its names are.
struct Node {
    now: Rc<Content>,
    /// What was flushed of it.
    lasting: Rc<Content>,
    /// A file with the first half of its contents.
    half: Rc<Content>,
}

/// Names that change together.
struct Step {
    number: usize,
    names: Vec<(Id, String, Option<Id>)>,
    /// The directories that were not flushed since.
    needs: BTreeSet<Id>,
}

/// What is taken of contents that were not flushed.
#[derive(Clone, Copy)]
enum Contents {
    Lost,
    Half,
    All,
}

impl Model {
    /// Of what lies beneath these folders now, and is taken to last.
    pub fn new(roots: &[PathBuf]) -> Model {
        let (now, lasting) = (BTreeMap::new(), BTreeMap::new());
        let (nodes, pending, roots_of) = (Vec::new(), Vec::new(), Vec::new());
        let mut model = Model { nodes, now, lasting, pending, steps: 0, roots: roots_of };
        for root in roots {
            let id = model.add(look(root).unwrap());
            model.roots.push((root.clone(), id));
            model.fill(root, id);
        }
        model.flush_all();
        model
    }

    fn fill(&mut self, folder: &Path, id: Id) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let thing = look(&entry.path()).unwrap();
            let is_dir = matches!(thing, Thing::Dir(_));
            let child = self.add(thing);
            self.name(vec![(id, text(entry.file_name()), Some(child))]);
            if is_dir {
                self.fill(&entry.path(), child);
            }
        }
    }

    fn add(&mut self, thing: Thing) -> Id {
        let empty = match &thing {
            Thing::File(mode, _) => Thing::File(*mode, Vec::new()),
            other => other.clone(),
        };
        let lasting = Content::new(empty);
        self.nodes.push(Node { now: lasting.clone(), half: lasting.clone(), lasting });
        let id = self.nodes.len() - 1;
        self.nodes[id].becomes(thing);
        id
    }

    fn name(&mut self, names: Vec<(Id, String, Option<Id>)>) {
        for (dir, name, node) in &names {
            match node {
                Some(node) => self.now.insert((*dir, name.clone()), *node),
                None => self.now.remove(&(*dir, name.clone())),
            };
        }
        self.steps += 1;
        let needs = names.iter().map(|(dir, ..)| *dir).collect();
        self.pending.push(Step { number: self.steps, names, needs });
    }

    /// The directory that a path lies in, and its last name.
    fn place(&self, path: &Path) -> Option<(Id, String)> {
        let parent = self.find(path.parent()?)?;
        Some((parent, text(path.file_name()?)))
    }

    fn find(&self, path: &Path) -> Option<Id> {
        let (root, id) = self.roots.iter().find(|(root, _)| path.starts_with(root))?;
        path.strip_prefix(root).ok()?.components().try_fold(*id, |dir, part| match part {
            Component::Normal(name) => self.now.get(&(dir, text(name))).copied(),
            _ => None,
        })
    }

    /// A call was made.
    fn made(&mut self, call: &Call) {
        let (path, place) = (&call.path, self.place(&call.path));
        match (call.kind, place) {
            (Kind::Create | Kind::Symlink | Kind::MakeDir, Some((dir, name))) => {
                match (self.now.get(&(dir, name.clone())).copied(), look(path)) {
                    (Some(id), Some(thing)) => self.nodes[id].becomes(thing),
                    (None, Some(thing)) => {
                        let id = self.add(thing);
                        self.name(vec![(dir, name, Some(id))]);
                    }
                    (_, None) => {}
                }
            }
            (Kind::Link, Some((dir, name))) => {
                let from = call.to.as_ref().and_then(|from| self.find(from));
                self.name(vec![(dir, name, from)]);
            }
            (Kind::Rename, Some(from)) => self.renamed(call, from),
            (Kind::Remove | Kind::RemoveDir, Some((dir, name))) => {
                self.name(vec![(dir, name, None)]);
            }
            (Kind::Write | Kind::Truncate | Kind::Attributes, _) => {
                if let Some((id, thing)) = self.find(path).zip(look(path)) {
                    self.nodes[id].becomes(thing);
                }
            }
            (Kind::Flush, _) => {
                if let Some(id) = self.find(path) {
                    self.flush(id);
                }
            }
            (Kind::FlushAll, _) => self.flush_all(),
            (Kind::Look, _) | (_, None) => {}
        }
    }

    fn renamed(&mut self, call: &Call, from: (Id, String)) {
        let Some(to) = call.to.as_ref().and_then(|to| self.place(to)) else { return };
        let moved = self.now.get(&from).copied();
        let replaced = self.now.get(&to).copied();
        // The flags are the fifth argument of renameat2 alone.
        let exchanged = call.number == nix::libc::SYS_renameat2 && call.args[4] & EXCHANGE != 0;
        let back = if exchanged { replaced } else { None };
        self.name(vec![(from.0, from.1, back), (to.0, to.1, moved)]);
    }

    fn flush(&mut self, id: Id) {
        self.nodes[id].lasting = self.nodes[id].now.clone();
        self.pending.iter_mut().for_each(|step| step.needs.retain(|dir| *dir != id));
        self.settle();
    }

    fn flush_all(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.lasting = node.now.clone());
        self.pending.iter_mut().for_each(|step| step.needs.clear());
        self.settle();
    }

    fn settle(&mut self) {
        let (waiting, lasting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(|step| !step.needs.is_empty());
        self.pending = waiting;
        lasting.iter().for_each(|step| apply(&mut self.lasting, step));
    }

    /// What a process sees.
    pub fn seen(&self) -> State {
        let names = self.now.iter().map(|(at, id)| (at.clone(), (0, Some(*id)))).collect();
        self.state(&names, Contents::All)
    }

    /// States that a crash may leave now: of the steps that need not have lasted none, all, one, all but
    /// one, or those up to one; with the contents that were not flushed lost, by half, or all there.
    pub fn states(&self) -> Vec<State> {
        let steps = 0..self.pending.len();
        let mut chosen: Vec<BTreeSet<usize>> = vec![BTreeSet::new(), steps.clone().collect()];
        for at in steps.clone() {
            chosen.push(BTreeSet::from([at]));
            chosen.push(steps.clone().filter(|step| *step != at).collect());
            chosen.push((0..at).collect());
        }
        let mut states = Vec::new();
        for chosen in chosen {
            let mut names = self.lasting.clone();
            chosen.iter().for_each(|step| apply(&mut names, &self.pending[*step]));
            let of = |contents| self.state(&names, contents);
            states.extend([Contents::Lost, Contents::Half, Contents::All].map(of));
        }
        states
    }

    fn state(&self, names: &Names, contents: Contents) -> State {
        let mut state = State::new();
        let mut open: Vec<_> = self.roots.iter().map(|(path, id)| (path.clone(), *id)).collect();
        while let Some((path, id)) = open.pop() {
            let content = self.nodes[id].left(contents);
            if let Thing::Dir(_) = content.thing {
                let children = names.range((id, String::new())..(id + 1, String::new()));
                let children =
                    children.filter_map(|((_, name), (_, child))| Some((name, (*child)?)));
                open.extend(children.map(|(name, child)| (path.join(name), child)));
            }
            state.insert(path, content);
        }
        state
    }
}

type Names = BTreeMap<(Id, String), (usize, Option<Id>)>;

/// A later change of a name that lasted is not undone by an earlier one that comes after it.
fn apply(names: &mut Names, step: &Step) {
    for (dir, name, node) in &step.names {
        let at = names.entry((*dir, name.clone())).or_default();
        if at.0 <= step.number {
            *at = (step.number, *node);
        }
    }
}

impl Node {
    fn becomes(&mut self, thing: Thing) {
        if self.now.thing == thing {
            return;
        }
        self.half = Content::new(match &thing {
            Thing::File(mode, bytes) => Thing::File(*mode, bytes[..bytes.len() / 2].to_vec()),
            other => other.clone(),
        });
        self.now = Content::new(thing);
    }

    fn left(&self, contents: Contents) -> Rc<Content> {
        match contents {
            Contents::All => self.now.clone(),
            Contents::Half if !Rc::ptr_eq(&self.now, &self.lasting) => self.half.clone(),
            Contents::Half | Contents::Lost => self.lasting.clone(),
        }
    }
}

/// Writes down all states that a crash may leave while a command runs, each once.
pub struct Recorder {
    /// The disk.
    pub model: Model,
    /// The states, by what they look like, with whether each may be found after the end.
    pub states: BTreeMap<u64, (State, bool)>,
}

impl Recorder {
    /// Of what lies beneath these folders.
    pub fn new(roots: &[PathBuf]) -> Recorder {
        Recorder { model: Model::new(roots), states: BTreeMap::new() }
    }

    /// The command is at its end, and has reported success or not.
    pub fn end(&mut self, reported: bool) {
        self.note(reported);
    }

    fn note(&mut self, reported: bool) {
        for state in self.model.states() {
            let mut hasher = DefaultHasher::new();
            state.hash(&mut hasher);
            let known = self.states.entry(hasher.finish()).or_insert((state, false));
            known.1 |= reported;
        }
    }
}

impl Watcher for Recorder {
    fn before(&mut self, _call: &Call) -> Verdict {
        Verdict::Go
    }

    fn after(&mut self, call: &Call, result: i64) {
        if result >= 0 {
            self.model.made(call);
            self.note(false);
        }
    }
}

/// Makes a disk what a state says.
pub fn lay_out(roots: &[PathBuf], state: &State) {
    for root in roots {
        if root.exists() {
            std::fs::remove_dir_all(root).unwrap();
        }
    }
    // Folders come before what is in them.
    for (path, content) in state {
        let mode = |mode: u32| {
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        };
        match &content.thing {
            Thing::Dir(bits) => {
                std::fs::create_dir(path).unwrap();
                mode(*bits);
            }
            Thing::File(bits, bytes) => {
                std::fs::write(path, bytes).unwrap();
                mode(*bits);
            }
            Thing::Link(target) => std::os::unix::fs::symlink(target, path).unwrap(),
        }
    }
}

fn look(path: &Path) -> Option<Thing> {
    let found = path.symlink_metadata().ok()?;
    let mode = found.permissions().mode() & 0o7777;
    Some(match found.file_type() {
        kind if kind.is_dir() => Thing::Dir(mode),
        kind if kind.is_symlink() => Thing::Link(text(std::fs::read_link(path).ok()?)),
        _ => Thing::File(mode, std::fs::read(path).ok()?),
    })
}

fn text(name: impl AsRef<std::ffi::OsStr>) -> String {
    name.as_ref().to_str().unwrap().to_owned()
}

const EXCHANGE: u64 = 2;
