//! Lists that show numbers on the device while the intent leaves them out: what stays keeps
//! its number, what is new gets a free one between its neighbours.

use std::collections::BTreeMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::change::{Action, Change, Changes, Line, Pair};
use crate::config::dialect::Negation;

/// First number and step where the dialect names none; every platform we know uses tens
/// for lists that show numbers.
const NUMBERING: (u64, u64) = (10, 10);

/// Plans such a list anew.
pub(super) fn edit(
    pair: Pair<'_>,
    path: &[String],
    from: &[Line],
    to: &[Line],
    changes: &mut Changes,
) {
    let numbers = place(pair, from, to);
    let wanted: BTreeMap<u64, &Line> = numbers.iter().copied().zip(to).collect();
    let present: BTreeMap<u64, &Line> = from
        .iter()
        .filter_map(|line| Some((line.meaning.number?, line)))
        .collect();
    let same = |a: &Line, b: &Line| content(pair, a) == content(pair, b);
    for (number, old) in &present {
        if !wanted.get(number).is_some_and(|new| same(old, new)) {
            take_back(pair, path, old, changes);
        }
    }
    for (number, new) in &wanted {
        if !present.get(number).is_some_and(|old| same(old, new)) {
            put(pair, path, new, *number, changes);
        }
    }
}

fn content(pair: Pair<'_>, line: &Line) -> String {
    let bare = pair.dialect.numbered(&line.meaning, None);
    bare.unwrap_or_else(|| line.meaning.canonical.clone())
}

/// The removal of one entry, or why there is none.
pub(super) fn take_back(pair: Pair<'_>, path: &[String], line: &Line, changes: &mut Changes) {
    let options = pair.dialect.negations(&line.meaning);
    if let Some(Negation::Line(text)) = options.into_iter().next() {
        let mut change = Change::new(path, Action::Remove(line.clone()));
        change.negation = Some(text);
        changes.list.push(change);
    } else {
        let canonical = &line.meaning.canonical;
        changes.problems.push(format!(
            "`{canonical}` cannot be taken back on this platform"
        ));
    }
}

fn put(pair: Pair<'_>, path: &[String], line: &Line, number: u64, changes: &mut Changes) {
    let Some(text) = pair.dialect.numbered(&line.meaning, Some(number)) else {
        let canonical = &line.meaning.canonical;
        changes
            .problems
            .push(format!("`{canonical}` cannot be given a number"));
        return;
    };
    let meaning = pair.dialect.meaning(line.meaning.context, &text);
    let line = Line {
        id: line.id,
        meaning,
    };
    let mut change = Change::new(path, Action::Add(line));
    change.typed = Some(text);
    changes.list.push(change);
}

/// A number for every entry of the new list.
fn place(pair: Pair<'_>, from: &[Line], to: &[Line]) -> Vec<u64> {
    let rule = to
        .first()
        .or_else(|| from.first())
        .map(|line| line.meaning.rule);
    let numbering = rule.and_then(|rule| pair.dialect.numbering(rule));
    let (first, step) = numbering.unwrap_or(NUMBERING);
    let known = known(pair, from, to);
    fill(&known, first, step)
        .unwrap_or_else(|| (0..to.len() as u64).map(|i| first + i * step).collect())
}

/// The numbers the new entries have: their own, or that of the entry they are on the
/// device.
fn known(pair: Pair<'_>, from: &[Line], to: &[Line]) -> Vec<Option<u64>> {
    let texts =
        |lines: &[Line]| -> Vec<String> { lines.iter().map(|l| content(pair, l)).collect() };
    let mut known: Vec<Option<u64>> = to.iter().map(|line| line.meaning.number).collect();
    for op in capture_diff_slices(Algorithm::Patience, &texts(from), &texts(to)) {
        if let DiffOp::Equal {
            old_index,
            new_index,
            len,
        } = op
        {
            for at in 0..len {
                let number = from[old_index + at].meaning.number;
                known[new_index + at] = known[new_index + at].or(number);
            }
        }
    }
    known
}

/// Fills the gaps with numbers between their neighbours; `None` if there is no room, or if
/// the known numbers do not rise.
fn fill(known: &[Option<u64>], first: u64, step: u64) -> Option<Vec<u64>> {
    let mut numbers: Vec<u64> = Vec::with_capacity(known.len());
    let mut at = 0;
    while at < known.len() {
        let before = numbers.last().copied();
        let gap = known[at..].iter().take_while(|n| n.is_none()).count();
        let next = known.get(at + gap).copied().flatten();
        let low = before.unwrap_or(0);
        let width = match next {
            Some(next) => next.checked_sub(low)? / (gap as u64 + 1),
            None => step,
        };
        if width == 0 {
            return None;
        }
        let start = if next.is_none() && before.is_none() {
            first
        } else {
            low + width
        };
        numbers.extend((0..gap as u64).map(|i| start + i * width));
        numbers.extend(next);
        at += gap + usize::from(next.is_some());
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn gaps_are_filled_between_neighbours() {
        let filled = |known: &[Option<u64>]| fill(known, 10, 10);
        assert_eq!(filled(&[None, None]), Some(vec![10, 20]));
        assert_eq!(filled(&[Some(10), None, Some(20)]), Some(vec![10, 15, 20]));
        assert_eq!(filled(&[Some(30), None, None]), Some(vec![30, 40, 50]));
        assert_eq!(filled(&[None, Some(10)]), Some(vec![5, 10]));
        assert_eq!(filled(&[Some(10), None, Some(11)]), None, "no room");
        assert_eq!(filled(&[Some(20), Some(10)]), None, "numbers must rise");
        assert_eq!(filled(&[]), Some(vec![]));
    }
}
