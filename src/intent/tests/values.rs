//! Which variables a line is made of: a real inventory, every way a value goes through a
//! template, and no change of the text.

use proptest::prelude::*;

use crate::intent::engine::Renderer;
use crate::intent::render::{RenderDevice, RenderLimits, Rendered};
use crate::intent::{load, places};
use crate::model::FileSet;

const HOSTS: &str = "\
r1:
  hostname: 192.0.2.1
  groups: [edge]
  data:
    netkeel: {intent: intent/templates/main.j2}
    loopback: 10.0.0.1
    vlans:
      10: {name: users, mtu: 1500}
      20: {name: voice, mtu: 9000}
    snmp: secret:snmp_ro
    empty: ''
    'odd key': {'a b': 7}
";
const GROUPS: &str = "\
edge:
  platform: ios
  data:
    ntp: [192.0.2.123, 192.0.2.124]
    areas: [0, 10, 51]
    asn: 65001
    banner: |
      one
      two
";
const DEFAULTS: &str = "data:\n  domain: example.net\n  asn: 1\n";

fn files(main: &str) -> FileSet {
    let mut files = FileSet::new();
    files.insert("intent/inventory/hosts.yaml", HOSTS);
    files.insert("intent/inventory/groups.yaml", GROUPS);
    files.insert("intent/inventory/defaults.yaml", DEFAULTS);
    files.insert("intent/templates/main.j2", main);
    files.insert(
        "intent/templates/lib.j2",
        "{% macro vlan(id, v, note='') %}\nvlan {{ id }}\n name {{ v.name }}{{ note }}\n{% endmacro %}\n{% macro wrap() %}\n<{{ caller() }}>\n{% endmacro %}\n",
    );
    files.insert(
        "intent/templates/part.j2",
        "part {{ asn }} {{ loopback }}\n",
    );
    files
}

fn device(files: &FileSet) -> RenderDevice {
    let inventory = load(files).expect("an inventory");
    let mut device = RenderDevice::of(&inventory.devices["r1"]).expect("an intent");
    device.places = places(files, |name| name == "r1").remove("r1");
    assert!(device.places.is_some());
    device
}

fn render(main: &str) -> (Rendered, bool) {
    let files = files(main);
    let device = device(&files);
    let renderer = Renderer::new(files, RenderLimits::default());
    let agrees = renderer.marks_agree(&device);
    let rendered = renderer.render(&device);
    assert_eq!(rendered.diagnostics, [], "{main}");
    let lines = rendered.text.as_deref().unwrap_or_default().lines().count();
    assert_eq!(rendered.values.len(), lines, "{main}");
    (rendered, agrees)
}

/// Every line with the variables in it.
fn shown(main: &str) -> Vec<String> {
    let (rendered, agrees) = render(main);
    assert!(agrees, "{main}\n{:?}", rendered.text);
    let text = rendered.text.unwrap_or_default();
    let line = |(line, values): (&str, &Vec<_>)| {
        let values: Vec<String> = values
            .iter()
            .map(|v: &crate::intent::Variable| {
                let file = v.at.file.trim_start_matches("intent/inventory/");
                format!("{}@{file}:{}:{}", v.name, v.at.line, v.at.column)
            })
            .collect();
        format!("{line} | {}", values.join(" "))
    };
    text.lines().zip(&rendered.values).map(line).collect()
}

#[track_caller]
fn is(main: &str, wanted: &[&str]) {
    assert_eq!(shown(main), wanted, "{main}");
}

#[test]
fn names_and_attributes() {
    is(
        "hostname {{ host.name }}\nip {{ loopback }} of {{ domain }}\n{{ host['asn'] }}\nplain\n{{ host.platform }} {{ host }}\n{{ host.groups[0] }} {{ data | default('none') }}\n",
        &[
            "hostname r1 | host.name@hosts.yaml:1:1",
            "ip 10.0.0.1 of example.net | loopback@hosts.yaml:6:15 domain@defaults.yaml:2:11",
            "65001 | asn@groups.yaml:6:10",
            "plain | ",
            "ios r1 | host.platform@groups.yaml:2:13 host.name@hosts.yaml:1:1",
            "edge none | host.groups[0]@hosts.yaml:3:12",
        ],
    );
    is(
        "{{ asn }} {{ vlans[20].mtu }} {{ ntp[-1] }}\n{{ host['odd key']['a b'] }}\nsnmp {{ snmp }}\n",
        &[
            "65001 9000 192.0.2.124 | asn@groups.yaml:6:10 vlans[20].mtu@hosts.yaml:9:30 ntp[1]@groups.yaml:4:24",
            "7 | odd key['a b']@hosts.yaml:12:24",
            "snmp ⟦secret:snmp_ro⟧ | snmp@hosts.yaml:10:11",
        ],
    );
}

#[test]
fn loops_over_lists_and_mappings() {
    is(
        "{% for s in ntp %}\nntp {{ s }}\n{% endfor %}\n{% for a in areas %}\narea {{ a }} of {{ loop.index }}\n{% endfor %}\n",
        &[
            "ntp 192.0.2.123 | ntp[0]@groups.yaml:4:11",
            "ntp 192.0.2.124 | ntp[1]@groups.yaml:4:24",
            "area 0 of 1 | areas[0]@groups.yaml:5:13",
            "area 10 of 2 | areas[1]@groups.yaml:5:16",
            "area 51 of 3 | areas[2]@groups.yaml:5:20",
        ],
    );
    for each in ["vlans.items()", "vlans | items", "vlans | dictsort"] {
        is(
            &format!(
                "{{% for id, v in {each} %}}\nvlan {{{{ id }}}} {{{{ v.name }}}}\n{{% endfor %}}\n"
            ),
            &[
                "vlan 10 users | vlans[10]@hosts.yaml:8:7 vlans[10].name@hosts.yaml:8:18",
                "vlan 20 voice | vlans[20]@hosts.yaml:9:7 vlans[20].name@hosts.yaml:9:18",
            ],
        );
    }
}

#[test]
fn a_number_that_is_only_equal_is_no_variable() {
    is(
        "{% for i in range(areas | length) %}\n{{ i }}\n{% endfor %}\n",
        &["0 | ", "1 | ", "2 | "],
    );
    is(
        "{% for i in range(9, areas | max - 40) %}\n{{ i }} {{ loop.index }}\n{% endfor %}\n",
        &["9 1 | ", "10 2 | "],
    );
    // The macro's argument is 1500, and so is a variable the call reads: only where it can
    // be nothing else it is that one.
    let library = "{% macro m(n, k=1500, v=none) %}\n{{ n }} {{ k }}\n{% endmacro %}\n";
    for (call, wanted) in [
        ("m(1500, v=vlans[10].mtu)", "1500 1500 | "),
        ("m(vlans[10].mtu)", "1500 1500 | "),
        ("m(v.mtu)", "1500 1500 | vlans[10].mtu@hosts.yaml:8:30"),
        ("m(v.mtu + 0, v=v.mtu)", "1500 1500 | "),
    ] {
        let main = format!(
            "{library}{{% for k, v in vlans.items() if k == 10 %}}\n{{{{ {call} }}}}{{% endfor %}}"
        );
        is(&main, &[wanted]);
    }
    is(
        "{% macro m() %}\n{{ asn }} {{ areas[0] }}\n{% endmacro %}\n{{ m() }}{% with asn = 65001 %}{{ asn }}{% endwith %}",
        &[
            "65001 0 | asn@groups.yaml:6:10 areas[0]@groups.yaml:5:13",
            "65001 | ",
        ],
    );
}

#[test]
fn filters_and_expressions_are_made_of_what_they_read() {
    is(
        "{{ loopback | ipaddr('int') }}\n{{ asn + 1 }} {{ 1 + 1 }}\n{{ ntp | join(',') }}\n{{ loopback ~ ' ' ~ domain | upper }}\n{% for s in ntp if s.endswith('4') %}\n{{ s | replace('.', '-') }}\n{% endfor %}\n{{ vlans.values() | map(attribute='name') | join(' ') }}\n",
        &[
            "167772161 | loopback@hosts.yaml:6:15",
            "65002 2 | asn@groups.yaml:6:10",
            "192.0.2.123,192.0.2.124 | ntp@groups.yaml:4:10",
            "10.0.0.1 EXAMPLE.NET | loopback@hosts.yaml:6:15 domain@defaults.yaml:2:11",
            "192-0-2-124 | ntp[1]@groups.yaml:4:24",
            "users voice | vlans@hosts.yaml:8:7",
        ],
    );
}

#[test]
fn set_include_macro_and_call() {
    is(
        "{% set net = loopback | ipaddr('version') %}\n{% set x = asn %}\nis {{ net }} {{ x }}\n{% include 'part.j2' %}\n{% from 'lib.j2' import vlan, wrap %}\n{% for id, v in vlans.items() %}\n{{ vlan(id, v, ' of ' ~ domain) }}{% endfor %}\n{% call wrap() %}{{ asn }}{% endcall %}",
        &[
            "is 4 65001 | loopback@hosts.yaml:6:15 asn@groups.yaml:6:10",
            "part 65001 10.0.0.1 | asn@groups.yaml:6:10 loopback@hosts.yaml:6:15",
            "vlan 10 | vlans[10]@hosts.yaml:8:7",
            " name users of example.net | vlans[10].name@hosts.yaml:8:18",
            "vlan 20 | vlans[20]@hosts.yaml:9:7",
            " name voice of example.net | vlans[20].name@hosts.yaml:9:18",
            "<65001> | asn@groups.yaml:6:10",
        ],
    );
    is(
        "{% macro m(n) %}\nn {{ n }}\n{% endmacro %}\n{% set ten = vlans[10] %}\n{{ m(ten.mtu) }}{% set z %}a {{ asn }}{% endset %}\n{{ z }}\n",
        &[
            "n 1500 | vlans[10].mtu@hosts.yaml:8:30",
            "a 65001 | asn@groups.yaml:6:10",
        ],
    );
}

#[test]
fn a_text_of_several_lines_is_one_variable_in_each() {
    is(
        "banner\n{{ banner }}end {{ empty }}\n",
        &[
            "banner | ",
            "one | banner@groups.yaml:8:7",
            "two | banner@groups.yaml:8:7",
            "end  | ",
        ],
    );
}

#[test]
fn a_name_bound_twice_is_the_last() {
    is(
        "{% if asn == 1 %}{% set x = loopback %}{% else %}{% set x = domain %}{% endif %}\n{{ x | upper }}\n{% for x in areas %}{{ x }}{% endfor %}\n{{ x | lower }}\n",
        &[
            "EXAMPLE.NET | domain@defaults.yaml:2:11",
            "01051example.net | areas[0]@groups.yaml:5:13 areas[1]@groups.yaml:5:16 areas[2]@groups.yaml:5:20 domain@defaults.yaml:2:11",
        ],
    );
}

#[test]
fn marks_in_the_source_leave_the_text_and_name_nothing() {
    let (rendered, _) = render("odd \u{f0001}\u{10f7fe}\u{10fbfe} {{ asn }}\nthen {{ asn }}\n");
    assert_eq!(
        rendered.text.as_deref(),
        Some("odd \u{f0001}\u{10f7fe}\u{10fbfe} 65001\nthen 65001\n")
    );
    // A filter that measures marked text is noticed; only equal lines keep what is known.
    let (rendered, agrees) = render(
        "{% macro m() %}{{ asn }}{% endmacro %}\nlength {{ m() | length }}\nasn {{ asn }}\n",
    );
    assert!(!agrees);
    assert_eq!(rendered.text.as_deref(), Some("length 5\nasn 65001\n"));
    assert_eq!(rendered.values[0], []);
    assert_eq!(rendered.values[1].len(), 1);
}

/// The example of this project: the same text, and most of it explained.
#[test]
fn the_example_repository_is_explained() {
    let mut files = FileSet::new();
    super::add_files(&mut files, &super::root().join("intent"), "intent/");
    let inventory = load(&files).expect("an inventory");
    let mut all = places(&files, |_| true);
    let renderer = Renderer::new(files, RenderLimits::default());
    let mut templates = 0;
    for device in inventory.devices.values() {
        let mut device = RenderDevice::of(device).expect("an intent");
        device.places = all.remove(&device.name);
        let rendered = renderer.render(&device);
        assert!(renderer.marks_agree(&device), "{}", device.name);
        if matches!(device.source, crate::model::IntentSource::Template(_)) {
            templates += 1;
            let explained = rendered.values.iter().filter(|values| !values.is_empty());
            assert!(explained.count() > 5, "{}", device.name);
        }
    }
    assert!(templates > 0);
}

#[test]
fn without_places_nothing_is_traced() {
    let files = files("{{ asn }}\n");
    let mut device = device(&files);
    device.places = None;
    let rendered = Renderer::new(files, RenderLimits::default()).render(&device);
    assert_eq!(rendered.values, Vec::<Vec<crate::intent::Variable>>::new());
    assert_eq!(rendered.origins.len(), 1);
}

fn piece() -> impl Strategy<Value = String> {
    let control = || prop_oneof![4 => Just(""), 2 => Just("-"), 1 => Just("+")];
    let expression = prop_oneof![
        Just("asn"),
        Just("loopback"),
        Just("banner"),
        Just("vlans"),
        Just("ntp | join(' ')"),
        Just("vlans | length"),
        Just("ntp"),
        Just("vlans[10]"),
        Just("host.data.areas[1:]"),
        Just("ntp | reverse | list"),
        Just("vlans.items() | list"),
        Just("areas + [1]"),
        Just("areas == [0, 10, 51]"),
        Just("10 in areas"),
        Just("vlans | tojson"),
        Just("vlans | to_yaml"),
        Just("areas | sort(reverse=true)"),
        Just("areas | sum"),
        Just("host.keys() | list"),
        Just("vlans | dict2items"),
        Just("ntp is sequence"),
        Just("vlans is mapping"),
        Just("'yes' if areas else 'no'"),
        Just("areas | first"),
        Just("vlans | combine({'x': asn})"),
        Just("vlans.get(10).name"),
        Just("host"),
        Just("'%s-%d' | format(domain, asn)"),
        Just("areas * 2"),
        Just("empty"),
    ];
    let block = prop_oneof![
        Just(("for x in areas", "{{ x }},", "endfor")),
        Just((
            "for x in areas if x > 5",
            " {{ x }} {{ loop.last }}\n",
            "endfor"
        )),
        Just(("for k, v in vlans.items()", "{{ k }}: {{ v }}\n", "endfor")),
        Just((
            "for k in vlans",
            "\n  {{ k }} {{ vlans[k].name }}\n",
            "endfor"
        )),
        Just(("for x in []", "a", "endfor")),
        Just(("if asn", "{% set q = asn %}{{ q }}", "endif")),
        Just(("with w = asn", " {{ w }}\n", "endwith")),
        Just(("filter upper", "x {{ domain }}\n", "endfilter")),
        Just(("call wrap()", "{{ asn }}", "endcall")),
        Just(("raw", "{{ asn }}\n", "endraw")),
    ];
    let text = prop_oneof![
        Just("word "),
        Just("\n"),
        Just("  \n"),
        Just(" !\n"),
        Just("\t")
    ];
    prop_oneof![
        2 => text.prop_map(str::to_owned),
        4 => (control(), expression, control()).prop_map(|(a, e, b)| format!("{{{{{a} {e} {b}}}}}")),
        3 => (control(), block, control(), control(), control()).prop_map(
            |(a, (open, body, close), b, c, d)| {
                format!("{{%{a} {open} {b}%}}{body}{{%{c} {close} {d}%}}")
            }
        ),
        1 => (control(), control()).prop_map(|(a, b)| format!("{{%{a} set s = asn {b}%}}{{{{ s }}}}")),
        1 => Just("{% include 'part.j2' %}".to_owned()),
        1 => Just("{{ vlan(5, vlans[10]) }}".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Recording what is read changes nothing: the traced rendering is the very text.
    #[test]
    fn tracing_never_changes_the_text(parts in prop::collection::vec(piece(), 1..8)) {
        let main = format!("{{% from 'lib.j2' import vlan, wrap %}}{}", parts.concat());
        let (rendered, agrees) = render(&main);
        prop_assert!(agrees, "{main}\n{:?}", rendered.text);
    }
}
