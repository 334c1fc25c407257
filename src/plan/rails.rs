//! What holds a plan back: rails that need only the plan's own inputs.

use super::change::{Action, Change};
use super::{Inputs, Script};
use crate::config::{Document, NodeId};
use crate::model::{ApplyMode, Device, Proof, Refusal, RefusalKind};

/// Fewer deleted lines than this never count as a large deletion, whatever their share:
/// on a ten-line configuration every edit is.
const HANDFUL: usize = 5;

/// Every rail the plan runs into.
pub(super) fn refusals(
    inputs: &Inputs<'_>,
    script: &Script<'_>,
    proofs: [&Proof; 2],
    deletes: (usize, usize),
) -> Vec<Refusal> {
    let found = [
        empty_intent(inputs),
        large_deletion(inputs, deletes),
        proofs.into_iter().find_map(not_proved),
        lockout(inputs.device, script),
        attended_only(inputs),
    ];
    found.into_iter().flatten().collect()
}

fn refusal(kind: RefusalKind, detail: String) -> Refusal {
    Refusal { kind, detail }
}

fn empty_intent(inputs: &Inputs<'_>) -> Option<Refusal> {
    let lines = inputs.running.semantic_lines();
    (inputs.intended.semantic_lines() == 0).then(|| {
        refusal(
            RefusalKind::EmptyIntent,
            format!("the intended configuration is empty, the device has {lines} lines"),
        )
    })
}

fn large_deletion(inputs: &Inputs<'_>, (gone, all): (usize, usize)) -> Option<Refusal> {
    let limit = usize::from(inputs.device.keel.limits.delete_percent);
    if gone < HANDFUL || gone * 100 <= all * limit {
        return None;
    }
    let share = gone * 100 / all.max(1);
    Some(refusal(
        RefusalKind::LargeDeletion,
        format!("{gone} of {all} lines would go ({share} %, the limit is {limit} %)"),
    ))
}

fn not_proved(proof: &Proof) -> Option<Refusal> {
    match proof {
        Proof::NotProved(why) => Some(refusal(RefusalKind::NotProved, why.clone())),
        Proof::Proved | Proof::ProvedGeneric(_) | Proof::Nothing => None,
    }
}

fn attended_only(inputs: &Inputs<'_>) -> Option<Refusal> {
    let why = inputs.capabilities.attended_only.as_ref()?;
    (inputs.device.keel.apply == ApplyMode::Auto)
        .then(|| refusal(RefusalKind::AttendedOnly, why.clone()))
}

// ---- lock-out ---------------------------------------------------------------------------

/// Only the obvious: our user, the terminal lines, SSH, AAA, the address we connect to.
/// What a filter or a route does to our path cannot be known from text; for that there is
/// the undo.
fn lockout(device: &Device, script: &Script<'_>) -> Option<Refusal> {
    let cut = script
        .changes
        .iter()
        .find_map(|change| cuts(device, script, change))?;
    Some(refusal(RefusalKind::Lockout, cut))
}

fn cuts(device: &Device, script: &Script<'_>, change: &Change) -> Option<String> {
    let lines = touched(script, change);
    lines
        .iter()
        .find_map(|(tag, old, new)| cut(device, tag, old.as_deref(), new.as_deref()))
}

/// A line of the management path: its tag, its text before and after.
type Touched = (String, Option<String>, Option<String>);

fn touched(script: &Script<'_>, change: &Change) -> Vec<Touched> {
    let dialect = script.pair.dialect;
    match &change.action {
        Action::Replace(old, new) => {
            let tag = dialect.lockout(&new.meaning);
            let text = |line: &super::change::Line| Some(line.meaning.canonical.clone());
            tag.map(|tag| (tag.to_owned(), text(old), text(new)))
                .into_iter()
                .collect()
        }
        Action::Remove(old) => {
            let mut found = Vec::new();
            tagged(script, script.pair.from, old.id, &mut found);
            let gone = |(tag, text)| (tag, Some(text), None);
            found.into_iter().map(gone).collect()
        }
        Action::Add(new) => {
            let mut found = Vec::new();
            tagged(script, script.pair.to, new.id, &mut found);
            let comes = |(tag, text)| (tag, None, Some(text));
            found.into_iter().map(comes).collect()
        }
        Action::Restore(..) | Action::Switch(..) | Action::Place(..) => Vec::new(),
    }
}

/// The lines of the management path in a subtree.
fn tagged(script: &Script<'_>, doc: &Document, id: NodeId, found: &mut Vec<(String, String)>) {
    let meaning = doc.meaning(id, script.pair.dialect);
    if let Some(tag) = script.pair.dialect.lockout(&meaning) {
        found.push((tag.to_owned(), meaning.canonical.clone()));
    }
    for child in doc.commands(Some(id)) {
        tagged(script, doc, *child, found);
    }
}

fn cut(device: &Device, tag: &str, old: Option<&str>, new: Option<&str>) -> Option<String> {
    let says = |text: Option<&str>, word: &str| {
        text.is_some_and(|t| t.split_ascii_whitespace().any(|w| same_word(w, word)))
    };
    match tag {
        // A line that names SSH or everything still lets us in.
        "vty" if says(new, "ssh") || says(new, "all") => None,
        "vty" | "ssh" | "aaa" => {
            let old = old?;
            Some(format!(
                "`{old}` is part of the way Netkeel comes in ({tag})"
            ))
        }
        "user" => {
            let own = device.username.as_deref()?;
            let goes = says(old, own) && !says(new, own);
            goes.then(|| format!("user `{own}` is the one Netkeel logs in with"))
        }
        "interface" => {
            let own = device.address();
            let goes = says(old, own) && !says(new, own);
            goes.then(|| format!("{own} is the address Netkeel connects to"))
        }
        _ => None,
    }
}

/// Equal, or an address with a prefix length.
fn same_word(word: &str, wanted: &str) -> bool {
    word == wanted
        || word
            .split_once('/')
            .is_some_and(|(address, _)| address == wanted)
}
