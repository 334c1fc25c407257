//! Where lines came from: the chain of template lines, the variables, and the commits that
//! wrote both.

use std::collections::BTreeSet;

use serde::Serialize;

use super::app::App;
use super::changes::Change;
use super::error::Result;
use super::repository::source_spec;
use super::stage::{Intent, Origin, blocking};
use crate::controller::prepare::Prepared;
use crate::intent::Variable;
use crate::model::{FileSet, Position};
use crate::settings::Settings;
use crate::source::{Blame, Lines, Mirror, SourceSpec, Written, blame_worktree};

/// What Git is asked.
pub(crate) struct History {
    spec: SourceSpec,
    origin: Origin,
    revision: String,
    /// The files of a working tree; of a revision they are in the mirror.
    files: FileSet,
}

/// A line of the repository, and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Place {
    /// Where.
    #[serde(flatten)]
    pub(crate) at: Position,
    /// By whom, if Git could tell.
    pub(crate) written: Option<Written>,
}

/// A variable a line is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Value {
    /// How a template reaches it.
    pub(crate) name: String,
    /// Where its value was written.
    #[serde(flatten)]
    pub(crate) place: Place,
}

/// Where one line of an intended configuration came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Source {
    /// Template lines, from the outermost include or call to the text itself.
    pub(crate) chain: Vec<Place>,
    /// The variables in it, as far as they are known for certain.
    pub(crate) values: Vec<Value>,
}

/// The source of one line that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sourced {
    /// `missing`, `changed`, `reordered`, or `extra` for a line only the device has.
    pub(crate) kind: &'static str,
    /// The header lines above it and the line, sealed.
    pub(crate) path: Vec<String>,
    /// Its number in the intended text.
    pub(crate) line: Option<usize>,
    /// Where it came from; empty for a line only the device has.
    #[serde(flatten)]
    pub(crate) source: Source,
}

impl History {
    /// The history behind an intent, if somebody asked.
    pub(crate) fn if_wanted(
        wanted: bool,
        settings: &Settings,
        origin: &Origin,
        intent: &Intent,
    ) -> Result<Option<Self>> {
        if !wanted {
            return Ok(None);
        }
        let files = match origin {
            Origin::Worktree(_) => intent.files.clone(),
            Origin::Branch => FileSet::new(),
        };
        Ok(Some(Self {
            spec: source_spec(settings)?,
            origin: origin.clone(),
            revision: intent.revision.id.clone(),
            files,
        }))
    }

    fn blame(self, wanted: Lines) -> Blame {
        match self.origin {
            Origin::Worktree(root) => blame_worktree(&root, self.files, wanted, self.spec.timeout),
            Origin::Branch => match Mirror::open(self.spec) {
                Ok(mirror) => mirror.blame(&self.revision, wanted),
                Err(error) => Blame::unknown(error.to_string()),
            },
        }
    }
}

impl App {
    /// Asks Git who wrote these lines; what it cannot tell is said beside the result.
    pub(crate) async fn blame(&mut self, history: History, wanted: Lines) -> Result<Blame> {
        let blame = blocking(move || history.blame(wanted)).await?;
        if let Some(why) = &blame.incomplete {
            self.ui
                .note(&format!("note: not every line's commit is known: {why}"))?;
        }
        Ok(blame)
    }
}

/// The chain and the variables of a line, from 1.
fn of_line(prepared: &Prepared, number: usize) -> (&[Position], &[Variable]) {
    let index = number.wrapping_sub(1);
    let chain = prepared.origins.get(index).map(Vec::as_slice);
    let values = prepared.values.get(index).map(Vec::as_slice);
    (chain.unwrap_or_default(), values.unwrap_or_default())
}

/// Adds the places behind some lines of a device to what Git is asked.
pub(crate) fn want(wanted: &mut Lines, prepared: &Prepared, numbers: impl Iterator<Item = usize>) {
    for number in numbers {
        let (chain, values) = of_line(prepared, number);
        for at in chain.iter().chain(values.iter().map(|v| &v.at)) {
            let lines: &mut BTreeSet<usize> = wanted.entry(at.file.clone()).or_default();
            lines.insert(at.line);
        }
    }
}

/// Where a line of a device came from.
pub(crate) fn source(prepared: &Prepared, number: usize, blame: &Blame) -> Source {
    let place = |at: &Position| Place {
        at: at.clone(),
        written: blame.of(&at.file, at.line).cloned(),
    };
    let (chain, values) = of_line(prepared, number);
    let value = |variable: &Variable| Value {
        name: variable.name.clone(),
        place: place(&variable.at),
    };
    Source {
        chain: chain.iter().map(place).collect(),
        values: values.iter().map(value).collect(),
    }
}

/// Where the lines that differ came from.
pub(crate) fn sourced(prepared: &Prepared, changes: &[Change], blame: &Blame) -> Vec<Sourced> {
    let one = |change: &Change| Sourced {
        kind: change.kind,
        path: change.path.clone(),
        line: change.number,
        source: match change.number {
            Some(number) => source(prepared, number, blame),
            None => Source::default(),
        },
    };
    changes.iter().map(one).collect()
}
