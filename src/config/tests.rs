//! What must hold for any text.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::model::{SecretName, SecretText, placeholder};

#[derive(Deserialize)]
struct Packed {
    config: DialectSpec,
}

fn load(text: &str) -> (DialectSpec, Arc<Dialect>) {
    let packed: Packed = serde_yaml::from_str(text).expect("a built-in pack");
    let dialect = Dialect::compile(&packed.config).expect("a built-in dialect");
    (packed.config, Arc::new(dialect))
}

static IOS: LazyLock<(DialectSpec, Arc<Dialect>)> =
    LazyLock::new(|| load(include_str!("../pack/packs/ios.yaml")));
static FRR: LazyLock<(DialectSpec, Arc<Dialect>)> =
    LazyLock::new(|| load(include_str!("../pack/packs/frr.yaml")));

fn dialects() -> [&'static Dialect; 2] {
    [&IOS.1, &FRR.1]
}

fn full() -> Scope {
    Scope {
        full: true,
        sections: Vec::new(),
    }
}

fn diff(a: &str, b: &str, dialect: &Dialect) -> (Diff, Document, Document) {
    let (a, b) = (Document::parse(a, dialect), Document::parse(b, dialect));
    (compare(&a, &b, None, dialect, &full()), a, b)
}

/// Text that has a chance to mean something: words, indentation and traps of both
/// platforms in any order.
fn configish() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "interface GigabitEthernet0/1",
        "interface eth0",
        "router bgp 65001",
        "address-family ipv4",
        "exit-address-family",
        "exit",
        "end",
        "!",
        "! comment",
        "#",
        "banner motd ^C",
        "^C",
        "banner login #",
        "crypto pki certificate chain A",
        "certificate ca 01",
        "quit",
        "ip access-list extended A",
        "permit ip any any",
        "10 deny tcp any any eq www",
        "no 10",
        "remark x",
        "no",
        "default",
        "no ip address",
        "ip address 10.0.0.1 255.255.255.0",
        "description a  b",
        "shutdown",
        "no shutdown",
        "vrf RED",
        "ip route 10.0.0.0/8 Null0",
        "exit-vrf",
        "route-map A permit 10",
        "match ip address 1 2",
        "key chain K",
        "key 1",
        "key-string x",
        "\u{27e6}secret:x\u{27e7}",
        "\u{8}",
        "\u{3}",
        "class-map A",
        "policy-map P",
        "class A",
        "neighbor 10.0.0.1 remote-as 1",
        "network 10.0.0.1/8",
        "ip prefix-list P seq 5 permit 10.0.0.0/8 le 24 ge 9",
        "ip prefix-list P permit any",
        "access-list 1 permit any",
        "frobnicate",
        "é ü",
    ]);
    let indent = prop::sample::select(vec!["", "", " ", "  ", "   ", "\t", "        "]);
    let end = prop::sample::select(vec!["\n", "\n", "\n", "\r\n", " \n", "", "\r"]);
    prop::collection::vec((indent, piece, end), 0..40).prop_map(|lines| {
        lines
            .into_iter()
            .map(|(i, p, e)| [i, p, e].concat())
            .collect()
    })
}

fn check_text(text: &str) {
    for dialect in dialects() {
        let doc = Document::parse(text, dialect);
        assert_eq!(doc.text(), text);
        let mut at = 0;
        for id in doc.ids() {
            assert_eq!(doc.node(id).span.start, at);
            at = doc.node(id).span.end;
        }
        assert_eq!(at, text.len(), "every byte belongs to one node");
        let same = compare(&doc, &doc, None, dialect, &full());
        assert!(same.is_empty() && same.ignored.is_empty());
        assert!(doc.complete().is_ok() || !doc.complete().expect_err("one of both").is_empty());
        assert!(doc.coverage() <= 100);
        let mut sealer = Sealer::new([1; 32], BTreeMap::new());
        let sealed = sealer.running(text, dialect);
        let opened = sealer.vault().open(&sealed).expect("all tokens are known");
        assert_eq!(opened.expose(), text);
        assert_eq!(sealed.lines().count(), text.lines().count());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_text_is_kept_byte_for_byte(text in any::<String>()) {
        check_text(&text);
    }

    #[test]
    fn any_configuration_is_kept_byte_for_byte(text in configish()) {
        check_text(&text);
    }

    #[test]
    fn equal_fingerprints_mean_no_difference(a in configish(), b in configish()) {
        for dialect in dialects() {
            let (there, x, y) = diff(&a, &b, dialect);
            let (back, _, _) = diff(&b, &a, dialect);
            if x.fingerprint() == y.fingerprint() {
                prop_assert!(there.is_empty() && back.is_empty());
            }
            prop_assert_eq!(there.is_empty(), back.is_empty());
            let (c, d) = (there.counts(&x, &y), back.counts(&y, &x));
            prop_assert_eq!((c.missing, c.extra, c.changed, c.reordered), (d.extra, d.missing, d.changed, d.reordered));
        }
    }
}

/// A configuration of IOS as data: every list of lines may be written in any order,
/// except the entries of the access list.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    /// Interfaces with their children.
    interfaces: Vec<(u8, Vec<(u8, u8)>)>,
    routes: Vec<u8>,
    acl: Vec<u8>,
}

fn model() -> impl Strategy<Value = Model> {
    let children = prop::collection::btree_map(0u8..5, 0u8..3, 1..4);
    let interfaces = prop::collection::btree_map(0u8..4, children, 0..4);
    let routes = prop::collection::btree_set(0u8..6, 0..4);
    let acl = prop::collection::btree_set(0u8..6, 0..5);
    (interfaces, routes, acl).prop_map(|(interfaces, routes, acl)| Model {
        interfaces: interfaces
            .into_iter()
            .map(|(n, c)| (n, c.into_iter().collect()))
            .collect(),
        routes: routes.into_iter().collect(),
        acl: acl.into_iter().collect(),
    })
}

fn concat(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().concat()
}

fn child_line((kind, value): (u8, u8)) -> String {
    match kind {
        0 => format!("description text  {value}"),
        1 => format!("ip address 10.0.{value}.1 255.255.255.0"),
        2 => format!("ip address 10.9.{value}.1 255.255.255.0 secondary"),
        3 => format!("ip ospf cost {}", value + 1),
        _ => format!("frob {value}"),
    }
}

/// The sections of the model's text, each with its lines.
fn sections(model: &Model) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for (n, children) in &model.interfaces {
        let lines = concat(children.iter().map(|c| format!(" {}\n", child_line(*c))));
        out.push(format!("interface GigabitEthernet0/{n}\n{lines}"));
    }
    out.extend(
        model
            .routes
            .iter()
            .map(|r| format!("ip route 10.{r}.0.0 255.255.0.0 Null0\n")),
    );
    if !model.acl.is_empty() {
        let lines = concat(
            model
                .acl
                .iter()
                .map(|e| format!(" permit tcp any host 10.0.0.{e}\n")),
        );
        out.push(format!("ip access-list extended A\n{lines}"));
    }
    out
}

fn text(model: &Model) -> String {
    sections(model).concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_difference_exactly_when_the_models_are_equal(a in model(), b in model()) {
        let (found, x, y) = diff(&text(&a), &text(&b), &IOS.1);
        prop_assert_eq!(found.is_empty(), a == b);
        prop_assert_eq!(x.fingerprint() == y.fingerprint(), a == b);
        prop_assert_eq!(found.render(&x, &y).is_empty(), a == b);
        prop_assert_eq!(found.entries(&x, &y).len(), found.ops.len());
    }

    #[test]
    fn unordered_siblings_may_stand_anywhere(a in model(), seed in any::<u64>()) {
        let mut b = a.clone();
        shuffle(&mut b.routes, seed);
        shuffle(&mut b.interfaces, seed / 3);
        for (_, children) in &mut b.interfaces {
            shuffle(children, seed / 7);
        }
        let mut shuffled = sections(&b);
        shuffle(&mut shuffled, seed / 11);
        let (found, x, y) = diff(&text(&a), &shuffled.concat(), &IOS.1);
        prop_assert!(found.is_empty(), "{}", found.render(&x, &y));
        prop_assert_eq!(x.fingerprint(), y.fingerprint());
    }

    #[test]
    fn a_swap_in_an_ordered_list_is_always_a_difference(a in model(), at in any::<prop::sample::Index>()) {
        prop_assume!(a.acl.len() >= 2);
        let mut b = a.clone();
        let at = at.index(b.acl.len() - 1);
        b.acl.swap(at, at + 1);
        let (found, x, y) = diff(&text(&a), &text(&b), &IOS.1);
        prop_assert_eq!(found.counts(&x, &y).reordered, 1);
        prop_assert_ne!(x.fingerprint(), y.fingerprint());
    }

    #[test]
    fn noise_never_changes_the_difference(a in model(), b in model(), at in any::<prop::sample::Index>()) {
        let noise = [
            "Building configuration...\n", "Current configuration : 17 bytes\n", "!\n",
            "! Last configuration change at 10:15:22 UTC Mon Nov 2 2026 by x\n", "ntp clock-period 17\n", "\n", "! words\n",
        ];
        let (quiet, x, y) = diff(&text(&a), &text(&b), &IOS.1);
        let mut loud = sections(&a);
        loud.insert(at.index(loud.len() + 1), noise.concat());
        let (found, z, w) = diff(&loud.concat(), &text(&b), &IOS.1);
        prop_assert_eq!(quiet.render(&x, &y), found.render(&z, &w));
        prop_assert_eq!(x.fingerprint(), z.fingerprint());
    }

    #[test]
    fn line_ends_and_width_of_indentation_do_not_count(a in model()) {
        let wide = concat(text(&a).lines().map(|l| format!("{}{}  \r\n", if l.starts_with(' ') { "\t" } else { "" }, l.trim_start())));
        let (found, x, y) = diff(&text(&a), &wide, &IOS.1);
        prop_assert!(found.is_empty());
        prop_assert_eq!(x.fingerprint(), y.fingerprint());
    }

    #[test]
    fn text_inside_a_banner_never_becomes_structure(a in model(), inside in configish()) {
        prop_assume!(!inside.contains('%'));
        let with = format!("banner motd %{inside}%\n{}", text(&a));
        let doc = Document::parse(&with, &IOS.1);
        let (found, _, _) = diff(&text(&a), &with, &IOS.1);
        prop_assert_eq!(found.ops.len(), 1);
        let banner = found.ops[0].intended.expect("the banner is missing");
        prop_assert_eq!(doc.literal(banner).map(str::to_owned), Some(inside.replace("\r\n", "\n")));
    }

    #[test]
    fn no_planted_secret_is_ever_shown(secret in "[A-Za-z0-9][A-Za-z0-9$./+_-]{7,24}") {
        for spec in [&IOS, &FRR] {
            for example in spec.0.secrets.iter().flat_map(|s| s.example.split(" || ")) {
                let line = example.replace("CANARY", &secret);
                canary(&line, &secret, &spec.1);
            }
        }
    }
}

fn canary(line: &str, secret: &str, dialect: &Dialect) {
    let mut sealer = Sealer::new([9; 32], BTreeMap::new());
    let text = format!("hostname r1\n{line}\ninterface X\n {line}\n");
    let sealed = sealer.running(&text, dialect);
    assert!(!sealed.contains(secret), "{sealed}");
    assert_eq!(sealer.vault().open(&sealed).expect("known").expose(), text);
    let again = sealer.intended(&text, dialect);
    assert_eq!(again, sealed, "both sides are sealed alike");
    let other = sealer.intended("hostname r2\n", dialect);
    let (found, a, b) = diff(&sealed, &other, dialect);
    let shown = format!(
        "{}{found:?}{a:?}{b:?}{sealer:?}{:?}{:?}",
        found.render(&a, &b),
        sealer.vault(),
        found.entries(&a, &b)
    );
    assert!(!shown.contains(secret));
}

fn shuffle<T>(list: &mut [T], mut seed: u64) {
    for at in (1..list.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let other = usize::try_from(seed >> 33).unwrap_or_default() % (at + 1);
        list.swap(at, other);
    }
}

#[test]
fn named_secrets_become_their_placeholder_on_both_sides() {
    let name = SecretName::new("bgp/transit").expect("a name");
    let twin = SecretName::new("z-same").expect("a name");
    let value = || SecretText::new("hunter2-hunter2");
    let known = BTreeMap::from([(name.clone(), value()), (twin.clone(), value())]);
    let mut sealer = Sealer::new([3; 32], known);
    let running = sealer.running(
        "router bgp 1\n neighbor 10.0.0.1 password hunter2-hunter2\n",
        &FRR.1,
    );
    let intended = format!(
        "router bgp 1\n neighbor 10.0.0.1 password {}\n",
        placeholder(&twin)
    );
    let intended = sealer.intended(&intended, &FRR.1);
    assert_eq!(running, intended);
    assert!(running.contains(&placeholder(&name)));
    let opened = sealer.into_vault().open(&intended).expect("known");
    assert!(opened.expose().contains("password hunter2-hunter2"));
}

#[test]
fn a_named_secret_is_sealed_wherever_it_stands() {
    let name = SecretName::new("n").expect("a name");
    let known = BTreeMap::from([(name, SecretText::new("long-enough-value"))]);
    let mut sealer = Sealer::new([3; 32], known);
    let sealed = sealer.running("interface X\n description (long-enough-value)\n", &IOS.1);
    assert_eq!(
        sealed,
        "interface X\n description (\u{27e6}secret:n\u{27e7})\n"
    );
}

#[test]
fn tokens_written_by_somebody_else_are_text() {
    let mut sealer = Sealer::new([3; 32], BTreeMap::new());
    let forged = "description \u{27e6}sealed:00\u{27e7} \u{27e6}secret:a\u{27e7} \u{27e7}\n";
    let running = sealer.running(forged, &IOS.1);
    assert!(!running.contains("sealed:00") && !running.contains("secret:a"));
    let intended = sealer.intended(forged, &IOS.1);
    assert!(!intended.contains("sealed:00") && intended.contains("secret:a"));
    assert_eq!(
        sealer.vault().open(&running).expect("known").expose(),
        forged
    );
    let unknown = sealer
        .vault()
        .open(&intended)
        .expect_err("nobody gave `a` a value");
    assert_eq!(unknown, "\u{27e6}secret:a\u{27e7}");
}

#[test]
fn private_keys_are_sealed_line_by_line() {
    let mut sealer = Sealer::new([3; 32], BTreeMap::new());
    let text = "crypto x\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAbCdEf\n-----END RSA PRIVATE KEY-----\nhostname r1\n";
    let sealed = sealer.running(text, &IOS.1);
    assert!(!sealed.contains("MIIEow") && !sealed.contains("AbCdEf"));
    assert!(sealed.contains("-----END") && sealed.contains("hostname r1"));
}

#[test]
fn urls_lose_their_password_only() {
    let mut sealer = Sealer::new([3; 32], BTreeMap::new());
    let sealed = sealer.running("archive\n path ftp://bob:pa/ss@10.0.0.1/r1\n", &IOS.1);
    assert!(
        sealed.contains("ftp://bob:\u{27e6}sealed:") && sealed.contains("\u{27e7}@10.0.0.1/r1")
    );
}

#[test]
fn keys_of_a_key_chain_are_not_secrets() {
    let mut sealer = Sealer::new([3; 32], BTreeMap::new());
    let sealed = sealer.running("key chain K\n key 1\n  key-string 7 0822\n", &IOS.1);
    assert!(
        sealed.starts_with("key chain K\n key 1\n  key-string 7 \u{27e6}"),
        "{sealed}"
    );
}

#[test]
fn a_whole_configuration_is_told_from_a_piece() {
    let ios = |text: &str| Document::parse(text, &IOS.1).complete();
    let frr = |text: &str| Document::parse(text, &FRR.1).complete();
    assert!(ios("Building configuration...\n\nCurrent configuration : 9 bytes\n!\nversion 15.7\nhostname r\nend\n").is_ok());
    assert!(ios("version 15.7\nhostname r\nend\n\n").is_ok());
    assert!(ios("Current configuration : 9 bytes\nversion 15.7\nhostname r\n").is_err());
    assert!(ios("hostname r\nend\n").is_err());
    assert!(ios("").is_err());
    assert!(
        frr("Building configuration...\n\nCurrent configuration:\n!\nfrr version 8.4\n!\nend\n")
            .is_ok()
    );
    assert!(frr("frr version 8.4\nhostname r\n!\n").is_err());
}

#[test]
fn dialect_answers_for_planner_and_simulator() {
    let ios = &IOS.1;
    let interface = ios.context(&["interface GigabitEthernet0/1"]);
    let vrf = ios.meaning(interface, "vrf forwarding RED");
    let address = ios.meaning(interface, " ip address 10.0.0.1 255.255.255.0");
    assert!(ios.wipes(&vrf, Event::Change, &address, false));
    assert!(!ios.wipes(&address, Event::Add, &vrf, false));
    assert_eq!(
        ios.negations(&ios.meaning(interface, "description x")),
        [Negation::Line("no description".to_owned())]
    );
    let shutdown = ios.meaning(interface, "no shutdown");
    assert!(shutdown.negated && shutdown.absent);
    assert_eq!(shutdown.slot, ios.meaning(interface, "shutdown").slot);
    let acl = ios.context(&["ip access-list extended A"]);
    let entry = ios.meaning(acl, "20 permit tcp any any eq www");
    assert_eq!(
        (entry.cardinality, entry.number),
        (Cardinality::Keyed, Some(20))
    );
    assert_eq!(ios.negations(&entry)[0], Negation::Line("no 20".to_owned()));
    assert_eq!(
        ios.numbered(&entry, Some(25)).as_deref(),
        Some("25 permit tcp any any eq 80")
    );
    assert_eq!(
        ios.numbered(&entry, None).as_deref(),
        Some("permit tcp any any eq 80")
    );
    let bare = ios.meaning(acl, "permit ip any any");
    assert_eq!(
        ios.numbered(&bare, Some(5)).as_deref(),
        Some("5 permit ip any any")
    );
    let group = ios.meaning(interface, "ip access-group A in");
    assert_eq!(
        ios.uses(&group),
        [Reference {
            kind: "acl".into(),
            name: "A".into(),
            fail_open: true
        }]
    );
    assert_eq!(
        ios.defines(&ios.meaning(ContextId::TOP, "ip access-list extended A"))
            .map(|r| r.name),
        Some("A".into())
    );
    assert_eq!(ios.context(&["frobnicate"]), ContextId::UNKNOWN);
    assert_eq!(
        ios.negations(&ios.meaning(ContextId::TOP, "frobnicate 1"))[0],
        Negation::Line("no frobnicate 1".to_owned())
    );
    let frr = &FRR.1;
    let af = frr.context(&["router bgp 65001", "address-family ipv4"]);
    assert_eq!(frr.exit_line(af), "exit-address-family");
    let list = frr.meaning(ContextId::TOP, "ip prefix-list P permit 10.0.0.0/8");
    assert_eq!(
        frr.numbered(&list, Some(7)).as_deref(),
        Some("ip prefix-list P seq 7 permit 10.0.0.0/8")
    );
    assert_eq!(
        frr.negations(&frr.meaning(ContextId::TOP, "interface eth0")),
        [Negation::Children]
    );
    assert_eq!(
        (frr.leaves("exit"), frr.leaves(" end"), frr.leaves("x")),
        (Some(1), Some(usize::MAX), None)
    );
}
