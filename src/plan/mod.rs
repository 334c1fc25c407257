//! (last applied, running, intended, capabilities) -> a plan with its proof. Pure.
//!
//! ```text
//! compare -> changes -> lists, side effects -> order -> commands -> replay both ways -> rails
//! ```
//!
//! Nothing here knows a platform: negations, slots, side effects, references, order and
//! risk are the dialect's. The replay (`config::simulate`) shares no code with this
//! module, otherwise it would prove nothing.

mod cascade;
mod change;
mod edges;
mod emit;
mod inserts;
mod leaves;
mod lists;
mod moves;
mod numbers;
mod order;
mod prove;
mod rails;
mod schedule;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use change::{Action, Change, Pair};
use prove::Question;

use crate::config::{Dialect, Diff, Document, Ignored, NodeId, Scope, Vault, compare};
use crate::model::{
    Capabilities, Cause, Command, Decision, Device, Fingerprint, Hazard, Manage, Mode, Plan,
    PlanId, Proof, Refusal, RefusalKind, Undo, UndoMethod,
};

/// Hex digits of a plan id: short enough to type, and 64 bits never meet by chance in one
/// fleet's history.
const ID_DIGITS: usize = 16;

/// Everything a plan is made from.
pub struct Inputs<'a> {
    /// The device.
    pub device: &'a Device,
    /// Pack name.
    pub platform: &'a str,
    /// Pack content hash.
    pub pack: &'a str,
    /// Revision id.
    pub revision: &'a str,
    /// The configuration language.
    pub dialect: &'a Dialect,
    /// What the device runs (complete, sealed).
    pub running: &'a Document,
    /// What it should run (sealed).
    pub intended: &'a Document,
    /// The intended configuration last applied and confirmed.
    pub last_applied: Option<&'a Document>,
    /// What the session can do.
    pub capabilities: &'a Capabilities,
    /// Leads to the secrets themselves, to check hashes by.
    pub vault: Option<&'a Vault>,
}

/// Decides. The rails that need only these inputs (empty intent, large deletion, not
/// proved, lock-out) are in the plan's decision; the ones that need history are added by
/// the controller with [`refuse`].
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let scope = scope(inputs.device);
    let question = Question {
        running: inputs.running,
        intended: inputs.intended,
        last: inputs.last_applied,
        dialect: inputs.dialect,
        scope: &scope,
        vault: inputs.vault,
    };
    let diff = question.diff();
    let plan = unchanged(inputs, &diff);
    if diff.is_empty() && diff.problems.is_empty() {
        return plan;
    }
    let script = script(question.pair(), &diff);
    let proven = prove::prove(&question, &script);
    let deletes = (
        deleted(inputs.running, &diff),
        inputs.running.semantic_lines(),
    );
    let proofs = [&proven.proof, &proven.rollback_proof];
    let refusals = rails::refusals(inputs, &script, proofs, deletes);
    let plan = Plan {
        expected: proven.expected.map_or_else(
            || inputs.intended.fingerprint(),
            |there| there.fingerprint(),
        ),
        rollback: proven.rollback,
        proof: proven.proof,
        rollback_proof: proven.rollback_proof,
        hazards: proven.hazards,
        cause: cause(inputs, &scope),
        sections: sections(&script.changes),
        deletes,
        remediation: script.commands,
        decision: Decision::Ready,
        ..plan
    };
    let plan = Plan {
        id: id(&plan),
        ..plan
    };
    refuse(plan, refusals)
}

/// How one configuration becomes another, without a device: the difference, the commands
/// and their certificates.
#[derive(Debug)]
pub struct Remedy {
    /// What differs.
    pub diff: Diff,
    /// Turns running into intended.
    pub remediation: Vec<Command>,
    /// Leads back.
    pub rollback: Vec<Command>,
    /// What replaying the remediation showed.
    pub proof: Proof,
    /// What replaying the rollback showed.
    pub rollback_proof: Proof,
    /// Dangerous moments.
    pub hazards: Vec<Hazard>,
}

/// Compares, plans and proves, whatever the rails would say.
#[must_use]
pub fn remedy(
    running: &Document,
    intended: &Document,
    last: Option<&Document>,
    dialect: &Dialect,
    scope: &Scope,
    vault: Option<&Vault>,
) -> Remedy {
    let question = Question {
        running,
        intended,
        last,
        dialect,
        scope,
        vault,
    };
    let diff = question.diff();
    if diff.is_empty() && diff.problems.is_empty() {
        return Remedy {
            diff,
            remediation: Vec::new(),
            rollback: Vec::new(),
            proof: Proof::Nothing,
            rollback_proof: Proof::Nothing,
            hazards: Vec::new(),
        };
    }
    let script = script(question.pair(), &diff);
    let proven = prove::prove(&question, &script);
    Remedy {
        diff,
        remediation: script.commands,
        rollback: proven.rollback,
        proof: proven.proof,
        rollback_proof: proven.rollback_proof,
        hazards: proven.hazards,
    }
}

/// The same plan with more reasons against it.
#[must_use]
pub fn refuse(plan: Plan, refusals: Vec<Refusal>) -> Plan {
    if refusals.is_empty() {
        return plan;
    }
    let decision = match plan.decision {
        Decision::Unchanged => Decision::Unchanged,
        Decision::Ready => Decision::Refused(refusals),
        Decision::Refused(mut known) => {
            let fresh: Vec<Refusal> = refusals
                .into_iter()
                .filter(|r| !known.contains(r))
                .collect();
            known.extend(fresh);
            Decision::Refused(known)
        }
    };
    Plan { decision, ..plan }
}

/// The same plan after a person has accepted what this very plan deletes.
#[must_use]
pub fn accept_deletion(plan: Plan) -> Plan {
    let decision = match plan.decision {
        Decision::Refused(mut refusals) => {
            refusals.retain(|r| {
                !matches!(
                    r.kind,
                    RefusalKind::LargeDeletion | RefusalKind::EmptyIntent
                )
            });
            if refusals.is_empty() {
                Decision::Ready
            } else {
                Decision::Refused(refusals)
            }
        }
        other @ (Decision::Unchanged | Decision::Ready) => other,
    };
    Plan { decision, ..plan }
}

/// One direction: the commands and what they are made of.
struct Script<'a> {
    pair: Pair<'a>,
    changes: Vec<Change>,
    commands: Vec<Command>,
    hazards: Vec<Hazard>,
    problems: Vec<String>,
}

impl<'a> Script<'a> {
    fn nothing(pair: Pair<'a>) -> Self {
        Self {
            pair,
            changes: Vec::new(),
            commands: Vec::new(),
            hazards: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// The commands that make `pair.from` into `pair.to`.
fn script<'a>(pair: Pair<'a>, diff: &Diff) -> Script<'a> {
    if diff.is_empty() && diff.problems.is_empty() {
        return Script::nothing(pair);
    }
    let mut changes = change::from_diff(pair, diff);
    changes.problems.extend(diff.problems.iter().cloned());
    lists::settle(pair, &mut changes);
    leaves::settle(pair, &mut changes);
    values::settle(pair, &mut changes);
    cascade::settle(pair, &mut changes);
    moves::settle(pair, &mut changes);
    let order = order::order(pair, &mut changes);
    let commands = emit::emit(pair, &changes.list, &order);
    Script {
        pair,
        commands,
        changes: changes.list,
        hazards: changes.hazards,
        problems: changes.problems,
    }
}

fn scope(device: &Device) -> Scope {
    Scope {
        full: device.keel.manage == Manage::Full,
        sections: device.keel.sections.clone(),
    }
}

/// The plan of a device that is as intended; everything else starts from it.
fn unchanged(inputs: &Inputs<'_>, diff: &Diff) -> Plan {
    let base = inputs.running.fingerprint();
    let keel = &inputs.device.keel;
    let plan = Plan {
        id: PlanId::default(),
        device: inputs.device.name.clone(),
        platform: inputs.platform.to_owned(),
        pack: inputs.pack.to_owned(),
        revision: inputs.revision.to_owned(),
        expected: base.clone(),
        base,
        mode: if inputs.capabilities.merge {
            Mode::Merge
        } else {
            Mode::Replace
        },
        remediation: Vec::new(),
        rollback: Vec::new(),
        proof: Proof::Nothing,
        rollback_proof: Proof::Nothing,
        hazards: Vec::new(),
        drift: diff.counts(inputs.running, inputs.intended),
        diff: diff.render(inputs.running, inputs.intended),
        ignored: diff.ignored.iter().map(ignored).collect(),
        orphaned: diff.orphaned.clone(),
        sections: Vec::new(),
        cause: None,
        checks: keel.checks.clone(),
        undo: undo(inputs),
        apply: keel.apply,
        deletes: (0, inputs.running.semantic_lines()),
        decision: Decision::Unchanged,
    };
    Plan {
        id: id(&plan),
        ..plan
    }
}

/// What was asked for, as far as the session has it.
fn undo(inputs: &Inputs<'_>) -> Undo {
    let mut undo = inputs.device.keel.undo.clone();
    if inputs.capabilities.attended_only.is_some() {
        undo.method = UndoMethod::None;
    }
    undo
}

fn ignored(ignored: &Ignored) -> String {
    format!("{} ({})", ignored.line, ignored.reason)
}

/// Bound to everything the plan depends on, and to the very lines it types.
fn id(plan: &Plan) -> PlanId {
    let head = [
        plan.device.as_bytes(),
        plan.revision.as_bytes(),
        plan.base.as_str().as_bytes(),
        plan.expected.as_str().as_bytes(),
        plan.pack.as_bytes(),
    ];
    let lines = plan.remediation.iter().map(|c| c.line.as_bytes());
    let hash = Fingerprint::of(head.into_iter().chain(lines));
    let digits = hash.as_str().chars().take(ID_DIGITS);
    PlanId(digits.collect())
}

/// Whether the intent moved or the device did: running is still what was applied (or seen
/// in line), or not. Nobody can say where nothing was before.
fn cause(inputs: &Inputs<'_>, scope: &Scope) -> Option<Cause> {
    let applied = inputs.last_applied?;
    let same = compare(inputs.running, applied, None, inputs.dialect, scope).is_empty();
    Some(if same {
        Cause::IntentMoved
    } else {
        Cause::OutOfBand
    })
}

/// How many lines of running go for good.
fn deleted(running: &Document, diff: &Diff) -> usize {
    use crate::config::OpKind;
    let gone = diff.ops.iter().filter(|op| op.kind == OpKind::Remove);
    gone.filter_map(|op| op.running)
        .map(|id| subtree_lines(running, id))
        .sum()
}

fn subtree_lines(doc: &Document, id: NodeId) -> usize {
    let inner = doc.commands(Some(id)).iter();
    1 + inner.map(|child| subtree_lines(doc, *child)).sum::<usize>()
}

/// Header lines of the top-level sections the changes touch, in order.
fn sections(changes: &[Change]) -> Vec<String> {
    let touched = changes.iter().map(|change| {
        let top = change.path.first();
        top.map_or_else(|| top_level(&change.action), Clone::clone)
    });
    let unique: BTreeSet<String> = touched.collect();
    unique.into_iter().collect()
}

fn top_level(action: &Action) -> String {
    match action {
        Action::Remove(line)
        | Action::Add(line)
        | Action::Replace(_, line)
        | Action::Restore(line, _)
        | Action::Switch(line, _)
        | Action::Place(line, ..) => line.meaning.canonical.clone(),
    }
}
