//! Two configurations, their difference and the commands, for people.

use std::fmt::Write as _;

use super::count;
use super::diff::painted;
use super::plan::{listed, proof};
use crate::cli::ui::Paint;
use crate::model::Proof;
use crate::offline::Solved;

const WRITES: &str = "writing to a String cannot fail";

/// The answer of `netkeel config diff`.
pub(crate) fn solved(solved: &Solved, paint: Paint) -> String {
    let mut text = String::new();
    let diff = solved.diff.render(&solved.running, &solved.intended);
    text.push_str(&painted(&diff, paint));
    for ignored in &solved.diff.ignored {
        let line = format!("  without meaning ({}): {}\n", ignored.reason, ignored.line);
        text.push_str(&paint.dim(&line));
    }
    for problem in &solved.diff.problems {
        writeln!(text, "  {} {problem}", paint.red("problem:")).expect(WRITES);
    }
    if solved.compliant() {
        text.push_str("nothing differs\n");
        return text;
    }
    let commands = |text: &mut String, what: &str, list: &[_], certificate: &Proof| {
        let head = count(list.len(), what);
        writeln!(text, "{head}, {}:", proof(certificate, paint)).expect(WRITES);
        listed(text, list, paint);
    };
    commands(&mut text, "command", &solved.remediation, &solved.proof);
    commands(
        &mut text,
        "command of the way back",
        &solved.rollback,
        &solved.rollback_proof,
    );
    for hazard in &solved.hazards {
        writeln!(text, "{} {hazard}", paint.yellow("hazard:")).expect(WRITES);
    }
    text
}
