//! What a platform's configuration mode knows, as tables, and the mechanics they drive.
//!
//! The tables are the author's knowledge of the real systems, not the platform packs': a
//! simulated device has to be able to prove a pack wrong.

use std::cmp::Ordering;

use super::tree::Node;
use super::words::{captures, captures_short, natural, starts_with_words};

/// One configuration mode.
#[derive(Debug)]
pub(super) struct Mode {
    /// As the prompt shows it: `config-if`.
    pub(super) name: &'static str,
    /// Phrases of the lines that open it.
    pub(super) headers: &'static [&'static str],
    /// Modes it can be opened from.
    pub(super) parents: &'static [&'static str],
    /// Lines it takes, besides headers of modes below it. Empty: it takes anything that no
    /// outer mode knows.
    pub(super) phrases: &'static [&'static str],
    /// Patterns of lines that exist once for each key.
    pub(super) slots: &'static [&'static str],
    /// Patterns of lines that are the default and not shown.
    pub(super) hidden: &'static [&'static str],
    /// Patterns whose negation is shown.
    pub(super) shown_no: &'static [&'static str],
    /// How lines are sorted.
    pub(super) order: &'static [(&'static str, Sort)],
    /// Line printed after the block, one level out.
    pub(super) closing: Option<&'static str>,
}

/// Order among lines of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// As entered.
    Entered,
    /// By the text, digits as numbers.
    Natural,
    /// By the word at this index, digits as numbers; then as entered.
    Word(usize),
    /// By the word at the first index, then the number at the second.
    Two(usize, usize),
    /// By the number the line begins with.
    Number,
    /// Interfaces: loopbacks first, VLAN interfaces last.
    Interface,
    /// BGP neighbors: groups first, then by address, `remote-as` first.
    Neighbor,
}

/// A platform's modes; the first is the top level.
#[derive(Debug)]
pub(super) struct Grammar {
    /// All modes.
    pub(super) modes: &'static [Mode],
}

impl Grammar {
    /// The top level.
    pub(super) fn top(&self) -> &'static Mode {
        &self.modes[0]
    }

    /// The mode a line opens in `parent`, if it opens one.
    pub(super) fn opened(&self, parent: &Mode, line: &str) -> Option<&'static Mode> {
        self.modes.iter().find(|m| {
            m.parents.contains(&parent.name) && m.headers.iter().any(|h| header_matches(h, line))
        })
    }

    /// The modes along a path of headers, outermost (the top level) first. A header that no
    /// mode knows gives `None` there.
    pub(super) fn along(&self, path: &[String]) -> Vec<Option<&'static Mode>> {
        let mut modes = vec![Some(self.top())];
        for header in path {
            let parent = modes.last().copied().flatten();
            modes.push(parent.and_then(|p| self.opened(p, header)));
        }
        modes
    }

    /// Every phrase a mode takes, with the headers of the modes below it.
    pub(super) fn phrases<'a>(&'a self, mode: &'a Mode) -> impl Iterator<Item = &'static str> + 'a {
        let headers = self
            .modes
            .iter()
            .filter(|m| m.parents.contains(&mode.name))
            .flat_map(|m| m.headers.iter().copied());
        mode.phrases.iter().copied().chain(headers)
    }
}

fn header_matches(phrase: &str, line: &str) -> bool {
    let mut words = line.split(' ');
    for token in phrase.split(' ') {
        match (token, words.next()) {
            (".", None) => return true,
            (".", Some(_)) | (_, None) => return false,
            ("<", Some(_)) => {}
            (literal, Some(word)) if literal == word => {}
            (_, Some(_)) => return false,
        }
    }
    true
}

impl Mode {
    /// Puts a line into a block: replaces what it replaces, else sorts it in. Says whether
    /// anything changed.
    pub(super) fn put(&self, block: &mut Node, line: &str) -> bool {
        if block.has(line) {
            return false;
        }
        let changed = block.remove(|n| {
            n.text
                .strip_prefix("no ")
                .is_some_and(|denied| starts_with_words(line, denied))
        }) > 0;
        if self.hidden.iter().any(|p| captures(p, line).is_some()) {
            return self.clear(block, line) > 0 || changed;
        }
        if let Some(at) = self.same_slot(block, line) {
            line.clone_into(&mut block.children[at].text);
            return true;
        }
        self.insert(block, Node::leaf(line));
        true
    }

    /// The line that `line` replaces.
    fn same_slot(&self, block: &Node, line: &str) -> Option<usize> {
        let (pattern, keys) = self
            .slots
            .iter()
            .find_map(|p| Some((*p, captures(p, line)?)))?;
        block.children.iter().position(|n| {
            captures(pattern, &n.text).as_ref() == Some(&keys)
                && self.slots.iter().find(|p| captures(p, &n.text).is_some()) == Some(&pattern)
        })
    }

    /// Removes every other line of a hidden default's slot.
    fn clear(&self, block: &mut Node, line: &str) -> usize {
        match self.same_slot(block, line) {
            Some(at) => {
                block.children.remove(at);
                1
            }
            None => 0,
        }
    }

    /// Inserts by order, after its equals.
    pub(super) fn insert(&self, block: &mut Node, node: Node) {
        let rank = self.rank(&node.text);
        let before = |n: &Node| {
            let other = self.rank(&n.text);
            other < rank
                || other == rank && self.compare(rank, &n.text, &node.text) != Ordering::Greater
        };
        let at = block.children.iter().rposition(before).map_or(0, |i| i + 1);
        block.children.insert(at, node);
    }

    /// Sorts a whole block as the device would print it.
    pub(super) fn sort(&self, block: &mut Node) {
        block.children.sort_by(|a, b| {
            let (x, y) = (self.rank(&a.text), self.rank(&b.text));
            x.cmp(&y).then_with(|| self.compare(x, &a.text, &b.text))
        });
    }

    /// The group a line belongs to.
    pub(super) fn rank(&self, line: &str) -> usize {
        let known = self
            .order
            .iter()
            .position(|(p, _)| *p != "…" && captures(p, line).is_some());
        known
            .or_else(|| self.order.iter().position(|(p, _)| *p == "…"))
            .unwrap_or(self.order.len())
    }

    fn compare(&self, rank: usize, a: &str, b: &str) -> Ordering {
        match self.order.get(rank).map_or(Sort::Entered, |(_, s)| *s) {
            Sort::Entered => Ordering::Equal,
            Sort::Natural => natural(a, b),
            Sort::Word(n) => natural(word(a, n), word(b, n)),
            Sort::Two(n, m) => {
                natural(word(a, n), word(b, n)).then_with(|| natural(word(a, m), word(b, m)))
            }
            Sort::Number => number(a).cmp(&number(b)),
            Sort::Interface => interface_rank(a)
                .cmp(&interface_rank(b))
                .then_with(|| natural(a, b)),
            Sort::Neighbor => neighbor_key(a).cmp(&neighbor_key(b)).then_with(|| {
                natural(word(a, 1), word(b, 1)).then_with(|| second(a).cmp(&second(b)))
            }),
        }
    }

    /// Takes a line away, the way `no LINE` does: the same line; else every line that begins
    /// with it; else the line in its slot, whatever the value. Says how many went.
    pub(super) fn withdraw(&self, block: &mut Node, line: &str) -> usize {
        let gone = block.remove(|n| n.text == line);
        if gone > 0 {
            return gone;
        }
        let gone = block.remove(|n| starts_with_words(&n.text, line));
        if gone > 0 {
            return gone;
        }
        let Some((pattern, keys)) = self
            .slots
            .iter()
            .find_map(|p| Some((*p, captures_short(p, line)?)))
        else {
            return 0;
        };
        block.remove(|n| {
            captures(pattern, &n.text)
                .is_some_and(|k| k.len() >= keys.len() && k[..keys.len()] == keys[..])
        })
    }

    /// What `no LINE` leaves behind in the configuration.
    pub(super) fn negation(&self, line: &str) -> Option<String> {
        let pattern = self
            .shown_no
            .iter()
            .find(|p| captures_short(p, line).is_some())?;
        let words = pattern
            .split(' ')
            .filter(|t| *t != "~" && *t != "$")
            .count();
        let kept: Vec<&str> = line.split(' ').take(words).collect();
        Some(format!("no {}", kept.join(" ")))
    }
}

fn word(line: &str, at: usize) -> &str {
    line.split(' ').nth(at).unwrap_or_default()
}

fn number(line: &str) -> u64 {
    word(line, 0).parse().unwrap_or(u64::MAX)
}

fn interface_rank(line: &str) -> u8 {
    let name = word(line, 1).to_ascii_lowercase();
    match name.as_str() {
        n if n.starts_with("loopback") || n == "lo" => 0,
        n if n.starts_with("port-channel") => 1,
        n if n.starts_with("tunnel") => 2,
        n if n.starts_with("vlan") => 4,
        _ => 3,
    }
}

fn neighbor_key(line: &str) -> u8 {
    u8::from(word(line, 1).parse::<std::net::IpAddr>().is_ok())
}

fn second(line: &str) -> usize {
    const FIRST: &[&str] = &[
        "peer-group",
        "remote-as",
        "local-as",
        "description",
        "shutdown",
        "password",
        "ebgp-multihop",
        "update-source",
        "timers",
        "activate",
        "next-hop-self",
        "send-community",
    ];
    FIRST
        .iter()
        .position(|w| *w == word(line, 2))
        .unwrap_or(FIRST.len())
}
