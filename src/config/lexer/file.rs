//! A file that is replaced as a whole: every line counts, in its order, byte for byte.

use crate::config::build::{Builder, Extent};
use crate::config::dialect::ContextId;

/// Reads the builder's text.
pub(super) fn run(builder: &mut Builder<'_, '_>) {
    let text = builder.text;
    let mut start = 0;
    for (number, raw) in (1..).zip(text.split_inclusive('\n')) {
        let end = start + raw.len();
        let line = raw.strip_suffix('\n').unwrap_or(raw);
        let words = [line];
        let id = builder.line(ContextId::TOP, line, &words);
        let extent = Extent {
            start,
            end,
            line: number,
        };
        builder.command(id, None, extent);
        start = end;
    }
}
