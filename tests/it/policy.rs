//! The example policies: the example routers keep them, and each of them can be broken.

use std::collections::BTreeSet;
use std::path::Path;

use netkeel::config::Document;
use netkeel::model::{Device, FileSet, Finding, Verdict};
use netkeel::policy::{Rule, evaluate, load};

fn rules() -> Vec<Rule> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut files = FileSet::new();
    for entry in std::fs::read_dir(folder).expect("policies/") {
        let entry = entry.expect("a folder entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let content = std::fs::read(entry.path()).expect("a readable file");
        files.insert(format!("policies/{name}"), content);
    }
    load(&files).expect("good packs")
}

fn findings(rules: &[Rule], platform: &str, text: &str) -> Vec<Finding> {
    let dialect = crate::plan::dialect(platform);
    let running = Document::parse(text, &dialect);
    evaluate(rules, &Device::default(), platform, &running, &dialect)
}

/// The rendered example routers with their platforms.
fn examples() -> Vec<(String, &'static str, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/example");
    let entries = std::fs::read_dir(folder).expect("the rendered examples");
    let configurations = entries
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "cfg"));
    configurations
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let frr = text.contains("frr version");
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (name.into_owned(), if frr { "frr" } else { "ios" }, text)
        })
        .collect()
}

#[test]
fn the_example_routers_keep_the_example_policies() {
    let rules = rules();
    let mut seen = BTreeSet::new();
    let mut passed = BTreeSet::new();
    for (name, platform, text) in examples() {
        for finding in findings(&rules, platform, &text) {
            let good = matches!(finding.verdict, Verdict::Pass | Verdict::NotApplicable);
            assert!(good, "{name}: {finding:?}");
            seen.insert(finding.rule.clone());
            if finding.verdict == Verdict::Pass {
                passed.insert(finding.rule);
            }
        }
    }
    assert_eq!(seen.len(), rules.len(), "every rule concerns some example");
    assert_eq!(passed, seen, "every rule applies to some example");
}

#[test]
fn every_example_policy_can_be_broken() {
    let rules = rules();
    let frr = "frr version 8.4.4\nfrr defaults traditional\npassword x\nrouter bgp 65001\n \
               no bgp ebgp-requires-policy\nexit\nend\n";
    let ios = "version 15.9\nenable password x\nip http server\nsnmp-server community x RO\n\
               router bgp 65001\nline vty 0 4\n transport input telnet ssh\nend\n";
    let broken = |platform: &str, text: &str| -> BTreeSet<String> {
        let failed = findings(&rules, platform, text);
        let failed = failed.into_iter().filter(|f| f.verdict == Verdict::Fail);
        failed.map(|f| f.rule).collect()
    };
    let failed: BTreeSet<String> = &broken("frr", frr) | &broken("ios", ios);
    let all: BTreeSet<String> = rules.iter().map(|r| r.id.clone()).collect();
    assert_eq!(failed, all);
}
