//! `--filter 'platform=ios and site=lon'`.

use crate::model::Device;

/// A parsed filter expression.
#[derive(Clone, Debug, Default)]
pub struct Filter {}

/// Why an expression is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("filter `{text}`, column {column}: {why}")]
pub struct FilterError {
    /// The expression.
    pub text: String,
    /// Where, from 1.
    pub column: usize,
    /// What.
    pub why: String,
}

impl Filter {
    /// Parses an expression; the empty one matches everything.
    ///
    /// # Errors
    /// Says where and what.
    pub fn parse(_text: &str) -> Result<Self, FilterError> {
        unimplemented!()
    }
    /// Whether a device matches.
    #[must_use]
    pub fn matches(&self, _device: &Device) -> bool {
        unimplemented!()
    }
}
