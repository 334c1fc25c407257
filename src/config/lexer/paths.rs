//! One complete path a line: `set interfaces …`, `/configure port …`.

use super::brace::join;
use super::scan::{Kind, Piece, Scanner, canonical};
use super::tree::{self, Trunk};
use crate::config::build::{Builder, Extent};
use crate::config::dialect::Dialect;
use crate::config::document::{Form, NodeKind};
use crate::config::rules::Braces;

/// The words that begin a path line of platforms that have such words.
const VERBS: &[&str] = &[
    "set",
    "delete",
    "deactivate",
    "activate",
    "annotate",
    "protect",
    "unprotect",
    "insert",
    "edit",
    "top",
];

/// True when the first line that means something is a path line.
pub(super) fn looks_like(text: &str, dialect: &Dialect) -> bool {
    let braces = &dialect.braces;
    if !braces.paths {
        return false;
    }
    let comment = |line: &&str| line.starts_with(['#', '!']) || line.starts_with("/*");
    let mut lines = text.lines().map(str::trim);
    let Some(first) = lines.find(|l| !l.is_empty() && !comment(l)) else {
        return false;
    };
    let mut words = first.split_ascii_whitespace();
    let Some(word) = words.next() else {
        return false;
    };
    if first.ends_with('{') && words.clone().count() <= 1 {
        return false;
    }
    if braces.wrapper.is_none() {
        return VERBS.contains(&word) && !first.ends_with(['{', ';']);
    }
    let bare = word.trim_start_matches('/');
    word.starts_with('/') || braces.wrapper.as_deref() == Some(bare) || VERBS.contains(&word)
}

/// Reads the builder's text.
pub(super) fn run(builder: &mut Builder<'_, '_>) {
    builder.form = Form::Paths;
    let dialect = builder.dialect;
    let braces = Braces {
        // A line ends a path, whatever ends a statement in braces.
        end: None,
        ..dialect.braces.clone()
    };
    let text = builder.text;
    let scanner = Scanner::new(text, &braces);
    let mut lexer = Lexer {
        out: builder,
        trunk: Trunk::default(),
        words: Vec::new(),
        heads: Vec::new(),
        list: None,
        closed: false,
    };
    for piece in scanner {
        lexer
            .out
            .tokens
            .push(u32::try_from(piece.end).unwrap_or(u32::MAX));
        lexer.piece(piece);
    }
    lexer.line();
}

struct Lexer<'b, 'd, 't> {
    out: &'b mut Builder<'d, 't>,
    trunk: Trunk,
    words: Vec<Piece>,
    /// Words before each brace that is open in this line.
    heads: Vec<usize>,
    list: Option<usize>,
    /// That list has ended.
    closed: bool,
}

impl Lexer<'_, '_, '_> {
    fn piece(&mut self, piece: Piece) {
        match piece.kind {
            Kind::Blank | Kind::End => {}
            Kind::ListClose => self.closed = true,
            Kind::Newline if self.list.is_some() && !self.closed => {}
            Kind::Newline if !self.heads.is_empty() => self.leaf(),
            Kind::Newline => self.line(),
            Kind::Comment => {
                let place = extent(&[piece]);
                self.out.trivia(NodeKind::Comment, None, place);
            }
            Kind::Word => self.words.push(piece),
            Kind::ListOpen => {
                self.list = Some(self.words.len());
                self.closed = false;
            }
            Kind::Open => self.heads.push(self.words.len()),
            Kind::Close => {
                // What stands in braces behind a path is a path of its own.
                if let Some(head) = self.heads.pop() {
                    if self.words.len() > head {
                        self.flush();
                    }
                    self.words.truncate(head);
                }
            }
        }
    }

    /// A line end inside braces ends a leaf.
    fn leaf(&mut self) {
        let head = self.heads.last().copied().unwrap_or_default();
        if self.words.len() > head {
            self.flush();
        }
        self.words.truncate(head);
    }

    fn line(&mut self) {
        if !self.words.is_empty() {
            self.flush();
        }
        self.words.clear();
        self.heads.clear();
    }

    /// One path.
    fn flush(&mut self) {
        let list = self.list.take();
        let place = extent(&self.words);
        let words = self.words.clone();
        let (verb, skip) = self.verb(&words);
        let path = &words[skip..];
        let text = self.text_of(path);
        match verb {
            "set" => self.set(path, list.map(|at| at.saturating_sub(skip)), &text, place),
            "delete" => self.trunk.demand_absence(self.out, None, &text, place),
            "deactivate" => {
                let (_, node) = self.trunk.descend(self.out, None, &text, place);
                if let Some(node) = node {
                    self.out.nodes[node.at()].inactive = true;
                }
            }
            "insert" => {
                let place = |w: &str| matches!(w, "before" | "after" | "first" | "last");
                let words: Vec<&str> = text.split(' ').collect();
                let end = words.iter().position(|w| place(w)).unwrap_or(words.len());
                let path = words[..end].join(" ");
                self.trunk
                    .descend(self.out, None, &path, extent(&self.words));
            }
            "annotate" | "activate" | "protect" | "unprotect" | "top" => {
                self.out.trivia(NodeKind::Comment, None, place);
            }
            _ => tree::error(self.out, None, place),
        }
    }

    fn set(&mut self, path: &[Piece], list: Option<usize>, text: &str, place: Extent) {
        if tree::noise(self.out, None, text, place).is_some() {
            return;
        }
        match list {
            Some(from) if from <= path.len() => {
                let (head, values) = path.split_at(from);
                let head = self.text_of(head);
                for value in values {
                    let value = self.text_of(std::slice::from_ref(value));
                    let line = join(&head, &value);
                    self.trunk.descend(self.out, None, &line, place);
                }
            }
            _ => {
                self.trunk.descend(self.out, None, text, place);
            }
        }
    }

    /// What the line does, and how many words say so.
    fn verb(&self, words: &[Piece]) -> (&'static str, usize) {
        let braces = &self.out.dialect.braces;
        let word = |at: usize| words.get(at).map_or("", |w| &self.out.text[w.start..w.end]);
        let mut at = 0;
        let mut verb = if braces.wrapper.is_some() { "set" } else { "" };
        let bare = |w: &str| w.trim_start_matches('/').to_owned();
        loop {
            let w = word(at);
            let known = VERBS.iter().find(|v| **v == w.trim_start_matches('/'));
            let leads = at < 3 && (w == "/" || braces.wrapper.as_deref() == Some(&bare(w)));
            if let (Some(known), true) = (known, verb.is_empty() || verb == "set" && at < 2) {
                // SR OS writes `delete` on either side of the wrapper.
                if *known == "set" && verb == "set" {
                    break;
                }
                verb = known;
            } else if !leads {
                break;
            }
            at += 1;
        }
        (verb, at)
    }

    fn text_of(&self, words: &[Piece]) -> String {
        let mut text = String::new();
        for word in words {
            if !text.is_empty() {
                text.push(' ');
            }
            canonical(&self.out.text[word.start..word.end], &mut text);
        }
        text
    }
}

fn extent(words: &[Piece]) -> Extent {
    let (first, last) = (words[0], words[words.len() - 1]);
    Extent {
        start: first.start,
        end: last.end,
        line: first.line,
    }
}
