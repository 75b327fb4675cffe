//! Which paths a delegation is about (TUF §4.5).

use std::cell::Cell;

use super::Query;
use crate::Digest;
use crate::error::Error;
use crate::metadata::Scope;

/// What may still be spent on comparing: a role of megabytes can hold patterns and paths whose product
/// takes hours.
#[derive(Debug)]
pub(super) struct Work {
    limit: u64,
    left: Cell<u64>,
}

impl Work {
    pub(super) fn of(limit: u64) -> Self {
        Self { limit, left: Cell::new(limit) }
    }

    /// Whether so many characters may be compared. Once they may not, none may.
    fn allows(&self, characters: usize) -> bool {
        let left = self.left.get().saturating_sub(characters as u64);
        self.left.set(left);
        left > 0
    }

    /// Whether all that was asked for was allowed, so that what was found is true.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.left.get() {
            0 => Err(Error::TooManyPatterns { limit: self.limit }),
            _ => Ok(()),
        }
    }
}

/// How much of what is looked for a delegation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// None of it.
    Nothing,
    /// Perhaps some of it.
    Part,
    /// All of it.
    Whole,
}

impl Cover {
    /// Of what is looked for.
    pub(super) fn of(scope: &Scope, query: &Query, work: &Work) -> Self {
        match query {
            Query::Path(path) => Self::of_path(scope, path, work),
            Query::Directory(directory) => Self::of_directory(scope, directory, work),
        }
    }

    /// Of one path: `Whole` or `Nothing`.
    fn of_path(scope: &Scope, path: &str, work: &Work) -> Self {
        let covered = match scope {
            Scope::Paths(patterns) => patterns.iter().any(|pattern| matches(pattern, path, work)),
            Scope::HashPrefixes(prefixes) => {
                let hash = Digest::of(path.as_bytes()).to_string();
                let starts = |prefix: &str| hash.starts_with(&prefix.to_ascii_lowercase());
                prefixes.iter().any(|prefix| work.allows(prefix.len() + 1) && starts(prefix))
            }
        };
        if covered { Self::Whole } else { Self::Nothing }
    }

    /// Of all paths `DIRECTORY/NAME`, whatever the name.
    fn of_directory(scope: &Scope, directory: &str, work: &Work) -> Self {
        let patterns = match scope {
            Scope::Paths(patterns) => patterns,
            Scope::HashPrefixes(prefixes) if prefixes.is_empty() => return Self::Nothing,
            Scope::HashPrefixes(_) => return Self::Part,
        };
        let mut cover = Self::Nothing;
        for pattern in patterns {
            let (above, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
            if !matches(above, directory, work) {
                continue;
            }
            if !name.is_empty() && name.bytes().all(|byte| byte == b'*') {
                return Self::Whole;
            }
            cover = Self::Part;
        }
        cover
    }
}

/// Segment by segment: `*` is any run of characters and `?` any one, neither of them a `/`. Brackets
/// are plain characters: implementations read them differently.
fn matches(pattern: &str, path: &str, work: &Work) -> bool {
    let (mut patterns, mut segments) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return true,
            (Some(pattern), Some(segment)) if segment_matches(pattern, segment, work) => {}
            _ => return false,
        }
    }
}

/// Only the last `*` is ever tried again, so the time is bounded by the product of the lengths.
fn segment_matches(pattern: &str, segment: &str, work: &Work) -> bool {
    if !work.allows(1 + pattern.len() + segment.len()) {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let segment: Vec<char> = segment.chars().collect();
    let (mut p, mut s) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while s < segment.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, s));
                p += 1;
            }
            Some(&c) if c == '?' || c == segment[s] => {
                p += 1;
                s += 1;
            }
            _ => match retry {
                Some((star, taken)) if work.allows(1 + p - star) => {
                    retry = Some((star, taken + 1));
                    p = star + 1;
                    s = taken + 1;
                }
                _ => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enough() -> Work {
        Work::of(10_000_000)
    }

    #[test]
    fn wildcards_match_within_a_segment() {
        let cases = [
            // The examples of the specification.
            ("targets/*.tgz", "targets/foo.tgz", true),
            ("targets/*.tgz", "targets/foo.txt", false),
            ("foo-version-?.tgz", "foo-version-2.tgz", true),
            ("foo-version-?.tgz", "foo-version-alpha.tgz", false),
            ("*.tgz", "bar.tgz", true),
            ("*.tgz", "targets/foo.tgz", false),
            ("foo.tgz", "foo.tgz", true),
            // Corners.
            ("*", "", true),
            ("?", "", false),
            ("*", "a/b", false),
            ("*/*", "a/b", true),
            ("a/*", "a", false),
            ("a/*", "a/", true),
            ("/a", "a", false),
            ("*a*b*c", "xaybzc", true),
            ("*a*b*c", "xaybz", false),
            ("a**b", "ab", true),
            ("[ab]", "a", false),
            ("[ab]", "[ab]", true),
            ("?", "é", true),
            ("README.md", "readme.md", false),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(matches(pattern, path, &enough()), expected, "{pattern:?} {path:?}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        let (pattern, path) = (format!("{}b", "*a".repeat(500)), "a".repeat(2_000));
        assert!(!matches(&pattern, &path, &enough()));
    }

    #[test]
    fn work_that_was_not_allowed_is_told() {
        let (pattern, path) = (format!("{}b", "*a".repeat(500)), "a".repeat(2_000));
        let little = Work::of(5_000);
        assert!(!matches(&pattern, &path, &little));
        assert_eq!(little.check(), Err(Error::TooManyPatterns { limit: 5_000 }));
        assert!(!matches("a", "a", &little));
    }

    #[test]
    fn a_directory_is_covered_by_patterns_of_its_depth() {
        let cover = |patterns: &[&str], directory: &str| {
            let scope = Scope::Paths(patterns.iter().map(|&pattern| pattern.to_owned()).collect());
            Cover::of_directory(&scope, directory, &enough())
        };
        assert_eq!(cover(&["stable/linux-x86_64/*"], "stable/linux-x86_64"), Cover::Whole);
        assert_eq!(cover(&["*/*/**"], "stable/linux-x86_64"), Cover::Whole);
        assert_eq!(cover(&["a", "stable/*.zst"], "stable"), Cover::Part);
        assert_eq!(cover(&["stable/"], "stable"), Cover::Part);
        assert_eq!(cover(&["stable/*", "beta/*"], "stable/x"), Cover::Nothing);
        assert_eq!(cover(&["*"], ""), Cover::Whole);
        assert_eq!(cover(&[], "x"), Cover::Nothing);
    }

    #[test]
    fn hash_prefixes_are_beginnings_of_the_sha256_of_the_path() {
        let hash = Digest::of(b"some/path").to_string();
        let scope = |prefix: &str| Scope::HashPrefixes(vec![prefix.to_owned()]);
        assert_eq!(Cover::of_path(&scope(&hash[..2]), "some/path", &enough()), Cover::Whole);
        assert_eq!(
            Cover::of_path(&scope(&hash[..3].to_uppercase()), "some/path", &enough()),
            Cover::Whole
        );
        assert_eq!(Cover::of_path(&scope(&hash[1..9]), "some/path", &enough()), Cover::Nothing);
        assert_eq!(Cover::of_path(&scope(""), "some/path", &enough()), Cover::Whole);
        assert_eq!(Cover::of_directory(&scope(&hash[..2]), "some", &enough()), Cover::Part);
        assert_eq!(
            Cover::of_directory(&Scope::HashPrefixes(vec![]), "some", &enough()),
            Cover::Nothing
        );
    }
}
