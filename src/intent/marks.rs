//! Origin marks: private-use characters put into template sources before compilation, so
//! that every line of a rendered text tells which lines of which templates made it.
//!
//! A *text* mark stands before the first visible character of a line of literal text. An
//! *enter* mark stands before an expression, include or call, and its *leave* mark behind
//! it, so that whatever comes out in between knows who asked for it.

use std::fmt::Write as _;
use std::ops::Range;

use super::scan::{Piece, scan};
use crate::model::Position;

/// Text and enter marks: plane 15 of Unicode, all private use.
const FIRST: u32 = 0xF_0000;
/// Leave marks: plane 16, all private use.
const FIRST_LEAVE: u32 = 0x10_0000;
/// Usable characters of a plane (the last two are no characters).
const PLANE: u32 = 0xFFFE;

/// What one character of a marked text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Literal text follows.
    Text(usize),
    /// Whatever follows was asked for here.
    Enter(usize),
    /// Back again.
    Leave(usize),
}

/// All marks given out, and their places.
#[derive(Debug, Default)]
pub(super) struct Marks {
    places: Vec<(Position, bool)>,
}

impl Marks {
    /// The place of a mark.
    pub(super) fn place(&self, index: usize) -> Option<&Position> {
        self.places.get(index).map(|(position, _)| position)
    }

    /// What a character of a marked text is; `None` for ordinary ones.
    pub(super) fn read(&self, c: char) -> Option<Mark> {
        let code = u32::from(c);
        if (FIRST_LEAVE..FIRST_LEAVE + PLANE).contains(&code) {
            return Some(Mark::Leave((code - FIRST_LEAVE) as usize));
        }
        if !(FIRST..FIRST + PLANE).contains(&code) {
            return None;
        }
        let index = (code - FIRST) as usize;
        let enters = self.places.get(index).is_some_and(|(_, enters)| *enters);
        Some(if enters {
            Mark::Enter(index)
        } else {
            Mark::Text(index)
        })
    }

    fn add(&mut self, position: Position, enters: bool) -> Option<usize> {
        let index = self.places.len();
        (index < PLANE as usize).then(|| self.places.push((position, enters)))?;
        Some(index)
    }

    /// The source of template `file` with marks in it. Unchanged when it cannot be marked:
    /// too many lines, or characters of its own where the marks are.
    pub(super) fn mark(&mut self, file: &str, source: &str) -> String {
        let taken = |c: char| u32::from(c) >= FIRST;
        let pieces = if source.contains(taken) {
            None
        } else {
            scan(source)
        };
        pieces
            .and_then(|pieces| Marker::new(self, file, source).run(&pieces))
            .unwrap_or_else(|| source.to_owned())
    }
}

/// Writes one marked source.
struct Marker<'a> {
    marks: &'a mut Marks,
    file: &'a str,
    source: &'a str,
    /// Byte offset where each line begins.
    lines: Vec<usize>,
    /// Text mark already given to the line.
    text_mark: Option<(usize, usize)>,
    /// Calls whose `endcall` has not come yet.
    open: Vec<usize>,
    out: String,
}

impl<'a> Marker<'a> {
    fn new(marks: &'a mut Marks, file: &'a str, source: &'a str) -> Self {
        let starts = source.match_indices('\n').map(|(i, _)| i + 1);
        Self {
            marks,
            file,
            source,
            lines: std::iter::once(0).chain(starts).collect(),
            text_mark: None,
            open: Vec::new(),
            out: String::with_capacity(source.len() * 2),
        }
    }

    fn run(mut self, pieces: &[Piece]) -> Option<String> {
        for piece in pieces {
            match piece {
                Piece::Text(range) => self.text(range.clone())?,
                Piece::Variable(range) => self.variable(range.clone())?,
                Piece::Block(range, word) => self.block(range.clone(), word)?,
                Piece::Other(range) => self.out.push_str(&self.source[range.clone()]),
            }
        }
        Some(self.out)
    }

    fn position(&self, offset: usize) -> (usize, Position) {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines[line - 1];
        let position = Position {
            file: self.file.to_owned(),
            line,
            column: self.source[start..offset].chars().count() + 1,
        };
        (line, position)
    }

    /// Marks the first visible character of every line of a text.
    fn text(&mut self, range: Range<usize>) -> Option<()> {
        let mut at = range.start;
        for line in self.source[range].split_inclusive('\n') {
            let visible = line.find(|c: char| !c.is_whitespace());
            if let Some(skip) = visible {
                self.out.push_str(&line[..skip]);
                let mark = self.text_mark(at + skip)?;
                self.out.push(character(FIRST, mark));
                self.out.push_str(&line[skip..]);
            } else {
                self.out.push_str(line);
            }
            at += line.len();
        }
        Some(())
    }

    fn text_mark(&mut self, offset: usize) -> Option<usize> {
        let (line, position) = self.position(offset);
        if let Some((known, mark)) = self.text_mark
            && known == line
        {
            return Some(mark);
        }
        let mark = self.marks.add(position, false)?;
        self.text_mark = Some((line, mark));
        Some(mark)
    }

    fn enter(&mut self, offset: usize) -> Option<usize> {
        let (_, position) = self.position(offset);
        self.marks.add(position, true)
    }

    /// `{{- x -}}` becomes `{{- 'enter' }}{{ x }}{{ 'leave' -}}`.
    fn variable(&mut self, range: Range<usize>) -> Option<()> {
        let mark = self.enter(range.start)?;
        let (before, inside, after) = controls(&self.source[range]);
        let (enter, leave) = pair(mark);
        write!(
            self.out,
            "{{{{{before} '{enter}' }}}}{{{{{inside}}}}}{{{{ '{leave}' {after}}}}}"
        )
        .ok()
    }

    fn block(&mut self, range: Range<usize>, word: &str) -> Option<()> {
        match word {
            "include" => {
                let mark = self.enter(range.start)?;
                let (before, inside, after) = controls(&self.source[range]);
                self.enter_block(mark, before);
                write!(self.out, "{{%{inside}%}}").ok()?;
                self.leave_block(mark, after);
            }
            "call" => {
                let mark = self.enter(range.start)?;
                self.open.push(mark);
                let (before, inside, after) = controls(&self.source[range]);
                self.enter_block(mark, before);
                write!(self.out, "{{%{inside}{after}%}}").ok()?;
            }
            "endcall" => {
                let mark = self.open.pop()?;
                let (before, inside, after) = controls(&self.source[range]);
                write!(self.out, "{{%{before}{inside}%}}").ok()?;
                self.leave_block(mark, after);
            }
            _ => self.out.push_str(&self.source[range]),
        }
        Some(())
    }

    /// A block that prints a mark keeps whatever `lstrip_blocks` and `-` do before it.
    fn enter_block(&mut self, mark: usize, before: &str) {
        let enter = character(FIRST, mark);
        let tags = [
            "{%",
            before,
            " if true %}",
            &enter.to_string(),
            "{% endif %}",
        ];
        self.out.push_str(&tags.concat());
    }

    /// The same behind it, for `trim_blocks` and `-`.
    fn leave_block(&mut self, mark: usize, after: &str) {
        let leave = character(FIRST_LEAVE, mark);
        let tags = [
            "{% if true %}",
            &leave.to_string(),
            "{% endif ",
            after,
            "%}",
        ];
        self.out.push_str(&tags.concat());
    }
}

/// The whitespace controls of a tag and what stands between them.
fn controls(tag: &str) -> (&str, &str, &str) {
    let inside = &tag[2..tag.len() - 2];
    let before = inside
        .get(..1)
        .filter(|c| matches!(*c, "-" | "+"))
        .unwrap_or("");
    let inside = &inside[before.len()..];
    let after = inside
        .len()
        .checked_sub(1)
        .and_then(|last| inside.get(last..))
        .filter(|c| matches!(*c, "-" | "+"))
        .unwrap_or("");
    (before, &inside[..inside.len() - after.len()], after)
}

fn character(first: u32, mark: usize) -> char {
    u32::try_from(mark)
        .ok()
        .and_then(|mark| char::from_u32(first + mark))
        .unwrap_or(' ')
}

fn pair(mark: usize) -> (char, char) {
    (character(FIRST, mark), character(FIRST_LEAVE, mark))
}
