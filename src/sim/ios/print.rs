//! How IOS prints a configuration, and how it reads one when it starts.

use std::fmt::Write as _;

use super::super::grammar::Mode;
use super::super::model::Model;
use super::super::tree::{Node, Until};
use super::acl;
use super::grammar::IOS;

/// Reads a startup configuration and sorts it the way it will be printed.
pub(in crate::sim) fn read(text: &str, sequences: bool) -> Node {
    let mut root = Node::read(text, literal);
    IOS.top().sort(&mut root);
    arrange(&mut root, IOS.top());
    if sequences {
        let lists = root
            .children
            .iter_mut()
            .filter(|c| c.text.starts_with("ip access-list "));
        for list in lists {
            acl::number_all(list);
        }
    }
    root
}

fn arrange(block: &mut Node, mode: &'static Mode) {
    for child in &mut block.children {
        if let Some(inner) = IOS.opened(mode, &child.text)
            && !child.children.is_empty()
            && !inner.name.ends_with("nacl")
        {
            inner.sort(child);
            arrange(child, inner);
        }
    }
}

fn literal(line: &str) -> Option<Until> {
    if line.starts_with("certificate ") {
        return Some(Until::Line("quit"));
    }
    let mut words = line.strip_prefix("banner ")?.splitn(2, ' ');
    words.next()?;
    let text = words.next()?;
    let delimiter = if text.starts_with("^C") {
        "^C".to_owned()
    } else {
        text.chars().next()?.to_string()
    };
    Some(Until::Delimiter(delimiter))
}

/// The configuration from the first `!` to before `end`.
pub(in crate::sim) fn body(root: &Node) -> String {
    let mut out = String::from("!\n");
    let mut last: Option<usize> = None;
    let top = IOS.top();
    for node in &root.children {
        let rank = top.rank(&node.text);
        let block = IOS.opened(top, &node.text).is_some() || !node.children.is_empty();
        if last.is_some_and(|l| l != rank) && !out.ends_with("!\n") {
            out.push_str("!\n");
        }
        print(&mut out, node, Some(top), 0);
        if block {
            out.push_str("!\n");
        }
        last = Some(rank);
    }
    if !out.ends_with("!\n") {
        out.push_str("!\n");
    }
    out
}

fn print(out: &mut String, node: &Node, parent: Option<&'static Mode>, depth: usize) {
    let mode = parent.and_then(|p| IOS.opened(p, &node.text));
    let closing = mode.and_then(|m| m.closing);
    if closing.is_some() {
        let _unused = writeln!(out, "{:depth$}!", "");
    }
    let _unused = writeln!(out, "{:depth$}{}", "", node.text);
    for child in &node.children {
        print(out, child, mode, depth + 1);
    }
    if let Some(closing) = closing {
        let _unused = writeln!(out, "{:depth$}{closing}", "");
    }
}

/// What `write memory` stores.
pub(in crate::sim) fn startup(model: &mut Model) -> String {
    format!("{}end\n", model.body())
}
