//! `config … edit … set … next … end`: FortiOS.

use super::MAX_DEPTH;
use super::scan::{Kind, Piece, Scanner, canonical};
use super::tree;
use crate::config::build::{Builder, Extent};
use crate::config::dialect::ContextId;
use crate::config::document::{NodeId, NodeKind};
use crate::config::pattern;

/// Reads the builder's text.
pub(super) fn run(builder: &mut Builder<'_, '_>) {
    let dialect = builder.dialect;
    let scanner = Scanner::new(builder.text, &dialect.braces);
    let mut lexer = Lexer {
        out: builder,
        stack: Vec::new(),
        overflow: 0,
        words: Vec::new(),
        stray: 0,
    };
    for piece in scanner {
        lexer
            .out
            .tokens
            .push(u32::try_from(piece.end).unwrap_or(u32::MAX));
        match piece.kind {
            Kind::Newline => lexer.line(),
            Kind::Blank => {}
            Kind::Comment => lexer.comment(piece),
            Kind::Word
            | Kind::Open
            | Kind::Close
            | Kind::End
            | Kind::ListOpen
            | Kind::ListClose => lexer.words.push(piece),
        }
    }
    lexer.line();
    let open = lexer.stack.len() + lexer.overflow;
    if open > 0 {
        lexer.out.incomplete = Some(format!("{open} of its blocks are not closed"));
    } else if lexer.stray > 0 {
        lexer.out.incomplete = Some("it closes more blocks than it opens".to_owned());
    }
}

/// An open block and whether `next` (or else `end`) closes it.
struct Open {
    node: NodeId,
    edit: bool,
}

struct Lexer<'b, 'd, 't> {
    out: &'b mut Builder<'d, 't>,
    stack: Vec<Open>,
    overflow: usize,
    words: Vec<Piece>,
    stray: usize,
}

impl Lexer<'_, '_, '_> {
    fn block(&self) -> Option<NodeId> {
        self.stack.last().map(|open| open.node)
    }

    fn comment(&mut self, piece: Piece) {
        let at = self.block();
        let text = self.out.text[piece.start..piece.end].trim_end();
        let place = extent(&[piece]);
        if tree::noise(self.out, at, text, place).is_none() {
            self.out.trivia(NodeKind::Comment, at, place);
        }
    }

    fn line(&mut self) {
        let words = std::mem::take(&mut self.words);
        let Some(first) = words.first() else {
            return;
        };
        let place = extent(&words);
        let verb = &self.out.text[first.start..first.end];
        match (verb, words.len()) {
            ("next", 1) => self.leave(true, place),
            ("end", 1) => self.leave(false, place),
            _ => self.command(verb, &words, place),
        }
    }

    fn leave(&mut self, edit: bool, place: Extent) {
        if self.overflow > 0 {
            self.overflow -= 1;
            return;
        }
        let fits = |open: &Open| open.edit == edit;
        // An `end` closes the entry it was forgotten in, too.
        while self.stack.last().is_some_and(|open| !fits(open) && !edit) {
            self.stack.pop();
        }
        let parent = self
            .stack
            .len()
            .checked_sub(2)
            .map(|at| self.stack[at].node);
        if self.stack.last().is_some_and(fits) {
            self.stack.pop();
            self.out.trivia(NodeKind::Terminator, parent, place);
        } else {
            self.stray += 1;
            tree::error(self.out, parent, place);
        }
    }

    fn command(&mut self, verb: &str, words: &[Piece], place: Extent) {
        let mut text = String::new();
        for word in words {
            if !text.is_empty() {
                text.push(' ');
            }
            canonical(&self.out.text[word.start..word.end], &mut text);
        }
        let at = self.block();
        let node = match tree::noise(self.out, at, &text, place) {
            Some(noise) => noise,
            None => {
                let mut parts = Vec::new();
                pattern::quoted_words(&text, &mut parts);
                let context = at.map_or(ContextId::TOP, |id| self.out.inside(id));
                let line = self.out.line(context, &text, &parts);
                self.out.command(line, at, place)
            }
        };
        if !matches!(verb, "config" | "edit") {
            return;
        }
        if self.stack.len() < MAX_DEPTH {
            self.stack.push(Open {
                node,
                edit: verb == "edit",
            });
        } else {
            self.overflow += 1;
        }
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
