//! Whole templates from `tests/cases/intent`, expressions that Jinja2 with Ansible's and
//! netutils' filters has answered, and the lists in the documentation.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::engine::Renderer;
use super::filters::{self, Kind};
use super::render::{RenderDevice, RenderLimits, Rendered, render_device};
use crate::model::{Data, FileSet, IntentSource};

mod values;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// JSON as inventory data; a key `#10` is the number 10.
fn data(json: &serde_json::Value) -> Data {
    use serde_json::Value as Json;
    match json {
        Json::Null => Data::Null,
        Json::Bool(b) => Data::Bool(*b),
        Json::Number(n) => n
            .as_i64()
            .map_or_else(|| Data::Float(n.as_f64().unwrap_or(0.0)), Data::Int),
        Json::String(s) => Data::Text(s.clone()),
        Json::Array(items) => Data::List(items.iter().map(data).collect()),
        Json::Object(map) => Data::Map(map.iter().map(|(k, v)| (key(k), data(v))).collect()),
    }
}

fn key(text: &str) -> Data {
    match text.strip_prefix('#').and_then(|n| n.parse().ok()) {
        Some(number) => Data::Int(number),
        None => Data::Text(text.to_owned()),
    }
}

fn device(template: &str, values: Data) -> RenderDevice {
    let text = |s: &str| Data::Text(s.to_owned());
    let list = |all: &[&str]| Data::List(all.iter().map(|s| text(s)).collect());
    RenderDevice {
        name: "r1".to_owned(),
        source: IntentSource::Template(template.to_owned()),
        host: Data::Map(vec![
            (text("name"), text("r1")),
            (text("platform"), text("ios")),
            (text("groups"), list(&["edge"])),
            (text("all_groups"), list(&["edge", "lon"])),
        ]),
        data: values,
        places: None,
    }
}

/// Renders one template with nothing else around.
fn render(source: &str) -> Rendered {
    let mut files = FileSet::new();
    files.insert("intent/templates/t.j2", source);
    let values = serde_json::json!({
        "users": [
            {"name": "ann", "groups": ["a", "b"], "x": {"y": 1}},
            {"name": "bob", "groups": ["b"]},
        ],
        "d": {"b": 1, "a": {"z": [1, 2], "y": "text"}, "c": null},
        "vlans": {"#10": "users", "#20": "voice"},
    });
    let device = device("intent/templates/t.j2", data(&values));
    render_device(&files, &device, &RenderLimits::default())
}

fn fault(source: &str) -> String {
    let rendered = render(source);
    assert_eq!(rendered.text, None, "{source}");
    assert_eq!(rendered.diagnostics.len(), 1, "{source}");
    rendered.diagnostics[0].to_string()
}

fn add_files(files: &mut FileSet, folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).expect("a case is a folder") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("named").to_string_lossy();
        let inside = format!("{prefix}{name}");
        if path.is_dir() {
            add_files(files, &path, &format!("{inside}/"));
        } else {
            files.insert(inside, fs::read(&path).expect("readable"));
        }
    }
}

/// Every line with the places it came from.
fn annotated(rendered: &Rendered) -> String {
    let text = rendered.text.as_deref().unwrap_or_default();
    let mut out = String::new();
    for (line, chain) in text.split_inclusive('\n').zip(&rendered.origins) {
        let places: Vec<String> = chain
            .iter()
            .map(|at| {
                format!(
                    "{}:{}",
                    at.file.trim_start_matches("intent/templates/"),
                    at.line
                )
            })
            .collect();
        let line = line.replace('\r', "\\r");
        write!(out, "{:<34}| {line}", places.join(" > ")).expect("text");
    }
    out
}

#[test]
fn cases_render_with_their_origins() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("tests/cases/intent")).expect("cases") {
        let folder = entry.expect("readable").path();
        if !folder.is_dir() {
            continue;
        }
        seen += 1;
        let mut files = FileSet::new();
        add_files(&mut files, &folder, "intent/templates/");
        let values = fs::read(folder.join("data.json")).expect("data.json");
        let values = data(&serde_json::from_slice(&values).expect("JSON"));
        let device = device("intent/templates/main.j2", values);
        let renderer = Renderer::new(files, RenderLimits::default());
        let rendered = renderer.render(&device);
        assert_eq!(rendered.diagnostics, [], "{}", folder.display());
        let text = rendered.text.as_deref().expect("rendered");
        assert_eq!(text.lines().count(), rendered.origins.len());
        let actual = annotated(&rendered);
        let expected = folder.join("expected.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected, &actual).expect("writable");
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(actual, wanted, "{}", folder.display());
        // Only a case that is about it may need the fallback.
        let about = ["measured", "foreign"].iter().any(|n| folder.ends_with(n));
        assert_eq!(
            renderer.marks_agree(&device),
            !about,
            "{}",
            folder.display()
        );
    }
    assert!(seen >= 12, "only {seen} cases");
}

#[test]
fn filters_answer_as_ansible_and_netutils_do() {
    let text = fs::read_to_string(root().join("tests/cases/intent/filters.txt")).expect("cases");
    let mut wrong = String::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let (expression, wanted) = line.split_once('\t').expect("two columns");
        let rendered = render(&format!("{{{{ {expression} }}}}"));
        let shown = match &rendered.text {
            Some(text) => text.replace('\\', "\\\\").replace('\n', "\\n"),
            None => "ERROR".to_owned(),
        };
        if shown != wanted {
            let why = rendered.diagnostics.first().map(ToString::to_string);
            writeln!(
                wrong,
                "{expression}\n   is {shown} {}\n  not {wanted}",
                why.unwrap_or_default()
            )
            .expect("text");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// One row of a table in the documentation: name, example, what it gives.
fn row(line: &str) -> Option<(&str, String, String)> {
    let cells = line.strip_prefix("| `")?.strip_suffix("` |")?;
    let mut cells = cells.splitn(3, "` | `");
    let name = cells.next()?;
    let plain = |cell: &str| cell.replace("\\|", "|");
    Some((name, plain(cells.next()?), plain(cells.next()?)))
}

/// The documentation lists exactly what there is, each with an example that is true.
#[test]
fn the_documentation_lists_what_there_is() {
    let path = root().join("docs/templates.md");
    let text = fs::read_to_string(&path).expect("docs/templates.md");
    let mut listed: Vec<(Kind, BTreeSet<&str>)> = Vec::new();
    let mut kind = None;
    let mut out = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            kind = match title {
                "Filters" => Some(Kind::Filter),
                "Tests" => Some(Kind::Test),
                "Functions" => Some(Kind::Function),
                _ => None,
            };
            listed.extend(kind.map(|k| (k, BTreeSet::new())));
        }
        let Some(((name, example, _), names)) = kind
            .and_then(|_| row(line))
            .zip(listed.last_mut().map(|(_, n)| n))
        else {
            writeln!(out, "{line}").expect("text");
            continue;
        };
        assert!(names.insert(name), "`{name}` is listed twice");
        assert!(example.contains(name), "`{name}` does not use itself");
        let rendered = render(&format!("{{{{ {example} }}}}"));
        let gives = rendered.text.unwrap_or_else(|| {
            panic!("`{name}`: {}", rendered.diagnostics[0]);
        });
        let gives = gives.replace('\n', "\\n").replace('|', "\\|");
        let example = example.replace('|', "\\|");
        writeln!(out, "| `{name}` | `{example}` | `{gives}` |").expect("text");
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &out).expect("writable");
    } else {
        assert_eq!(out, text, "examples in docs/templates.md");
    }
    assert_eq!(listed.len(), 3);
    for (kind, names) in listed {
        let there = filters::names(kind).into_iter().collect::<BTreeSet<_>>();
        let missing: Vec<_> = there.difference(&names).collect();
        let invented: Vec<_> = names.difference(&there).collect();
        assert!(missing.is_empty(), "not in docs/templates.md: {missing:?}");
        assert!(
            invented.is_empty(),
            "only in docs/templates.md: {invented:?}"
        );
    }
}

#[test]
fn names_in_the_lists_of_builtins_exist() {
    for name in filters::names(Kind::Filter) {
        let known = render(&format!("{{{{ '{name}' is filter }}}}"));
        assert_eq!(known.text.as_deref(), Some("True"), "{name}");
    }
    for name in filters::names(Kind::Test) {
        let known = render(&format!("{{{{ '{name}' is test }}}}"));
        assert_eq!(known.text.as_deref(), Some("True"), "{name}");
    }
}

#[test]
fn faults_name_place_cause_and_cure() {
    for (source, says) in [
        (
            "a\nb {{ nope }}",
            "intent/templates/t.j2:2:6: device `r1`: `nope` is undefined (hint: define it",
        ),
        ("{{ users[0].nope }}", "`users[0].nope` is undefined"),
        (
            "x\n{% if %}",
            "intent/templates/t.j2:2:7: device `r1`: syntax error: ",
        ),
        (
            "{{ vlans.append(1) }}",
            "(hint: lists and mappings cannot be changed in place; write {% set items = items + [x] %}",
        ),
        (
            "{% do users.append(1) %}",
            "sequence has no method named append (hint: lists",
        ),
        ("{% set x = d.update({}) %}", "| combine({'key': x}) %}"),
        (
            "{{ '%s' % 5 }}",
            "(hint: `%` does not format text here; write `'%s …' | format(x)`",
        ),
        ("{{ '%s' % (1, 2) }}", "does not format text here"),
        ("{{ 'a' + 1 }}", "(hint: join text and numbers with `~`)"),
        (
            "{{ 'a' | regex_replce('a') }}",
            "filter regex_replce is unknown (hint: did you mean `regex_replace`? docs/templates.md",
        ),
        ("{{ 'a' is ipv4_adress }}", "did you mean `ipv4_address`?"),
        ("{{ nofunction(1) }}", "nofunction is unknown"),
        (
            "{% include 'nowhere.j2' %}",
            "'nowhere.j2' (hint: names are looked up in intent/templates/ and from the repository's root)",
        ),
        ("{% include '../x' %}", "non-existing template '../x'"),
        (
            "{{ secret('not a name') }}",
            "`not a name` is not a secret name",
        ),
        (
            "{{ 'a' | regex_search('(?<=x)a') }}",
            "uses look-behind, which the linear-time engine does not have",
        ),
        (
            "{{ 'a' | regex_search('(') }}",
            "the regular expression `(` is not usable: unclosed group",
        ),
    ] {
        let message = fault(source);
        assert!(message.contains(says), "{source}\n  {message}\n  {says}");
    }
}

#[test]
fn faults_in_included_files_name_both_places() {
    let mut files = FileSet::new();
    files.insert("intent/templates/a.j2", "one\n{% include 'b.j2' %}\n");
    files.insert(
        "intent/templates/b.j2",
        "{% macro m() %}\n  {{ nope }}\n{% endmacro %}\n{{ m() }}",
    );
    files.insert("latin.j2", b"ok\n caf\xe9\n".to_vec());
    files.insert("plain.cfg", "hostname r1\n!\n");
    let limits = RenderLimits::default();
    let values = Data::Map(Vec::new());
    let rendered = render_device(
        &files,
        &device("intent/templates/a.j2", values.clone()),
        &limits,
    );
    assert_eq!(
        rendered.diagnostics[0].to_string(),
        "intent/templates/b.j2:2:6: device `r1`: `nope` is undefined, included from intent/templates/a.j2:2 (hint: define it in the inventory's data, or write `| default(…)` behind it)"
    );
    let rendered = render_device(&files, &device("latin.j2", values.clone()), &limits);
    assert!(
        rendered.diagnostics[0]
            .to_string()
            .contains("template `latin.j2` is not UTF-8 text (line 2)")
    );
    let rendered = render_device(&files, &device("nowhere.j2", values.clone()), &limits);
    assert!(rendered.diagnostics[0].to_string().contains("nowhere.j2"));

    let mut plain = device("x", values);
    plain.source = IntentSource::File("plain.cfg".to_owned());
    let rendered = render_device(&files, &plain, &limits);
    assert_eq!(rendered.text.as_deref(), Some("hostname r1\n!\n"));
    assert_eq!(rendered.origins[1][0].to_string(), "plain.cfg:2:1");
    plain.source = IntentSource::File("latin.j2".to_owned());
    let rendered = render_device(&files, &plain, &limits);
    assert_eq!(
        rendered.diagnostics[0].to_string(),
        "latin.j2:2:5: device `r1`: file `latin.j2` is not UTF-8 text"
    );
    plain.source = IntentSource::File("gone.cfg".to_owned());
    let rendered = render_device(&files, &plain, &limits);
    assert!(
        rendered.diagnostics[0]
            .to_string()
            .contains("file `gone.cfg` does not exist")
    );
}

#[test]
fn data_that_only_looks_like_a_secret_reference_is_refused() {
    let mut files = FileSet::new();
    files.insert("t.j2", "{{ a.b[0] }}");
    let values = serde_json::json!({"a": {"b": ["secret:not a name"]}});
    let rendered = render_device(
        &files,
        &device("t.j2", data(&values)),
        &RenderLimits::default(),
    );
    assert_eq!(rendered.text, None);
    let message = rendered.diagnostics[0].to_string();
    assert!(
        message.contains("a.b[0]: `not a name` is not a secret name"),
        "{message}"
    );
}

#[test]
fn a_plain_password_does_not_reach_the_template() {
    use crate::model::{Credential, Device, Keel, SecretName, SecretText};
    let mut device = Device {
        name: "r1".to_owned(),
        password: Some(Credential::Plain(SecretText::new("CANARY"))),
        keel: Keel {
            intent: Some(IntentSource::Template("t.j2".to_owned())),
            ..Keel::default()
        },
        ..Device::default()
    };
    let mut files = FileSet::new();
    files.insert("t.j2", "{{ host.password }}");
    let asked = RenderDevice::of(&device).expect("it has an intent");
    assert!(!format!("{asked:?}").contains("CANARY"));
    let shown = |asked| render_device(&files, asked, &RenderLimits::default()).text;
    assert_eq!(shown(&asked).as_deref(), Some("None"));
    device.password = Some(Credential::Named(SecretName::new("pw").expect("a name")));
    let asked = RenderDevice::of(&device).expect("it has an intent");
    assert_eq!(shown(&asked).as_deref(), Some("⟦secret:pw⟧"));
    device.keel.intent = None;
    assert!(RenderDevice::of(&device).is_none());
}
