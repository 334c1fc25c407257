//! Where lines come from, as a user asks: template, variable, and the commits of both.

use netkeel::sim::Platform;
use serde_json::Value;

use crate::place::Place;

/// The description of `r1` comes from a template that another one includes, and from a
/// variable; each is committed on its own.
async fn place() -> (Place, [String; 2]) {
    let place = Place::with(&[("r1", Platform::Ios)]).await;
    let path = place.repo().join("intent/configs/r1.cfg");
    let text = std::fs::read_to_string(path).expect("a configuration");
    assert!(text.contains("to the core"), "{text}");
    let template = text.replace("to the core", "to {% include 'where.j2' %}");
    place.write("intent/templates/main.j2", &template);
    place.write("intent/templates/where.j2", "the {{ uplinks[0] }}\n");
    let more = "  data:\n    netkeel: {intent: intent/templates/main.j2}\n    uplinks: [core]\n";
    place.write("intent/inventory/hosts.yaml", &place.host("r1", more));
    let templates = place.commit("templates");
    place.edit("intent/inventory/hosts.yaml", "[core]", "[moon]");
    let variable = place.commit("to the moon");
    (place, [templates, variable])
}

fn commit_of(place: &Value) -> &str {
    place["written"]["commit"]["id"]
        .as_str()
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_changes_say_where_they_come_from() {
    let (place, [templates, variable]) = place().await;
    let words = [
        "description to the moon",
        "intent/templates/main.j2:",
        &format!("({} Ada ", &templates[..10]),
        "uplinks[0] = intent/inventory/hosts.yaml:",
        &format!("({} Ada ", &variable[..10]),
    ];
    place.run(&["render", "r1", "--origins"]).is(0, &words);
    let words = [
        "where it comes from",
        words[0],
        words[2],
        words[3],
        words[4],
    ];
    place.run(&["plan", "--origins"]).is(0, &words);

    let json = place
        .run(&["plan", "--origins", "--json"])
        .is(0, &[])
        .json();
    let change = &json["devices"][0]["origins"][0];
    assert_eq!(change["kind"], "changed", "{json}");
    let path = change["path"].as_array().expect("a path");
    let last = path.last().and_then(Value::as_str).unwrap_or_default();
    assert_eq!(last, "description to the moon");
    assert_eq!(commit_of(&change["chain"][0]), templates);
    assert_eq!(change["values"][0]["name"], "uplinks[0]");
    assert_eq!(change["values"][0]["file"], "intent/inventory/hosts.yaml");
    assert_eq!(commit_of(&change["values"][0]), variable);
    // Nobody who has not asked sees or waits for any of it.
    let json = place.run(&["plan", "--json"]).is(0, &[]).json();
    assert!(json["devices"][0].get("origins").is_none());
    let json = place.run(&["render", "--json"]).is(0, &[]).json();
    assert!(json["devices"][0].get("lines").is_none());

    // What is not committed is said to be so; what was before it keeps its commit.
    place.edit("intent/inventory/hosts.yaml", "[moon]", "[mars]");
    place.run_in_tree(&["plan", "--origins"]).is(
        0,
        &[
            "description to the mars",
            &templates[..10],
            "(not committed)",
        ],
    );
    let json = place.run_in_tree(&["render", "r1", "--origins", "--json"]);
    let json = json.is(0, &[]).json();
    let lines = json["devices"][0]["lines"].as_array().expect("lines");
    let text = json["devices"][0]["text"].as_str().expect("text");
    assert_eq!(lines.len(), text.lines().count());
    assert!(lines.iter().all(|line| line["chain"][0]["line"].is_u64()));
}
