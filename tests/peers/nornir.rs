//! Our inventory and filters against Nornir itself, on a thousand generated inventories.
//!
//! `NETKEEL_PEERS_VENV` is a Python environment with `nornir` (PyPI), or its interpreter.
//! `NETKEEL_PEERS_SEED` chooses other inventories than the usual ones.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use netkeel::intent::{self, Filter, Inventory};
use netkeel::model::{ConnectionOptions, Credential, Data, Device, FileSet};
use serde_json::Value;

/// How many inventories are compared.
const INVENTORIES: usize = 1000;

#[test]
fn agrees_with_nornir() {
    let Some(python) = std::env::var_os("NETKEEL_PEERS_VENV") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "NETKEEL_PEERS_VENV must name a Python environment with nornir"
        );
        eprintln!("left out: NETKEEL_PEERS_VENV is not set");
        return;
    };
    let seed = std::env::var("NETKEEL_PEERS_SEED").unwrap_or_else(|_| "1".to_owned());
    let mut python = PathBuf::from(python);
    if python.is_dir() {
        python.push("bin/python");
    }
    let counts = compare(&python, &seed);
    println!("{counts:?}");
    // The comparison must not have become empty by accident.
    assert_eq!(counts.inventories, INVENTORIES);
    assert!(counts.hosts > 2 * INVENTORIES, "{counts:?}");
    assert!(counts.broken > 50 && counts.refused > 5, "{counts:?}");
    assert!(
        counts.filters > 5 * INVENTORIES && counts.selected > INVENTORIES,
        "{counts:?}"
    );
}

/// What was compared.
#[derive(Debug, Default)]
struct Counts {
    inventories: usize,
    /// Inventories that Nornir could not load and we did not accept.
    refused: usize,
    hosts: usize,
    /// Hosts with a value whose type we do not accept.
    broken: usize,
    filters: usize,
    /// Hosts selected by filters, in all.
    selected: usize,
}

fn compare(python: &Path, seed: &str) -> Counts {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/nornir_parity.py");
    let mut child = Command::new(python)
        .arg(script)
        .args([INVENTORIES.to_string(), seed.to_owned()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    let output = child.stdout.take().expect("a pipe");
    let mut counts = Counts::default();
    for line in BufReader::new(output).lines() {
        let case: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        counts.inventories += 1;
        one_case(&case, &mut counts);
    }
    assert!(child.wait().expect("it ends").success());
    counts
}

fn one_case(case: &Value, counts: &mut Counts) {
    // The three files say enough to try it by hand.
    let context = || {
        let file = |name: &str| case["files"][name].as_str().unwrap_or_default().to_owned();
        format!(
            "# hosts\n{}# groups\n{}# defaults\n{}",
            file("hosts"),
            file("groups"),
            file("defaults")
        )
    };
    let loaded = intent::load(&files(case));
    if let Some(error) = case["error"].as_str() {
        let refused = loaded.as_ref().map_or(true, |i| !i.broken.is_empty());
        assert!(refused, "Nornir: {error}; we accept it: {}", context());
        counts.refused += 1;
        return;
    }
    let inventory = match loaded {
        Ok(inventory) => inventory,
        Err(faults) => panic!("we refuse it: {faults:?}\n{}", context()),
    };
    for (name, expected) in case["hosts"].as_object().expect("hosts") {
        counts.hosts += 1;
        match inventory.devices.get(name) {
            Some(device) => {
                if let Err(difference) = same_device(device, expected) {
                    panic!("{name}: {difference}\n{}", context());
                }
            }
            None => {
                let faults = &inventory.broken[name];
                assert!(!acceptable(expected), "{name}: {faults:?}\n{}", context());
                counts.broken += 1;
            }
        }
    }
    assert_eq!(
        inventory.devices.len() + inventory.broken.len(),
        case["hosts"].as_object().map_or(0, serde_json::Map::len)
    );
    filters(case, &inventory, counts);
}

fn files(case: &Value) -> FileSet {
    let mut files = FileSet::new();
    for name in ["hosts", "groups", "defaults"] {
        if let Some(text) = case["files"][name].as_str() {
            files.insert(format!("intent/inventory/{name}.yaml"), text);
        }
    }
    files
}

fn filters(case: &Value, inventory: &Inventory, counts: &mut Counts) {
    for pair in case["filters"].as_array().expect("filters") {
        let text = pair[0].as_str().expect("an expression");
        let filter = Filter::parse(text).expect(text);
        let ours: Vec<&str> = inventory.select(&filter).map(|d| d.name.as_str()).collect();
        let theirs: Vec<&str> = pair[1]
            .as_array()
            .expect("names")
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| inventory.devices.contains_key(*name))
            .collect();
        assert_eq!(ours, theirs, "{text}\n{:#}", case["hosts"]);
        counts.filters += 1;
        counts.selected += ours.len();
    }
}

/// Whether all values of a host are of types we accept.
fn acceptable(host: &Value) -> bool {
    let connections = host["connections"].as_object().expect("connections");
    std::iter::once(&host["attributes"])
        .chain(connections.values())
        .all(|attributes| {
            let text = |key: &str| matches!(kind(&attributes[key]), "null" | "text" | "time");
            let port = match kind(&attributes["port"]) {
                "null" => true,
                "int" => attributes["port"][1]
                    .as_str()
                    .is_some_and(|n| n.parse::<u16>().is_ok()),
                _ => false,
            };
            port && ["hostname", "username", "password", "platform"]
                .into_iter()
                .all(text)
        })
}

fn kind(typed: &Value) -> &str {
    typed[0].as_str().expect("a type")
}

fn same_device(device: &Device, expected: &Value) -> Result<(), String> {
    if !acceptable(expected) {
        return Err("we accept a value of a wrong type".to_owned());
    }
    same_attributes(
        &ConnectionOptions {
            hostname: device.hostname.clone(),
            port: device.port,
            username: device.username.clone(),
            password: device.password.clone(),
            platform: device.platform.clone(),
            extras: None,
        },
        &expected["attributes"],
    )?;
    same_names("groups", &device.groups, &expected["groups"])?;
    same_names("all groups", &device.all_groups, &expected["all_groups"])?;
    same_data(&device.data, &expected["data"]).map_err(|d| format!("data: {d}"))?;
    for (plugin, theirs) in expected["connections"].as_object().expect("connections") {
        let ours = device.connection_options.get(plugin).cloned();
        let Some(ours) = ours else {
            // Nobody speaks of this plugin: Nornir answers with the host's own attributes.
            if theirs["extras"] != serde_json::json!(["map", []]) {
                return Err(format!("{plugin} is missing"));
            }
            continue;
        };
        same_attributes(&ours, theirs).map_err(|d| format!("{plugin}: {d}"))?;
        same_data(&ours.extras.unwrap_or_default(), &theirs["extras"])
            .map_err(|d| format!("{plugin} extras: {d}"))?;
    }
    Ok(())
}

fn same_names(what: &str, ours: &[String], theirs: &Value) -> Result<(), String> {
    let theirs: Vec<&str> = theirs
        .as_array()
        .expect("names")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("{what}: ours {ours:?}, Nornir's {theirs:?}"))
    }
}

fn same_attributes(ours: &ConnectionOptions, theirs: &Value) -> Result<(), String> {
    let password = ours.password.as_ref().map(|p| match p {
        Credential::Named(name) => format!("secret:{name}"),
        Credential::Plain(text) => text.expose().to_owned(),
    });
    let text = |t: &Option<String>| t.clone().map_or(Data::Null, Data::Text);
    let pairs = [
        ("hostname", text(&ours.hostname)),
        (
            "port",
            ours.port.map_or(Data::Null, |p| Data::Int(p.into())),
        ),
        ("username", text(&ours.username)),
        ("password", text(&password)),
        ("platform", text(&ours.platform)),
    ];
    for (key, ours) in pairs {
        same_data(&ours, &theirs[key]).map_err(|d| format!("{key}: {d}"))?;
    }
    Ok(())
}

/// Compares a value with one of Python, type for type.
fn same_data(ours: &Data, theirs: &Value) -> Result<(), String> {
    let value = &theirs[1];
    let same = match (kind(theirs), ours) {
        ("null", Data::Null) => true,
        ("bool", Data::Bool(b)) => value.as_bool() == Some(*b),
        ("int", Data::Int(n)) => value.as_str() == Some(&n.to_string()),
        // Beyond 64 bits we keep the digits Python would print.
        ("int", Data::Text(t)) => t.parse::<i64>().is_err() && value.as_str() == Some(t),
        ("float", Data::Float(x)) => {
            let theirs: f64 = value.as_str().expect("digits").parse().expect("a number");
            theirs.to_bits() == x.to_bits() || (theirs.is_nan() && x.is_nan())
        }
        ("text", Data::Text(t)) => value.as_str() == Some(t),
        // Dates stay as they were written; Python prints a plain date the same way.
        ("time", Data::Text(t)) => t.len() > 10 || value.as_str() == Some(t),
        ("list", Data::List(items)) => {
            let theirs = value.as_array().expect("items");
            if theirs.len() == items.len() {
                return items
                    .iter()
                    .zip(theirs)
                    .try_for_each(|(o, t)| same_data(o, t));
            }
            false
        }
        ("map", Data::Map(entries)) => {
            let theirs = value.as_array().expect("entries");
            if theirs.len() == entries.len() {
                return entries
                    .iter()
                    .zip(theirs)
                    .try_for_each(|((key, value), t)| {
                        same_data(key, &t[0])?;
                        same_data(value, &t[1]).map_err(|d| format!("{key}: {d}"))
                    });
            }
            false
        }
        _ => false,
    };
    if same {
        Ok(())
    } else {
        Err(format!("ours {ours:?}, Nornir's {theirs}"))
    }
}
