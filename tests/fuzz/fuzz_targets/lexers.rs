//! Any text, for every platform: nothing panics, every byte comes back, nothing differs from
//! itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netkeel::config::{Document, Scope, compare};
use netkeel::pack::Packs;

fuzz_target!(|data: &[u8]| {
    let (Some((first, rest)), Ok(packs)) = (data.split_first(), Packs::builtin()) else {
        return;
    };
    let names = packs.names();
    let Some(pack) = packs.get(names[usize::from(*first) % names.len()]) else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    let document = Document::parse(&text, &pack.dialect);
    assert_eq!(document.print(), text);
    let full = Scope {
        full: true,
        sections: Vec::new(),
    };
    assert!(compare(&document, &document, None, &pack.dialect, &full).is_empty());
});
