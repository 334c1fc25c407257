//! One rule on one device's running configuration.

use super::pattern::Pattern;
use super::{AbsentBlock, Matcher, Place, Rule, builtin};
use crate::config::{Dialect, Document, NodeId, NodeKind};
use crate::model::{Device, Finding, Verdict};

/// Evaluates all rules that concern a device, in the order of their ids. `platform` is the
/// pack's name. A configuration that is not complete makes every rule unknown: a missing
/// line proves nothing then. The built-in rules are about the inventory and always hold.
#[must_use]
pub fn evaluate(
    rules: &[Rule],
    device: &Device,
    platform: &str,
    running: &Document,
    _dialect: &Dialect,
) -> Vec<Finding> {
    match running.complete() {
        Ok(()) => evaluate_intended(rules, device, platform, running),
        Err(why) => sorted(rules, device, platform, |rule| {
            let message = format!("no complete data: {why}");
            finding(rule, Verdict::Unknown, None, &message)
        }),
    }
}

/// The same on an intended configuration: that is all there is, whether or not it ends as a
/// device ends what it shows.
#[must_use]
pub fn evaluate_intended(
    rules: &[Rule],
    device: &Device,
    platform: &str,
    intended: &Document,
) -> Vec<Finding> {
    sorted(rules, device, platform, |rule| judge(rule, intended))
}

fn sorted(
    rules: &[Rule],
    device: &Device,
    platform: &str,
    verdict: impl Fn(&Rule) -> Finding,
) -> Vec<Finding> {
    let concerned = rules.iter().filter(|rule| rule.concerns(device, platform));
    let mut findings: Vec<Finding> = concerned.map(verdict).collect();
    findings.extend(builtin::findings(device));
    findings.sort_by(|a, b| a.rule.cmp(&b.rule));
    findings
}

fn finding(rule: &Rule, verdict: Verdict, place: Option<String>, message: &str) -> Finding {
    Finding {
        rule: rule.id.clone(),
        severity: rule.severity,
        verdict,
        message: message.to_owned(),
        place,
    }
}

fn judge(rule: &Rule, running: &Document) -> Finding {
    let (path, together) = match &rule.place {
        Place::Top => {
            let fault = fault(rule, running, &[running.roots()]);
            return conclude(rule, fault.map(|f| (String::new(), f)), 0);
        }
        Place::ForEach(path) => (path, false),
        Place::In(path) => (path, true),
    };
    let blocks = blocks(running, path);
    if blocks.is_empty() {
        return absent(rule, path);
    }
    let lists: Vec<&[NodeId]> = blocks
        .iter()
        .map(|(id, _)| running.node(*id).children)
        .collect();
    if together {
        let fault = fault(rule, running, &lists);
        return conclude(rule, fault.map(|f| (blocks[0].1.clone(), f)), 0);
    }
    let mut broken = blocks.iter().zip(&lists).filter_map(|((_, header), list)| {
        fault(rule, running, &[list]).map(|f| (header.to_owned(), f))
    });
    let first = broken.next();
    let more = broken.count();
    conclude(rule, first, more)
}

fn absent(rule: &Rule, path: &[Pattern]) -> Finding {
    let wanted: Vec<&str> = path.iter().map(Pattern::as_str).collect();
    let why = format!("no block matches `{}`", wanted.join("` in `"));
    match rule.absent_block {
        AbsentBlock::Pass => finding(rule, Verdict::Pass, None, &why),
        AbsentBlock::NotApplicable => finding(rule, Verdict::NotApplicable, None, &why),
        AbsentBlock::Fail => finding(
            rule,
            Verdict::Fail,
            None,
            &format!("{} ({why})", rule.message),
        ),
    }
}

/// A finding from the first broken block, if any, and how many more are broken.
fn conclude(rule: &Rule, broken: Option<(String, String)>, more: usize) -> Finding {
    let Some((place, fault)) = broken else {
        return finding(rule, Verdict::Pass, None, &rule.message);
    };
    let others = match more {
        0 => String::new(),
        1 => "; one more block fails".to_owned(),
        n => format!("; {n} more blocks fail"),
    };
    let message = format!("{} ({fault}{others})", rule.message);
    let place = (!place.is_empty()).then_some(place);
    finding(rule, Verdict::Fail, place, &message)
}

/// What is wrong with these lists of lines taken together, if anything.
fn fault(rule: &Rule, running: &Document, lists: &[&[NodeId]]) -> Option<String> {
    let hit = |matcher: &Matcher| {
        lists
            .iter()
            .flat_map(|list| list.iter())
            .find_map(|id| matched(running, *id, matcher))
    };
    if let Some(missing) = rule.require.iter().find(|m| hit(m).is_none()) {
        return Some(format!("missing {missing}"));
    }
    rule.forbid
        .iter()
        .find_map(|m| hit(m).map(|line| format!("found `{line}`")))
}

/// The command of a node, if it is one and fits.
fn matched<'d>(running: &'d Document, id: NodeId, matcher: &Matcher) -> Option<&'d str> {
    let node = running.node(id);
    let counts = match node.kind {
        NodeKind::Block => true,
        NodeKind::Command | NodeKind::Literal => !matcher.block,
        NodeKind::Comment
        | NodeKind::Separator
        | NodeKind::Terminator
        | NodeKind::Noise
        | NodeKind::Error => false,
    };
    (counts && matcher.pattern.is_match(node.command)).then_some(node.command)
}

/// The blocks at the end of a path of header patterns, each with its headers as a place.
fn blocks(running: &Document, path: &[Pattern]) -> Vec<(NodeId, String)> {
    let mut found: Vec<(NodeId, String)> = Vec::new();
    for (depth, pattern) in path.iter().enumerate() {
        let candidates: Vec<(NodeId, String)> = if depth == 0 {
            children(running, running.roots(), "")
        } else {
            found
                .iter()
                .flat_map(|(id, place)| children(running, running.node(*id).children, place))
                .collect()
        };
        found = candidates
            .into_iter()
            .filter(|(id, _)| pattern.is_match(running.node(*id).command))
            .collect();
    }
    found
}

/// The blocks among some nodes; `place` is what their headers are appended to.
fn children(running: &Document, nodes: &[NodeId], place: &str) -> Vec<(NodeId, String)> {
    nodes
        .iter()
        .filter(|id| running.node(**id).kind == NodeKind::Block)
        .map(|id| {
            let header = &running.node(*id).command;
            let joined = if place.is_empty() {
                (*header).to_owned()
            } else {
                format!("{place} / {header}")
            };
            (*id, joined)
        })
        .collect()
}
