//! Tags, texts and comments of an XML text. Every byte belongs to one piece; what is no XML
//! is kept as stray.

use std::borrow::Cow;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Cdata,
    Comment,
    /// `<?…?>`, `<!…>`
    Instruction,
    Start,
    /// `<x/>`
    Empty,
    End,
    /// A `<` that begins nothing known.
    Stray,
}

/// A piece of text. Pieces follow each other without a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Line of its first byte, from 1.
    pub(crate) line: u32,
}

/// What begins a piece that ends with certain characters, not with the tag.
const FENCES: [(&str, &str, Kind); 4] = [
    ("<!--", "-->", Kind::Comment),
    ("<![CDATA[", "]]>", Kind::Cdata),
    ("<?", "?>", Kind::Instruction),
    ("<!", ">", Kind::Instruction),
];

/// Cuts a text into pieces.
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    line: u32,
    /// Of each fence, that no end of it follows any more.
    endless: [bool; FENCES.len()],
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            endless: [false; FENCES.len()],
        }
    }

    fn piece(&mut self) -> (Kind, usize) {
        let (at, rest) = (self.at, &self.text[self.at..]);
        if !rest.starts_with('<') {
            return (Kind::Text, self.next_tag(at));
        }
        for (fence, (begin, end, kind)) in FENCES.iter().enumerate() {
            if !rest.starts_with(begin) {
                continue;
            }
            if self.endless[fence] {
                return (Kind::Stray, self.next_tag(at + 1));
            }
            let from = at + begin.len();
            if let Some(n) = self.text[from..].find(end) {
                return (*kind, from + n + end.len());
            }
            self.endless[fence] = true;
            return (Kind::Stray, self.next_tag(at + 1));
        }
        self.tag()
    }

    fn next_tag(&self, from: usize) -> usize {
        self.text[from..]
            .find('<')
            .map_or(self.text.len(), |n| from + n)
    }

    /// A tag ends with `>` outside quotes; a `<` inside it shows that it is none.
    fn tag(&self) -> (Kind, usize) {
        let bytes = self.text.as_bytes();
        let ends = bytes.get(self.at + 1) == Some(&b'/');
        let first = self.at + 1 + usize::from(ends);
        let named = self.text.get(first..).and_then(|rest| rest.chars().next());
        if !named.is_some_and(|c| c.is_alphabetic() || c == '_') {
            return (Kind::Stray, self.next_tag(self.at + 1));
        }
        let mut at = first;
        let mut quote = None;
        while at < bytes.len() {
            match (bytes[at], quote) {
                (b'<', _) => break,
                (b'>', None) if ends => return (Kind::End, at + 1),
                (b'>', None) if bytes[at - 1] == b'/' => return (Kind::Empty, at + 1),
                (b'>', None) => return (Kind::Start, at + 1),
                (byte @ (b'"' | b'\''), None) => quote = Some(byte),
                (byte, Some(open)) if byte == open => quote = None,
                _ => {}
            }
            at += 1;
        }
        (Kind::Stray, at)
    }
}

impl Iterator for Scanner<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.at >= self.text.len() {
            return None;
        }
        let (kind, end) = self.piece();
        let piece = Piece {
            kind,
            start: self.at,
            end,
            line: self.line,
        };
        let lines = self.text.as_bytes()[self.at..end]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        self.line += u32::try_from(lines).unwrap_or_default();
        self.at = end;
        Some(piece)
    }
}

/// The name in a tag, prefix included.
pub(crate) fn name(tag: &str) -> &str {
    let inner = tag.strip_prefix('<').unwrap_or(tag);
    let inner = inner.strip_prefix('/').unwrap_or(inner);
    let ends = |b: u8| b.is_ascii_whitespace() || matches!(b, b'>' | b'/' | b'=');
    let end = inner.bytes().position(ends);
    &inner[..end.unwrap_or(inner.len())]
}

/// The attributes of a start tag: name, and value as written.
pub(crate) fn attributes(tag: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    let mut rest = &tag[1 + name(tag).len()..];
    while let Some(at) = rest.find('=') {
        let name = rest[..at]
            .trim_end()
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default();
        let value = rest[at + 1..].trim_start();
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            rest = value;
            continue;
        };
        let value = &value[1..];
        let Some(end) = value.find(quote) else {
            break;
        };
        out.push((name, &value[..end]));
        rest = &value[end + 1..];
    }
    out
}

/// `[name='value']…`
pub(crate) fn predicates(text: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((name, value)) = rest.split_once('=') {
        let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '[' | ']'));
        let value = value.trim_start();
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            break;
        };
        let Some((value, after)) = value[1..].split_once(quote) else {
            break;
        };
        out.push((name, value));
        rest = after;
    }
    out
}

/// A text with its entities replaced and line ends as `\n`. An entity nobody knows stays.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '\r']) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = entity(rest);
        match entity {
            Some((c, length)) => {
                out.push(c);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Longer than any entity.
const ENTITY: usize = 12;

/// The character an entity at the beginning of a text stands for, and its length.
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(ENTITY).position(|b| b == b';')?;
    let c = match &text[1..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        name => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c, end + 1))
}
