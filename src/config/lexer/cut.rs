//! Lines cut out of a text.

/// One line.
#[derive(Clone, Copy)]
pub(crate) struct Cut<'t> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) indent: usize,
    /// Without indentation, trailing blanks and line end.
    pub(crate) text: &'t str,
}

/// Blanks, and what a pager leaves behind.
fn blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c | 8)
}

/// The line that begins at `start`.
pub(crate) fn cut(text: &str, start: usize) -> Cut<'_> {
    let bytes = &text.as_bytes()[start..];
    let length = bytes
        .iter()
        .position(|b| *b == b'\n')
        .map_or(bytes.len(), |n| n + 1);
    let raw = &bytes[..length];
    let first = raw.iter().position(|b| !blank(*b)).unwrap_or(length);
    let last = raw
        .iter()
        .rposition(|b| !blank(*b))
        .map_or(first, |n| n + 1);
    Cut {
        start,
        end: start + length,
        indent: indent(&raw[..first]),
        text: &text[start + first..start + last],
    }
}

fn indent(blanks: &[u8]) -> usize {
    let mut indent = 0;
    for byte in blanks {
        match byte {
            b'\t' => indent = (indent / 8 + 1) * 8,
            b' ' => indent += 1,
            8 => indent = 0,
            _ => {}
        }
    }
    indent
}
