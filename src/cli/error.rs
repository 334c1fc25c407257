//! The one place where an error becomes text and an exit code.

use std::error::Error;
use std::fmt;
use std::io;

use super::exit::Exit;
use crate::model::{Diagnostic, StoreError};
use crate::settings::SettingsError;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) struct CliError {
    exit: Exit,
    error: Box<dyn Error + Send + Sync>,
    hints: Vec<String>,
}

pub(crate) type Result<T, E = CliError> = std::result::Result<T, E>;

/// A message without a source.
#[derive(Debug)]
struct Message(String);

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl Error for Message {}

/// What we were doing, around what went wrong.
#[derive(Debug)]
struct Context {
    doing: String,
    source: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.doing)
    }
}
impl Error for Context {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

impl CliError {
    /// Our failure (exit code 1).
    pub(crate) fn failure(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            exit: Exit::Failure,
            error: error.into(),
            hints: Vec::new(),
        }
    }

    /// Wrong usage or input (exit code 2).
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            error: Box::new(Message(message.into())),
            hints: Vec::new(),
        }
    }

    /// Any other exit code.
    pub(crate) fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// How to go on.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What we were doing when it happened.
    pub(crate) fn while_doing(self, doing: impl Into<String>) -> Self {
        let error = Box::new(Context {
            doing: doing.into(),
            source: self.error,
        });
        Self { error, ..self }
    }

    /// The code the program ends with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The reader of our output has gone away: not an error.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let mut link: Option<&(dyn Error + 'static)> = Some(&*self.error);
        while let Some(error) = link {
            if let Some(io) = error.downcast_ref::<io::Error>()
                && io.kind() == io::ErrorKind::BrokenPipe
            {
                return true;
            }
            link = error.source();
        }
        false
    }

    /// `error: …`, its chain, its hints.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![format!("error: {}", chain_head(&self.error.to_string()))];
        let mut link = self.error.source();
        while let Some(cause) = link {
            lines.push(format!("  caused by: {}", chain_head(&cause.to_string())));
            link = cause.source();
        }
        lines.extend(self.hints.iter().map(|hint| format!("  hint: {hint}")));
        lines.push(String::new());
        lines.join("\n")
    }
}

/// Further lines of one message are indented, so that the chain stays readable.
fn chain_head(message: &str) -> String {
    message.trim_end().replace('\n', "\n         ")
}

/// All links of an error as one line, for places that keep a single text.
pub(crate) fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut link = error.source();
    while let Some(cause) = link {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        link = cause.source();
    }
    text
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::failure(error)
    }
}

impl From<SettingsError> for CliError {
    fn from(error: SettingsError) -> Self {
        Self::failure(error)
            .with_exit(Exit::Usage)
            .hint("every key is described in docs/settings.md")
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::LeaseLost { .. } => "another Netkeel process took the device over",
            StoreError::Write { .. } => {
                "check free space and permissions of the state folder (`--state DIR`)"
            }
            StoreError::Read { .. } => "check the permissions of the state folder (`--state DIR`)",
            StoreError::Newer { .. } => "use the Netkeel that wrote it, or another `--state DIR`",
        };
        Self::failure(error).hint(hint)
    }
}

impl From<serde_json::Error> for CliError {
    fn from(error: serde_json::Error) -> Self {
        if error.io_error_kind() == Some(io::ErrorKind::BrokenPipe) {
            return Self::failure(io::Error::from(io::ErrorKind::BrokenPipe));
        }
        Self::failure(error)
    }
}

impl From<Vec<Diagnostic>> for CliError {
    fn from(faults: Vec<Diagnostic>) -> Self {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Self::usage(lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_walked_once_and_hints_come_last() {
        let io = io::Error::new(io::ErrorKind::PermissionDenied, "permission denied");
        let error = CliError::from(StoreError::Write {
            path: "/s".into(),
            source: Box::new(io),
        })
        .while_doing("`r1` could not be held");
        assert_eq!(
            error.text(),
            "error: `r1` could not be held\n  caused by: state `/s` cannot be written\n  \
             caused by: permission denied\n  hint: check free space and permissions of the \
             state folder (`--state DIR`)\n"
        );
        assert_eq!(error.exit(), Exit::Failure);
    }

    #[test]
    fn a_reader_that_went_away_is_recognised_through_the_chain() {
        let io = io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(CliError::from(io).while_doing("printing").is_broken_pipe());
        assert!(!CliError::usage("x").is_broken_pipe());
    }

    #[test]
    fn faults_of_the_repository_are_the_users() {
        let faults = vec![Diagnostic::error(None, "no hosts file")];
        assert_eq!(CliError::from(faults).exit(), Exit::Usage);
    }
}
