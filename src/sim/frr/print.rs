//! How FRR prints a configuration, and how it reads one.

use std::fmt::Write as _;

use super::super::configure::type_line;
use super::super::grammar::Mode;
use super::super::tree::{Node, is_terminator};
use super::grammar::FRR;
use super::rules::FrrRules;

/// Reads a text the way `vtysh -b` does: by typing it. A line no mode knows is kept where
/// its indentation puts it, so that any real file can be simulated.
pub(in crate::sim) fn read(text: &str) -> Node {
    let mut root = Node::default();
    let mut path: Vec<String> = Vec::new();
    for line in text.lines() {
        let body = line.trim();
        let header = body.starts_with("Building conf") || body.starts_with("Current conf");
        if body.is_empty() || body.starts_with('!') || body == "end" || header {
            continue;
        }
        let inside = line.starts_with(' ');
        if !inside && !is_terminator(body) {
            path.clear();
        }
        let effect = type_line(&FrrRules, &mut root, &mut path, body);
        if effect.refused {
            let at: &[String] = if inside { &path } else { &[] };
            if let Some(block) = root.at_mut(at) {
                block.children.push(Node::leaf(body));
            }
        }
    }
    if root.value_of("frr version").is_none() {
        for line in [
            "frr version 8.4.4",
            "frr defaults traditional",
            "service integrated-vtysh-config",
        ] {
            FRR.top().put(&mut root, line);
        }
    }
    root
}

/// The configuration from the first `!` to before `end`.
pub(in crate::sim) fn body(root: &Node) -> String {
    let mut out = String::from("!\n");
    let mut last: Option<usize> = None;
    let top = FRR.top();
    // The first groups are printed without a separator between them.
    let head = top.rank("agentx");
    for node in &root.children {
        let rank = top.rank(&node.text);
        let mode = FRR.opened(top, &node.text);
        let silent = node.text.starts_with("interface ") || node.text == "line vty";
        if silent && node.children.is_empty() {
            continue;
        }
        if last.is_some_and(|l| l != rank && (l > head || rank > head)) && !out.ends_with("!\n") {
            out.push_str("!\n");
        }
        print(&mut out, node, Some(top), 0);
        if mode.is_some() {
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
    let mode = parent.and_then(|p| FRR.opened(p, &node.text));
    if node.text.starts_with("address-family ") {
        if node.children.is_empty() {
            return;
        }
        let _unused = writeln!(out, "{:depth$}!", "");
    }
    let _unused = writeln!(out, "{:depth$}{}", "", node.text);
    for child in &node.children {
        print(out, child, mode, depth + 1);
    }
    if let Some(closing) = mode.and_then(|m| m.closing) {
        let _unused = writeln!(out, "{:depth$}{closing}", "");
    }
}
