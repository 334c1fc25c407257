//! The example repository in `intent/`: it loads, every device renders, and what comes out
//! is what `tests/cases/example` shows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use netkeel::evaluator::Evaluator;
use netkeel::intent::{self, RenderDevice, RenderLimits, RenderRequest};
use netkeel::model::{ApplyMode, FileSet, placeholders};

fn add(files: &mut FileSet, root: &Path, folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            add(files, root, &path);
        } else {
            let inside = path.strip_prefix(root).expect("below the root");
            let content = fs::read(&path).expect("readable");
            files.insert(inside.to_string_lossy(), content);
        }
    }
}

#[tokio::test]
async fn the_example_repository_renders_as_shown() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = FileSet::new();
    add(&mut files, root, &root.join("intent"));
    let inventory = intent::load(&files).expect("loads");
    assert!(inventory.broken.is_empty(), "{:?}", inventory.broken);
    assert_eq!(inventory.warnings, []);
    let modes: BTreeSet<ApplyMode> = inventory.devices.values().map(|d| d.keel.apply).collect();
    assert_eq!(modes.len(), 3, "the example shows every apply mode");

    let devices: Vec<_> = inventory
        .devices
        .values()
        .filter_map(RenderDevice::of)
        .collect();
    assert_eq!(devices.len(), inventory.devices.len());
    let evaluator = Evaluator::new(env!("CARGO_BIN_EXE_netkeel").into());
    let request = RenderRequest {
        files,
        devices,
        limits: RenderLimits::default(),
    };
    let mut secrets = BTreeSet::new();
    for rendered in evaluator.render(request).await.devices {
        assert_eq!(rendered.diagnostics, [], "{}", rendered.name);
        let text = rendered.text.expect("rendered");
        assert_eq!(rendered.origins.len(), text.lines().count());
        assert!(rendered.origins.iter().all(|chain| !chain.is_empty()));
        let names = placeholders(&text);
        secrets.extend(names.iter().map(|name| name.as_str().to_owned()));
        let shown = root.join(format!("tests/cases/example/{}.cfg", rendered.name));
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(shown.parent().expect("a folder")).expect("writable");
            fs::write(&shown, &text).expect("writable");
        }
        let expected = fs::read_to_string(&shown).unwrap_or_default();
        assert_eq!(text, expected, "{}", rendered.name);
    }
    // The names that settings for the example must define, besides the login's own.
    let expected = ["bgp_password", "bgp_password_7", "login_hash", "snmp_ro"];
    assert_eq!(
        secrets.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
}
