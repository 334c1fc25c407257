//! A diff as text and as data.

use serde::Serialize;

use super::compare::{Diff, Op, OpKind};
use super::document::{Document, NodeId, NodeKind};

/// The diff as text: ` ` context, `-` on the device, `+` would be written, `~` moved.
pub(crate) fn text(diff: &Diff, running: &Document, intended: &Document) -> String {
    let mut out = Printer {
        out: String::new(),
        path: Vec::new(),
    };
    for op in &diff.ops {
        out.enter(&op.path);
        let depth = op.path.len();
        match op.kind {
            OpKind::Move => out.moved(op, intended, depth),
            OpKind::Replace if nested(running, op) => {
                out.lines('-', running, op.running, depth, false);
                out.lines('+', intended, op.intended, depth, false);
            }
            OpKind::Add | OpKind::Remove | OpKind::Replace => {
                out.lines('-', running, op.running, depth, true);
                out.lines('+', intended, op.intended, depth, true);
            }
        }
    }
    out.out
}

/// A replaced header line: what differs inside the block has operations of its own.
fn nested(running: &Document, op: &Op) -> bool {
    op.running
        .is_some_and(|id| running.sem(id).cardinality != super::Cardinality::Atomic)
}

struct Printer<'d> {
    out: String,
    path: Vec<&'d str>,
}

impl<'d> Printer<'d> {
    /// Prints the header lines that the previous hunk did not stand in.
    fn enter(&mut self, path: &'d [String]) {
        let shared = self
            .path
            .iter()
            .zip(path)
            .take_while(|(a, b)| **a == b.as_str())
            .count();
        self.path.truncate(shared);
        for header in &path[shared..] {
            let depth = self.path.len();
            self.line(' ', depth, header);
            self.path.push(header);
        }
    }

    fn line(&mut self, mark: char, depth: usize, text: &str) {
        self.out.push(mark);
        self.out.extend(std::iter::repeat_n(' ', depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn moved(&mut self, op: &Op, intended: &Document, depth: usize) {
        let (Some(id), Some((from, to))) = (op.intended, op.places) else {
            return;
        };
        let text = format!(
            "{}  (place {from} on the device, place {to} intended)",
            intended.line_text(id)
        );
        self.line('~', depth, &text);
    }

    fn lines(&mut self, mark: char, doc: &Document, id: Option<NodeId>, depth: usize, deep: bool) {
        let Some(id) = id else {
            return;
        };
        self.line(mark, depth, doc.line_text(id));
        let node = doc.node(id);
        if node.kind == NodeKind::Literal {
            for line in doc.text()[node.span.clone()].lines().skip(1) {
                self.line(mark, 0, line);
            }
        }
        if deep {
            for child in doc.commands(Some(id)) {
                self.lines(mark, doc, Some(*child), depth + 1, true);
            }
        }
    }
}

/// One difference as data, for JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// `missing`, `extra`, `changed` or `reordered`.
    pub kind: &'static str,
    /// Header lines of the enclosing blocks, outermost first.
    pub path: Vec<String>,
    /// The lines on the device.
    pub running: Vec<String>,
    /// The lines of the intent.
    pub intended: Vec<String>,
}

impl Diff {
    /// The differences as data; sealed like the documents.
    #[must_use]
    pub fn entries(&self, running: &Document, intended: &Document) -> Vec<Entry> {
        self.ops
            .iter()
            .map(|op| entry(op, running, intended))
            .collect()
    }
}

fn entry(op: &Op, running: &Document, intended: &Document) -> Entry {
    let kind = match op.kind {
        OpKind::Add => "missing",
        OpKind::Remove => "extra",
        OpKind::Replace => "changed",
        OpKind::Move => "reordered",
    };
    let lines = |doc, id| {
        let mut printer = Printer {
            out: String::new(),
            path: Vec::new(),
        };
        let deep = op.kind != OpKind::Replace || !nested(running, op);
        printer.lines(' ', doc, id, 0, deep);
        printer.out.lines().map(|l| l[1..].to_owned()).collect()
    };
    Entry {
        kind,
        path: op.path.clone(),
        running: lines(running, op.running),
        intended: lines(intended, op.intended),
    }
}
