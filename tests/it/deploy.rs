//! What is shipped beside the program agrees with it: rules name metrics there are, every
//! alert is tested both ways and explained. (`promtool test rules` itself runs with the
//! peers; these checks need nothing installed.)
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use netkeel::report::catalog;
use serde::Deserialize;

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: Option<String>,
    record: Option<String>,
    expr: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Tests {
    tests: Vec<Story>,
}

#[derive(Deserialize)]
struct Story {
    alert_rule_test: Vec<Expectation>,
}

#[derive(Deserialize)]
struct Expectation {
    alertname: String,
    exp_alerts: Vec<serde_yaml::Value>,
}

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn rules() -> Vec<Rule> {
    let all: Rules = serde_yaml::from_str(&text("deploy/prometheus/netkeel.rules.yml")).unwrap();
    all.groups
        .into_iter()
        .flat_map(|group| group.rules)
        .collect()
}

fn alerts() -> BTreeSet<String> {
    rules().into_iter().filter_map(|rule| rule.alert).collect()
}

#[test]
fn rules_name_only_metrics_there_are() {
    let rules = rules();
    let recorded: BTreeSet<_> = rules.iter().filter_map(|r| r.record.as_deref()).collect();
    let metrics: BTreeSet<_> = catalog::ALL.iter().map(|m| m.name).collect();
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut named = 0;
    for rule in &rules {
        let words = rule
            .expr
            .split(|c| !word(c))
            .filter(|w| w.contains("netkeel"));
        for name in words {
            assert!(
                metrics.contains(name) || recorded.contains(name),
                "{name} in {}",
                rule.expr
            );
            named += 1;
        }
    }
    assert!(named >= alerts().len());
}

#[test]
fn every_alert_is_tested_firing_and_silent() {
    let tests: Tests =
        serde_yaml::from_str(&text("deploy/prometheus/netkeel.rules.test.yml")).unwrap();
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for expected in tests
        .tests
        .into_iter()
        .flat_map(|story| story.alert_rule_test)
    {
        let set = if expected.exp_alerts.is_empty() {
            &mut silent
        } else {
            &mut fires
        };
        set.insert(expected.alertname);
    }
    assert_eq!(fires, alerts());
    assert_eq!(silent, alerts());
}

#[test]
fn every_alert_is_explained_to_its_reader_and_in_the_manual() {
    let manual = text("docs/metrics.md");
    for rule in rules() {
        let name = rule.alert.or(rule.record.clone()).unwrap();
        assert!(
            manual.contains(&format!("| `{name}` |")),
            "docs/metrics.md lacks {name}"
        );
        if rule.record.is_none() {
            let keys: Vec<_> = rule.annotations.keys().map(String::as_str).collect();
            assert_eq!(keys, ["description", "summary"], "{name}");
        }
    }
}
