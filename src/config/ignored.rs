//! Differences that do not count, and why.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::compare::{Diff, Ignored};
use super::document::{Document, NodeId, NodeKind, Standing};
use super::hash::Mix;
use super::redact::Vault;
use super::verify::{self, Verdict};

/// A line with the header lines around it, on one line.
pub(crate) fn shown(path: &[String], line: &str) -> String {
    if path.is_empty() {
        return line.to_owned();
    }
    format!("{} / {line}", path.join(" / "))
}

/// Adds what stands on one side only and means nothing there.
pub(crate) fn collect(running: &Document, intended: &Document, diff: &mut Diff) {
    let changed = changed_slots(running, intended, diff);
    let (mut ours, mut theirs) = (meaningless(running), meaningless(intended));
    ours.sort_unstable();
    theirs.sort_unstable();
    let mut found = Vec::new();
    let (mut a, mut b) = (ours.iter().peekable(), theirs.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some((x, _)), Some((y, _))) => x.cmp(y),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let ours = a.next_if(|_| order.is_le());
        let theirs = b.next_if(|_| order.is_ge());
        if order.is_eq() {
            continue;
        }
        let pair = [(running, ours), (intended, theirs)];
        found.extend(pair.into_iter().filter_map(|(doc, hit)| {
            let id = hit?.1;
            (!changed.contains(&place(doc, Some(id)))).then(|| ignored(doc, id))
        }));
    }
    found.sort_unstable();
    found.dedup();
    diff.ignored.extend(found);
}

/// The lines that do not count, by a hash of where they stand and what they say.
fn meaningless(doc: &Document) -> Vec<(u128, NodeId)> {
    let mut out = Vec::new();
    for id in doc.ids() {
        if let Some(reason) = reason(doc, id) {
            let mut mix = Mix::new(21);
            mix.wide(place(doc, doc.parent(id)));
            mix.text(reason);
            mix.text(doc.line_text(id));
            out.push((mix.finish(), id));
        }
    }
    out
}

fn ignored(doc: &Document, id: NodeId) -> Ignored {
    let path: Vec<String> = doc.path(id).iter().map(|s| (*s).to_owned()).collect();
    Ignored {
        reason: reason(doc, id).unwrap_or_default().to_owned(),
        line: shown(&path, doc.line_text(id)),
    }
}

fn reason(doc: &Document, id: NodeId) -> Option<&str> {
    let raw = doc.raw(id);
    let opens = || doc.info(id).is_some_and(|info| info.opens.is_some());
    match (raw.kind, raw.standing) {
        (NodeKind::Noise, _) => {
            (!inside_noise(doc, id)).then(|| &*doc.reasons[usize::from(raw.reason)])
        }
        (NodeKind::Error, _) => Some("unreadable"),
        (_, Standing::Absent) if opens() => Some("empty-block"),
        (_, Standing::Absent) => Some("default"),
        (_, Standing::Duplicate) => (!opens()).then_some("duplicate"),
        (_, Standing::Live | Standing::Trivia) => None,
    }
}

fn inside_noise(doc: &Document, id: NodeId) -> bool {
    doc.parent(id)
        .is_some_and(|p| doc.raw(p).kind == NodeKind::Noise)
}

/// Places at which something differs: lines for absence there are part of the difference.
fn changed_slots(running: &Document, intended: &Document, diff: &Diff) -> BTreeSet<u128> {
    let ops = diff.ops.iter();
    let ours = ops
        .clone()
        .filter_map(|op| op.running)
        .map(|id| place(running, Some(id)));
    let theirs = ops
        .filter_map(|op| op.intended)
        .map(|id| place(intended, Some(id)));
    ours.chain(theirs).collect()
}

/// The slots from the node up to the top.
fn place(doc: &Document, id: Option<NodeId>) -> u128 {
    let mut mix = Mix::new(20);
    let mut at = id;
    while let Some(id) = at {
        mix.wide(doc.raw(id).slot);
        at = doc.parent(id);
    }
    mix.finish()
}

/// Words before a secret that say it is a hash of it, or encrypted.
const HASHED: &[&str] = &[
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "8a",
    "9",
    "10",
    "encrypted",
    "sha512",
    "hash",
    "hash2",
    "ENC",
];
/// Words that say it is not.
const PLAIN: &[&str] = &["", "0", "clear", "plaintext"];

/// Compares two lines that are equal but for their secrets: what the device shows of each
/// against what is intended. `None` if the lines differ otherwise, or in a secret.
pub(crate) fn secrets(running: &str, intended: &str, vault: Option<&Vault>) -> Option<Verdict> {
    if !running.contains('\u{27e6}') || !intended.contains('\u{27e6}') {
        return None;
    }
    let (ours, theirs) = (masked(running), masked(intended));
    if ours.words != theirs.words || ours.types.len() != theirs.types.len() {
        return None;
    }
    let mut all = Verdict::Same;
    for (shown, wanted) in ours.types.iter().zip(&theirs.types) {
        match secret(shown, wanted, vault) {
            Verdict::Same => {}
            Verdict::Unverifiable => all = Verdict::Unverifiable,
            Verdict::Different => return None,
        }
    }
    Some(all)
}

/// One secret: (type, token) on either side.
fn secret(ours: &(&str, &str), theirs: &(&str, &str), vault: Option<&Vault>) -> Verdict {
    if ours == theirs {
        return Verdict::Same;
    }
    let values = vault.and_then(|v| Some((v.value(ours.1)?, v.value(theirs.1)?)));
    // SR OS writes the type behind the hash, inside the quotes.
    let behind = |v: &str| {
        [" hash", " hash2", " custom"]
            .iter()
            .any(|k| v.ends_with(k))
    };
    let hashed = HASHED.contains(&ours.0) || values.is_some_and(|(shown, _)| behind(shown));
    let plain = PLAIN.contains(&theirs.0) && !values.is_some_and(|(_, wanted)| behind(wanted));
    match values {
        // Both are written so that they can be read back: what they say is compared.
        Some((shown, wanted)) if ours.0 == theirs.0 && !plain => {
            match (
                verify::readable(ours.0, shown),
                verify::readable(theirs.0, wanted),
            ) {
                (Some(a), Some(b)) if a == b => Verdict::Same,
                (None, _) | (_, None) if ours.0 == "ENC" => Verdict::Unverifiable,
                (_, _) => Verdict::Different,
            }
        }
        // A hash is intended: then it must be this one.
        Some((_, wanted)) if wanted.starts_with('$') => Verdict::Different,
        Some((shown, wanted)) if plain && (hashed || shown.starts_with('$')) => {
            verify::verify(ours.0, shown, wanted)
        }
        Some(_) => Verdict::Different,
        None if hashed && plain || ours.0 == "ENC" => Verdict::Unverifiable,
        None => Verdict::Different,
    }
}

/// A line with its tokens taken out: the other words, and the (type, token) pairs.
struct Masked<'t> {
    words: Vec<&'t str>,
    types: Vec<(&'t str, &'t str)>,
}

fn masked(line: &str) -> Masked<'_> {
    let mut out = Masked {
        words: Vec::new(),
        types: Vec::new(),
    };
    for word in line.split_ascii_whitespace() {
        if !word.contains('\u{27e6}') {
            out.words.push(word);
            continue;
        }
        let typed = |w: &&str| PLAIN.contains(w) || HASHED.contains(w);
        let kind = out.words.last().copied().filter(typed);
        if kind.is_some() {
            out.words.pop();
        }
        out.types.push((kind.unwrap_or_default(), word));
        out.words.push("\u{27e6}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Verdict, secrets};

    #[test]
    fn only_a_hash_against_a_plain_secret_is_unverifiable() {
        let unverifiable = |running: &str, intended: &str| {
            secrets(running, intended, None) == Some(Verdict::Unverifiable)
        };
        let plain = "username a secret \u{27e6}secret:x\u{27e7}";
        let zero = "username a secret 0 \u{27e6}secret:x\u{27e7}";
        let hashed = "username a secret 9 \u{27e6}sealed:1\u{27e7}";
        let other = "username a secret 9 \u{27e6}sealed:2\u{27e7}";
        let rights = "username a privilege 15 secret 9 \u{27e6}sealed:1\u{27e7}";
        assert!(unverifiable(hashed, plain));
        assert!(unverifiable(hashed, zero));
        assert!(!unverifiable(hashed, other));
        assert!(!unverifiable(rights, plain));
        assert!(!unverifiable(plain, hashed));
        assert!(!unverifiable(
            "username a secret \u{27e6}sealed:1\u{27e7}",
            plain
        ));
    }
}
