//! The replay's configuration as text.

mod xml;

use std::fmt::Write as _;

use super::tree::{Tree, View};
use crate::config::dialect::{ContextId, Dialect, RuleId};
use crate::config::document::{Form, NodeId};
use crate::config::lexicon::Info;
use crate::config::spec::{Family, LiteralSpec};

const WRITES: &str = "writing to a String cannot fail";
/// Characters that can delimit a literal.
const MARKS: &[&str] = &["^C", "#", "~", "%", "|", "\u{3}"];

/// The whole, in the form of the base.
pub(super) fn text(tree: &Tree<'_>, dialect: &Dialect, form: Form) -> String {
    let mut printer = Printer {
        tree,
        dialect,
        form,
        out: String::new(),
        head: Vec::new(),
    };
    if dialect.family == Family::Xml {
        printer.document();
        return printer.out;
    }
    printer.wrap();
    printer.view(tree.view(None), 0);
    printer.unwrap();
    printer.out
}

/// One line with what is inside it.
#[derive(Clone, Copy)]
struct Line<'a> {
    info: &'a Info,
    body: Option<&'a str>,
    inactive: bool,
    view: View,
}

struct Printer<'a, 'd> {
    tree: &'a Tree<'d>,
    dialect: &'a Dialect,
    form: Form,
    out: String,
    /// The path so far, where every line is a whole path.
    head: Vec<String>,
}

impl<'a> Printer<'a, '_> {
    fn wrap(&mut self) {
        if let (Form::Blocks, Some(wrapper)) = (self.form, &self.dialect.braces.wrapper) {
            self.out.push_str(wrapper);
            self.out.push_str(" {\n");
        }
    }

    fn unwrap(&mut self) {
        match self.dialect.family {
            Family::Brace if self.form == Form::Blocks && self.dialect.braces.wrapper.is_some() => {
                self.out.push_str("}\n");
            }
            Family::Indent | Family::Grammar if !self.dialect.complete.last.is_empty() => {
                self.out.push_str(&self.dialect.complete.last);
                self.out.push('\n');
            }
            Family::Indent
            | Family::Grammar
            | Family::Brace
            | Family::Edit
            | Family::Xml
            | Family::File => {}
        }
    }

    fn view(&mut self, view: View, depth: usize) {
        for line in self.inside(view) {
            self.line(&line, depth);
        }
    }

    /// The lines below an entry.
    fn inside(&self, view: View) -> Vec<Line<'a>> {
        let tree = self.tree;
        match view {
            View::Nothing => Vec::new(),
            View::Node(node) => {
                let ids = tree.document.commands(Some(node)).iter();
                ids.filter_map(|id| self.node(*id)).collect()
            }
            View::Block(block) => {
                let ids = tree.lines(block);
                ids.map(|id| {
                    let entry = tree.entry(id);
                    Line {
                        info: &entry.info,
                        body: entry.body.as_deref(),
                        inactive: entry.inactive,
                        view: tree.view(Some(id)),
                    }
                })
                .collect()
            }
        }
    }

    fn node(&self, id: NodeId) -> Option<Line<'a>> {
        let document = self.tree.document;
        let view = if document.commands(Some(id)).is_empty() {
            View::Nothing
        } else {
            View::Node(id)
        };
        Some(Line {
            info: document.info(id)?,
            body: document.literal(id),
            inactive: document.raw(id).inactive,
            view,
        })
    }

    fn empty(&self, view: View) -> bool {
        match view {
            View::Nothing => true,
            View::Node(node) => self.tree.document.commands(Some(node)).is_empty(),
            View::Block(block) => self.tree.lines(block).next().is_none(),
        }
    }

    fn line(&mut self, line: &Line<'_>, depth: usize) {
        match (self.dialect.family, self.form) {
            (Family::Brace, Form::Paths) => self.path(line),
            (Family::Brace, Form::Blocks) => self.braced(line, depth),
            (Family::Edit, _) => self.edited(line, depth),
            (Family::Indent | Family::Grammar | Family::Xml | Family::File, _) => {
                self.indented(line, depth);
            }
        }
    }

    fn path(&mut self, line: &Line<'_>) {
        self.head.push(line.info.command.to_string());
        let path = self.head.join(" ");
        let braces = &self.dialect.braces;
        if self.empty(line.view) {
            writeln!(self.out, "{} {path}", braces.set).expect(WRITES);
        }
        if let (true, Some(word)) = (line.inactive, &braces.deactivate) {
            writeln!(self.out, "{word} {path}").expect(WRITES);
        }
        self.view(line.view, 0);
        self.head.pop();
    }

    fn indent(&mut self, depth: usize, step: usize) {
        self.out.extend(std::iter::repeat_n(' ', depth * step));
    }

    fn braced(&mut self, line: &Line<'_>, depth: usize) {
        self.indent(depth, 4);
        if line.inactive {
            self.out.push_str("inactive: ");
        }
        self.out.push_str(&line.info.command);
        // Levels of one word are joined.
        let mut view = line.view;
        let mut generic = line.info.rule == RuleId::GENERIC && self.dialect.braces.paths;
        while generic {
            let [child] = self.inside(view)[..] else {
                break;
            };
            if child.inactive {
                break;
            }
            self.out.push(' ');
            self.out.push_str(&child.info.command);
            view = child.view;
            generic = child.info.rule == RuleId::GENERIC;
        }
        if self.empty(view) {
            if let Some(end) = self.dialect.braces.end {
                self.out.push(char::from(end));
            }
            self.out.push('\n');
            return;
        }
        self.out.push_str(" {\n");
        self.view(view, depth + 1);
        self.indent(depth, 4);
        self.out.push_str("}\n");
    }

    fn edited(&mut self, line: &Line<'_>, depth: usize) {
        self.indent(depth, 4);
        self.out.push_str(&line.info.command);
        self.out.push('\n');
        let closes = match line.info.command.split(' ').next() {
            Some("config") => "end\n",
            Some("edit") => "next\n",
            _ => return,
        };
        self.view(line.view, depth + 1);
        self.indent(depth, 4);
        self.out.push_str(closes);
    }

    fn indented(&mut self, line: &Line<'_>, depth: usize) {
        self.indent(depth, 1);
        self.out.push_str(&line.info.command);
        if let Some(body) = line.body {
            self.literal(line.info, body);
        }
        self.out.push('\n');
        self.view(line.view, depth + 1);
        let inside = line.info.opens.filter(|_| self.dialect.climbs());
        if let Some(inside) = inside.filter(|c| *c != ContextId::UNKNOWN) {
            self.indent(depth, 1);
            self.out.push_str(self.dialect.exit_line(inside));
            self.out.push('\n');
        }
    }

    fn literal(&mut self, info: &Info, body: &str) {
        let rule = self.dialect.rule(info.rule);
        let spec = rule.and_then(|r| r.literal.as_ref());
        if let Some(LiteralSpec::Until(last)) = spec {
            self.out.push('\n');
            self.out.push_str(body);
            self.out.push_str(last);
            return;
        }
        let mark = MARKS
            .iter()
            .find(|m| !body.contains(**m))
            .unwrap_or(&"\u{3}");
        self.out.push(' ');
        self.out.push_str(mark);
        self.out.push_str(body);
        self.out.push_str(mark);
    }
}
