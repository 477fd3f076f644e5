//! What one source file says about other modules: declarations, imports, paths and definitions.

use std::collections::{BTreeMap, BTreeSet};

/// A path as written, without generic arguments: `["crate", "queues", "Parked"]`.
pub(crate) type Path = Vec<String>;

/// What a file says, without the items that only tests compile.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Every path of at least two names, with its line. Imports are among them, one path for each
    /// name.
    pub(crate) paths: Vec<(Path, usize)>,
    /// The path of each imported name.
    pub(crate) imported: BTreeMap<String, Path>,
    /// The paths that are imported with all their names, `x::*`, with their lines.
    pub(crate) globs: Vec<(Path, usize)>,
    /// The names of the items that are defined in the file.
    pub(crate) defined: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    PathSeparator,
    Mark(char),
}

impl Source {
    /// Reads a file. It is enough to know Rust's names, paths, imports and brackets.
    pub(crate) fn parse(text: &str) -> Self {
        let tokens = without_tests(&tokenize(text));
        let mut source = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            at = source.read_item(&tokens, at);
        }
        source
    }

    /// Reads what begins at a token, and returns where the next begins.
    fn read_item(&mut self, tokens: &[(Token, usize)], at: usize) -> usize {
        let Some((Token::Name(name), line)) = tokens.get(at) else {
            return at + 1;
        };
        match name.as_str() {
            "use" => return self.read_import(tokens, at + 1, &[], *line),
            "fn" | "struct" | "enum" | "trait" | "type" | "const" | "static" => {
                self.defined.extend(name_at(tokens, at + 1));
                return at + 1;
            }
            "macro_rules" => self.defined.extend(name_at(tokens, at + 2)),
            _ => {}
        }
        let mut path = vec![name.clone()];
        let mut end = at + 1;
        while token_at(tokens, end) == Some(&Token::PathSeparator) {
            let Some(next) = name_at(tokens, end + 1) else {
                break;
            };
            path.push(next);
            end += 2;
        }
        let before = at.checked_sub(1).and_then(|before| token_at(tokens, before));
        let is_beginning = before != Some(&Token::PathSeparator);
        if path.len() > 1 && is_beginning {
            self.paths.push((path, *line));
        }
        end
    }

    /// Reads one branch of an import, and returns where it ends: at `,`, `}` or `;`.
    fn read_import(
        &mut self,
        tokens: &[(Token, usize)],
        mut at: usize,
        parent: &[String],
        line: usize,
    ) -> usize {
        let mut path = parent.to_vec();
        let mut alias = None;
        loop {
            match token_at(tokens, at) {
                Some(Token::PathSeparator) => {}
                Some(Token::Name(name)) if name == "as" => {
                    alias = name_at(tokens, at + 1);
                    at += 1;
                }
                Some(Token::Name(name)) => path.push(name.clone()),
                Some(Token::Mark('*')) => {
                    self.globs.push((path, line));
                    return at + 1;
                }
                Some(Token::Mark('{')) => loop {
                    at = self.read_import(tokens, at + 1, &path, line);
                    if token_at(tokens, at) != Some(&Token::Mark(',')) {
                        return at + 1;
                    }
                },
                Some(Token::Mark(_)) | None => break,
            }
            at += 1;
        }
        if path.len() > parent.len() {
            if path.last().is_some_and(|last| last == "self") && !parent.is_empty() {
                path.pop();
            }
            let name = alias.or_else(|| path.last().cloned());
            self.imported.extend(name.map(|name| (name, path.clone())));
            self.paths.push((path, line));
        }
        at
    }
}

fn token_at(tokens: &[(Token, usize)], at: usize) -> Option<&Token> {
    tokens.get(at).map(|(token, _)| token)
}

fn name_at(tokens: &[(Token, usize)], at: usize) -> Option<String> {
    match token_at(tokens, at) {
        Some(Token::Name(name)) => Some(name.clone()),
        Some(Token::PathSeparator | Token::Mark(_)) | None => None,
    }
}

/// The tokens without the items under `#[cfg(test)]`.
fn without_tests(tokens: &[(Token, usize)]) -> Vec<(Token, usize)> {
    let marker = tokenize("#[cfg(test)]");
    let is_marker = |at: usize| {
        let here = tokens.get(at..at + marker.len());
        here.is_some_and(|here| here.iter().zip(&marker).all(|((a, _), (b, _))| a == b))
    };
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_marker(at) {
            at = end_of_item(tokens, at + marker.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item that begins here ends: after its first `;` or block outside brackets.
fn end_of_item(tokens: &[(Token, usize)], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = token_at(tokens, at) {
        at += 1;
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(']' | ')') => depth = depth.saturating_sub(1),
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            Token::Mark(';') if depth == 0 => return at,
            Token::Name(_) | Token::PathSeparator | Token::Mark(_) => {}
        }
    }
    at
}

/// The names and marks of a text with their lines, without comments, texts and lifetimes.
fn tokenize(text: &str) -> Vec<(Token, usize)> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(c) = rest.chars().next() {
        let (token, len) = next_token(rest, c);
        tokens.extend(token.map(|token| (token, line)));
        line += rest[..len].matches('\n').count();
        rest = &rest[len..];
    }
    tokens
}

/// The first token, if the text begins with one, and how many bytes it takes.
fn next_token(rest: &str, c: char) -> (Option<Token>, usize) {
    let until = |end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
    if rest.starts_with("//") {
        return (None, until("\n"));
    }
    if rest.starts_with("/*") {
        return (None, until("*/"));
    }
    if let Some(len) = raw_text_len(rest) {
        return (None, len);
    }
    if c.is_ascii_alphabetic() || c == '_' {
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let len = rest.find(is_end).unwrap_or(rest.len());
        return (Some(Token::Name(rest[..len].to_owned())), len);
    }
    match c {
        '"' => (None, quoted_len(rest, '"')),
        '\'' if is_character(rest) => (None, quoted_len(rest, '\'')),
        ':' if rest.starts_with("::") => (Some(Token::PathSeparator), 2),
        _ if c.is_whitespace() || c == '\'' => (None, c.len_utf8()),
        _ => (Some(Token::Mark(c)), c.len_utf8()),
    }
}

/// The length of a raw text such as `r#"…"#`, if the text begins with one.
fn raw_text_len(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = inside.len() - inside.trim_start_matches('#').len();
    let inside = inside[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let len = inside.find(&end)? + end.len();
    Some(rest.len() - inside.len() + len)
}

/// Whether a quote begins a character, not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    let first = chars.next();
    first == Some('\\') || chars.next() == Some('\'')
}

/// The length of a text in quotes, both quotes included.
fn quoted_len(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    rest.len()
}
