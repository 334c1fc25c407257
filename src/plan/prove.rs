//! The proof: the exact lines are replayed by code that knows nothing of the planner.

use super::change::Pair;
use super::{Inputs, Script, script};
use crate::config::simulate::{Replay, replay_toward};
use crate::config::{Scope, compare};
use crate::model::{Command, Fingerprint, Proof};

/// What replaying both directions showed.
pub(super) struct Proven {
    pub(super) proof: Proof,
    /// Of running after the change.
    pub(super) expected: Fingerprint,
    pub(super) rollback: Vec<Command>,
    pub(super) hazards: Vec<String>,
}

/// Replays the remediation, plans and replays the way back.
pub(super) fn prove(inputs: &Inputs<'_>, scope: &Scope, forward: &Script<'_>) -> Proven {
    let mut proven = Proven {
        proof: Proof::Nothing,
        expected: inputs.intended.fingerprint(),
        rollback: Vec::new(),
        hazards: forward.hazards.clone(),
    };
    if let Some(problem) = forward.problems.first() {
        proven.proof = Proof::NotProved(problem.clone());
        return proven;
    }
    let typed = lines(&forward.commands);
    let there = match replay_toward(inputs.intended, inputs.running, &typed, inputs.dialect) {
        Ok(there) => there,
        Err(error) => {
            proven.proof = Proof::NotProved(error.to_string());
            return proven;
        }
    };
    proven.expected = there.document.fingerprint();
    extend(&mut proven.hazards, &there.hazards, "");
    let back = way_back(inputs, &there);
    extend(&mut proven.hazards, &back.hazards, "rollback: ");
    let reached = reached(inputs, scope, &there);
    let returned = returned(inputs, &there, &back);
    proven.rollback = back.commands;
    proven.proof = match reached.and(returned) {
        Err(why) => Proof::NotProved(why),
        Ok(generic_back) => {
            let mut generic = there.generic;
            extend(&mut generic, &generic_back, "");
            if generic.is_empty() {
                Proof::Proved
            } else {
                Proof::ProvedGeneric(generic)
            }
        }
    };
    proven
}

fn lines(commands: &[Command]) -> Vec<&str> {
    commands.iter().map(|c| c.line.as_str()).collect()
}

/// Adds what is not said yet.
fn extend(list: &mut Vec<String>, more: &[String], prefix: &str) {
    for text in more {
        let text = format!("{prefix}{text}");
        if !list.contains(&text) {
            list.push(text);
        }
    }
}

/// From what the change leads to back to all of running, whatever the intent owns.
fn way_back<'a>(inputs: &Inputs<'a>, there: &'a Replay) -> Script<'a> {
    let full = Scope {
        full: true,
        sections: Vec::new(),
    };
    let diff = compare(&there.document, inputs.running, None, inputs.dialect, &full);
    let pair = Pair {
        from: &there.document,
        to: inputs.running,
        dialect: inputs.dialect,
        names: ("changed", "running"),
    };
    script(pair, &diff)
}

/// Nothing that the intent owns differs any more.
fn reached(inputs: &Inputs<'_>, scope: &Scope, there: &Replay) -> Result<(), String> {
    let rest = compare(
        &there.document,
        inputs.intended,
        inputs.last_applied,
        inputs.dialect,
        scope,
    );
    if rest.is_empty() {
        return Ok(());
    }
    let text = rest.render(&there.document, inputs.intended);
    let first = changed_line(&text);
    let count = rest.ops.len();
    Err(format!(
        "the replay leaves {count} differences, the first at `{first}`"
    ))
}

/// The rollback leads back; the lines only the generic rule covers.
fn returned(inputs: &Inputs<'_>, there: &Replay, back: &Script) -> Result<Vec<String>, String> {
    if let Some(problem) = back.problems.first() {
        return Err(format!("rollback: {problem}"));
    }
    let typed = lines(&back.commands);
    let here = replay_toward(inputs.running, &there.document, &typed, inputs.dialect)
        .map_err(|error| format!("rollback: {error}"))?;
    if here.document.fingerprint() == inputs.running.fingerprint() {
        return Ok(here.generic);
    }
    let full = Scope {
        full: true,
        sections: Vec::new(),
    };
    let rest = compare(&here.document, inputs.running, None, inputs.dialect, &full);
    if rest.is_empty() {
        let why = "rollback: the replay leads to the same lines, but under other numbers";
        return Err(why.to_owned());
    }
    let text = rest.render(&here.document, inputs.running);
    let first = changed_line(&text);
    Err(format!(
        "rollback: the replay does not lead back, first difference at `{first}`"
    ))
}

fn changed_line(diff: &str) -> &str {
    diff.lines()
        .find(|line| line.starts_with(['+', '-']))
        .unwrap_or("?")
}
