//! What filters select and how they complain.

use super::*;
use crate::model::{ApplyMode, Keel};

fn map(entries: &[(&str, Data)]) -> Data {
    let pair = |(k, v): &(&str, Data)| (Data::Text((*k).to_owned()), v.clone());
    Data::Map(entries.iter().map(pair).collect())
}

fn device() -> Device {
    Device {
        name: "edge-1".into(),
        platform: Some("ios".into()),
        port: Some(22),
        groups: vec!["edge".into()],
        all_groups: vec!["edge".into(), "europe".into()],
        data: map(&[
            ("site", Data::Text("lon".into())),
            ("asn", Data::Int(65001)),
            ("ok", Data::Bool(true)),
            ("ratio", Data::Float(1.0)),
            ("nothing", Data::Null),
            (
                "tags",
                Data::List(vec![Data::Text("a".into()), Data::Int(7)]),
            ),
            (
                "snmp",
                map(&[("location", Data::Text("Rack 4 (left)".into()))]),
            ),
        ]),
        keel: Keel {
            apply: ApplyMode::Auto,
            ..Keel::default()
        },
        ..Device::default()
    }
}

fn matches(text: &str) -> bool {
    Filter::parse(text).expect(text).matches(&device())
}

#[test]
fn selects() {
    for text in [
        "",
        "  ",
        "name=edge-1",
        "name=edge-*",
        "name={core,edge}-?",
        "platform=ios and site=lon",
        "platform=junos or site=lon",
        "not platform=junos",
        "platform!=junos and not (site=par or site=ber)",
        "group=europe",
        "groups=edge",
        "port=22",
        "asn=65001",
        "asn='65001'",
        "asn=650*",
        "ok=true and ok=True",
        "ratio=1.0 and ratio=1",
        "tags=a and tags=7",
        "snmp__location='Rack 4 (left)'",
        "snmp__location=\"Rack 4 (left)\"",
        "has asn and not has vlan",
        "has snmp",
        "nothing=null and absent=null",
        "netkeel__apply=auto",
        "site = lon AND NOT name != edge-1",
        "a=1 or b=2 or site=lon",
        "vlan!=10",
    ] {
        assert!(matches(text), "{text}");
    }
}

#[test]
fn rejects() {
    for text in [
        "name=edge",
        "name='edge-*'",
        "platform=ios and site=par",
        "groups=europe",
        "tags=b",
        "snmp=Rack",
        "snmp__location__x=1",
        "has nothing",
        "has absent",
        "absent=",
        "netkeel__apply=manual",
        "platform=IOS",
        "site=lon and (platform=junos or group=asia)",
    ] {
        let parsed = Filter::parse(text);
        assert!(parsed.is_err() || !matches(text), "{text}");
    }
}

#[test]
fn and_binds_closer_than_or() {
    assert!(matches("site=lon or site=par and platform=junos"));
    assert!(!matches("(site=lon or site=par) and platform=junos"));
}

#[test]
fn the_site_of_netkeel_comes_first() {
    let mut device = device();
    device.keel.site = Some("fra".into());
    let site = |f: &str| Filter::parse(f).is_ok_and(|f| f.matches(&device));
    assert!(site("site=fra") && !site("site=lon") && site("netkeel__site=fra"));
}

#[test]
fn faults_name_the_column() {
    for (text, column, part) in [
        ("site=", 6, "a value is missing"),
        ("site", 5, "expected `=`"),
        ("site=lon platform=ios", 10, "expected `and`"),
        ("site=lon and", 13, "a key is missing"),
        ("(site=lon", 1, "not closed"),
        ("site='lon", 6, "not closed"),
        ("=lon", 1, "expected a key"),
        ("site=lon)", 9, "expected `and`"),
        ("password=x", 1, "cannot be filtered"),
        ("netkeel__checks=x", 1, "cannot be filtered"),
        ("a____b=x", 1, "empty part"),
        ("name=[a", 6, "not a glob"),
    ] {
        match Filter::parse(text) {
            Ok(_) => panic!("parsed {text}"),
            Err(e) => {
                assert_eq!(e.column, column, "{e}");
                assert!(e.to_string().contains(part), "{e}");
            }
        }
    }
    let deep = "(".repeat(3000);
    assert!(Filter::parse(&deep).is_err_and(|e| e.why.contains("deeper")));
    assert!(Filter::parse(&"not ".repeat(900)).is_err_and(|e| e.why.contains("deeper")));
    assert!(Filter::parse(&"x".repeat(5000)).is_err());
}

#[test]
fn keys_may_be_called_like_words() {
    let mut device = device();
    device.data = map(&[("and", Data::Int(1)), ("has", Data::Int(2))]);
    let ok = |f: &str| Filter::parse(f).is_ok_and(|f| f.matches(&device));
    assert!(ok("and=1 and has=2") && ok("has and") && !ok("not=1"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_a_filter_or_a_fault(text in "(and|or|not|has|site|=|!=|[()'\"*\\[{]| |\\PC){0,40}") {
        match Filter::parse(&text) {
            Ok(filter) if filter.is_empty() => {}
            Ok(filter) => {
                let opposite = Filter::parse(&format!("not ({text})"));
                assert!(opposite.is_ok_and(|o| o.matches(&device()) != filter.matches(&device())));
            }
            Err(e) => assert!(e.column >= 1 && e.column <= text.chars().count() + 1, "{e}"),
        }
    }
}
