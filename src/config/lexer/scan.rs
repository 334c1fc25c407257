//! Words, quotes, comments and brackets of the platforms that do not go by lines.

use crate::config::rules::Braces;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blanks without a line end.
    Blank,
    /// A line end (with the blanks around it).
    Newline,
    Comment,
    Word,
    Open,
    Close,
    /// Ends a statement.
    End,
    ListOpen,
    ListClose,
}

/// A piece of text. Pieces follow each other without a gap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Line of its first byte, from 1.
    pub(super) line: u32,
}

/// Cuts a text into pieces.
pub(super) struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    braces: &'t Braces,
    at: usize,
    line: u32,
    /// Nothing but blanks since the line began.
    fresh: bool,
    lists: usize,
    /// Open brackets and parentheses of an expression, in which nothing ends a statement.
    nest: usize,
    /// Up to here no second quote was found.
    no_quote: usize,
    /// From here on no comment ends.
    no_comment: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str, braces: &'t Braces) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            braces,
            at: 0,
            line: 1,
            fresh: true,
            lists: 0,
            nest: 0,
            no_quote: 0,
            no_comment: usize::MAX,
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    /// A bracket that stands alone: where statements end with the line, others are text.
    fn alone(&self) -> bool {
        let next = self.byte(self.at + 1);
        self.braces.end.is_some() || next.is_ascii_whitespace() || next == b'}'
    }

    fn kind(&self) -> (Kind, usize) {
        let at = self.at;
        if self.nest > 0 && matches!(self.bytes[at], b'{' | b'}' | b';') {
            return (Kind::Word, self.word(at));
        }
        if self.fresh && self.bytes[at] == b'{' && self.role() {
            return (Kind::Comment, self.line_end(at));
        }
        match self.bytes[at] {
            b'\n' => (Kind::Newline, at + 1),
            b' ' | b'\t' | b'\r' | 8 => (Kind::Blank, self.while_blank(at)),
            b'#' if self.fresh || self.braces.end.is_some() => (Kind::Comment, self.line_end(at)),
            b'/' if self.byte(at + 1) == b'*' => self.block_comment(),
            b'/' if self.byte(at + 1) == b'/' && self.fresh => (Kind::Comment, self.line_end(at)),
            b'!' if self.fresh && self.braces.bang => (Kind::Comment, self.line_end(at)),
            b'{' if self.alone() => (Kind::Open, at + 1),
            b'}' if self.alone() || self.fresh => (Kind::Close, at + 1),
            b'[' if self.braces.lists => (Kind::ListOpen, at + 1),
            b']' if self.lists > 0 => (Kind::ListClose, at + 1),
            b if Some(b) == self.braces.end => (Kind::End, at + 1),
            _ => (Kind::Word, self.word(at)),
        }
    }

    /// `{master:0}`: a part of the prompt that Junos prints behind the text.
    fn role(&self) -> bool {
        const ROLES: &[&str] = &["master", "backup", "primary", "secondary", "linecard"];
        let rest = &self.text[self.at + 1..];
        ROLES.iter().any(|role| {
            let after = rest.strip_prefix(role);
            after.is_some_and(|after| after.starts_with(['}', ':']))
        })
    }

    fn while_blank(&self, at: usize) -> usize {
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | 8);
        at + self.bytes[at..].iter().take_while(|b| blank(b)).count()
    }

    fn line_end(&self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
    }

    fn block_comment(&self) -> (Kind, usize) {
        let from = self.at + 2;
        if from >= self.no_comment {
            return (Kind::Word, self.word(self.at));
        }
        match self.text[from..].find("*/") {
            Some(n) => (Kind::Comment, from + n + 2),
            None => (Kind::Word, self.word(self.at)),
        }
    }

    /// The end of a word; quotes keep blanks, brackets and line ends inside.
    fn word(&self, start: usize) -> usize {
        let mut at = start;
        let mut nest = self.nest;
        while at < self.bytes.len() {
            let byte = self.bytes[at];
            if self.expressions() {
                nest = nested(nest, byte);
            }
            let ends = match byte {
                b' ' | b'\t' | b'\r' | b'\n' => true,
                b'{' | b'}' | b';' if nest > 0 => false,
                b'{' | b'}' => self.braces.end.is_some(),
                b']' => self.lists > 0,
                b => Some(b) == self.braces.end,
            };
            if ends && at > start {
                return at;
            }
            at = match byte {
                b'"' | b'\'' if self.braces.quotes.contains(&byte) && at == start => {
                    self.quoted(at).unwrap_or(at + 1)
                }
                _ => at + 1,
            };
        }
        self.bytes.len()
    }

    /// Statements hold expressions with brackets of their own (BIRD).
    fn expressions(&self) -> bool {
        !self.braces.paths && !self.braces.lists && self.braces.end.is_some()
    }

    /// Behind the second quote.
    fn quoted(&self, at: usize) -> Option<usize> {
        if at < self.no_quote {
            return None;
        }
        let quote = self.bytes[at];
        let mut end = at + 1;
        while end < self.bytes.len() {
            match self.bytes[end] {
                b'\\' if quote == b'"' => end += 2,
                b if b == quote => return Some(end + 1),
                _ => end += 1,
            }
        }
        None
    }
}

impl Iterator for Scanner<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let (kind, end) = self.kind();
        let mut end = end.min(self.bytes.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let piece = Piece {
            kind,
            start: self.at,
            end,
            line: self.line,
        };
        let own = &self.bytes[self.at..end];
        let lines = own.iter().filter(|b| **b == b'\n').count();
        self.line += u32::try_from(lines).unwrap_or_default();
        if kind == Kind::Word && self.expressions() && !matches!(own[0], b'"' | b'\'') {
            self.nest = own.iter().fold(self.nest, |nest, byte| nested(nest, *byte));
        }
        if kind == Kind::Word && matches!(own[0], b'"' | b'\'') && own.len() == 1 {
            self.no_quote = self.bytes.len();
        }
        if kind == Kind::Word && own.starts_with(b"/*") {
            self.no_comment = self.no_comment.min(self.at);
        }
        self.fresh = match kind {
            Kind::Newline => true,
            Kind::Blank => self.fresh,
            Kind::Comment => self.fresh,
            Kind::Word
            | Kind::Open
            | Kind::Close
            | Kind::End
            | Kind::ListOpen
            | Kind::ListClose => false,
        };
        match kind {
            Kind::ListOpen => self.lists += 1,
            Kind::ListClose => self.lists -= 1,
            // A list that is not closed ends with its statement.
            Kind::End => self.lists = 0,
            Kind::Blank | Kind::Newline | Kind::Comment | Kind::Word | Kind::Open | Kind::Close => {
            }
        }
        self.at = end;
        Some(piece)
    }
}

fn nested(nest: usize, byte: u8) -> usize {
    match byte {
        b'[' | b'(' => nest + 1,
        b']' | b')' => nest.saturating_sub(1),
        _ => nest,
    }
}

/// The words of a typed line, each as it is compared.
pub(crate) fn typed_words(line: &str, braces: &Braces) -> Vec<String> {
    let by_line = Braces {
        end: None,
        lists: false,
        ..braces.clone()
    };
    let pieces = Scanner::new(line, &by_line);
    let words = pieces.filter(|piece| !matches!(piece.kind, Kind::Blank | Kind::Newline));
    words
        .map(|piece| {
            let mut word = String::new();
            canonical(&line[piece.start..piece.end], &mut word);
            word
        })
        .collect()
}

/// A word as it is compared: without quotes where it needs none, else in double quotes.
pub(super) fn canonical(word: &str, out: &mut String) {
    let quote = word.chars().next().filter(|c| matches!(c, '"' | '\''));
    let inner = quote.and_then(|q| {
        let inner = word.strip_prefix(q)?.strip_suffix(q)?;
        (word.len() >= 2).then_some(inner)
    });
    let Some(inner) = inner else {
        out.push_str(word);
        return;
    };
    let unix;
    let inner = if inner.contains('\r') {
        unix = inner.replace("\r\n", "\n");
        unix.as_str()
    } else {
        inner
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@%+,=*<>~^$&|()?!".contains(&b);
    let token = inner.starts_with('\u{27e6}')
        && inner.ends_with('\u{27e7}')
        && inner.matches('\u{27e6}').count() == 1;
    if token || !inner.is_empty() && inner.bytes().all(plain) {
        out.push_str(inner);
        return;
    }
    out.push('"');
    if quote == Some('\'') {
        out.push_str(&inner.replace('\\', "\\\\").replace('"', "\\\""));
    } else {
        out.push_str(inner);
    }
    out.push('"');
}
