//! Origin marks: private-use characters put into template sources before compilation, so
//! that every line of a rendered text tells which lines of which templates made it.
//!
//! A *text* mark stands before the first visible character of a line of literal text. An
//! *enter* mark stands before an expression, include or call, and its *leave* mark behind
//! it, so that whatever comes out in between knows who asked for it. A *value* mark, written
//! when an expression is printed, says which variable of the inventory follows.
//!
//! Where variables are wanted too, `for` and `set` call functions of ours around them: what
//! they bind is known by what they read.

use std::collections::BTreeMap;

use super::marker::Marker;
use super::scan::scan;
use super::scopes::{Expression, Root};
use crate::model::Position;

/// Called before a statement that binds names.
pub(super) const BEFORE: &str = "netkeel_before__";
/// Called in every round of a loop.
pub(super) const ROUND: &str = "netkeel_round__";
/// Called behind a `set`.
pub(super) const SET: &str = "netkeel_set__";

/// Text and enter marks: plane 15 of Unicode, all private use.
pub(super) const FIRST: u32 = 0xF_0000;
/// Leave marks: plane 16, all private use.
pub(super) const FIRST_LEAVE: u32 = 0x10_0000;
/// Digits of a value mark, of each of its two places.
const DIGITS: u32 = 1024;
/// Characters of a plane for places (the last two of a plane are no characters).
const PLANE: u32 = 0xFFFE - 2 * DIGITS;
/// A value mark's first character; its second ones follow.
const FIRST_VALUE: u32 = FIRST_LEAVE + PLANE;

/// What one character of a marked text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Literal text follows.
    Text(usize),
    /// Whatever follows was asked for here.
    Enter(usize),
    /// Back again.
    Leave(usize),
    /// First half of a value mark.
    High(usize),
    /// Second half of a value mark.
    Low(usize),
}

/// All marks given out, and their places.
#[derive(Debug, Default)]
pub(super) struct Marks {
    places: Vec<(Position, bool)>,
    /// The expressions at marks.
    expressions: BTreeMap<usize, Expression>,
    /// The names that the expressions of `set` begin with, by the statement's number.
    sets: BTreeMap<usize, Vec<Root>>,
    /// Numbers given out to bound names.
    bindings: usize,
}

/// A value mark; nothing for a number too large for one.
pub(super) fn value_mark(value: usize) -> Option<[char; 2]> {
    let value = u32::try_from(value).ok().filter(|v| *v < DIGITS * DIGITS)?;
    let high = char::from_u32(FIRST_VALUE + value / DIGITS)?;
    let low = char::from_u32(FIRST_VALUE + DIGITS + value % DIGITS)?;
    Some([high, low])
}

/// The value that two halves of a mark mean.
pub(super) fn marked_value(high: usize, low: usize) -> usize {
    high * DIGITS as usize + low
}

impl Marks {
    /// The place of a mark.
    pub(super) fn place(&self, index: usize) -> Option<&Position> {
        self.places.get(index).map(|(position, _)| position)
    }

    /// What a character of a marked text is; `None` for ordinary ones.
    pub(super) fn read(&self, c: char) -> Option<Mark> {
        let code = u32::from(c);
        if let Some(digit) = code.checked_sub(FIRST_VALUE) {
            let low = digit.checked_sub(DIGITS).filter(|low| *low < DIGITS);
            let high = (digit < DIGITS).then_some(Mark::High(digit as usize));
            return high.or(low.map(|low| Mark::Low(low as usize)));
        }
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

    /// Says what the expression at a mark is made of.
    pub(super) fn holds(&mut self, mark: usize, expression: Expression) {
        self.expressions.insert(mark, expression);
    }

    /// Numbers for `count` names bound together.
    pub(super) fn numbers(&mut self, count: usize) -> usize {
        let first = self.bindings;
        self.bindings += count;
        first
    }

    /// A number for a `set` whose expression begins with these names.
    pub(super) fn set(&mut self, roots: Vec<Root>) -> usize {
        let statement = self.numbers(1);
        self.sets.insert(statement, roots);
        statement
    }

    /// What the expression at a mark is made of.
    pub(super) fn expression(&self, mark: usize) -> Expression {
        self.expressions.get(&mark).cloned().unwrap_or_default()
    }

    /// The names the expression of a `set` begins with.
    pub(super) fn roots_of_set(&self, statement: usize) -> &[Root] {
        self.sets.get(&statement).map_or(&[], Vec::as_slice)
    }

    /// Whether a printed text is a mark of ours, and which.
    pub(super) fn alone(&self, text: &str) -> Option<Mark> {
        let mut chars = text.chars();
        let mark = self.read(chars.next()?)?;
        chars.next().is_none().then_some(mark)
    }

    /// Whether a text has marks in it.
    pub(super) fn within(text: &str) -> bool {
        text.chars().any(|c| u32::from(c) >= FIRST)
    }

    /// A new mark; `None` when there are no more.
    pub(super) fn add(&mut self, position: Position, enters: bool) -> Option<usize> {
        let index = self.places.len();
        (index < PLANE as usize).then(|| self.places.push((position, enters)))?;
        Some(index)
    }

    /// The source of template `file` with marks in it; with `values` also with what traces
    /// variables. Unchanged when it cannot be marked: too many lines, or characters of its
    /// own where the marks are.
    pub(super) fn mark(&mut self, file: &str, source: &str, values: bool) -> String {
        let taken = |c: char| u32::from(c) >= FIRST;
        let pieces = if source.contains(taken) {
            None
        } else {
            scan(source)
        };
        pieces
            .and_then(|pieces| Marker::new(self, file, source, values).run(&pieces))
            .unwrap_or_else(|| source.to_owned())
    }
}
