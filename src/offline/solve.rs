//! Two configurations: what differs, how one becomes the other, and the proof.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::OfflineError;
use crate::config::simulate::replay;
use crate::config::{Dialect, Diff, Document, Scope, Sealer};
use crate::model::{Command, Hazard, Proof};
use crate::plan;

const WRITES: &str = "writing to a String cannot fail";

/// What to compare.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What the device runs.
    pub running: &'a str,
    /// What it should run.
    pub intended: &'a str,
    /// Everything is owned (`replace`), or only what the intent says (`merge`).
    pub scope: Scope,
    /// Refuse fragments.
    pub complete: bool,
}

/// The answer. The documents are sealed.
#[derive(Debug)]
pub struct Solved {
    /// What the device runs.
    pub running: Document,
    /// What it should run.
    pub intended: Document,
    /// What differs.
    pub diff: Diff,
    /// Both are whole configurations.
    pub complete: bool,
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

/// Compares, plans and proves.
///
/// # Errors
/// A fragment where a complete configuration was asked for.
pub fn solve(
    request: &Request<'_>,
    dialect: &Dialect,
    sealer: &mut Sealer,
) -> Result<Solved, OfflineError> {
    let running = sealer.running(request.running, dialect);
    let intended = sealer.intended(request.intended, dialect);
    let (running, intended) = Document::pair(&running, &intended, dialect);
    let complete = [("running", &running), ("intended", &intended)]
        .into_iter()
        .try_for_each(|(which, document)| {
            document
                .complete()
                .map_err(|why| OfflineError::Incomplete { which, why })
        });
    if request.complete {
        complete.clone()?;
    }
    let remedy = plan::remedy(
        &running,
        &intended,
        None,
        dialect,
        &request.scope,
        Some(sealer.vault()),
    );
    Ok(Solved {
        complete: complete.is_ok(),
        diff: remedy.diff,
        remediation: remedy.remediation,
        rollback: remedy.rollback,
        proof: remedy.proof,
        rollback_proof: remedy.rollback_proof,
        hazards: remedy.hazards,
        running,
        intended,
    })
}

impl Solved {
    /// Nothing differs but what is listed as noise, equivalence or unverifiable.
    #[must_use]
    pub fn compliant(&self) -> bool {
        self.diff.is_empty() && self.diff.problems.is_empty()
    }

    /// The answer as Markdown, for a comment on a change.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let mut block = |title: &str, kind: &str, body: &str| {
            if !body.is_empty() {
                let fence = fence(body);
                writeln!(text, "{title}\n\n{fence}{kind}\n{body}{fence}\n").expect(WRITES);
            }
        };
        let lines = |commands: &[Command]| {
            let lines = typed(commands);
            let mut text = lines.join("\n");
            if !text.is_empty() {
                text.push('\n');
            }
            text
        };
        let diff = self.diff.render(&self.running, &self.intended);
        block(
            "**Difference** (`-` on the device, `+` intended)",
            "diff",
            &diff,
        );
        block("**Remediation**", "", &lines(&self.remediation));
        block("**Rollback**", "", &lines(&self.rollback));
        if self.compliant() {
            text.push_str("Nothing differs.\n");
        } else {
            for (what, proof) in [
                ("Remediation", &self.proof),
                ("Rollback", &self.rollback_proof),
            ] {
                let certificate = Certificate::of(proof);
                let state = certificate.state.replace('_', " ");
                let reason = certificate.reason.map(|why| format!(": {why}"));
                writeln!(text, "* {what}: {state}{}", reason.unwrap_or_default()).expect(WRITES);
            }
        }
        for hazard in &self.hazards {
            writeln!(text, "* Hazard: {hazard}").expect(WRITES);
        }
        for ignored in &self.diff.ignored {
            writeln!(text, "* Ignored ({}): `{}`", ignored.reason, ignored.line).expect(WRITES);
        }
        text
    }

    /// The answer as one JSON object without an id.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "compliant": self.compliant(),
            "complete": self.complete,
            "diff": self.diff.document(&self.running, &self.intended),
            "remediation": typed(&self.remediation),
            "rollback": typed(&self.rollback),
            "proof": Certificate::of(&self.proof),
            "rollback_proof": Certificate::of(&self.rollback_proof),
            "hazards": self.hazards,
        })
    }
}

/// The lines to type, one by one: a text of several lines is several of them.
#[must_use]
pub fn typed(commands: &[Command]) -> Vec<&str> {
    commands.iter().flat_map(|c| c.line.split('\n')).collect()
}

/// A fence that does not occur in the text.
fn fence(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    fence
}

/// A proof as data.
#[derive(Serialize)]
struct Certificate<'a> {
    state: &'static str,
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    generic: &'a [String],
}

impl<'a> Certificate<'a> {
    fn of(proof: &'a Proof) -> Self {
        let (state, reason, generic): (_, _, &[String]) = match proof {
            Proof::Proved | Proof::Nothing => ("proved", None, &[]),
            Proof::ProvedGeneric(lines) => ("proved_generic", None, lines),
            Proof::NotProved(why) => ("not_proved", Some(why.as_str()), &[]),
        };
        Self {
            state,
            reason,
            generic,
        }
    }
}

/// The configuration after these commands, sealed.
///
/// # Errors
/// The first command that cannot be.
pub fn simulate(
    running: &str,
    commands: &[&str],
    dialect: &Dialect,
    sealer: &mut Sealer,
) -> Result<String, OfflineError> {
    let running = Document::parse(&sealer.running(running, dialect), dialect);
    let sealed: Vec<String> = sealer
        .running(&commands.join("\n"), dialect)
        .split('\n')
        .map(str::to_owned)
        .collect();
    let lines: Vec<&str> = sealed.iter().map(String::as_str).collect();
    let replayed =
        replay(&running, &lines, dialect).map_err(|e| OfflineError::Replay(e.to_string()))?;
    Ok(replayed.text())
}
