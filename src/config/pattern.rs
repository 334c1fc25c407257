//! Patterns made of words, and the tree in which a context's patterns are looked up.

use core::net::{Ipv4Addr, Ipv6Addr};

/// The words of a line.
pub(crate) type Words<'t> = Vec<&'t str>;

/// Splits at blanks (and pager residue).
pub(crate) fn words<'t>(line: &'t str, out: &mut Words<'t>) {
    out.clear();
    out.extend(line.split_ascii_whitespace());
}

/// As [`words`], where double quotes hold a word together.
pub(crate) fn quoted_words<'t>(line: &'t str, out: &mut Words<'t>) {
    out.clear();
    if !line.contains('"') {
        out.extend(line.split_ascii_whitespace());
        return;
    }
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let start = at;
        let mut inside = false;
        while at < bytes.len() && (inside || !bytes[at].is_ascii_whitespace()) {
            match bytes[at] {
                b'\\' if inside => at += 1,
                // A quote in the middle of a word is a character like others.
                b'"' if inside || at == start => inside = !inside,
                _ => {}
            }
            at += 1;
        }
        out.push(line.get(start..at.min(bytes.len())).unwrap_or_default());
    }
}

/// The part of `line` from the first of these words to the last.
pub(crate) fn span_of<'t>(line: &'t str, words: &[&'t str]) -> &'t str {
    let place = |word: &str| word.as_ptr() as usize - line.as_ptr() as usize;
    match (words.first(), words.last()) {
        (Some(first), Some(last)) => &line[place(first)..place(last) + last.len()],
        (_, _) => "",
    }
}

/// What a capture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A word of the slot's key.
    Key,
    /// A word of its value.
    Value,
}

/// What one word may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Any,
    Num,
    V4,
    V6,
    Net,
    /// A name with a dot: a subinterface.
    Sub,
    OneOf(Box<[Box<str>]>),
    NoneOf(Box<[Box<str>]>),
    Prefix(Box<str>),
}

impl Class {
    fn accepts(&self, word: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Num => word.bytes().all(|b| b.is_ascii_digit()),
            Self::V4 => word.parse::<Ipv4Addr>().is_ok(),
            Self::V6 => word.parse::<Ipv6Addr>().is_ok(),
            Self::Net => is_net(word),
            Self::Sub => word.contains('.'),
            Self::OneOf(choices) => choices.iter().any(|choice| **choice == *word),
            Self::NoneOf(others) => others.iter().all(|other| **other != *word),
            Self::Prefix(start) => word.starts_with(&**start),
        }
    }
}

fn is_net(word: &str) -> bool {
    word.split_once('/').is_some_and(|(address, length)| {
        length.parse::<u8>().is_ok() && address.parse::<core::net::IpAddr>().is_ok()
    })
}

/// One element of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Elem {
    /// This word.
    Word(Box<str>),
    /// One word of a class.
    One {
        class: Class,
        capture: Option<(Box<str>, Role)>,
    },
    /// All further words; `free` text keeps its blanks.
    Rest {
        free: bool,
        capture: Option<(Box<str>, Role)>,
    },
}

impl Elem {
    /// The capture's name and role.
    pub(crate) fn capture(&self) -> Option<(&str, Role)> {
        match self {
            Self::Word(_) => None,
            Self::One { capture, .. } | Self::Rest { capture, .. } => {
                capture.as_ref().map(|(name, role)| (&**name, *role))
            }
        }
    }
}

/// An element and the optional group it came from (0: none).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) elem: Elem,
    pub(crate) group: u8,
}

/// Compiles a pattern into its variants (with and without each optional group), the
/// longest first.
pub(crate) fn compile(text: &str) -> Result<Vec<Vec<Part>>, String> {
    let mut variants = Vec::new();
    for alternative in text.split(" || ") {
        let mut parser = Parser {
            parts: Vec::new(),
            groups: 0,
        };
        parser.run(alternative.trim())?;
        if parser.parts.is_empty() {
            return Err(format!("empty pattern `{text}`"));
        }
        variants.extend(parser.expand());
    }
    Ok(variants)
}

/// Compiles a pattern that is used as a template: optional groups stay marked.
pub(crate) fn single(text: &str) -> Result<Vec<Part>, String> {
    let mut parser = Parser {
        parts: Vec::new(),
        groups: 0,
    };
    parser.run(text.trim())?;
    if parser.parts.is_empty() {
        return Err(format!("empty pattern `{text}`"));
    }
    Ok(parser.parts)
}

/// A template with and without each optional group, the longest first.
pub(crate) fn variants(parts: &[Part]) -> Vec<Vec<Part>> {
    let groups = parts.iter().map(|p| p.group).max().unwrap_or(0);
    Parser {
        parts: parts.to_vec(),
        groups,
    }
    .expand()
}

struct Parser {
    parts: Vec<Part>,
    groups: u8,
}

impl Parser {
    fn run(&mut self, text: &str) -> Result<(), String> {
        let mut group = 0;
        for token in text.split_ascii_whitespace() {
            let (open, token) = strip(token, '[');
            if open {
                if group != 0 {
                    return Err(format!("nested `[` in `{text}`"));
                }
                self.groups += 1;
                group = self.groups;
            }
            let (token, close) = match token.strip_suffix(']') {
                Some(rest) => (rest, true),
                None => (token, false),
            };
            if self
                .parts
                .last()
                .is_some_and(|p| matches!(p.elem, Elem::Rest { .. }))
            {
                return Err(format!("`~` must be last in `{text}`"));
            }
            let elem = element(token).map_err(|why| format!("{why} in `{text}`"))?;
            self.parts.push(Part { elem, group });
            if close {
                if group == 0 {
                    return Err(format!("`]` without `[` in `{text}`"));
                }
                group = 0;
            }
        }
        if group == 0 {
            Ok(())
        } else {
            Err(format!("`[` without `]` in `{text}`"))
        }
    }

    /// All combinations of optional groups, most parts first; of equally long ones first
    /// those that keep the earlier groups.
    fn expand(&self) -> Vec<Vec<Part>> {
        let mut out: Vec<Vec<Part>> = (0..1u32 << self.groups)
            .rev()
            .map(|mask| {
                let keep = |p: &&Part| p.group == 0 || mask & (1 << (p.group - 1)) == 0;
                self.parts.iter().filter(keep).cloned().collect()
            })
            .collect();
        out.retain(|parts: &Vec<Part>| !parts.is_empty());
        out.sort_by_key(|parts| std::cmp::Reverse(parts.len()));
        out
    }
}

fn strip(token: &str, c: char) -> (bool, &str) {
    token
        .strip_prefix(c)
        .map_or((false, token), |rest| (true, rest))
}

fn element(token: &str) -> Result<Elem, String> {
    match token {
        "" => return Err("empty word".to_owned()),
        "*" => return Ok(one(Class::Any, None)),
        "~" | "~~" => {
            let free = token == "~~";
            return Ok(Elem::Rest {
                free,
                capture: None,
            });
        }
        _ => {}
    }
    if let Some(inner) = between(token, '{', '}') {
        return captured(inner, Role::Key);
    }
    if let Some(inner) = between(token, '<', '>') {
        return captured(inner, Role::Value);
    }
    if let Some(inner) = between(token, '(', ')') {
        return Ok(one(choices(inner), None));
    }
    if token.contains(['{', '}', '<', '>', '[', ']', '~']) {
        return Err(format!("`{token}` is no word"));
    }
    Ok(match token.strip_suffix('*') {
        Some(start) => one(Class::Prefix(start.into()), None),
        None => Elem::Word(token.into()),
    })
}

fn between(token: &str, open: char, close: char) -> Option<&str> {
    token.strip_prefix(open)?.strip_suffix(close)
}

fn one(class: Class, capture: Option<(Box<str>, Role)>) -> Elem {
    Elem::One { class, capture }
}

fn choices(inner: &str) -> Class {
    Class::OneOf(inner.split('|').map(Into::into).collect())
}

fn captured(inner: &str, role: Role) -> Result<Elem, String> {
    if let Some(name) = inner.strip_suffix('~') {
        let (name, free) = match name.strip_suffix('~') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let capture = Some((name.into(), role));
        return Ok(Elem::Rest { free, capture });
    }
    let (name, class) = inner.split_once(':').unwrap_or((inner, ""));
    let class = match class {
        "" => Class::Any,
        "num" => Class::Num,
        "v4" => Class::V4,
        "v6" => Class::V6,
        "net" => Class::Net,
        "sub" => Class::Sub,
        other if other.starts_with('!') => {
            Class::NoneOf(other[1..].split('|').map(Into::into).collect())
        }
        other if other.ends_with('*') => Class::Prefix(other.trim_end_matches('*').into()),
        other => choices(other),
    };
    if name.is_empty() {
        return Err("capture without a name".to_owned());
    }
    Ok(one(class, Some((name.into(), role))))
}

/// A target of the tree: which rule, which of its variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) rule: u16,
    pub(crate) variant: u16,
}

/// Patterns in a tree on their words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Branch>,
}

#[derive(Clone, Debug, Default)]
struct Branch {
    words: Vec<(Box<str>, u32)>,
    classes: Vec<(Class, u32)>,
    end: Option<Hit>,
    rest: Option<Hit>,
}

impl Tree {
    /// Adds a pattern; an equal pattern added before keeps its place.
    pub(crate) fn add(&mut self, parts: &[Part], hit: Hit) {
        if self.nodes.is_empty() {
            self.nodes.push(Branch::default());
        }
        let mut at = 0;
        for part in parts {
            match &part.elem {
                Elem::Word(word) => at = self.word(at, word),
                Elem::One { class, .. } => at = self.class(at, class),
                Elem::Rest { .. } => {
                    keep_first(&mut self.nodes[at].rest, hit);
                    return;
                }
            }
        }
        keep_first(&mut self.nodes[at].end, hit);
    }

    fn word(&mut self, at: usize, word: &str) -> usize {
        match self.nodes[at]
            .words
            .binary_search_by(|(w, _)| (**w).cmp(word))
        {
            Ok(i) => self.nodes[at].words[i].1 as usize,
            Err(i) => {
                let new = self.grow();
                self.nodes[at].words.insert(i, (word.into(), new));
                new as usize
            }
        }
    }

    fn class(&mut self, at: usize, class: &Class) -> usize {
        if let Some((_, to)) = self.nodes[at].classes.iter().find(|(c, _)| c == class) {
            return *to as usize;
        }
        let new = self.grow();
        self.nodes[at].classes.push((class.clone(), new));
        new as usize
    }

    fn grow(&mut self) -> u32 {
        let new = u32::try_from(self.nodes.len()).expect("a pack is smaller than 4 GiB");
        self.nodes.push(Branch::default());
        new
    }

    /// The first rule (in the order of the pack) that matches all of the words.
    pub(crate) fn find(&self, words: &[&str]) -> Option<Hit> {
        let mut best = None;
        if !self.nodes.is_empty() {
            self.walk(0, words, &mut best);
        }
        best
    }

    /// The first rule that matches all of the words, or a beginning of them if `opens` says
    /// that something can follow; of one rule the longest match. With the number of words.
    pub(crate) fn find_prefix(
        &self,
        words: &[&str],
        opens: &dyn Fn(u16) -> bool,
    ) -> Option<(Hit, usize)> {
        let mut best = None;
        if !self.nodes.is_empty() {
            self.walk_prefix(0, words, 0, opens, &mut best);
        }
        best
    }

    fn walk_prefix(
        &self,
        at: usize,
        words: &[&str],
        used: usize,
        opens: &dyn Fn(u16) -> bool,
        best: &mut Option<(Hit, usize)>,
    ) {
        let branch = &self.nodes[at];
        let mut offer = |hit: Option<Hit>, used: usize| {
            let Some(hit) = hit else { return };
            let better = best
                .is_none_or(|(b, length)| hit.rule < b.rule || hit.rule == b.rule && used > length);
            if better {
                *best = Some((hit, used));
            }
        };
        let rest = &words[used..];
        if rest.is_empty() || branch.end.is_some_and(|hit| opens(hit.rule)) {
            offer(branch.end, used);
        }
        let Some(first) = rest.first() else {
            return;
        };
        offer(branch.rest, words.len());
        if let Ok(i) = branch.words.binary_search_by(|(w, _)| (**w).cmp(first)) {
            self.walk_prefix(branch.words[i].1 as usize, words, used + 1, opens, best);
        }
        for (class, to) in &branch.classes {
            if class.accepts(first) {
                self.walk_prefix(*to as usize, words, used + 1, opens, best);
            }
        }
    }

    fn walk(&self, at: usize, words: &[&str], best: &mut Option<Hit>) {
        let branch = &self.nodes[at];
        let Some((first, rest)) = words.split_first() else {
            better(best, branch.end);
            return;
        };
        better(best, branch.rest);
        if let Ok(i) = branch.words.binary_search_by(|(w, _)| (**w).cmp(first)) {
            self.walk(branch.words[i].1 as usize, rest, best);
        }
        for (class, to) in &branch.classes {
            if class.accepts(first) {
                self.walk(*to as usize, rest, best);
            }
        }
    }
}

fn keep_first(place: &mut Option<Hit>, hit: Hit) {
    better(place, Some(hit));
}

fn better(best: &mut Option<Hit>, found: Option<Hit>) {
    if let Some(found) = found
        && best.is_none_or(|b| found < b)
    {
        *best = Some(found);
    }
}

/// True when the parts match all of the words.
pub(crate) fn matches(parts: &[Part], words: &[&str]) -> bool {
    let mut rest = words.iter();
    for part in parts {
        let next = rest.next();
        match (&part.elem, next) {
            (_, None) => return false,
            (Elem::Word(w), Some(word)) => {
                if **w != **word {
                    return false;
                }
            }
            (Elem::One { class, .. }, Some(word)) => {
                if !class.accepts(word) {
                    return false;
                }
            }
            (Elem::Rest { .. }, Some(_)) => return true,
        }
    }
    rest.next().is_none()
}

/// The byte range of the text an element at word `index` stands for, within `line`.
pub(crate) fn text_of<'t>(line: &'t str, words: &[&'t str], index: usize, elem: &Elem) -> &'t str {
    let start = words[index].as_ptr() as usize - line.as_ptr() as usize;
    match elem {
        Elem::Rest { .. } => &line[start..],
        Elem::Word(_) | Elem::One { .. } => words[index],
    }
}
