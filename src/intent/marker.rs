//! Writes marks into the source of one template.

use std::fmt::Write as _;
use std::ops::Range;

use super::marks::{BEFORE, FIRST, FIRST_LEAVE, Marks, ROUND, SET};
use super::scan::Piece;
use super::scopes::{Bound, Scopes, arguments, assigned, captured, hands_on, targets};
use crate::model::Position;

/// Writes one marked source.
pub(super) struct Marker<'a> {
    marks: &'a mut Marks,
    file: &'a str,
    source: &'a str,
    /// Byte offset where each line begins.
    lines: Vec<usize>,
    /// Text mark already given to the line.
    text_mark: Option<(usize, usize)>,
    /// Calls whose `endcall` has not come yet.
    open: Vec<usize>,
    /// The names in sight, where variables are wanted.
    scopes: Option<Scopes>,
    out: String,
}

impl<'a> Marker<'a> {
    /// Nothing written yet; with `values`, variables will be traced.
    pub(super) fn new(marks: &'a mut Marks, file: &'a str, source: &'a str, values: bool) -> Self {
        let starts = source.match_indices('\n').map(|(i, _)| i + 1);
        Self {
            marks,
            file,
            source,
            lines: std::iter::once(0).chain(starts).collect(),
            text_mark: None,
            open: Vec::new(),
            scopes: values.then(Scopes::new),
            out: String::with_capacity(source.len() * 2),
        }
    }

    /// The marked source; `None` when there are too many marks.
    pub(super) fn run(mut self, pieces: &[Piece]) -> Option<String> {
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
        if let Some(scopes) = &self.scopes {
            self.marks.holds(mark, scopes.expression(inside));
        }
        let (enter, leave) = pair(mark);
        write!(
            self.out,
            "{{{{{before} '{enter}' }}}}{{{{{inside}}}}}{{{{ '{leave}' {after}}}}}"
        )
        .ok()
    }

    fn block(&mut self, range: Range<usize>, word: &str) -> Option<()> {
        self.follow(&self.source[range.clone()], word);
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
            "for" => self.bound_by_for(range)?,
            "set" => self.bound_by_set(range)?,
            _ => self.out.push_str(&self.source[range]),
        }
        Some(())
    }

    /// Follows which names are in sight.
    fn follow(&mut self, tag: &str, word: &str) {
        let Some(scopes) = &mut self.scopes else {
            return;
        };
        match word {
            "macro" | "call" | "with" => scopes.open(arguments(controls(tag).1)),
            "block" => scopes.open(Vec::new()),
            "endfor" | "endmacro" | "endcall" | "endwith" | "endblock" => scopes.close(),
            _ => {}
        }
    }

    /// `{%- for x in y -%}`: a call before it, and one in every round.
    fn bound_by_for(&mut self, range: Range<usize>) -> Option<()> {
        let tag = &self.source[range];
        let (before, inside, after) = controls(tag);
        let Some(scopes) = &mut self.scopes else {
            self.out.push_str(tag);
            return Some(());
        };
        scopes.open(Vec::new());
        let Some(names) = targets(inside) else {
            self.out.push_str(tag);
            return Some(());
        };
        let first = self.marks.numbers(names.len());
        for (index, name) in names.iter().enumerate() {
            scopes.bind(name, Bound::Statement(first + index));
        }
        let (names, same) = (names.join(", "), hands_on(inside));
        write!(
            self.out,
            "{{%{before} do {BEFORE}({first}) %}}{{%{inside}%}}"
        )
        .ok()?;
        write!(
            self.out,
            "{{% do {ROUND}({first}, {same}, {names}) {after}%}}"
        )
        .ok()
    }

    /// `{%- set x = y -%}`: a call before it and one behind it.
    fn bound_by_set(&mut self, range: Range<usize>) -> Option<()> {
        let tag = &self.source[range];
        let (before, inside, after) = controls(tag);
        let Some(scopes) = &mut self.scopes else {
            self.out.push_str(tag);
            return Some(());
        };
        let Some((names, expression)) = assigned(inside) else {
            if let Some(name) = captured(inside) {
                scopes.bind(&name, Bound::Unknown);
            }
            self.out.push_str(tag);
            return Some(());
        };
        let statement = self.marks.set(scopes.roots(expression));
        let known = names.first().and_then(|name| scopes.here(name));
        let known = known.filter(|_| names.len() == 1);
        let first = known.unwrap_or_else(|| self.marks.numbers(names.len()));
        for (index, name) in names.iter().enumerate() {
            scopes.bind(name, Bound::Statement(first + index));
        }
        let names = names.join(", ");
        write!(
            self.out,
            "{{%{before} do {BEFORE}({statement}) %}}{{%{inside}%}}"
        )
        .ok()?;
        let call = format!("{SET}({statement}, {first}, {names})");
        write!(self.out, "{{% do {call} {after}%}}").ok()
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
