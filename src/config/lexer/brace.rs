//! Blocks in braces: Junos, VyOS, SR Linux, SR OS, BIRD.

use super::MAX_DEPTH;
use super::scan::{Kind, Piece, Scanner, canonical};
use super::tree::{self, Trunk};
use crate::config::build::{Builder, Extent};
use crate::config::dialect::ContextId;
use crate::config::document::{NodeId, NodeKind};
use crate::config::pattern;

/// Reads the builder's text.
pub(crate) fn run(builder: &mut Builder<'_, '_>) {
    let dialect = builder.dialect;
    let scanner = Scanner::new(builder.text, &dialect.braces);
    let mut lexer = Lexer {
        out: builder,
        trunk: Trunk::default(),
        stack: Vec::new(),
        overflow: 0,
        pending: Vec::new(),
        list: None,
        closed: false,
        stray: 0,
    };
    for piece in scanner {
        lexer
            .out
            .tokens
            .push(u32::try_from(piece.end).unwrap_or(u32::MAX));
        lexer.piece(piece);
    }
    lexer.statement(None);
    lexer.judge();
}

struct Lexer<'b, 'd, 't> {
    out: &'b mut Builder<'d, 't>,
    trunk: Trunk,
    /// The open blocks; `None` for a wrapper that stands for the top level.
    stack: Vec<Option<NodeId>>,
    /// Blocks that are too deep to be kept apart.
    overflow: usize,
    /// Words of the statement so far.
    pending: Vec<Piece>,
    /// Where in `pending` the values of a list begin.
    list: Option<usize>,
    /// That list has ended.
    closed: bool,
    stray: usize,
}

impl Lexer<'_, '_, '_> {
    fn piece(&mut self, piece: Piece) {
        let by_line = self.out.dialect.braces.end.is_none();
        match piece.kind {
            Kind::Blank => {}
            Kind::Newline if by_line && (self.list.is_none() || self.closed) => {
                self.statement(None);
            }
            Kind::Newline => {}
            Kind::Comment => {
                let at = self.block();
                self.out.trivia(NodeKind::Comment, at, extent(&[piece]));
            }
            Kind::Word => self.pending.push(piece),
            Kind::ListOpen => {
                self.list = Some(self.pending.len());
                self.closed = false;
            }
            Kind::ListClose => self.closed = true,
            Kind::End => self.statement(None),
            Kind::Open => self.statement(Some(piece)),
            Kind::Close => {
                self.statement(None);
                self.close(piece);
            }
        }
    }

    fn block(&self) -> Option<NodeId> {
        self.stack.last().copied().flatten()
    }

    fn close(&mut self, piece: Piece) {
        if self.overflow > 0 {
            self.overflow -= 1;
        } else if self.stack.pop().is_none() {
            self.stray += 1;
            tree::error(self.out, None, extent(&[piece]));
        }
    }

    /// Ends the statement: a leaf, or the header of a block.
    fn statement(&mut self, open: Option<Piece>) {
        let words = std::mem::take(&mut self.pending);
        let list = self.list.take();
        if words.is_empty() && open.is_none() {
            return;
        }
        let place = match (words.as_slice(), open) {
            ([], Some(open)) => extent(&[open]),
            (words, _) => extent(words),
        };
        let node = self.enter(&words, list, place);
        if open.is_some() {
            if self.stack.len() < MAX_DEPTH {
                self.stack.push(node);
            } else {
                self.overflow += 1;
            }
        }
    }

    fn enter(&mut self, words: &[Piece], list: Option<usize>, place: Extent) -> Option<NodeId> {
        let at = self.block();
        let braces = &self.out.dialect.braces;
        if self.stack.is_empty() {
            let first = words.first().map(|w| &self.out.text[w.start..w.end]);
            if words.len() == 1 && first == braces.wrapper.as_deref() {
                return None;
            }
        }
        let mut words = words;
        let mut inactive = false;
        let mut absent = false;
        while let Some((first, rest)) = words.split_first() {
            match &self.out.text[first.start..first.end] {
                "inactive:" => inactive = true,
                "delete:" => absent = true,
                "protect:" | "replace:" | "unprotect:" | "active:" => {}
                _ => break,
            }
            words = rest;
        }
        let text = self.text_of(words);
        if let Some(noise) = tree::noise(self.out, at, &text, place) {
            return Some(noise);
        }
        if !self.out.dialect.braces.paths {
            return Some(self.whole(at, &text, place));
        }
        if absent {
            self.trunk.demand_absence(self.out, at, &text, place);
            return at;
        }
        let (outermost, node) = match list {
            Some(from) if from <= words.len() => {
                let (head, values) = words.split_at(from);
                let head = self.text_of(head);
                let mut ends = (None, at);
                for value in values {
                    let value = self.text_of(std::slice::from_ref(value));
                    let line = join(&head, &value);
                    ends = self.trunk.descend(self.out, at, &line, place);
                }
                ends
            }
            _ => self.trunk.descend(self.out, at, &text, place),
        };
        // What is switched off is all that the statement's words make.
        if let (true, Some(outermost)) = (inactive, outermost) {
            self.out.nodes[outermost.at()].inactive = true;
        }
        node
    }

    /// A statement that is one node, whatever its words.
    fn whole(&mut self, at: Option<NodeId>, text: &str, place: Extent) -> NodeId {
        let mut words = Vec::new();
        pattern::quoted_words(text, &mut words);
        let context = at.map_or(ContextId::TOP, |id| self.out.inside(id));
        let line = self.out.line(context, text, &words);
        self.out.command(line, at, place)
    }

    /// The words in canonical form, single blanks between them.
    fn text_of(&self, words: &[Piece]) -> String {
        let mut text = String::new();
        for word in words {
            if !text.is_empty() {
                text.push(' ');
            }
            let word = &self.out.text[word.start..word.end];
            if self.out.dialect.braces.paths {
                canonical(word, &mut text);
            } else {
                // In an expression a text and a name are two things.
                text.push_str(word);
            }
        }
        text
    }

    /// Braces that do not match make a fragment.
    fn judge(&mut self) {
        let open = self.stack.len() + self.overflow;
        if open > 0 {
            self.out.incomplete = Some(format!("{open} of its blocks are not closed"));
        } else if self.stray > 0 {
            self.out.incomplete = Some("it closes more blocks than it opens".to_owned());
        }
    }
}

pub(super) fn join(head: &str, value: &str) -> String {
    if head.is_empty() {
        value.to_owned()
    } else {
        format!("{head} {value}")
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
