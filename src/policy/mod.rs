//! Rules x configuration -> findings. Pure.
//!
//! A policy pack is a YAML file under `policies/`. The first kind of rule lives here: a
//! line or a block must, or must not, be there. Everything a rule can say is closed data
//! (anchored linear-time regexes over canonical command lines), so evaluating one cannot
//! run long, use much memory or fail. Rules that run code (`when`, `assert`, templates)
//! belong to the evaluator's child process and are refused here by name.
//!
//! ```text
//! files --yaml--> positions kept --load--> Rule --evaluate(running)--> Finding
//! ```

mod builtin;
mod conditions;
mod evaluate;
mod fields;
mod load;
mod pattern;
mod yaml;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use builtin::PLAIN_SECRET;
pub use evaluate::{evaluate, evaluate_intended};
pub use load::{CompileFilter, load, load_with};

use crate::model::{Device, Diagnostic, Position, Severity};
use pattern::Pattern;

/// Decides whether a rule's `filter` picks a device. Compiled by whoever owns the filter
/// language (`intent::Filter`), which this module may not know.
#[derive(Clone)]
pub struct Selector(Arc<dyn Fn(&Device) -> bool + Send + Sync>);

impl Selector {
    /// Wraps a decision.
    pub fn new(decide: impl Fn(&Device) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }

    /// What the filter says of a device.
    #[must_use]
    pub fn picks(&self, device: &Device) -> bool {
        (self.0)(device)
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Selector(..)")
    }
}

/// A loaded rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable name, unique over all packs.
    pub id: String,
    /// One sentence for people.
    pub title: String,
    /// How bad a failure is.
    pub severity: Severity,
    /// Benchmark references as (scheme, id), in written order.
    pub refs: Vec<(String, String)>,
    /// `metadata.name` of the pack.
    pub pack: String,
    /// What to do about a failure.
    pub message: String,
    /// Where the rule starts.
    pub at: Position,
    /// Things that work but should be written otherwise.
    pub warnings: Vec<Diagnostic>,
    select: Select,
    place: Place,
    absent_block: AbsentBlock,
    require: Vec<Matcher>,
    forbid: Vec<Matcher>,
}

/// Which devices a rule concerns; empty lists and `None` concern all.
#[derive(Clone, Debug, Default)]
struct Select {
    platforms: Vec<String>,
    groups: Vec<String>,
    filter: Option<Selector>,
}

/// Where a rule looks.
#[derive(Clone, Debug, Default)]
enum Place {
    /// The lines outside every block.
    #[default]
    Top,
    /// Each matching block must satisfy the rule by itself.
    ForEach(Vec<Pattern>),
    /// All matching blocks together must satisfy it.
    In(Vec<Pattern>),
}

/// What a rule about blocks says when there is no such block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum AbsentBlock {
    Fail,
    Pass,
    #[default]
    NotApplicable,
}

/// One thing to look for.
#[derive(Clone, Debug)]
struct Matcher {
    /// Only a command that opens a block counts.
    block: bool,
    pattern: Pattern,
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.block { "block" } else { "line" };
        write!(f, "{what} `{}`", self.pattern.as_str())
    }
}

impl Rule {
    /// True when the rule concerns this device. `platform` is the pack's name.
    #[must_use]
    pub fn concerns(&self, device: &Device, platform: &str) -> bool {
        let written = device.platform.as_deref().unwrap_or(platform);
        let select = &self.select;
        let platform_fits = select.platforms.is_empty()
            || select
                .platforms
                .iter()
                .any(|p| p == platform || p == written);
        let group_fits =
            select.groups.is_empty() || select.groups.iter().any(|g| device.all_groups.contains(g));
        platform_fits && group_fits && select.filter.as_ref().is_none_or(|f| f.picks(device))
    }
}
