//! Inheritance, Netkeel's keys, and faults with their places.

use std::fmt::Write as _;

use super::*;
use crate::model::{ApplyMode, Check, CheckExpect, IntentSource, Level, Manage, Undo, UndoMethod};

fn files(hosts: &str, groups: &str, defaults: &str) -> FileSet {
    let mut files = FileSet::new();
    for (name, text) in [("hosts", hosts), ("groups", groups), ("defaults", defaults)] {
        if !text.is_empty() {
            files.insert(format!("{FOLDER}/{name}.yaml"), text);
        }
    }
    files
}

fn loaded(hosts: &str, groups: &str, defaults: &str) -> Inventory {
    match load(&files(hosts, groups, defaults)) {
        Ok(inventory) => inventory,
        Err(faults) => panic!("{}", lines(&faults)),
    }
}

fn lines(faults: &[Diagnostic]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn fatal(hosts: &str, groups: &str, defaults: &str) -> String {
    match load(&files(hosts, groups, defaults)) {
        Ok(inventory) => panic!("loaded {inventory:?}"),
        Err(faults) => lines(&faults),
    }
}

/// The faults of the one broken device.
fn broken(hosts: &str, groups: &str) -> String {
    let inventory = loaded(hosts, groups, "");
    assert!(inventory.devices.contains_key("good"), "the rest is served");
    lines(&inventory.broken["r1"])
}

#[test]
fn attributes_fall_through_null_but_not_through_falsy_values() {
    let inventory = loaded(
        "r1: {groups: [a, b], port: 0, username: '', platform: null}\n",
        "a: {groups: [top], port: 830}\nb: {platform: frr, username: bob}\ntop: {platform: ios}\n",
        "{hostname: fallback, platform: junos}",
    );
    let r1 = &inventory.devices["r1"];
    assert_eq!(r1.port, Some(0));
    assert_eq!(r1.username.as_deref(), Some(""));
    assert_eq!(r1.platform.as_deref(), Some("ios"), "depth first");
    assert_eq!(r1.hostname.as_deref(), Some("fallback"));
    assert_eq!(r1.groups, ["a", "b"]);
    assert_eq!(r1.all_groups, ["a", "top", "b"]);
}

#[test]
fn data_is_inherited_by_top_level_key_and_null_counts() {
    let inventory = loaded(
        "r1: {groups: [a], data: {x: null, m: {k: 1}}}\n",
        "a: {data: {x: 5, m: {k: 2, z: 3}, g: group}}\n",
        "data: {x: 7, d: default, 10: ten}",
    );
    let r1 = &inventory.devices["r1"];
    assert_eq!(
        r1.data.to_json().to_string(),
        r#"{"x":null,"m":{"k":1},"g":"group","d":"default","10":"ten"}"#
    );
}

#[test]
fn connection_options_of_the_defaults_come_before_a_second_group() {
    let inventory = loaded(
        "r1: {hostname: h, groups: [a, b], connection_options: {ssh: {port: 2222}}}\n",
        "a: {}\nb: {connection_options: {ssh: {username: from-b, platform: from-b, extras: {x: 1}}}}\n",
        "connection_options: {ssh: {username: from-defaults}, netconf: {port: 830}}",
    );
    let ssh = &inventory.devices["r1"].connection_options["ssh"];
    assert_eq!(ssh.port, Some(2222));
    assert_eq!(ssh.username.as_deref(), Some("from-defaults"));
    assert_eq!(ssh.platform.as_deref(), Some("from-b"));
    assert_eq!(
        ssh.hostname.as_deref(),
        Some("h"),
        "the host's own attribute"
    );
    let extras = ssh.extras.as_ref().and_then(|e| e.get("x"));
    assert_eq!(extras, Some(&Data::Int(1)));
    assert_eq!(
        inventory.devices["r1"].connection_options["netconf"].port,
        Some(830)
    );
}

#[test]
fn netkeel_keys_are_inherited_one_by_one() {
    let inventory = loaded(
        "r1: {groups: [a], data: {netkeel: {apply: auto, checks: null}}}\nr2: {groups: [a]}\n",
        "a:\n  data:\n    netkeel:\n      intent: {template: intent/templates/edge.j2}\n      manage: partial\n      sections: ['router bgp *']\n      checks:\n        - {name: bgp, command: show bgp summary, must: Established}\n",
        "data: {netkeel: {intent: 'intent/configs/{name}.cfg', site: lon, undo: {within: 10m, method: host, shell_port: 2200}, limits: {delete_percent: 50}}}",
    );
    let r1 = &inventory.devices["r1"].keel;
    assert_eq!(r1.apply, ApplyMode::Auto);
    assert_eq!(
        r1.intent,
        Some(IntentSource::Template("intent/templates/edge.j2".into()))
    );
    assert_eq!(
        (r1.manage, r1.sections.as_slice()),
        (Manage::Partial, &["router bgp *".to_owned()][..])
    );
    assert_eq!(r1.checks, [], "null stops inheriting");
    assert_eq!(r1.site.as_deref(), Some("lon"));
    assert_eq!(
        r1.undo,
        Undo {
            method: UndoMethod::Host,
            within: 600,
            shell_port: Some(2200)
        }
    );
    assert_eq!(r1.limits.delete_percent, 50);
    let expected = Check {
        name: "bgp".into(),
        command: "show bgp summary".into(),
        expect: CheckExpect::Must("Established".into()),
    };
    assert_eq!(inventory.devices["r2"].keel.checks, [expected]);
    let raw = inventory.devices["r1"]
        .data
        .get("netkeel")
        .expect("data stays Nornir's");
    assert_eq!(
        raw.to_json().to_string(),
        r#"{"apply":"auto","checks":null}"#
    );
}

#[test]
fn short_forms_of_intent_and_undo() {
    let inventory = loaded(
        "r1: {data: {netkeel: {intent: 'x/{name}.cfg', undo: none, site: 7}}}\nr2: {data: {netkeel: {intent: base.j2}}}\n",
        "",
        "",
    );
    let r1 = &inventory.devices["r1"].keel;
    assert_eq!(r1.intent, Some(IntentSource::File("x/r1.cfg".into())));
    assert_eq!(r1.undo.method, UndoMethod::None);
    assert_eq!(r1.site.as_deref(), Some("7"));
    let r2 = &inventory.devices["r2"].keel;
    assert_eq!(r2.intent, Some(IntentSource::Template("base.j2".into())));
}

#[test]
fn faults_of_one_host_break_that_host_only() {
    for (body, expected) in [
        (
            "{hostnam: x}",
            "hosts.yaml:2:6: device `r1`: a host has no key `hostnam`",
        ),
        (
            "{groups: [cor]}",
            "hosts.yaml:2:15: device `r1`: `r1` is in group `cor`, which is not defined (hint: did you mean `core`?)",
        ),
        ("{groups: core}", "`groups` must be a list"),
        (
            "{port: '22'}",
            "a port must be a whole number from 0 to 65535 (hint: write it without quotes)",
        ),
        ("{port: 70000}", "a port must be"),
        ("{port: true}", "a port must be"),
        (
            "{username: 007}",
            "`username` must be text, not a whole number",
        ),
        ("{hostname: 1.5}", "`hostname` must be text"),
        ("{password: 12345}", "`password` must be text"),
        ("{password: 'secret:a b'}", "`a b` is not a secret name"),
        ("{data: [1]}", "`data` must be a mapping, not a list"),
        (
            "{connection_options: {ssh: {prot: 1}}}",
            "connection options has no key `prot`",
        ),
    ] {
        let shown = broken(&format!("good: {{}}\nr1: {body}\n"), "core: {}\n");
        assert!(shown.contains(expected), "{body}: {shown}");
    }
}

#[test]
fn faults_in_netkeel_keys_break_that_host_only() {
    for (body, expected) in [
        (
            "{data: {netkeel: {aply: auto}}}",
            "hosts.yaml:2:23: device `r1`: `netkeel` has no key `aply`",
        ),
        (
            "{data: {netkeel: {apply: always}}}",
            "`apply` must be one of observe, manual, auto, not `always`",
        ),
        ("{data: {netkeel: {manage: true}}}", "not `true`"),
        ("{data: {netkeel: [1]}}", "`netkeel` must be a mapping"),
        (
            "{data: {netkeel: {intent: ../x}}}",
            "`../x` is not a path inside",
        ),
        (
            "{data: {netkeel: {intent: {file: /etc/passwd}}}}",
            "is not a path inside",
        ),
        (
            "{data: {netkeel: {intent: a/.git/config}}}",
            "is not a path inside",
        ),
        (
            "{data: {netkeel: {intent: '{site}.cfg'}}}",
            "only `{name}` may stand in braces",
        ),
        (
            "{data: {netkeel: {intent: {file: a, template: b}}}}",
            "both a template and a file",
        ),
        (
            "{data: {netkeel: {checks: [{command: show x}]}}}",
            "either `must` or `must_not`",
        ),
        (
            "{data: {netkeel: {checks: [{command: \"a\\nb\", must: x}]}}}",
            "`command` must be one line",
        ),
        (
            "{data: {netkeel: {checks: [{command: a, must: '('}]}}}",
            "hosts.yaml:2:51: device `r1`: `must` is not a usable expression: unclosed group",
        ),
        (
            "{data: {netkeel: {checks: [{command: a, must: '(x{1000}){1000}'}]}}}",
            "not a usable expression",
        ),
        (
            "{data: {netkeel: {limits: {delete_percent: 101}}}}",
            "from 0 to 100",
        ),
        ("{data: {netkeel: {undo: {within: 0}}}}", "`within` must be"),
        ("{data: {netkeel: {sections: ['[']}}}", "is not a glob"),
        ("5", "a host must be a mapping"),
    ] {
        let shown = broken(&format!("good: {{}}\nr1: {body}\n"), "core: {}\n");
        assert!(shown.contains(expected), "{body}: {shown}");
    }
}

#[test]
fn a_bad_value_in_a_group_breaks_who_inherits_it() {
    let inventory = loaded(
        "r1: {groups: [g]}\nr2: {groups: [g], data: {netkeel: {apply: auto}}, port: 22}\nr3: {}\n",
        "g: {port: x, data: {netkeel: {apply: sometimes}}}\n",
        "",
    );
    assert_eq!(inventory.broken.keys().collect::<Vec<_>>(), ["r1"]);
    let shown = lines(&inventory.broken["r1"]);
    assert!(shown.contains("groups.yaml:1:11: device `r1`"), "{shown}");
    assert!(shown.contains("groups.yaml:1:38: device `r1`"), "{shown}");
}

#[test]
fn faults_of_the_whole_inventory() {
    assert!(fatal("", "", "").contains("intent/inventory/hosts.yaml is missing"));
    assert!(
        fatal("- a\n", "", "").contains("hosts.yaml:1:1: hosts.yaml must be a mapping, not a list")
    );
    assert!(fatal("a: b: c\n", "", "").contains("hosts.yaml:1:5: not valid YAML"));
    assert!(
        fatal("a: {}", "g: {groups: [h]}", "").contains("groups.yaml:1:14: `g` is in group `h`")
    );
    assert!(
        fatal("a: {}", "g: {prot: 1}", "").contains("groups.yaml:1:5: a group has no key `prot`")
    );
    assert!(
        fatal("a: {}", "", "groups: [x]").contains("defaults.yaml:1:1: the defaults has no key")
    );
    let cycle = fatal(
        "a: {}",
        "x: {groups: [y]}\ny: {groups: [z]}\nz: {groups: [y]}",
        "",
    );
    assert!(
        cycle.contains("groups inherit from each other: y -> z -> y"),
        "{cycle}"
    );
    let own = fatal("a: {}", "x: {groups: [x]}", "");
    assert!(own.contains("x -> x"), "{own}");
    let mut chain = String::new();
    for n in 0..300 {
        writeln!(chain, "g{n}: {{groups: [g{}]}}", n + 1).expect("written");
    }
    chain += "g300: {}\n";
    assert!(fatal("a: {groups: [g0]}", &chain, "").contains("nest deeper"));
}

#[test]
fn many_diamonds_are_no_bomb() {
    let mut groups = String::new();
    for level in 0..90 {
        for side in ["l", "r"] {
            let next = level + 1;
            writeln!(groups, "{side}{level}: {{groups: [l{next}, r{next}]}}").expect("written");
        }
    }
    groups += "l90: {connection_options: {ssh: {port: 1}}}\nr90: {}\n";
    let inventory = loaded("a: {groups: [l0]}", &groups, "");
    assert_eq!(inventory.devices["a"].all_groups.len(), 181);
    assert_eq!(
        inventory.devices["a"].connection_options["ssh"].port,
        Some(1)
    );
}

#[test]
fn a_large_group_of_many_hosts_is_no_bomb() {
    let mut hosts = String::new();
    for n in 0..600 {
        writeln!(hosts, "h{n}: {{groups: [g]}}").expect("written");
    }
    let group = format!("g: {{data: {{x: [{}]}}}}", "1, ".repeat(20_000));
    let shown = fatal(&hosts, &group, "");
    assert!(shown.contains("hosts.yaml:500:1: up to `h499`"), "{shown}");
}

#[test]
fn secrets_are_references_or_warnings_and_never_shown() {
    let inventory = loaded(
        "r1: {password: secret:lab/r1, groups: [g]}\nr2: {groups: [g]}\nr3: {password: ''}\n",
        "g:\n  password: hunter2\n  connection_options:\n    ssh: {extras: {secret: hunter3, key_file: secret:k, deep: {token: hunter4}}}\n",
        "",
    );
    let shown = format!("{inventory:?} {}", inventory.to_json(&Filter::default()));
    let json = inventory.to_json(&Filter::default()).to_string();
    assert!(!json.contains("hunter"), "{json}");
    assert!(!format!("{:?}", inventory.devices["r2"].password).contains("hunter"));
    assert!(shown.contains("secret:lab/r1") && json.contains("(plain value)"));
    let warnings = lines(&inventory.warnings);
    assert!(
        warnings.contains("groups.yaml:2:13: a secret stands here"),
        "{warnings}"
    );
    assert_eq!(inventory.warnings.len(), 3, "{warnings}");
    assert!(inventory.warnings.iter().all(|w| w.level == Level::Warning));
    assert!(!warnings.contains("hunter"));
}

#[test]
fn names_that_are_none() {
    let inventory = loaded("10: {}\n' r': {}\nok:\n", "", "");
    assert_eq!(inventory.devices.keys().collect::<Vec<_>>(), ["ok"]);
    assert!(
        lines(&inventory.broken["10"]).contains("a host name must be text, not a whole number")
    );
    assert_eq!(inventory.positions["ok"].line, 3);
}

#[test]
fn json_is_filtered_and_lists_broken_devices() {
    let inventory = loaded(
        "r1: {platform: ios, data: {vlans: {10: users}}}\nr2: {platform: frr}\nr3: {x: 1}\n",
        "",
        "",
    );
    let filter = Filter::parse("platform=ios").expect("valid");
    let json = inventory.to_json(&filter);
    assert_eq!(json["devices"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["devices"][0]["data"]["vlans"]["10"], "users");
    assert_eq!(json["devices"][0]["netkeel"]["apply"], "observe");
    assert_eq!(json["broken"][0]["name"], "r3");
}

#[test]
fn an_empty_inventory_is_said() {
    let inventory = loaded("# nobody yet\n", "", "");
    assert!(lines(&inventory.warnings).contains("no hosts"));
}

#[test]
fn one_fault_is_said_once() {
    let inventory = loaded(
        "r1: {port: x, hostname: 5, connection_options: {ssh: {}, netconf: {}}}",
        "",
        "",
    );
    assert_eq!(inventory.broken["r1"].len(), 2);
}

/// Whatever is in the files: an answer, never a panic.
mod anything {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes(hosts in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut files = FileSet::new();
            files.insert(format!("{FOLDER}/hosts.yaml"), hosts);
            drop(load(&files));
        }

        #[test]
        fn pieces_of_yaml(
            hosts in "([ \\n:\\-?\\[\\]{}&*!|>'\"%#,]|<<|a|netkeel|data|groups|null|0x1|[0-9]|\\t){0,60}",
            groups in "(a|b|:|groups|\\[|\\]|,| |\\n|data|\\{|\\}){0,40}",
        ) {
            drop(load(&files(&hosts, &groups, "")));
        }

        #[test]
        fn keels(body in "(intent|undo|checks|limits|apply|: |, |\\{|\\}|\\[|\\]|[a-z0-9.*/]){0,30}") {
            let hosts = format!("r1: {{data: {{netkeel: {{{body}}}}}}}");
            drop(load(&files(&hosts, "", "")));
        }
    }
}
