//! Errors for people.

use std::error::Error;

/// An error and all its causes in one line, outermost first. `Display` never prints a
/// source, so this is where the chain is walked for logs, statuses and history.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
