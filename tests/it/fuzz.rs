//! The fuzz targets' corpus and finds, replayed on stable; and a deterministic fuzzer of our
//! own: the cases' texts cut, joined and spoilt, for every platform.

use std::path::Path;
use std::time::Duration;

use netkeel::config::simulate::replay;
use netkeel::config::{Dialect, Document, Scope, compare};
use netkeel::pack::Packs;
use netkeel::plan::remedy;
use tokio::time::Instant;

fn full() -> Scope {
    Scope {
        full: true,
        sections: Vec::new(),
    }
}

/// What the targets in `tests/fuzz` ask of one input.
fn holds(text: &str, commands: &str, dialect: &Dialect) {
    let document = Document::parse(text, dialect);
    assert_eq!(document.print(), text, "the bytes differ");
    assert!(compare(&document, &document, None, dialect, &full()).is_empty());
    let lines: Vec<&str> = commands.lines().collect();
    if let Ok(there) = replay(&document, &lines, dialect) {
        drop(there.document());
    }
    let other = Document::parse(commands, dialect);
    drop(remedy(&document, &other, None, dialect, &full(), None));
}

#[test]
fn the_corpus_and_its_finds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let packs = Packs::builtin().expect("built-in packs");
    for entry in std::fs::read_dir(root).expect("the corpus") {
        let path = entry.expect("readable").path();
        let bytes = std::fs::read(&path).expect("readable");
        let text = String::from_utf8_lossy(&bytes);
        let (base, commands) = text.split_once('\0').unwrap_or((&text, ""));
        for name in packs.names() {
            let pack = packs.get(name).expect("a pack");
            holds(base, commands, &pack.dialect);
        }
    }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides.max(1) as u64).expect("small")
    }
}

/// Bytes that mean something to one lexer or another.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "{",
    "}",
    ";",
    "[",
    "]",
    "/*",
    "*/",
    "#",
    "!",
    "\n",
    "\r\n",
    "\t",
    " ",
    "^C",
    "banner motd ^C",
    "EOF\n",
    "end\n",
    "next\n",
    "edit \"",
    "config ",
    "set ",
    "delete ",
    "inactive: ",
    "\u{27e6}",
    "\u{27e7}",
    "\\",
    "\u{0}",
    "é",
    "<a>",
    "</a>",
    "<!--",
    "no ",
    "exit\n",
];

fn spoil(text: &str, dice: &mut Dice) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=dice.roll(6) {
        let at = dice.roll(bytes.len() + 1);
        match dice.roll(4) {
            0 => bytes.truncate(at),
            1 => {
                let end = (at + dice.roll(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let end = (at + dice.roll(80)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = dice.roll(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            _ => {
                let piece = PIECES[dice.roll(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn spoilt_configurations() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let packs = Packs::builtin().expect("built-in packs");
    for platform in crate::engine_properties::platforms() {
        let pack = packs.get(&platform).expect("a platform");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plan");
        for entry in std::fs::read_dir(root.join(&platform))
            .expect("cases")
            .take(12)
        {
            let folder = entry.expect("readable").path();
            let read = |name: &str| {
                let bytes = std::fs::read(folder.join(name)).expect("a file of the case");
                String::from_utf8_lossy(&bytes).into_owned()
            };
            let (running, intended) = (read("running.cfg"), read("intended.cfg"));
            for _ in 0..6 {
                let text = spoil(&running, &mut dice);
                holds(&text, &spoil(&intended, &mut dice), &pack.dialect);
            }
        }
    }
}

/// Ten times the text takes about ten times as long, also where it is hostile: openers that
/// never close.
#[test]
fn reading_takes_linear_time() {
    let packs = Packs::builtin().expect("built-in packs");
    let hostile = [
        "banner motd ^C\n",
        "set a \"b\n",
        "/* \n",
        "a {\n",
        "[ a\n",
        "config x\n",
        "<a>\n",
        "crypto pki certificate chain X\n certificate 01\n",
        "route-policy X\n",
    ];
    for name in packs.names() {
        let pack = packs.get(name).expect("a pack");
        for line in hostile {
            let time = |count: usize| {
                let text = line.repeat(count);
                let started = Instant::now();
                drop(Document::parse(&text, &pack.dialect));
                started.elapsed()
            };
            let short = time(1_000).max(Duration::from_millis(2));
            let long = time(10_000);
            assert!(
                long < short * 60,
                "{name}: {line:?} took {short:?}, then {long:?}"
            );
        }
    }
}
