//! What is wrong with the settings, where, and what was probably meant.

use std::fmt;
use std::path::PathBuf;

/// One fault in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `file:line:column`, the name of a variable, or the name of a key.
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Problem {
    /// A fault at a place.
    #[must_use]
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// The same, with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file that was named cannot be read.
    #[error("settings file `{path}` cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// One or more things in them are wrong.
    #[error("{}", join(.0))]
    Invalid(Vec<Problem>),
}

fn join(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Turns a YAML error into a problem with its place, and guesses what an unknown key meant.
pub(super) fn from_yaml(file: &str, error: &serde_yaml::Error) -> Problem {
    let mut message = error.to_string();
    let place = error.location().map_or_else(
        || file.to_owned(),
        |at| {
            let tail = format!(" at line {} column {}", at.line(), at.column());
            if let Some(stripped) = message.strip_suffix(&tail) {
                message = stripped.to_owned();
            }
            format!("{file}:{}:{}", at.line(), at.column())
        },
    );
    let hint = near_miss(&message);
    if let Some(cut) = message.find(", expected ").filter(|_| hint.is_some()) {
        message.truncate(cut);
    }
    Problem {
        place,
        message,
        hint,
    }
}

/// serde names the unknown word and the known ones in backquotes, in this order.
fn near_miss(message: &str) -> Option<String> {
    let rest = message
        .split_once("unknown field ")
        .or_else(|| message.split_once("unknown variant "))?
        .1;
    let mut words = rest.split('`').skip(1).step_by(2);
    let wrong = words.next()?;
    let known: Vec<&str> = words.collect();
    let meant = closest(wrong, known.iter().copied())?;
    Some(format!("did you mean `{meant}`?"))
}

/// The known word that differs from `wrong` by the fewest letters, if it is near enough to
/// be a slip of the fingers.
#[must_use]
pub fn closest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (wrong.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|word| (distance(wrong, word), word))
        .filter(|(steps, word)| *steps <= allowed || is_plural(wrong, word))
        .min()
        .map(|(_, word)| word)
}

fn is_plural(a: &str, b: &str) -> bool {
    a.strip_suffix('s') == Some(b) || b.strip_suffix('s') == Some(a)
}

/// Letters to insert, delete, change or swap with the next one (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().replace('-', "_").chars().collect();
    let b: Vec<char> = b.to_lowercase().replace('-', "_").chars().collect();
    let mut rows = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}
