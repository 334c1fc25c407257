//! Questions as JSON lines, one answer a line, in the same order.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{OfflineError, Request, simulate, solve};
use std::sync::Arc;

use crate::config::{Dialect, Scope, Sealer};
use crate::pack::Packs;

/// What every line of a batch asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Difference, commands, proof.
    Diff,
    /// Replay of commands.
    Simulate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DiffQuestion {
    #[serde(default)]
    id: Value,
    platform: String,
    running: String,
    intended: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    facts: Option<Facts>,
}

/// What is known of the device: selects overlays of the dialect.
#[derive(Clone, Debug, Default, Deserialize)]
struct Facts {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    model: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SimulateQuestion {
    #[serde(default)]
    id: Value,
    platform: String,
    running: String,
    commands: Commands,
    #[serde(default)]
    facts: Option<Facts>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Commands {
    One(String),
    Many(Vec<String>),
}

/// Answers one line. A bad one is answered too, in its own line.
#[must_use]
pub fn line(task: Task, text: &str, packs: &Packs, sealer: &mut Sealer) -> Value {
    let answer = match task {
        Task::Diff => diff(text, packs, sealer),
        Task::Simulate => replay(text, packs, sealer),
    };
    answer.unwrap_or_else(|error| json!({ "id": id_of(text), "error": error.to_string() }))
}

/// The id of a line that may be no question at all.
fn id_of(text: &str) -> Value {
    let value: Option<Value> = serde_json::from_str(text).ok();
    value
        .and_then(|v| v.get("id").cloned())
        .unwrap_or(Value::Null)
}

fn parse<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, OfflineError> {
    serde_json::from_str(text).map_err(|e| OfflineError::Question(e.to_string()))
}

fn dialect(name: &str, facts: Option<&Facts>, packs: &Packs) -> Result<Arc<Dialect>, OfflineError> {
    let pack = packs.get(name).ok_or_else(|| OfflineError::Platform {
        name: name.to_owned(),
        known: packs.names().join(", "),
    })?;
    let facts = facts.cloned().unwrap_or_default();
    Ok(pack.dialect_for(facts.version.as_deref(), facts.model.as_deref()))
}

fn diff(text: &str, packs: &Packs, sealer: &mut Sealer) -> Result<Value, OfflineError> {
    let question: DiffQuestion = parse(text)?;
    let dialect = dialect(&question.platform, question.facts.as_ref(), packs)?;
    let full = match question.scope.as_deref() {
        None | Some("replace") => true,
        Some("merge") => false,
        Some(other) => {
            return Err(OfflineError::Question(format!(
                "scope `{other}` is neither `replace` nor `merge`"
            )));
        }
    };
    let request = Request {
        running: &question.running,
        intended: &question.intended,
        scope: Scope {
            full,
            sections: Vec::new(),
        },
        complete: false,
    };
    let solved = solve(&request, &dialect, sealer)?;
    let mut answer = json!({ "id": question.id });
    if let (Value::Object(answer), Value::Object(rest)) = (&mut answer, solved.document()) {
        answer.extend(rest);
    }
    Ok(answer)
}

fn replay(text: &str, packs: &Packs, sealer: &mut Sealer) -> Result<Value, OfflineError> {
    let question: SimulateQuestion = parse(text)?;
    let dialect = dialect(&question.platform, question.facts.as_ref(), packs)?;
    let commands: Vec<&str> = match &question.commands {
        Commands::One(text) => text.lines().collect(),
        Commands::Many(lines) => lines.iter().map(String::as_str).collect(),
    };
    let result = simulate(&question.running, &commands, &dialect, sealer)?;
    Ok(json!({ "id": question.id, "result": result }))
}
