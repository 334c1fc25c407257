//! Does a file survive being read, and how much of it is understood?

use serde::Serialize;

use crate::config::{Dialect, Document, Sealer};

/// Lines that only the generic rule covers are listed up to this many.
const LISTED: usize = 1000;

/// What is known of one file.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// Printing what was parsed gives the same bytes.
    pub equal: bool,
    /// It is a whole configuration, as far as the platform shows that.
    pub complete: bool,
    /// Why it is not.
    pub incomplete_because: Option<String>,
    /// Lines that mean something.
    pub lines: usize,
    /// Of these, covered by the generic rule only.
    pub generic: usize,
    /// They, sealed, with their numbers.
    pub generic_lines: Vec<Place>,
    /// Lines that could not be read and were kept as they are.
    pub unreadable: Vec<Place>,
}

/// A line of a file.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// From 1.
    pub line: u32,
    /// Sealed.
    pub text: String,
}

/// Parses and prints back.
#[must_use]
pub fn check(file: &str, text: &str, dialect: &Dialect, sealer: &mut Sealer) -> FileReport {
    let plain = Document::parse(text, dialect);
    let sealed = sealer.running(text, dialect);
    let document = Document::parse(&sealed, dialect);
    let complete = plain.complete();
    let place = |id| Place {
        line: document.node(id).line,
        text: document.line_text(id).to_owned(),
    };
    let generic = document.generic_lines();
    FileReport {
        file: file.to_owned(),
        equal: plain.print() == text,
        complete: complete.is_ok(),
        incomplete_because: complete.err(),
        lines: document.semantic_lines(),
        generic: generic.len(),
        generic_lines: generic.into_iter().take(LISTED).map(place).collect(),
        unreadable: document.unreadable().into_iter().map(place).collect(),
    }
}
