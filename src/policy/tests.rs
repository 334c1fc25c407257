use super::*;
use crate::config::{DialectSpec, Document};
use crate::model::{Credential, FileSet, Finding, SecretText, Verdict};

const HEAD: &str = "apiVersion: netkeel.dev/v1\nkind: PolicyPack\nmetadata: {name: test}\nrules:\n";

fn files(text: &str) -> FileSet {
    let mut files = FileSet::new();
    files.insert("policies/test.yaml", text);
    files.insert("policies/README.md", "not a pack");
    files
}

fn rules(body: &str) -> Vec<Rule> {
    load(&files(&format!("{HEAD}{body}"))).expect("a good pack")
}

/// The first line of `body` is line 5 of the file.
fn faults(body: &str) -> Vec<String> {
    let faults = load(&files(&format!("{HEAD}{body}"))).expect_err("a bad pack");
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_full_rule_loads_with_everything_it_says() {
    let rules = rules(
        "- id: vty\n  title: SSH only\n  severity: high\n  refs: [{cis: 1.2.2}, {nist: AC-17}]\n  \
         select: {platform: [ios, frr], groups: core}\n  for_each: {block: '^line vty'}\n  \
         require: [{line: '^transport input ssh$'}]\n  forbid: [{line: 'telnet'}]\n  message: mend it\n",
    );
    let rule = &rules[0];
    assert_eq!(rule.id, "vty");
    assert_eq!(rule.severity, Severity::High);
    assert_eq!(rule.pack, "test");
    assert_eq!(rule.refs[0], ("cis".to_owned(), "1.2.2".to_owned()));
    assert_eq!(rule.at.to_string(), "policies/test.yaml:5:3");
    assert_eq!(rule.warnings.len(), 1, "one loose pattern");
    assert!(rule.warnings[0].to_string().contains("not anchored"));
}

#[test]
fn unknown_keys_are_refused_at_their_place() {
    let faults = faults("- id: a\n  requires: [{line: '^x'}]\n  require: [{line: '^x'}]\n");
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0].starts_with("policies/test.yaml:6:3: unknown key `requires`"),
        "{faults:?}"
    );
}

#[test]
fn parts_of_the_language_that_come_later_are_named() {
    let faults = faults("- id: a\n  assert: 'x'\n  require: [{line: '^x'}]\n");
    assert!(faults[0].contains("not in this version"), "{faults:?}");
}

#[test]
fn every_fault_of_a_file_is_reported() {
    let faults = faults(
        "- id: a\n  severity: bad\n  require: [{line: '^('}]\n- title: no id\n  forbid: []\n\
         - id: c\n  for_each: {block: '^x'}\n  in: '^y'\n  require: [{line: '^x', block: '^y'}]\n",
    );
    let expected = [
        "policies/test.yaml:6:13: `bad` is not a severity",
        "policies/test.yaml:7:20: `line`: not a usable regular expression: unclosed group",
        "policies/test.yaml:8:3: `id` is missing",
        "policies/test.yaml:10:3: a rule has either `for_each` or `in`, not both",
        "policies/test.yaml:13:13: an entry has either `line` or `block`",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault} / {expected}");
    }
}

#[test]
fn broken_yaml_names_line_and_column() {
    let text = "apiVersion: netkeel.dev/v1\nrules: [a, {b: ]\n";
    let faults = load(&files(text)).expect_err("broken");
    let at = faults[0].at.as_ref().expect("a place");
    assert_eq!((at.file.as_str(), at.line), ("policies/test.yaml", 2));
    assert!(faults[0].message.starts_with("not valid YAML"));
}

#[test]
fn wrong_headers_are_refused() {
    for (text, want) in [
        (
            "kind: PolicyPack\n",
            "`apiVersion: netkeel.dev/v1` is missing",
        ),
        (
            "apiVersion: v2\nkind: PolicyPack\n",
            "`apiVersion` must be `netkeel.dev/v1`, not `v2`",
        ),
        (
            "apiVersion: netkeel.dev/v1\nkind: Pod\n",
            "`kind` must be `PolicyPack`, not `Pod`",
        ),
        (
            "apiVersion: netkeel.dev/v1\nkind: PolicyPack\nmetadata: {name: x}\n",
            "`rules` is missing",
        ),
        ("- a\n", "a policy pack must be a mapping, not a list"),
    ] {
        let faults = load(&files(text)).expect_err(text);
        assert!(
            faults.iter().any(|f| f.message.contains(want)),
            "{text}: {faults:?}"
        );
    }
}

#[test]
fn aliases_and_duplicate_keys_are_refused() {
    let alias = faults("- &a {id: a, require: [{line: '^x'}]}\n- *a\n");
    assert!(alias[0].contains("anchors, aliases and tags"), "{alias:?}");
    let twice = faults("- id: a\n  id: b\n  require: [{line: '^x'}]\n");
    assert!(
        twice[0].contains("key `id` is given twice (first on line 5)"),
        "{twice:?}"
    );
}

#[test]
fn a_rule_id_is_unique_over_all_packs() {
    let mut files = files(&format!("{HEAD}- id: a\n  forbid: [{{line: '^x'}}]\n"));
    let second = format!("{HEAD}- id: a\n  forbid: [{{line: '^y'}}]\n");
    files.insert("policies/zz/other.yml", second);
    let faults = load(&files).expect_err("twice");
    assert_eq!(
        faults[0].to_string(),
        "policies/zz/other.yml:5:7: rule `a` is defined twice (first at policies/test.yaml:5:3)"
    );
}

#[test]
fn bytes_that_are_not_text_are_a_fault_of_that_file() {
    let mut files = FileSet::new();
    files.insert("policies/x.yaml", b"a: b\nc: \xff\n".to_vec());
    let faults = load(&files).expect_err("not text");
    assert_eq!(
        faults[0].to_string(),
        "policies/x.yaml:2:4: the file is not UTF-8 text"
    );
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let text = format!("rules: {}", "[".repeat(50_000));
    let faults = load(&files(&text)).expect_err("deep");
    assert!(faults[0].message.contains("nested too deeply") || faults[0].message.contains("YAML"));
}

#[test]
fn a_filter_needs_its_language() {
    let body = "- id: a\n  select: {filter: 'site=lon'}\n  forbid: [{line: '^x'}]\n";
    assert!(faults(body)[0].starts_with("policies/test.yaml:6:20: filter cannot be used"));
    let by_name = |text: &str| {
        let name = text.trim_start_matches("site=").to_owned();
        Ok(Selector::new(move |d| d.name == name))
    };
    let rules = load_with(&files(&format!("{HEAD}{body}")), &by_name).expect("good");
    let device = |name: &str| Device {
        name: name.to_owned(),
        ..Device::default()
    };
    assert!(rules[0].concerns(&device("lon"), "ios"));
    assert!(!rules[0].concerns(&device("par"), "ios"));
}

#[test]
fn platform_and_groups_select() {
    let rules = rules(
        "- id: a\n  select: {platform: ios, groups: [edge, core]}\n  forbid: [{line: '^x'}]\n",
    );
    let device = Device {
        all_groups: vec!["lab".into(), "core".into()],
        platform: Some("cisco_ios".into()),
        ..Device::default()
    };
    assert!(rules[0].concerns(&device, "ios"));
    assert!(!rules[0].concerns(&device, "frr"));
    assert!(!rules[0].concerns(&Device::default(), "ios"));
}

#[test]
fn the_example_packs_load_without_a_warning() {
    let mut files = FileSet::new();
    for name in ["frr-baseline.yaml", "ios-baseline.yaml"] {
        let path = format!("{}/policies/{name}", env!("CARGO_MANIFEST_DIR"));
        files.insert(format!("policies/{name}"), std::fs::read(path).unwrap());
    }
    let rules = load(&files).expect("good packs");
    assert!(rules.len() >= 8);
    assert!(
        rules
            .iter()
            .all(|r| r.warnings.is_empty() && !r.message.is_empty())
    );
}

// ---- evaluation -------------------------------------------------------------------------

/// What of a pack these tests need.
#[derive(serde::Deserialize)]
struct PackFile {
    config: DialectSpec,
}

fn dialect() -> crate::config::Dialect {
    let pack: PackFile =
        serde_yaml::from_str(include_str!("../pack/packs/ios.yaml")).expect("a built-in pack");
    crate::config::Dialect::compile(&pack.config).expect("a built-in dialect")
}

const IOS: &str = "version 15.7\n!\nhostname r1\nservice password-encryption\n!\ninterface GigabitEthernet0/0\n \
description core\n ip address 10.0.0.1 255.255.255.0\n!\nrouter bgp 65001\n bgp log-neighbor-changes\n \
neighbor 10.0.0.2 remote-as 65002\n !\n address-family ipv4\n  neighbor 10.0.0.2 activate\n \
exit-address-family\n!\nline con 0\nline vty 0 4\n transport input ssh\nline vty 5 15\n \
transport input telnet ssh\nline vty 16\n transport input all\n!\nend\n";

/// The verdict of one rule on a configuration, with its place and message.
fn verdict_on(config: &str, body: &str) -> Finding {
    let dialect = dialect();
    let document = Document::parse(config, &dialect);
    let rules = rules(&format!("- id: r\n  message: mend it\n{body}"));
    let mut findings = evaluate(&rules, &Device::default(), "ios", &document, &dialect);
    assert_eq!(findings.len(), 1, "one finding per rule");
    findings.remove(0)
}

fn verdict(body: &str) -> Finding {
    verdict_on(IOS, body)
}

#[test]
fn top_level_lines_are_required_and_forbidden() {
    let pass =
        verdict("  require: [{line: '^hostname \\S+$'}]\n  forbid: [{line: '^ip http server$'}]\n");
    assert_eq!(pass.verdict, Verdict::Pass);
    assert_eq!(pass.severity, Severity::Medium);
    let missing = verdict("  require: [{line: '^ntp server '}]\n");
    assert_eq!(missing.verdict, Verdict::Fail);
    assert_eq!(missing.message, "mend it (missing line `^ntp server `)");
    let found = verdict("  forbid: [{line: '^hostname '}]\n");
    assert_eq!(found.message, "mend it (found `hostname r1`)");
}

#[test]
fn lines_inside_blocks_are_not_top_level_lines() {
    let inside = verdict("  forbid: [{line: '^description '}]\n");
    assert_eq!(inside.verdict, Verdict::Pass);
    let deeper = verdict(
        "  for_each: {block: '^router bgp '}\n  forbid: [{line: '^neighbor \\S+ activate$'}]\n",
    );
    assert_eq!(
        deeper.verdict,
        Verdict::Pass,
        "that line is in the address family"
    );
    let path = verdict(
        "  for_each: {block: ['^router bgp ', '^address-family ']}\n  \
         forbid: [{line: '^neighbor \\S+ activate$'}]\n",
    );
    assert_eq!(path.verdict, Verdict::Fail);
    assert_eq!(
        path.place.as_deref(),
        Some("router bgp 65001 / address-family ipv4")
    );
}

#[test]
fn each_block_must_hold_and_the_first_that_fails_is_the_place() {
    let finding =
        verdict("  for_each: {block: '^line vty'}\n  require: [{line: '^transport input ssh$'}]\n");
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(finding.place.as_deref(), Some("line vty 5 15"));
    assert_eq!(
        finding.message,
        "mend it (missing line `^transport input ssh$`; one more block fails)"
    );
}

#[test]
fn blocks_taken_together_need_the_line_once() {
    let together = verdict("  in: '^line vty'\n  require: [{line: '^transport input ssh$'}]\n");
    assert_eq!(together.verdict, Verdict::Pass);
    let forbidden = verdict("  in: '^line vty'\n  forbid: [{line: '^transport input all$'}]\n");
    assert_eq!(forbidden.verdict, Verdict::Fail);
}

#[test]
fn a_block_matcher_counts_only_blocks() {
    let block = verdict("  require: [{block: '^interface GigabitEthernet0/0$'}]\n");
    assert_eq!(block.verdict, Verdict::Pass);
    let line = verdict("  require: [{block: '^hostname r1$'}]\n");
    assert_eq!(line.verdict, Verdict::Fail);
}

#[test]
fn without_the_block_the_rule_says_what_it_wants() {
    let body = "  for_each: {block: '^router isis'}\n  require: [{line: '^net '}]\n";
    assert_eq!(verdict(body).verdict, Verdict::NotApplicable);
    let with = |what: &str| verdict(&format!("{body}  absent_block: {what}\n")).verdict;
    assert_eq!(with("fail"), Verdict::Fail);
    assert_eq!(with("pass"), Verdict::Pass);
}

#[test]
fn half_a_configuration_proves_nothing() {
    let half = IOS.strip_suffix("end\n").expect("an end");
    let finding = verdict_on(half, "  forbid: [{line: '^ip http server$'}]\n");
    assert_eq!(finding.verdict, Verdict::Unknown);
    assert!(
        finding.message.starts_with("no complete data"),
        "{}",
        finding.message
    );
}

#[test]
fn rules_that_do_not_concern_a_device_say_nothing_and_order_is_by_id() {
    let dialect = dialect();
    let document = Document::parse(IOS, &dialect);
    let rules = rules(
        "- id: z\n  require: [{line: '^a'}]\n- id: other\n  select: {platform: frr}\n  \
         require: [{line: '^a'}]\n- id: a\n  require: [{line: '^a'}]\n",
    );
    let findings = evaluate(&rules, &Device::default(), "ios", &document, &dialect);
    let ids: Vec<&str> = findings.iter().map(|f| f.rule.as_str()).collect();
    assert_eq!(ids, ["a", "z"]);
}

#[test]
fn a_plain_secret_is_a_finding_of_the_built_in_rule() {
    let plain = Credential::Plain(SecretText::new("hunter2"));
    let device = Device {
        password: Some(plain),
        ..Device::default()
    };
    let dialect = dialect();
    let running = Document::parse("hostname r1\n", &dialect);
    let findings = evaluate_intended(&[], &device, "ios", &running);
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}");
    };
    assert_eq!(finding.rule, PLAIN_SECRET);
    assert_eq!(finding.severity, Severity::Low);
    assert_eq!(finding.verdict, Verdict::Fail);
    assert_eq!(finding.place.as_deref(), Some("password"));
    assert!(!format!("{finding:?}").contains("hunter2"));
    assert!(evaluate_intended(&[], &Device::default(), "ios", &running).is_empty());
    let faults = faults("- id: netkeel-mine\n  require: [{line: '^x'}]\n");
    assert!(faults[0].contains("built-in"), "{faults:?}");
}
