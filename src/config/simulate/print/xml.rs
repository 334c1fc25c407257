//! The replay's configuration as XML.

use std::fmt::Write as _;

use super::{Line, Printer};
use crate::config::simulate::tree::View;
use crate::config::xml::{self, Form, NETCONF, Value};

impl Printer<'_, '_> {
    /// The whole, as a device answers it.
    pub(super) fn document(&mut self) {
        writeln!(self.out, "<data xmlns=\"{NETCONF}\">").expect("writing to a String cannot fail");
        let top = self.tree.view(None);
        self.elements(top, NETCONF, 1);
        self.out.push_str("</data>\n");
    }

    fn elements(&mut self, view: View, space: &str, depth: usize) {
        for line in self.inside(view) {
            self.element(&line, space, depth);
        }
    }

    fn element(&mut self, line: &Line<'_>, space: &str, depth: usize) {
        let models = &self.dialect.models;
        let parts = xml::Line::of(line.info.positive());
        let (uri, local) = models.resolve(parts.name);
        let tag = match uri == space {
            true => local.to_owned(),
            false => format!("{local} xmlns=\"{}\"", xml::escape(uri)),
        };
        self.indent(depth, 2);
        if let Form::Value(raw) = parts.form {
            return self.leaf(&tag, local, raw);
        }
        let keys = if let Form::Keys(keys) = &parts.form {
            keys.as_slice()
        } else {
            &[]
        };
        if keys.is_empty() && self.empty(line.view) {
            writeln!(self.out, "<{tag}/>").expect("writing to a String cannot fail");
            return;
        }
        writeln!(self.out, "<{tag}>").expect("writing to a String cannot fail");
        for (key, raw) in keys {
            self.indent(depth + 1, 2);
            self.leaf(key, key, raw);
        }
        self.elements(line.view, uri, depth + 1);
        self.indent(depth, 2);
        writeln!(self.out, "</{local}>").expect("writing to a String cannot fail");
    }

    /// `tag` may carry attributes.
    fn leaf(&mut self, tag: &str, local: &str, raw: &str) {
        let text = match self.dialect.models.value(raw) {
            Value::Text(text) => format!("<{tag}>{}</{local}>\n", xml::escape(&text)),
            Value::Name {
                prefix,
                uri,
                local: name,
            } => {
                let uri = xml::escape(uri);
                format!("<{tag} xmlns:{prefix}=\"{uri}\">{prefix}:{name}</{local}>\n")
            }
        };
        self.out.push_str(&text);
    }
}
