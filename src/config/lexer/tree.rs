//! Statements of a platform whose configuration is a tree of words: each path goes from the
//! top through the levels the dialect knows, one word a level where it knows none.

use crate::config::build::{Builder, Extent};
use crate::config::dialect::ContextId;
use crate::config::document::{NodeId, NodeKind, ROOT};
use crate::config::index::Index;
use crate::config::pattern;

/// More levels than any platform has in one path.
const MAX_LEVELS: usize = 40;

/// The tree's nodes by parent and line.
#[derive(Default)]
pub(super) struct Trunk {
    index: Index,
}

impl Trunk {
    /// Goes down from `at` along the words of `line`, adding what is not there yet. The last
    /// first of them and the last; `at` itself where there are no words.
    pub(super) fn descend(
        &mut self,
        out: &mut Builder<'_, '_>,
        at: Option<NodeId>,
        line: &str,
        extent: Extent,
    ) -> (Option<NodeId>, Option<NodeId>) {
        let mut first = None;
        let mut words = Vec::new();
        pattern::quoted_words(line, &mut words);
        let mut at = at;
        let mut depth = 0;
        let mut rest = words.as_slice();
        while !rest.is_empty() {
            let context = at.map_or(ContextId::TOP, |id| out.inside(id));
            let (count, stays) = out.dialect.stride(context, rest);
            let (own, others) = rest.split_at(count);
            let text = pattern::span_of(line, own);
            let id = self.child(out, at, context, text, own, extent);
            first = first.or(Some(id));
            at = if stays { at } else { Some(id) };
            depth += 1;
            rest = others;
            if depth >= MAX_LEVELS && !rest.is_empty() {
                // Nobody nests so deep: what is left is one word.
                let text = pattern::span_of(line, rest);
                let id = self.child(out, at, ContextId::UNKNOWN, text, rest, extent);
                return (first, Some(id));
            }
        }
        (first, at)
    }

    /// As [`Self::descend`]; the last level is one that must not be there.
    pub(super) fn demand_absence(
        &mut self,
        out: &mut Builder<'_, '_>,
        at: Option<NodeId>,
        line: &str,
        extent: Extent,
    ) {
        let mut words = Vec::new();
        pattern::quoted_words(line, &mut words);
        let mut at = at;
        let mut rest = words.as_slice();
        while !rest.is_empty() {
            let context = at.map_or(ContextId::TOP, |id| out.inside(id));
            let count = out.dialect.step(context, rest);
            let (own, others) = rest.split_at(count);
            let text = pattern::span_of(line, own);
            if others.is_empty() {
                let negator = out.dialect.negators.first().map_or("delete", |n| &**n);
                let negated = format!("{negator} {text}");
                let mut own = Vec::new();
                pattern::quoted_words(&negated, &mut own);
                self.child(out, at, context, &negated, &own, extent);
                return;
            }
            at = Some(self.child(out, at, context, text, own, extent));
            rest = others;
        }
    }

    fn child(
        &mut self,
        out: &mut Builder<'_, '_>,
        parent: Option<NodeId>,
        context: ContextId,
        text: &str,
        words: &[&str],
        extent: Extent,
    ) -> NodeId {
        let line = out.line(context, text, words);
        let key = (u128::from(parent.map_or(ROOT, |p| p.0)) << 32) | u128::from(line.0);
        // Spread over the table: neighbours differ in their low bits only.
        let key = key.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        if let Some(known) = self.index.get(key) {
            return NodeId(known);
        }
        let id = out.command(line, parent, extent);
        self.index.enter(key, id.0);
        id
    }
}

/// A statement the dialect calls noise, wherever it stands.
pub(super) fn noise(
    out: &mut Builder<'_, '_>,
    parent: Option<NodeId>,
    line: &str,
    extent: Extent,
) -> Option<NodeId> {
    let mut words = Vec::new();
    pattern::quoted_words(line, &mut words);
    let hit = out.dialect.noise.find(&words)?;
    let dialect = out.dialect;
    let (reason, top) = &dialect.noise_reasons[hit.rule as usize];
    (!top || parent.is_none()).then(|| out.noise(reason, parent, extent))
}

/// A node that could not be understood.
pub(super) fn error(out: &mut Builder<'_, '_>, parent: Option<NodeId>, extent: Extent) {
    out.trivia(NodeKind::Error, parent, extent);
}
