//! The certificate: replaying the commands leads where they are meant to, both ways.

use std::collections::BTreeSet;

use super::Script;
use super::change::Pair;
use super::script;
use crate::config::simulate::{Replay, replay_toward};
use crate::config::{Dialect, Diff, Document, Scope, Vault, compare, compare_with};
use crate::model::{Command, Hazard, Proof};

/// What is to be reached from where.
pub(super) struct Question<'a> {
    pub(super) running: &'a Document,
    pub(super) intended: &'a Document,
    pub(super) last: Option<&'a Document>,
    pub(super) dialect: &'a Dialect,
    pub(super) scope: &'a Scope,
    pub(super) vault: Option<&'a Vault>,
}

impl<'a> Question<'a> {
    pub(super) fn diff(&self) -> Diff {
        compare_with(
            self.running,
            self.intended,
            self.last,
            self.dialect,
            self.scope,
            self.vault,
        )
    }

    pub(super) fn pair(&self) -> Pair<'a> {
        Pair {
            from: self.running,
            to: self.intended,
            dialect: self.dialect,
            names: ("running", "intended"),
        }
    }
}

/// What replaying both directions showed.
pub(super) struct Proven {
    pub(super) proof: Proof,
    pub(super) rollback_proof: Proof,
    /// Running after the change, where it is not just what was intended.
    pub(super) expected: Option<Document>,
    pub(super) rollback: Vec<Command>,
    pub(super) hazards: Vec<Hazard>,
}

impl Proven {
    fn unproved(why: String, hazards: Vec<Hazard>) -> Self {
        Self {
            proof: Proof::NotProved(why),
            rollback_proof: Proof::NotProved("there is nothing to lead back from".to_owned()),
            expected: None,
            rollback: Vec::new(),
            hazards,
        }
    }
}

/// Replays the remediation, plans and replays the way back.
pub(super) fn prove(question: &Question<'_>, forward: &Script<'_>) -> Proven {
    let mut hazards = forward.hazards.clone();
    if let Some(problem) = forward.problems.first() {
        return Proven::unproved(problem.clone(), hazards);
    }
    let typed = lines(&forward.commands);
    let (running, intended) = (question.running, question.intended);
    for (name, document) in [("running", running), ("intended", intended)] {
        if let Some(id) = document.unreadable().first() {
            let (line, text) = (document.line(*id), document.line_text(*id));
            let why = format!("{name} line {line} is not understood: `{text}`");
            return Proven::unproved(why, hazards);
        }
    }
    let there = match replay_toward(intended, running, &typed, question.dialect) {
        Ok(there) => there,
        Err(error) => return Proven::unproved(error.to_string(), hazards),
    };
    extend(&mut hazards, &there.hazards, "");
    if there.equals(intended) {
        return exact(question, there, hazards);
    }
    let document = there.document();
    let back = way_back(question, &document);
    extend(&mut hazards, &back.hazards, "rollback: ");
    let proof = certificate(reached(question, &document, &there.generic));
    let rollback_proof = certificate(returned(question, &document, &back));
    Proven {
        proof,
        rollback_proof,
        rollback: back.commands,
        expected: Some(document),
        hazards,
    }
}

/// The replay led to the very intent: the way back begins there, and is typed into the same
/// tree.
fn exact(question: &Question<'_>, there: Replay<'_>, mut hazards: Vec<Hazard>) -> Proven {
    let (running, intended) = (question.running, question.intended);
    let proof = certificate(Ok(unique(&there.generic)));
    let back = way_back(question, intended);
    extend(&mut hazards, &back.hazards, "rollback: ");
    let typed = lines(&back.commands);
    let returned = match back.problems.first() {
        Some(problem) => Err(format!("rollback: {problem}")),
        None => there
            .and_then(&typed, Some(running))
            .map_err(|error| format!("rollback: {error}"))
            .and_then(|here| arrived(question, &here)),
    };
    Proven {
        proof,
        rollback_proof: certificate(returned),
        expected: None,
        rollback: back.commands,
        hazards,
    }
}

fn certificate(result: Result<Vec<String>, String>) -> Proof {
    match result {
        Err(why) => Proof::NotProved(why),
        Ok(generic) if generic.is_empty() => Proof::Proved,
        Ok(generic) => Proof::ProvedGeneric(generic),
    }
}

fn lines(commands: &[Command]) -> Vec<&str> {
    commands.iter().map(|c| c.line.as_str()).collect()
}

/// Adds what is not said yet.
fn extend(list: &mut Vec<Hazard>, more: &[Hazard], prefix: &str) {
    for hazard in more {
        let text = format!("{prefix}{}", hazard.text);
        if !list.iter().any(|known| known.text == text) {
            list.push(Hazard {
                line: if prefix.is_empty() { hazard.line } else { 0 },
                kind: hazard.kind,
                text,
            });
        }
    }
}

fn whole() -> Scope {
    Scope {
        full: true,
        sections: Vec::new(),
    }
}

/// From what the change leads to back to all of running, whatever the intent owns.
fn way_back<'a>(question: &Question<'a>, there: &'a Document) -> Script<'a> {
    let (from, to) = (there, question.running);
    let diff = compare(from, to, None, question.dialect, &whole());
    let pair = Pair {
        from,
        to,
        dialect: question.dialect,
        names: ("changed", "running"),
    };
    script(pair, &diff)
}

/// Nothing that the intent owns differs any more; the lines only the generic rule covers.
fn reached(
    question: &Question<'_>,
    there: &Document,
    generic: &[String],
) -> Result<Vec<String>, String> {
    let to = question.intended;
    let rest = compare_with(
        there,
        to,
        question.last,
        question.dialect,
        question.scope,
        question.vault,
    );
    if rest.is_empty() {
        return Ok(unique(generic));
    }
    let text = rest.render(there, to);
    let first = changed_line(&text);
    let count = rest.ops.len();
    Err(format!(
        "the replay leaves {count} differences, the first at `{first}`"
    ))
}

/// The rollback leads back; the lines only the generic rule covers.
fn returned(
    question: &Question<'_>,
    there: &Document,
    back: &Script<'_>,
) -> Result<Vec<String>, String> {
    if let Some(problem) = back.problems.first() {
        return Err(format!("rollback: {problem}"));
    }
    let typed = lines(&back.commands);
    let here = replay_toward(question.running, there, &typed, question.dialect)
        .map_err(|error| format!("rollback: {error}"))?;
    arrived(question, &here)
}

/// The rollback's replay ended where the change began.
fn arrived(question: &Question<'_>, here: &Replay<'_>) -> Result<Vec<String>, String> {
    let to = question.running;
    if here.equals(to) {
        return Ok(unique(&here.generic));
    }
    let from = here.document();
    let rest = compare(&from, to, None, question.dialect, &whole());
    if rest.is_empty() {
        let why = "rollback: the replay leads to the same lines, but under other numbers";
        return Err(why.to_owned());
    }
    let text = rest.render(&from, to);
    let first = changed_line(&text);
    Err(format!(
        "rollback: the replay does not lead back, first difference at `{first}`"
    ))
}

/// Each line once, in order.
fn unique(lines: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let fresh = lines.iter().filter(|line| seen.insert(line.as_str()));
    fresh.cloned().collect()
}

fn changed_line(diff: &str) -> &str {
    diff.lines()
        .find(|line| line.starts_with(['+', '-']))
        .unwrap_or("?")
}
