//! Places, merge keys, odd files, bombs.

use std::fmt::Write as _;

use super::*;

fn json(text: &str) -> String {
    match parse("f.yaml", text.as_bytes()) {
        Ok(document) => document.root.data().to_json().to_string(),
        Err(fault) => panic!("{fault}"),
    }
}

fn fault(text: &str) -> String {
    match parse("f.yaml", text.as_bytes()) {
        Ok(document) => panic!("read {:?}", document.root.data()),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn places_are_kept() {
    let document = parse("f.yaml", b"r1:\n  port: 22\n  groups: [a,  b]\n").expect("valid");
    let entries = document.root.entries().expect("a map");
    let inner = entries[0].1.entries().expect("a map");
    assert_eq!(inner[0].0.at.to_string(), "f.yaml:2:3");
    assert_eq!(inner[0].1.at.to_string(), "f.yaml:2:9");
    assert_eq!(
        inner[1].1.items().expect("a list")[1].at.to_string(),
        "f.yaml:3:16"
    );
}

#[test]
fn merge_keys_go_under_and_first() {
    assert_eq!(
        json("x: &a {k: 1, z: 2}\ny: {b: 0, <<: *a, k: 9}"),
        r#"{"x":{"k":1,"z":2},"y":{"k":9,"z":2,"b":0}}"#
    );
    assert_eq!(
        json("x: &a {k: 1}\nw: &w {k: 2, m: 3}\ny: {<<: [*a, *w], q: 1}"),
        r#"{"x":{"k":1},"w":{"k":2,"m":3},"y":{"k":1,"m":3,"q":1}}"#
    );
    assert_eq!(json("\"<<\": {a: 1}"), r#"{"<<":{"a":1}}"#);
}

#[test]
fn odd_but_valid() {
    assert_eq!(json(""), "null");
    assert_eq!(json("# nothing\n"), "null");
    assert_eq!(json("---\n"), "null");
    assert_eq!(json("=: 5"), r#"{"=":5}"#);
    assert_eq!(json("a: ! 12"), r#"{"a":12}"#);
    assert_eq!(json("a: !!str 12\nb: !!int '7'"), r#"{"a":"12","b":7}"#);
    assert_eq!(json("%YAML 1.2\n---\na: yes"), r#"{"a":"yes"}"#);
    assert_eq!(json("k: &x 1\nl: &x 2\nm: *x"), r#"{"k":1,"l":2,"m":2}"#);
    assert_eq!(json("10: a\n~: b"), r#"{"10":"a","null":"b"}"#);
}

#[test]
fn faults_name_their_place() {
    for (text, expected) in [
        (
            "a: 1\nb: 2\na: 3",
            "f.yaml:3:1: the key `a` is written twice, first in line 1",
        ),
        (
            "1: a\ntrue: b",
            "f.yaml:2:1: the key `true` is written twice",
        ),
        ("a: {<<: 5}", "f.yaml:1:9: `<<` needs a mapping"),
        ("a: <<", "f.yaml:1:4: `<<` has a special meaning"),
        ("a: =", "f.yaml:1:4: `=` has a special meaning"),
        ("a: &a [*a]", "f.yaml:1:8: an alias inside"),
        ("a: *b", "f.yaml:1:4: not valid YAML"),
        ("a: !foo 1", "f.yaml:1:4: the tag `!foo` is not supported"),
        (
            "a: !!binary aGk=",
            "f.yaml:1:4: the tag `!!binary` is not supported",
        ),
        ("a: 1\n---\nb: 1", "f.yaml:2:1: a second document"),
        ("a: b: c", "f.yaml:1:5: not valid YAML"),
        ("a: \u{7}", "f.yaml:1:4: a control character"),
        (
            "# x\n%YAML 1.1\n---\na: yes",
            "f.yaml:2:1: only YAML 1.2 is read",
        ),
        (
            "? [1, 2]\n: 3",
            "f.yaml:1:3: a key must be a single value, not a list",
        ),
    ] {
        let shown = fault(text);
        assert!(shown.starts_with(expected), "{text:?}: {shown}");
    }
    assert!(parse("f.yaml", b"a: 1\nb: \xff").is_err_and(|e| e.to_string().contains("f.yaml:2:1")));
}

#[test]
fn bombs_are_refused() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = format!("*a{}", level - 1);
        let list = vec![inner; 10].join(", ");
        writeln!(laughs, "a{level}: &a{level} [{list}]").expect("written");
    }
    let shown = fault(&laughs);
    assert!(
        shown.contains("aliases add") && shown.starts_with("f.yaml:"),
        "{shown}"
    );
    let deep = format!("a: {}1{}", "[".repeat(120), "]".repeat(120));
    assert!(fault(&deep).contains("nested deeper"));
    let block = "- ".repeat(5000);
    assert!(fault(&block).contains("nested deeper"));
    let scanner = format!("a: {}1", "[".repeat(100_000));
    assert!(fault(&scanner).starts_with("f.yaml:1:"));
    let mut chain = String::from("a0: &a0 [1]\n");
    for level in 1..200 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).expect("written");
    }
    assert!(fault(&chain).contains("nests deeper"));
}

#[test]
fn a_file_has_a_size() {
    let text = "- 1\n".repeat(2_000_001);
    let shown = fault(&text);
    assert!(shown.contains("more than 2000000 values"), "{shown}");
}

#[test]
fn merging_a_common_part_into_many_is_no_bomb() {
    let mut text = String::from("base: &b {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6}\n");
    for host in 0..3000 {
        writeln!(text, "h{host}: {{<<: *b, hostname: 10.0.0.1}}").expect("written");
    }
    let document = parse("f.yaml", text.as_bytes()).expect("allowed");
    assert_eq!(document.root.entries().map(<[_]>::len), Some(3001));
}
