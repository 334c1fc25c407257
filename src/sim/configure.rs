//! The configuration mode: a typed line finds its mode, then changes the tree.

use super::grammar::{Grammar, Mode};
use super::tree::{Node, is_terminator};
use super::words::{Expanded, expand};

/// What a platform adds to its tables.
pub(super) trait Rules: Sync {
    /// The tables.
    fn grammar(&self) -> &'static Grammar;
    /// Brings arguments into the form the device prints.
    ///
    /// # Errors
    /// What the device says instead.
    fn canonical(&self, mode: &Mode, line: String) -> Result<String, Fault>;
    /// A line that does more than stand in the configuration; `None`: it does not.
    fn put(&self, edit: &mut Edit<'_>, line: &str) -> Option<Effect>;
    /// A negation that takes more with it; `None`: it does not.
    fn withdraw(&self, edit: &mut Edit<'_>, line: &str) -> Option<Effect>;
    /// What the device says to a line it does not take.
    fn refusal(&self, line: &str, fault: &Fault) -> String;
}

/// Why a line is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The word at this index.
    Invalid(usize),
    /// Two keywords begin so.
    Ambiguous,
    /// More is needed.
    Incomplete,
}

/// Where a line is being applied.
#[derive(Debug)]
pub(super) struct Edit<'a> {
    /// The whole configuration.
    pub(super) root: &'a mut Node,
    /// Headers of the block.
    pub(super) path: &'a [String],
    /// Its mode.
    pub(super) mode: &'static Mode,
}

impl Edit<'_> {
    /// The block the line stands in; made if another session removed it.
    pub(super) fn block(&mut self) -> &mut Node {
        let mut node = &mut *self.root;
        for header in self.path {
            let at = node.children.iter().position(|c| c.text == *header);
            let at = at.unwrap_or_else(|| {
                node.children.push(Node::leaf(header.as_str()));
                node.children.len() - 1
            });
            node = &mut node.children[at];
        }
        node
    }

    /// The header of the block.
    pub(super) fn header(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }
}

/// What a line did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// Printed at once.
    pub(super) says: String,
    /// Whether the configuration is another one.
    pub(super) changed: bool,
    /// Whether the line was refused.
    pub(super) refused: bool,
}

impl Effect {
    /// Changed, without a word.
    pub(super) fn changed(changed: bool) -> Self {
        Self {
            changed,
            ..Self::default()
        }
    }

    /// Changed, with a remark.
    pub(super) fn remark(says: impl Into<String>) -> Self {
        Self {
            says: says.into(),
            changed: true,
            refused: false,
        }
    }

    /// Refused with this text.
    pub(super) fn refused(says: impl Into<String>) -> Self {
        Self {
            says: says.into(),
            changed: false,
            refused: true,
        }
    }
}

/// A line whose mode is known.
struct Found {
    depth: usize,
    mode: &'static Mode,
    line: String,
}

/// Types one line (neither `end`, `exit` nor `do`) at `path`.
pub(super) fn type_line(
    rules: &dyn Rules,
    root: &mut Node,
    path: &mut Vec<String>,
    typed: &str,
) -> Effect {
    let typed = typed.trim();
    if typed.is_empty() || typed.starts_with(['!', '#']) {
        return Effect::default();
    }
    if is_terminator(typed) {
        path.pop();
        return Effect::default();
    }
    let (sign, body) = sign_of(typed);
    let found = match find(rules, path, body, sign == Sign::Put) {
        Ok(found) => found,
        Err(fault) => return Effect::refused(rules.refusal(typed, &moved(fault, sign))),
    };
    path.truncate(found.depth);
    let here = path.clone();
    let mut edit = Edit {
        root,
        path: &here,
        mode: found.mode,
    };
    if sign == Sign::Put {
        put(rules, &mut edit, &found.line, path)
    } else {
        withdraw(rules, &mut edit, &found.line)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Put,
    No,
    Default,
}

fn sign_of(line: &str) -> (Sign, &str) {
    match line.split_once(char::is_whitespace) {
        Some(("no", rest)) => (Sign::No, rest.trim_start()),
        Some(("default", rest)) if !rest.starts_with("information-originate") => {
            (Sign::Default, rest.trim_start())
        }
        _ => (Sign::Put, line),
    }
}

fn moved(fault: Fault, sign: Sign) -> Fault {
    match fault {
        Fault::Invalid(at) if sign != Sign::Put => Fault::Invalid(at + 1),
        Fault::Invalid(_) | Fault::Ambiguous | Fault::Incomplete => fault,
    }
}

/// Looks for the mode that takes the line, innermost first; whole keywords anywhere win over
/// shortened ones further in.
fn find(rules: &dyn Rules, path: &[String], body: &str, whole: bool) -> Result<Found, Fault> {
    let modes = rules.grammar().along(path);
    let mut worst = 0;
    // The innermost mode that nearly took it says why not, if no other takes it.
    let mut near: Option<Fault> = None;
    for exact in [true, false] {
        for (depth, mode) in modes.iter().enumerate().rev() {
            let Some(mode) = mode.filter(|m| !m.phrases.is_empty()) else {
                if let Some(found) = free(rules, depth, *mode, body, exact) {
                    return Ok(found);
                }
                continue;
            };
            let line = match expand(rules.grammar().phrases(mode), body, exact) {
                Expanded::Line(line) => line,
                Expanded::Incomplete(line, true) if !whole => line,
                Expanded::Incomplete(..) => {
                    near.get_or_insert(Fault::Incomplete);
                    continue;
                }
                Expanded::Ambiguous => {
                    near.get_or_insert(Fault::Ambiguous);
                    continue;
                }
                Expanded::Invalid(at) => {
                    worst = worst.max(at);
                    continue;
                }
            };
            match rules.canonical(mode, line) {
                Ok(line) => return Ok(Found { depth, mode, line }),
                Err(Fault::Invalid(at)) => worst = worst.max(at),
                Err(other) => return Err(other),
            }
        }
    }
    Err(near.unwrap_or(Fault::Invalid(worst)))
}

/// A block whose language we do not know takes anything the top level does not.
fn free(
    rules: &dyn Rules,
    depth: usize,
    mode: Option<&'static Mode>,
    body: &str,
    exact: bool,
) -> Option<Found> {
    let top = expand(rules.grammar().phrases(rules.grammar().top()), body, exact);
    let ours = matches!(top, Expanded::Invalid(_));
    let mode = mode.unwrap_or(&FREE);
    (ours && exact).then(|| Found {
        depth,
        mode,
        line: body.to_owned(),
    })
}

/// Stands in for the mode of an unknown block.
static FREE: Mode = Mode {
    name: "config-free",
    headers: &[],
    parents: &[],
    phrases: &[],
    slots: &[],
    hidden: &[],
    shown_no: &[],
    order: &[],
    closing: None,
};

fn put(rules: &dyn Rules, edit: &mut Edit<'_>, line: &str, path: &mut Vec<String>) -> Effect {
    let effect = rules.put(edit, line).unwrap_or_else(|| {
        let mode = edit.mode;
        Effect::changed(mode.put(edit.block(), line))
    });
    if !effect.refused && opens(rules, edit, line) {
        path.push(line.to_owned());
    }
    effect
}

fn opens(rules: &dyn Rules, edit: &mut Edit<'_>, line: &str) -> bool {
    let known = rules.grammar().opened(edit.mode, line).is_some();
    known
        || edit
            .block()
            .child(line)
            .is_some_and(|c| !c.children.is_empty())
}

fn withdraw(rules: &dyn Rules, edit: &mut Edit<'_>, line: &str) -> Effect {
    if let Some(effect) = rules.withdraw(edit, line) {
        return effect;
    }
    let mode = edit.mode;
    let block = edit.block();
    let gone = mode.withdraw(block, line);
    let shown = mode.negation(line).is_some_and(|no| {
        let new = !block.has(&no);
        if new {
            mode.insert(block, Node::leaf(no));
        }
        new
    });
    Effect::changed(gone > 0 || shown)
}
