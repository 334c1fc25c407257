//! Faults in what people wrote, each with its place.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::data::Position;

/// How serious a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Works, but should be changed (a plain password, for example).
    Warning,
    /// Does not work.
    Error,
}

/// One fault in the repository, for a person: where, what, and how to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Works or not.
    pub level: Level,
    /// Where it was written, if that is known.
    pub at: Option<Position>,
    /// The device concerned, if it is one device.
    pub device: Option<String>,
    /// What is wrong, one sentence, lower case.
    pub message: String,
    /// How to write it instead.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(at: Option<Position>, message: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            at,
            device: None,
            message: message.into(),
            hint: None,
        }
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(at: Option<Position>, message: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            ..Self::error(at, message)
        }
    }

    /// The same, about one device.
    #[must_use]
    pub fn for_device(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }

    /// The same, with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.at {
            write!(f, "{at}: ")?;
        }
        if let Some(device) = &self.device {
            write!(f, "device `{device}`: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " (hint: {hint})")?;
        }
        Ok(())
    }
}
