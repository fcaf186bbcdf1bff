//! Rust source as the checks read it: without comments, literals and tests, and as the paths it names.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::chore::Result;
use crate::workspace::relative;

/// One source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the workspace's root.
    pub(crate) file: PathBuf,
    /// The text with comments and literals blanked out; every line keeps its number.
    pub(crate) code: String,
}

impl Source {
    /// Every `.rs` file below the folder, in order; none when the folder is not there.
    pub(crate) fn all_below(dir: &Path) -> Result<Vec<Self>> {
        let mut files = Vec::new();
        collect(dir, &mut files)?;
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }

    pub(crate) fn new(file: &Path, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            code: without_comments_and_literals(text),
        }
    }

    fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)?;
        Ok(Self::new(relative(file), &text))
    }

    /// The same without `#[cfg(test)]` items; nothing remains of a file that holds only tests.
    pub(crate) fn without_tests(mut self) -> Self {
        let is_tests = self
            .file
            .iter()
            .skip_while(|part| *part != "src")
            .any(|part| part == "tests" || part == "tests.rs");
        if is_tests {
            self.code = String::new();
        }
        while let Some(range) = first_test_item(&self.code) {
            let blank = blanked(&self.code[range.clone()]);
            self.code.replace_range(range, &blank);
        }
        self
    }
}

/// A path that the code names, such as `std::time::Instant::now`, or one leaf of a `use` tree.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct NamedPath<'a> {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) segments: Vec<&'a str>,
}

/// Every path that the code names.
pub(crate) fn named_paths(code: &str) -> Vec<NamedPath<'_>> {
    let mut paths = Vec::new();
    let mut reader = Reader { code, at: 0 };
    while let Some(word) = reader.next_word() {
        if word == "use" && !reader.next_is("<") {
            reader.use_tree(&mut Vec::new(), &mut paths);
        } else {
            let line = reader.line();
            let mut segments = vec![word];
            while reader.take("::") {
                let Some(word) = reader.word() else { break };
                segments.push(word);
            }
            paths.push(NamedPath { line, segments });
        }
    }
    paths
}

struct Reader<'a> {
    code: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads the branches of a `use` tree, up to its end.
    fn use_tree(&mut self, prefix: &mut Vec<&'a str>, paths: &mut Vec<NamedPath<'a>>) {
        let depth = prefix.len();
        self.take("::");
        loop {
            if self.take("{") {
                while !self.take("}") {
                    let before = self.at;
                    self.use_tree(prefix, paths);
                    self.take(",");
                    if self.at == before {
                        break;
                    }
                }
                break;
            }
            let Some(word) = self.word().or_else(|| self.take("*").then_some("*")) else {
                break;
            };
            prefix.push(word);
            if !self.take("::") {
                paths.push(NamedPath {
                    line: self.line(),
                    segments: prefix.clone(),
                });
                // `as other`
                if self.next_is("as ") {
                    self.word();
                    self.word();
                }
                break;
            }
        }
        prefix.truncate(depth);
    }

    /// Skips to the next word of the code.
    fn next_word(&mut self) -> Option<&'a str> {
        let rest = self.code.get(self.at..)?;
        self.at += rest.find(is_word)?;
        self.word()
    }

    /// The word that comes next, if one does.
    fn word(&mut self) -> Option<&'a str> {
        self.skip_space();
        let rest = &self.code[self.at..];
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then(|| &rest[..length])
    }

    fn take(&mut self, what: &str) -> bool {
        let next = self.next_is(what);
        if next {
            self.skip_space();
            self.at += what.len();
        }
        next
    }

    fn next_is(&self, what: &str) -> bool {
        self.code[self.at..].trim_start().starts_with(what)
    }

    fn skip_space(&mut self) {
        let rest = &self.code[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn line(&self) -> usize {
        line_at(self.code, self.at.saturating_sub(1))
    }
}

/// The number of the line that holds the byte, counted from 1.
pub(crate) fn line_at(text: &str, at: usize) -> usize {
    let before = &text.as_bytes()[..at.min(text.len())];
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            // A package below has sources of its own.
            if !path.join("Cargo.toml").exists() {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Blanks comments, strings and characters, byte for byte, so that lines keep their numbers.
fn without_comments_and_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let follows_word = code.ends_with(is_word);
        let length = skipped_length(&text[at..], follows_word);
        if length == 0 {
            code.push(c);
            at += c.len_utf8();
        } else {
            code.push_str(&blanked(&text[at..at + length]));
            at += length;
        }
    }
    code
}

/// Bytes of the comment or literal that the text starts with, 0 when it starts with code.
fn skipped_length(text: &str, follows_word: bool) -> usize {
    let end = |found: Option<usize>, closing: usize| found.map_or(text.len(), |at| at + closing);
    if text.starts_with("//") {
        return end(text.find('\n'), 0);
    }
    if text.starts_with("/*") {
        return block_comment_length(text);
    }
    if text.starts_with('"') {
        return quoted_length(text, '"');
    }
    if text.starts_with('\'') {
        return char_length(text);
    }
    // A raw string, or a word that ends in `r` before a plain one.
    let raw = ["r", "br", "cr"].iter().find(|prefix| {
        text.strip_prefix(**prefix)
            .is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    });
    match raw {
        Some(prefix) if !follows_word => {
            let hashes = text[prefix.len()..].find('"').unwrap_or(0);
            let opening = prefix.len() + hashes + 1;
            let closing = format!("\"{}", "#".repeat(hashes));
            let found = text[opening..].find(&closing);
            end(found.map(|at| opening + at), closing.len())
        }
        _ => 0,
    }
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = true; // the opening quote is not the closing one
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// A character literal, told from a lifetime.
fn char_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => quoted_length(text, '\''),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// Where the first `#[cfg(test)]` item stands, with its body.
fn first_test_item(code: &str) -> Option<Range<usize>> {
    let start = code.find("#[cfg(test)]")?;
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(start..at + 1);
                }
            }
            b';' if depth == 0 => return Some(start..at + 1),
            _ => {}
        }
    }
    Some(start..code.len())
}

fn blanked(text: &str) -> String {
    let blank = |c: char| {
        if c == '\n' {
            "\n"
        } else {
            &"    "[..c.len_utf8()]
        }
    };
    text.chars().map(blank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(file: &str, text: &str) -> Source {
        Source::new(Path::new(file), text)
    }

    #[track_caller]
    fn check_code(text: &str, kept: &str, gone: &str) {
        let code = without_comments_and_literals(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(code.lines().count(), text.lines().count());
        assert!(code.contains(kept), "{code}");
        assert!(!code.contains(gone), "{code}");
    }

    #[test]
    fn blanks_comments_and_literals() {
        check_code("a(); // warp", "a();", "warp");
        check_code("/* x /* warp */ warp */ a();", "a();", "warp");
        check_code(r#"a("warp \" warp"); b()"#, "b()", "warp");
        check_code("a(r##\"warp \"# warp\"##); b()", "b()", "warp");
        check_code("a(br\"warp\\\"); b()", "b()", "warp");
        check_code("a('\"'); b(\"warp\"); c('\\''); d()", "d()", "warp");
        check_code(
            "fn f<'a>(x: &'a str) { g(\"é warp\") }",
            "x: &'a str",
            "warp",
        );
        check_code("let r#type = \"warp\"; b()", "r#type", "warp");
    }

    #[test]
    fn blanks_tests() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { warp() }\n}\nfn c() {}";
        let code = source("crates/x/src/a.rs", text).without_tests().code;
        assert!(!code.contains("warp") && code.contains("fn c"), "{code}");
        let code = source("crates/x/src/a.rs", "#[cfg(test)]\nmod tests;\nfn c() {}");
        assert!(code.without_tests().code.contains("fn c"));
        let code = source("crates/x/src/a/tests.rs", "fn b() {}").without_tests();
        assert_eq!(code.code, "");
    }

    #[track_caller]
    fn check_paths(code: &str, expected: &[&str]) {
        let paths = named_paths(code);
        let paths: Vec<_> = paths.iter().map(|path| path.segments.join("::")).collect();
        assert_eq!(paths, expected);
    }

    #[test]
    fn names_paths_of_code_and_use_trees() {
        check_paths("use a::b;", &["a::b"]);
        check_paths(
            "use a::{b, c::{self, D as E}, *};",
            &["a::b", "a::c::self", "a::c::D", "a::*"],
        );
        check_paths(
            "pub use a::{\n    b,\n    c,\n};\nx",
            &["pub", "a::b", "a::c", "x"],
        );
        check_paths("a::b(c.d :: e)", &["a::b", "c", "d::e"]);
        check_paths(
            "fn f() -> impl use<'a> G",
            &["fn", "f", "impl", "use", "a", "G"],
        );
        assert_eq!(
            named_paths("a\n\nb::c").last().map(|path| path.line),
            Some(3)
        );
        assert_eq!(
            named_paths("use a::{\n b,\n c\n};")
                .last()
                .map(|path| path.line),
            Some(3)
        );
    }

    #[test]
    fn survives_broken_source() {
        for text in [
            "use a::{b",
            "use {{{",
            "\"open",
            "/* open",
            "'",
            "r#\"open",
            "#[cfg(test)] mod",
        ] {
            let code = source("crates/x/src/a.rs", text).without_tests().code;
            named_paths(&code);
        }
    }
}
