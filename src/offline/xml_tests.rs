//! What must hold of XML.

use std::sync::{Arc, LazyLock};

use crate::config::simulate::{replay, replay_toward};
use crate::config::xml::{Form, Line, Models, Value, words, write_value};
use crate::config::{Dialect, Document, OpKind, Scope, compare};
use crate::model::Proof;
use crate::pack::Packs;
use crate::plan::remedy;

static NETCONF: LazyLock<Arc<Dialect>> = LazyLock::new(|| {
    let packs = Packs::builtin().expect("built-in packs are good");
    Arc::clone(&packs.get("netconf").expect("a built-in pack").dialect)
});

const IF: &str = "urn:ietf:params:xml:ns:yang:ietf-interfaces";
const ACL: &str = "urn:ietf:params:xml:ns:yang:ietf-access-control-list";
const SYS: &str = "urn:ietf:params:xml:ns:yang:ietf-system";
const NC: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

fn parse(text: &str) -> Document {
    Document::parse(text, &NETCONF)
}

fn full(full: bool) -> Scope {
    Scope {
        full,
        sections: Vec::new(),
    }
}

fn same(a: &str, b: &str) -> bool {
    let (one, other) = Document::pair(a, b, &NETCONF);
    let equal = compare(&one, &other, None, &NETCONF, &full(true)).is_empty();
    assert_eq!(equal, one.fingerprint() == other.fingerprint(), "{a}\n{b}");
    equal
}

/// The document that leads from one to the other, proved both ways.
fn plan(a: &str, b: &str, scope: &Scope) -> Vec<String> {
    let (running, intended) = Document::pair(a, b, &NETCONF);
    let remedy = remedy(&running, &intended, None, &NETCONF, scope, None);
    let proved = |proof: &Proof| !matches!(proof, Proof::NotProved(_));
    assert!(proved(&remedy.proof), "{:?}", remedy.proof);
    assert!(
        proved(&remedy.rollback_proof),
        "{:?}",
        remedy.rollback_proof
    );
    remedy.remediation.into_iter().map(|c| c.line).collect()
}

fn interfaces(inner: &str) -> String {
    format!("<interfaces xmlns=\"{IF}\">{inner}</interfaces>")
}

fn aces(names: &[&str]) -> String {
    let all: Vec<String> = names
        .iter()
        .map(|n| format!("<ace><name>{n}</name></ace>"))
        .collect();
    let all = all.concat();
    format!("<acls xmlns=\"{ACL}\"><acl><name>A</name><aces>{all}</aces></acl></acls>")
}

#[test]
fn every_byte_comes_back_whatever_it_is() {
    let nasty = [
        "",
        " ",
        "<",
        "<>",
        "</",
        "</a>",
        "<a",
        "<a b='",
        "<a b=\"<\">",
        "<a/>",
        "<a></b></a>",
        "<a><b></a>",
        "<!--",
        "<!-- a --",
        "<![CDATA[",
        "<![CDATA[]]>",
        "<?",
        "<?xml?>",
        "<!DOCTYPE a>",
        "plain text\nhostname r1\n",
        "<a>x<b/>y</a>",
        "\u{feff}<a/>",
        "<a>&bad; &#x110000; &amp</a>",
        "<a xmlns=\"u\"><xmlns:b/></a>",
        "<a>]]>]]></a>]]>]]>",
        "<ä ö=\"ü\">ß</ä>",
        "<a\n\tb = 'c'\r\n>\r\n</a\n>",
        "<delete>x</delete>",
        "<a operation=\"delete\"/>",
        "<a[1]>x</a[1]>",
        "<a xmlns='a b}c'>1</a>",
        "<interface xmlns='urn:ietf:params:xml:ns:yang:ietf-interfaces'><mtu>1</mtu></interface>",
        "<a:b:c/>",
        "<a =b/>",
    ];
    for text in nasty {
        let doc = parse(text);
        assert_eq!(doc.print(), text);
        for id in doc.ids() {
            assert!(text.get(doc.node(id).span).is_some(), "{text}");
        }
        for other in nasty {
            let (a, b) = Document::pair(text, other, &NETCONF);
            drop(remedy(&a, &b, None, &NETCONF, &full(true), None));
        }
    }
}

#[test]
fn what_is_not_closed_is_not_complete() {
    for text in [
        "<a>",
        "<a><b></a>",
        "</a>",
        "<a>x",
        "<a>1</a><",
        "<a><b>x</b>y</a>",
    ] {
        assert!(parse(text).complete().is_err(), "{text}");
    }
    for text in [
        "<a/>",
        "<a><b>x</b></a>\n",
        "<?xml version='1.0'?><data/><!-- x -->",
    ] {
        assert_eq!(parse(text).complete(), Ok(()), "{text}");
    }
    let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
    assert_eq!(parse(&deep).print(), deep);
}

#[test]
fn prefixes_wrappers_and_blanks_do_not_count() {
    let a = interfaces("<interface><name>e0</name><mtu>9000</mtu></interface>");
    let others = [
        format!("<data xmlns=\"{NC}\">\n{a}\n</data>"),
        format!("<rpc-reply xmlns=\"{NC}\"><data>{a}</data></rpc-reply>"),
        format!(
            "<nc:rpc xmlns:nc=\"{NC}\"><nc:edit-config><nc:target><nc:running/></nc:target><nc:config>{a}</nc:config></nc:edit-config></nc:rpc>"
        ),
        format!(
            "<x:interfaces xmlns:x='{IF}'>\n <x:interface>\n  <x:mtu>9000</x:mtu>\n  <!-- c --><x:name>e0</x:name>\n </x:interface>\n</x:interfaces>"
        ),
        "<if:interfaces><if:interface><if:name>e0</if:name><if:mtu>9000</if:mtu></if:interface></if:interfaces>".to_owned(),
        interfaces("<interface><name>e0</name></interface><interface><name>e0</name><mtu><![CDATA[9000]]></mtu></interface>"),
    ];
    for other in &others {
        assert!(same(&a, other), "{other}");
    }
    assert!(!same(&a, &a.replace(IF, "urn:other")));
    assert!(!same(&a, &a.replace("9000", " 9000")));
    assert!(!same(&a, &a.replace("9000", "9001")));
}

#[test]
fn names_in_values_have_no_prefix_either() {
    let leaf = |prefix: &str, uri: &str| {
        interfaces(&format!(
            "<interface><name>e0</name><type xmlns:{prefix}=\"{uri}\">{prefix}:tunnel</type></interface>"
        ))
    };
    assert!(same(&leaf("a", "urn:t"), &leaf("b", "urn:t")));
    assert!(!same(&leaf("a", "urn:t"), &leaf("a", "urn:u")));
    let commands = plan(&leaf("a", "urn:t"), &leaf("a", "urn:u"), &full(true));
    assert!(
        commands
            .iter()
            .any(|l| l.contains("xmlns:v=\"urn:u\"") && l.contains(">v:tunnel<"))
    );
}

#[test]
fn lists_have_keys_and_only_some_an_order() {
    let one = "<interface><name>e0</name></interface>";
    let two = "<interface><name>e1</name></interface>";
    assert!(same(
        &interfaces(&format!("{one}{two}")),
        &interfaces(&format!("{two}{one}"))
    ));
    assert!(!same(&aces(&["a", "b"]), &aces(&["b", "a"])));
    let doc = parse(&aces(&["a b", "]"]));
    let lines: Vec<&str> = doc.ids().map(|id| doc.command(id)).collect();
    assert!(
        lines.contains(&"acl:ace[name=a b]") && lines.contains(&"acl:ace[name=\"]\"]"),
        "{lines:?}"
    );
}

#[test]
fn entries_move_by_insert() {
    let moved = plan(
        &aces(&["a", "b", "c"]),
        &aces(&["c", "a", "b"]),
        &full(true),
    );
    let inserts: Vec<&String> = moved.iter().filter(|l| l.contains("insert")).collect();
    assert_eq!(inserts.len(), 1, "{moved:?}");
    assert!(
        inserts[0].contains("yang:insert=\"before\"")
            && inserts[0].contains("yang:key=\"[k:name='a']\"")
    );
    for (from, to) in [
        ("abc", "cba"),
        ("abcd", "xbyda"),
        ("", "ab"),
        ("ab", ""),
        ("abc", "bzca"),
        ("a", "xyza"),
    ] {
        let list = |names: &str| {
            let names: Vec<String> = names.chars().map(String::from).collect();
            aces(&names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        plan(&list(from), &list(to), &full(true));
    }
    let search = |all: &[&str]| {
        let all: Vec<String> = all
            .iter()
            .map(|s| format!("<search>{s}</search>"))
            .collect();
        let all = all.concat();
        format!("<system xmlns=\"{SYS}\"><dns-resolver>{all}</dns-resolver></system>")
    };
    let moved = plan(
        &search(&["a", "b", "c"]),
        &search(&["c", "a", "b"]),
        &full(true),
    );
    assert!(
        moved
            .iter()
            .any(|l| l.contains("yang:value=\"a\"") && l.contains(">c<")),
        "{moved:?}"
    );
}

#[test]
fn delete_demands_absence_and_other_operations_are_accepted() {
    let running = interfaces(
        "<interface><name>e0</name><mtu>1</mtu><description>d</description></interface><interface><name>e1</name></interface>",
    );
    let intent = interfaces(&format!(
        "<interface xmlns:n=\"{NC}\" n:operation=\"merge\"><name>e0</name><mtu n:operation=\"delete\"/></interface><interface operation=\"remove\"><name>e1</name></interface>"
    ));
    let (a, b) = Document::pair(&running, &intent, &NETCONF);
    let diff = compare(&a, &b, None, &NETCONF, &full(false));
    let gone: Vec<&str> = diff
        .ops
        .iter()
        .filter_map(|op| op.running)
        .map(|id| a.command(id))
        .collect();
    assert_eq!(gone, ["if:mtu 1", "if:interface[name=e1]"]);
    assert!(diff.ops.iter().all(|op| op.kind == OpKind::Remove));
    plan(&running, &intent, &full(false));
    let unknown = |inner: &str| format!("<w xmlns=\"urn:w\">{inner}</w>");
    let commands = plan(
        &unknown("<t>a</t><t>b</t><u/>"),
        &unknown("<t operation=\"delete\"/>"),
        &full(false),
    );
    assert_eq!(
        commands.iter().filter(|l| l.contains("delete")).count(),
        2,
        "{commands:?}"
    );
}

#[test]
fn empty_containers_say_nothing_unless_the_model_says_so() {
    let bare = interfaces("<interface><name>e0</name></interface>");
    assert!(same(
        &bare,
        &format!("{bare}<acls xmlns=\"{ACL}\"> </acls>")
    ));
    let ip = "<ipv4 xmlns=\"urn:ietf:params:xml:ns:yang:ietf-ip\"/>";
    assert!(!same(
        &bare,
        &interfaces(&format!("<interface><name>e0</name>{ip}</interface>"))
    ));
    assert!(!same("<a xmlns='urn:w'><b/></a>", "<a xmlns='urn:w'/>"));
}

#[test]
fn what_is_unknown_is_told_by_name_or_else_by_its_first_leaf() {
    let doc = parse(
        "<w xmlns='urn:w'><job><name>x</name><n>1</n></job><peer><as>1</as></peer><peer><as>2</as></peer><s><v>1</v></s><s><v>1</v></s><router><router-name>B</router-name></router></w>",
    );
    let lines: Vec<String> = doc
        .ids()
        .map(|id| doc.command(id).replace("{urn:w}", ""))
        .collect();
    for want in [
        "job[name=x]",
        "peer[as=1]",
        "peer[as=2]",
        "s[1]",
        "s[2]",
        "router[router-name=B]",
    ] {
        assert!(lines.iter().any(|l| l == want), "{want}: {lines:?}");
    }
}

#[test]
fn a_document_without_the_key_of_an_entry_is_no_configuration() {
    let doc = parse(&interfaces("<interface><mtu>1</mtu></interface>"));
    assert!(doc.complete().is_err());
    assert_eq!(doc.unreadable().len(), 1);
}

fn typed(base: &str, edit: &str) -> Result<String, String> {
    let base = parse(base);
    let edit = format!(
        "<config xmlns=\"{NC}\" xmlns:nc=\"{NC}\" xmlns:yang=\"urn:ietf:params:xml:ns:yang:1\">\n{edit}\n</config>"
    );
    let lines: Vec<&str> = edit.lines().collect();
    replay(&base, &lines, &NETCONF)
        .map(|r| r.text())
        .map_err(|e| e.to_string())
}

#[test]
fn operations_do_what_rfc_6241_says() {
    let base = interfaces(
        "<interface><name>e0</name><mtu>1</mtu><description>d</description></interface>",
    );
    let edit = |operation: &str, inner: &str| {
        let inner = format!("<interface nc:operation=\"{operation}\">{inner}</interface>");
        typed(&base, &interfaces(&inner))
    };
    let e0 = "<name>e0</name><mtu>2</mtu>";
    let has = |result: Result<String, String>, text: &str| result.expect("a result").contains(text);
    assert!(has(edit("merge", e0), "<description>d</description>"));
    assert!(has(edit("merge", e0), "<mtu>2</mtu>"));
    assert!(!has(edit("merge", e0), "<mtu>1</mtu>"));
    assert!(!has(edit("replace", e0), "description"));
    assert!(edit("create", e0).is_err());
    assert!(has(edit("create", "<name>e1</name>"), "e1"));
    assert!(!has(edit("delete", "<name>e0</name>"), "e0"));
    assert!(edit("delete", "<name>e1</name>").is_err());
    assert!(has(edit("remove", "<name>e1</name>"), "e0"));
    assert!(edit("destroy", "<name>e0</name>").is_err());
    assert!(edit("merge", "<mtu>2</mtu>").is_err());
    assert!(typed(&base, "<interfaces>").is_err());
}

#[test]
fn entries_are_inserted_where_the_document_says() {
    let base = aces(&["a", "b"]);
    let insert = |attributes: &str, name: &str| {
        let entry = format!("<ace {attributes}><name>{name}</name></ace>");
        let list = format!(
            "<acls xmlns=\"{ACL}\" xmlns:k=\"{ACL}\"><acl><name>A</name><aces>{entry}</aces></acl></acls>"
        );
        typed(&base, &list)
    };
    for (attributes, name, want) in [
        ("yang:insert='first'", "x", ["x", "a", "b"].as_slice()),
        ("yang:insert='last'", "a", &["b", "a"]),
        (
            "yang:insert='before' yang:key=\"[k:name='b']\"",
            "x",
            &["a", "x", "b"],
        ),
        (
            "yang:insert='after' yang:key=\"[k:name='a']\"",
            "x",
            &["a", "x", "b"],
        ),
        ("", "x", &["a", "b", "x"]),
    ] {
        let text = insert(attributes, name).expect("a result");
        assert_eq!(
            parse(&text).fingerprint(),
            parse(&aces(want)).fingerprint(),
            "{attributes}: {text}"
        );
    }
    assert!(insert("yang:insert='before' yang:key=\"[k:name='z']\"", "x").is_err());
}

#[test]
fn no_line_of_a_plan_can_be_left_out() {
    let a = format!(
        "{}{}",
        interfaces(
            "<interface><name>e0</name><mtu>1</mtu><description>x</description></interface><interface><name>e1</name></interface>"
        ),
        aces(&["a", "b", "c"])
    );
    let b = format!(
        "{}{}",
        interfaces(
            "<interface><name>e0</name><mtu>2</mtu></interface><interface><name>e2</name><enabled>true</enabled></interface>"
        ),
        aces(&["c", "d", "a"])
    );
    let commands = plan(&a, &b, &full(true));
    let (running, intended) = Document::pair(&a, &b, &NETCONF);
    for left_out in 0..commands.len() {
        let rest: Vec<&str> = commands
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != left_out)
            .map(|(_, line)| line.as_str())
            .collect();
        let out = replay_toward(&intended, &running, &rest, &NETCONF);
        assert!(
            !out.is_ok_and(|r| r.equals(&intended)),
            "{}",
            commands[left_out]
        );
    }
}

#[test]
fn what_is_printed_reads_the_same() {
    let base = format!(
        "{}<w xmlns=\"urn:w\"><t>a &lt; b</t><t>\n\t\"q\" </t><u><v xmlns=\"\">1</v></u><s><v>1</v></s><s><v>1</v></s></w>",
        interfaces("<interface><name>a'\"b]</name></interface>")
    );
    let printed = typed(&base, "").expect("a result");
    assert!(same(&base, &printed), "{printed}");
}

#[test]
fn lines_are_cut_at_the_name_and_the_keys() {
    let words_of = |text: &'static str| {
        let mut out = Vec::new();
        words(text, &mut out);
        out
    };
    assert_eq!(words_of("if:mtu 9000"), ["if:mtu", "9000"]);
    assert_eq!(words_of("delete if:mtu"), ["delete", "if:mtu"]);
    assert_eq!(words_of("a:b[x=1][y=\"]\\\"\"]"), ["a:b", "1", "\"]\\\"\""]);
    assert_eq!(
        words_of("{http://x/[1] }n v  w "),
        ["{http://x/[1] }n", "v  w "]
    );
    assert_eq!(Line::of("x[3]").form, Form::Place("3"));
}

#[test]
fn values_come_back_as_they_were() {
    let models = Models::default();
    for text in [
        "a", " a", "a ", "a  b", "\"", "a\\n", "\n\t\r", "{u}x", "[", "]", "é\u{7f}", "-",
    ] {
        let mut raw = String::new();
        write_value(text, &mut raw);
        assert_eq!(models.value(&raw), Value::Text(text.into()), "{raw}");
        assert!(!raw.contains('\n') && raw.trim() == raw, "{raw:?}");
    }
}
