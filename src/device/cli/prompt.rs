//! Recognising prompts, echoes and marks on a screen. Pure.

use super::answer::{self, decode};
use super::screen::Screen;
use crate::pack::{ModeName, SessionSpec};

/// A prompt or question is never longer than this.
pub(super) const PROMPT_LIMIT: usize = 512;

/// The mark must stand this near to the end: after it come at most a complaint about it
/// and the prompt.
const MARK_WINDOW: usize = 1024;

/// A prompt at the end of the screen.
#[derive(Clone, Debug)]
pub(super) struct Prompt {
    pub(super) mode: ModeName,
    pub(super) host: String,
}

/// Whether the mark stands just before the end, behind a prompt: what stands elsewhere is the
/// terminal's own echo of something sent ahead.
pub(super) fn marked(spec: &SessionSpec, screen: &Screen, mark: &str) -> bool {
    let text = &screen.text()[..screen.last_line_at()];
    let tail = decode(&text[text.len().saturating_sub(MARK_WINDOW)..]);
    tail.rmatch_indices(mark).any(|(at, _)| {
        let line = tail[..at].rfind('\n').map_or(0, |n| n + 1);
        prompt_of(spec, &tail[line..at]).is_some()
    })
}

/// Where the answer to a typed line begins: after its echo, which stands behind the prompt.
/// Blanks do not count, for devices fold and redraw; of a line wider than the terminal no
/// recognisable echo can be hoped for.
pub(super) fn echo_end(screen: &Screen, line: &str, wide: usize) -> Option<usize> {
    let text = screen.text();
    let mut at = 0;
    let mut first = None;
    while let Some(end) = text[at..].iter().position(|b| *b == b'\n') {
        let next = at + end + 1;
        if ends_with_squeezed(&text[at..next], line.as_bytes()) {
            return Some(next);
        }
        first.get_or_insert(next);
        at = next;
        // Log messages may come before the echo, but no more than a few.
        if at > line.len() + 4096 {
            break;
        }
    }
    first.filter(|_| line.len() + PROMPT_LIMIT / 8 > wide)
}

fn ends_with_squeezed(text: &[u8], end: &[u8]) -> bool {
    let mut have = text.iter().rev().filter(|b| !b.is_ascii_whitespace());
    end.iter()
        .rev()
        .filter(|b| !b.is_ascii_whitespace())
        .all(|want| have.next() == Some(want))
}

/// The host name in a prompt may be cut short in configuration mode.
pub(super) fn same_host(known: &str, seen: &str) -> bool {
    known == seen || (seen.len() >= 10 && known.starts_with(seen))
}

pub(super) fn prompt_of(spec: &SessionSpec, line: &str) -> Option<Prompt> {
    spec.modes.iter().find_map(|mode| {
        let found = mode.prompt.regex().captures(line)?;
        let host = found.name("host").map_or("", |host| host.as_str());
        Some(Prompt {
            mode: mode.name,
            host: host.to_owned(),
        })
    })
}

/// The prompt in the line being written. A log message may have come after the prompt: then
/// it is the last line before the messages.
pub(super) fn prompt_at_end(spec: &SessionSpec, screen: &Screen) -> Option<Prompt> {
    let line = screen.last_line();
    if line.len() > PROMPT_LIMIT {
        return None;
    }
    if !line.is_empty() {
        return prompt_of(spec, std::str::from_utf8(line).ok()?);
    }
    let text = &screen.text()[..screen.last_line_at()];
    let tail = std::str::from_utf8(&text[text.len().saturating_sub(PROMPT_LIMIT * 2)..]).ok()?;
    let mut lines = tail.lines().rev();
    let first = lines.next()?;
    if !answer::is_log_line(spec, first) {
        return None;
    }
    lines
        .find(|line| !line.is_empty() && !answer::is_log_line(spec, line))
        .and_then(|line| prompt_of(spec, line))
}
