//! Reading Rust sources as syntax, without their tests.

use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};

/// One source file, parsed, with everything under `#[cfg(test)]` taken out.
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// Its lines of code: without tests, comments and blank lines.
    pub lines: usize,
    file: syn::File,
}

impl Source {
    /// Parses a file.
    pub fn read(path: &Path) -> Source {
        let text = std::fs::read_to_string(path).unwrap();
        let mut file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        // House rule: a file's tests stand last. What is before them is the program.
        let program = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let lines = program.filter(is_code).count();
        file.items.retain(|item| !attributes(item).iter().any(is_cfg_test));
        Source { path: path.to_owned(), lines, file }
    }

    /// The functions that construct `name` from its fields, one mention for each time.
    pub fn constructions(&self, name: &str) -> Vec<String> {
        let (this, function) = (None, String::new());
        let mut finder = Constructions { name, this, function, found: Vec::new() };
        finder.visit_file(&self.file);
        finder.found
    }

    /// The declaration of a struct, if it stands here.
    pub fn declaration(&self, name: &str) -> Option<&syn::ItemStruct> {
        self.file.items.iter().find_map(|item| match item {
            syn::Item::Struct(item) if item.ident == name => Some(item),
            _ => None,
        })
    }

    /// The crate's or module's own inner attributes, as text: `forbid (unsafe_code)`.
    pub fn has_inner(&self, level: &str, lint: &str) -> bool {
        self.file.attrs.iter().any(|attribute| {
            attribute.path().is_ident(level)
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident(lint))
        })
    }

    /// Every path used in the program, as text: `std::fs::read`, `Instant::now`.
    pub fn paths(&self) -> Vec<String> {
        let mut finder = Paths { found: Vec::new() };
        finder.visit_file(&self.file);
        finder.found
    }

    /// Whether anything here is `async`.
    pub fn is_async(&self) -> bool {
        let mut finder = Async { found: false };
        finder.visit_file(&self.file);
        finder.found
    }
}

struct Constructions<'a> {
    name: &'a str,
    /// What `Self` stands for.
    this: Option<String>,
    function: String,
    found: Vec<String>,
}

impl Constructions<'_> {
    fn note(&mut self, path: &syn::Path) {
        let mut segments = path.segments.iter().rev().map(|segment| segment.ident.to_string());
        let Some(mut name) = segments.next() else { return };
        // `Phase::Trial` is a variant of another type.
        if segments.next().is_some_and(|before| before.starts_with(char::is_uppercase)) {
            return;
        }
        if name == "Self" {
            name = self.this.clone().unwrap_or_default();
        }
        if name == self.name {
            self.found.push(self.function.clone());
        }
    }
}

impl<'ast> Visit<'ast> for Constructions<'_> {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        // The copy of a proof proves the same.
        if item.trait_.as_ref().is_some_and(|(path, _)| path.is_ident("Clone")) {
            return;
        }
        let before = self.this.take();
        if let syn::Type::Path(this) = &*item.self_ty {
            self.this = this.path.segments.last().map(|last| last.ident.to_string());
        }
        visit::visit_item_impl(self, item);
        self.this = before;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function = item.sig.ident.to_string();
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function = item.sig.ident.to_string();
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_struct(&mut self, expression: &'ast syn::ExprStruct) {
        self.note(&expression.path);
        visit::visit_expr_struct(self, expression);
    }

    /// A tuple struct is constructed by a call, or handed on as a function.
    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        self.note(&expression.path);
        visit::visit_expr_path(self, expression);
    }
}

struct Paths {
    found: Vec<String>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.found.push(segments.join("::"));
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        uses(&item.tree, "", &mut self.found);
    }
}

/// Spreads `use std::{fs, io::Read}` into `std::fs` and `std::io::Read`.
fn uses(tree: &syn::UseTree, before: &str, found: &mut Vec<String>) {
    let join = |name: String| if before.is_empty() { name } else { format!("{before}::{name}") };
    match tree {
        syn::UseTree::Path(path) => uses(&path.tree, &join(path.ident.to_string()), found),
        syn::UseTree::Name(name) => found.push(join(name.ident.to_string())),
        syn::UseTree::Rename(name) => found.push(join(name.ident.to_string())),
        syn::UseTree::Glob(_) => found.push(join("*".to_owned())),
        syn::UseTree::Group(group) => {
            group.items.iter().for_each(|tree| uses(tree, before, found));
        }
    }
}

struct Async {
    found: bool,
}

impl<'ast> Visit<'ast> for Async {
    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.found |= signature.asyncness.is_some();
    }

    fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {
        self.found = true;
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
