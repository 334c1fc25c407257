//! Any commands typed into any configuration: refused or taken, never a panic; and a plan that
//! calls itself proved is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netkeel::config::simulate::replay;
use netkeel::config::{Document, Scope};
use netkeel::pack::Packs;
use netkeel::plan::remedy;

fuzz_target!(|data: &[u8]| {
    let (Some((first, rest)), Ok(packs)) = (data.split_first(), Packs::builtin()) else {
        return;
    };
    let names = packs.names();
    let Some(pack) = packs.get(names[usize::from(*first) % names.len()]) else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    let (base, commands) = text.split_once('\0').unwrap_or((&text, ""));
    let document = Document::parse(base, &pack.dialect);
    let lines: Vec<&str> = commands.lines().collect();
    if let Ok(there) = replay(&document, &lines, &pack.dialect) {
        drop(there.document());
    }
    let full = Scope {
        full: true,
        sections: Vec::new(),
    };
    let other = Document::parse(commands, &pack.dialect);
    drop(remedy(&document, &other, None, &pack.dialect, &full, None));
});
