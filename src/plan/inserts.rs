//! Ordered lists of platforms that can move an entry: what is new is put into its place,
//! what stands elsewhere is moved there, and nothing else is touched.

use std::collections::BTreeMap;

use super::change::{Action, Change, Changes, Line, Pair};
use super::numbers::take_back;

/// Plans such a list anew.
pub(super) fn edit(
    pair: Pair<'_>,
    path: &[String],
    from: &[Line],
    to: &[Line],
    changes: &mut Changes,
) {
    let wanted: BTreeMap<&str, usize> = to
        .iter()
        .enumerate()
        .map(|(at, line)| (line.meaning.canonical.as_str(), at))
        .collect();
    let mut current = Vec::with_capacity(to.len());
    let mut before = Vec::new();
    for line in from {
        match wanted.get(line.meaning.canonical.as_str()) {
            Some(at) => current.push(*at),
            None => take_back(pair, path, line, changes),
        }
    }
    let fixed = rising(&current);
    let mut added = BTreeMap::new();
    for (at, line) in to.iter().enumerate() {
        if !current.contains(&at) {
            let mut change = Change::new(path, Action::Add(line.clone()));
            change.after.clone_from(&before);
            before = vec![changes.list.len()];
            added.insert(at, changes.list.len());
            changes.list.push(change);
        }
    }
    current.extend(added.keys());
    for at in (0..to.len()).rev() {
        if fixed.binary_search(&at).is_err() {
            place(path, to, at, &mut current, &mut before, changes);
        }
    }
}

/// Puts one entry right before the one that follows it, or at the end.
fn place(
    path: &[String],
    to: &[Line],
    at: usize,
    current: &mut Vec<usize>,
    before: &mut Vec<usize>,
    changes: &mut Changes,
) {
    let stands = current.iter().position(|other| *other == at).unwrap_or(0);
    let next = current.get(stands + 1).copied();
    let follower = (at + 1 < to.len()).then_some(at + 1);
    if next == follower {
        return;
    }
    current.remove(stands);
    let (target, behind) = match follower {
        Some(follower) => (follower, false),
        None => (current.last().copied().unwrap_or(at), true),
    };
    let spot = current.iter().position(|other| *other == target);
    let spot = spot.map_or(current.len(), |spot| spot + usize::from(behind));
    current.insert(spot, at);
    let action = Action::Place(to[at].clone(), to[target].clone(), behind);
    let mut change = Change::new(path, action);
    change.after = std::mem::replace(before, vec![changes.list.len()]);
    changes.list.push(change);
}

/// The values of a longest rising subsequence, in order: what need not move.
fn rising(values: &[usize]) -> Vec<usize> {
    let mut tails: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let length = tails.partition_point(|tail| values[*tail] < *value);
        previous.push(length.checked_sub(1).map(|l| tails[l]));
        if length == tails.len() {
            tails.push(at);
        } else {
            tails[length] = at;
        }
    }
    let mut out = Vec::with_capacity(tails.len());
    let mut at = tails.last().copied();
    while let Some(place) = at {
        out.push(values[place]);
        at = previous[place];
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::rising;

    #[test]
    fn the_longest_run_stays() {
        assert_eq!(rising(&[0, 1, 2]), [0, 1, 2]);
        assert_eq!(rising(&[2, 0, 1]), [0, 1]);
        assert!(rising(&[]).is_empty());
    }
}
