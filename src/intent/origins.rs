//! Reads origin marks out of a marked rendering, and carries origins over to the true text
//! where the two differ.

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::marks::{Mark, Marks};
use super::render::LineOrigin;

/// A marked rendering without its marks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stripped {
    /// The text.
    pub(super) text: String,
    /// One chain per line.
    pub(super) origins: Vec<LineOrigin>,
}

/// Where the text is being written from: who asked, and which line of text it is.
#[derive(Default)]
struct Frames {
    asked: Vec<(usize, Option<usize>)>,
    text: Option<usize>,
}

impl Frames {
    fn see(&mut self, mark: Mark) {
        match mark {
            Mark::Text(index) => match self.asked.last_mut() {
                Some((_, text)) => *text = Some(index),
                None => self.text = Some(index),
            },
            Mark::Enter(index) => self.asked.push((index, None)),
            // A filter may have cut marks away: leaving ends everything entered since.
            Mark::Leave(index) => {
                if let Some(depth) = self.asked.iter().rposition(|(i, _)| *i == index) {
                    self.asked.truncate(depth);
                }
            }
        }
    }

    fn chain(&self, marks: &Marks) -> LineOrigin {
        let text = self.asked.last().map_or(self.text, |(_, text)| *text);
        let asked = self.asked.iter().map(|(index, _)| *index);
        asked
            .chain(text)
            .filter_map(|index| marks.place(index).cloned())
            .collect()
    }
}

/// Takes the marks out; the chain of a line is what stood before its first visible
/// character.
pub(super) fn strip(marked: &str, marks: &Marks) -> Stripped {
    let mut out = Stripped::default();
    let mut frames = Frames::default();
    let mut chain: Option<LineOrigin> = None;
    let mut any = false;
    for c in marked.chars() {
        if let Some(mark) = marks.read(c) {
            frames.see(mark);
            continue;
        }
        any = true;
        out.text.push(c);
        if c == '\n' {
            let line = chain.take().unwrap_or_else(|| frames.chain(marks));
            out.origins.push(line);
            any = false;
        } else if chain.is_none() && !c.is_whitespace() {
            chain = Some(frames.chain(marks));
        }
    }
    if any {
        out.origins
            .push(chain.unwrap_or_else(|| frames.chain(marks)));
    }
    out
}

/// Origins for the lines of `text` from a rendering that came out differently: equal lines
/// keep theirs, others take that of the line they stand for or follow.
pub(super) fn align(text: &str, other: &Stripped) -> Vec<LineOrigin> {
    let ours: Vec<&str> = text.lines().collect();
    let theirs: Vec<&str> = other.text.lines().collect();
    let mut origins = Vec::with_capacity(ours.len());
    for op in capture_diff_slices(Algorithm::Myers, &theirs, &ours) {
        let (first, length) = match op {
            DiffOp::Delete { .. } => continue,
            DiffOp::Equal { old_index, len, .. } => (old_index, len),
            DiffOp::Insert {
                old_index, new_len, ..
            } => (old_index.saturating_sub(1), new_len),
            DiffOp::Replace {
                old_index, new_len, ..
            } => (old_index, new_len),
        };
        let limit = other.origins.len().saturating_sub(1);
        let grows = usize::from(!matches!(op, DiffOp::Insert { .. }));
        for i in 0..length {
            let index = (first + i * grows).min(limit);
            origins.push(other.origins.get(index).cloned().unwrap_or_default());
        }
    }
    origins
}

/// The number of lines a text has, as origins count them.
pub(super) fn line_count(text: &str) -> usize {
    text.lines().count()
}
