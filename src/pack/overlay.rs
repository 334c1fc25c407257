//! What differs in the language of some versions or models of one platform.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use globset::Glob;
use serde::Deserialize;

use crate::config::{Dialect, DialectSpec};

/// One overlay as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverlaySpec {
    /// When it holds.
    when: When,
    /// What is laid over the pack's own language.
    pub(super) config: DialectSpec,
}

/// When an overlay holds: everything that is said must be true.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct When {
    /// From this version on.
    since: Option<String>,
    /// Before this version.
    before: Option<String>,
    /// A glob over the model.
    model: Option<String>,
}

impl When {
    fn holds(&self, version: Option<&str>, model: Option<&str>) -> bool {
        let since = self
            .since
            .as_deref()
            .is_none_or(|least| version.is_some_and(|v| parts(v) >= parts(least)));
        let before = self
            .before
            .as_deref()
            .is_none_or(|first| version.is_some_and(|v| parts(v) < parts(first)));
        let model = self.model.as_deref().is_none_or(|glob| {
            let glob = Glob::new(glob).map(|g| g.compile_matcher());
            glob.is_ok_and(|g| model.is_some_and(|m| g.is_match(m)))
        });
        since && before && model
    }
}

/// The numbers in a version: `16.9(3)S` is 16, 9, 3.
fn parts(version: &str) -> Vec<u64> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|n| n.parse().ok())
        .collect()
}

/// All overlays of a pack; what they give is compiled once.
#[derive(Debug, Default)]
pub(super) struct Overlays {
    specs: Vec<OverlaySpec>,
    compiled: Mutex<BTreeMap<Vec<usize>, Arc<Dialect>>>,
}

impl Overlays {
    pub(super) fn new(specs: Vec<OverlaySpec>) -> Self {
        Self {
            specs,
            compiled: Mutex::default(),
        }
    }

    /// The language with every overlay that holds; `None` if there is none.
    pub(super) fn select(
        &self,
        base: &DialectSpec,
        version: Option<&str>,
        model: Option<&str>,
    ) -> Option<Arc<Dialect>> {
        let all = self.specs.iter().enumerate();
        let chosen: Vec<usize> = all
            .filter(|(_, overlay)| overlay.when.holds(version, model))
            .map(|(at, _)| at)
            .collect();
        if chosen.is_empty() {
            return None;
        }
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dialect) = compiled.get(&chosen) {
            return Some(Arc::clone(dialect));
        }
        let spec = chosen.iter().fold(base.clone(), |spec, at| {
            self.specs[*at].config.clone().onto(&spec)
        });
        let dialect = Arc::new(Dialect::compile(&spec).ok()?);
        compiled.insert(chosen, Arc::clone(&dialect));
        Some(dialect)
    }
}

#[cfg(test)]
mod tests {
    use super::{When, parts};

    #[test]
    fn versions_compare_by_their_numbers() {
        assert!(parts("16.9.3") > parts("16.9(1)S"));
        assert!(parts("4.30.1F") < parts("4.31"));
        let when = When {
            since: Some("16.9".to_owned()),
            ..When::default()
        };
        assert!(when.holds(Some("17.3.1"), None));
        assert!(!when.holds(Some("16.6.1"), None));
        assert!(
            !when.holds(None, None),
            "an unknown version selects nothing"
        );
    }
}
