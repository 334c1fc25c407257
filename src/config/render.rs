//! A diff as text and as data.

use serde::Serialize;

use super::compare::{Diff, Op, OpKind};
use super::dialect::RuleId;
use super::document::{Document, NodeId, NodeKind};

/// Where statements are paths, levels of one word are joined to one line.
fn joins(doc: &Document, id: NodeId) -> bool {
    doc.paths
        && doc
            .info(id)
            .is_some_and(|info| info.rule == RuleId::GENERIC)
}

/// The diff as text: ` ` context, `-` on the device, `+` would be written, `~` moved.
pub(crate) fn text(diff: &Diff, running: &Document, intended: &Document) -> String {
    let mut out = Printer {
        out: String::new(),
        path: Vec::new(),
        joined: running.paths,
    };
    for op in &diff.ops {
        out.enter(&op.path);
        let depth = match running.paths {
            true => usize::from(!op.path.is_empty()),
            false => op.path.len(),
        };
        match op.kind {
            OpKind::Move => out.moved(op, intended, depth),
            OpKind::State => out.state(op, running, depth),
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
        .and_then(|id| running.info(id))
        .is_some_and(|info| info.cardinality != super::Cardinality::Atomic)
}

struct Printer<'d> {
    out: String,
    path: Vec<&'d str>,
    /// A path is one line.
    joined: bool,
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
        if self.joined {
            let text = path.join(" ");
            if !text.is_empty() && shared < path.len() {
                self.line(' ', 0, &text);
            }
            self.path.clear();
            self.path.extend(path.iter().map(String::as_str));
            return;
        }
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

    /// A line that is switched off on one side.
    fn state(&mut self, op: &Op, running: &Document, depth: usize) {
        let Some(id) = op.running else {
            return;
        };
        let text = running.line_text(id);
        let inactive = running.raw(id).inactive;
        let (ours, theirs) = if inactive {
            ("inactive: ", "")
        } else {
            ("", "inactive: ")
        };
        self.line('-', depth, &format!("{ours}{text}"));
        self.line('+', depth, &format!("{theirs}{text}"));
    }

    fn lines(&mut self, mark: char, doc: &Document, id: Option<NodeId>, depth: usize, deep: bool) {
        let Some(id) = id else {
            return;
        };
        let mut text = doc.line_text(id).to_owned();
        if doc.raw(id).inactive {
            text.insert_str(0, "inactive: ");
        }
        let mut id = id;
        while let ([child], true, true) = (doc.commands(Some(id)), deep, joins(doc, id)) {
            text.push(' ');
            text.push_str(doc.line_text(*child));
            id = *child;
        }
        for (at, line) in text.split('\n').enumerate() {
            self.line(mark, if at == 0 { depth } else { 0 }, line);
        }
        let node = doc.node(id);
        if node.kind == NodeKind::Literal {
            for line in doc.text()[node.span].lines().skip(1) {
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

/// Version of the published schema of a diff.
const SCHEMA: u32 = 1;

impl Diff {
    /// The diff as one JSON object: `docs/schemas/diff.json`.
    #[must_use]
    pub fn document(&self, running: &Document, intended: &Document) -> serde_json::Value {
        serde_json::json!({
            "schema": SCHEMA,
            "summary": self.counts(running, intended),
            "changes": self.entries(running, intended),
            "ignored": self.ignored,
            "orphaned": self.orphaned,
            "problems": self.problems,
            "text": self.render(running, intended),
        })
    }

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
        OpKind::State => "state",
    };
    let lines = |doc, id| {
        let mut printer = Printer {
            out: String::new(),
            path: Vec::new(),
            joined: running.paths,
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
