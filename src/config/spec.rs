//! The `config` section of a platform pack as written.
//!
//! Patterns are words: a literal word, `*` (one word), `word*` (one word with this
//! beginning), `~` (all further words, blanks between them do not count), `~~` (free
//! text, taken as it stands), `(a|b)` (one of these), `[…]` (may be left out),
//! `{name}` (a word of the slot's key) and `<name>` (a word of its value). Captures may
//! carry a class (`{seq:num}`, `<dir:in|out>`, `<x:!a|b>` anything but these, `<x:swp*>`
//! this beginning; `num`, `v4`, `v6`, `net`, `sub` with a dot in it) or take the rest
//! (`{name~}`, `<text~~>`). ` || ` separates alternatives of a whole line.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The dialect as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DialectSpec {
    /// How nesting is known.
    pub family: Family,
    /// What begins a comment line.
    pub comments: Vec<String>,
    /// How a complete running configuration begins and ends.
    pub complete: CompleteSpec,
    /// Lines that only leave contexts; the number of levels, 0 for all of them.
    pub leave: BTreeMap<String, usize>,
    /// The word that leaves one level where the opening rule names no other.
    pub exit: String,
    /// Words that take a line back (`no`, `default`).
    pub negators: Vec<String>,
    /// Full names of interface kinds, for abbreviations.
    pub interfaces: Vec<String>,
    /// Lines without meaning, wherever they stand.
    pub noise: Vec<NoiseSpec>,
    /// Where secrets stand in a line.
    pub secrets: Vec<SecretSpec>,
    /// The rules by context.
    pub sections: Vec<SectionSpec>,
}

/// How nesting is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// By indentation (IOS).
    #[default]
    Indent,
    /// By keywords: a line the current context does not know belongs to an enclosing one
    /// (FRR).
    Grammar,
}

/// What a complete running configuration looks like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompleteSpec {
    /// One of these patterns matches one of the first lines.
    pub first: Vec<String>,
    /// How many lines count as the first ones.
    pub within: usize,
    /// The last line.
    pub last: String,
}

/// A line without meaning.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseSpec {
    /// The pattern.
    pub line: String,
    /// Why it does not count.
    pub reason: String,
    /// Only at top level.
    #[serde(default)]
    pub top: bool,
    /// A line it matches.
    pub example: String,
}

/// Where a secret stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSpec {
    /// The pattern; a leading `~` lets it begin anywhere in the line. `<secret>` or
    /// `<secret~~>` is the value, further ones are `<secret2>`…, `<type>` the hash type.
    pub line: String,
    /// Not in sections whose header line begins with these words.
    #[serde(default)]
    pub not_under: String,
    /// A line it matches; the secret in it is the word `CANARY`.
    pub example: String,
}

/// The rules of some contexts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionSpec {
    /// Names of contexts; `top` is the outermost.
    #[serde(rename = "in")]
    pub contexts: Vec<String>,
    /// The order of all children counts, whatever they are.
    #[serde(default)]
    pub ordered: bool,
    /// The rules; the first that matches is taken.
    pub rules: Vec<RuleSpec>,
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Its name.
    pub id: String,
    /// Patterns of the positive line.
    pub line: String,
    /// A line it matches; a rule without one is refused.
    pub example: String,
    /// How many lines fill the slot.
    #[serde(default)]
    pub slot: SlotSpec,
    /// A slot name shared with other rules.
    #[serde(default)]
    pub group: Option<String>,
    /// The context it opens.
    #[serde(default)]
    pub opens: Option<String>,
    /// What leaves that context.
    #[serde(default)]
    pub exit: Option<String>,
    /// Negation forms, best first; `children` or `impossible` instead of a line.
    #[serde(default)]
    pub no: Option<String>,
    /// What a negated line in a configuration means.
    #[serde(default)]
    pub negative: Negative,
    /// Positive lines that equal absence.
    #[serde(default)]
    pub default: Option<String>,
    /// The capture that is the sequence number.
    #[serde(default)]
    pub number: Option<String>,
    /// First number and step where an entry is typed without one.
    #[serde(default)]
    pub implicit: Option<(u64, u64)>,
    /// How the line is written canonically.
    #[serde(default)]
    pub canonical: Option<String>,
    /// Normaliser by capture.
    #[serde(default)]
    pub normalise: BTreeMap<String, Normaliser>,
    /// How its multi-line text ends.
    #[serde(default)]
    pub literal: Option<LiteralSpec>,
    /// Not compared at all, and why.
    #[serde(default)]
    pub ignore: Option<String>,
    /// What it wipes.
    #[serde(default)]
    pub wipes: Vec<CascadeSpec>,
    /// `kind capture`
    #[serde(default)]
    pub defines: Option<String>,
    /// `kind capture [open]`
    #[serde(default)]
    pub uses: Vec<String>,
    /// What a change may disturb.
    #[serde(default)]
    pub risk: crate::model::Disruption,
    /// The part of the management path.
    #[serde(default)]
    pub lockout: Option<String>,
    /// Soft order.
    #[serde(default)]
    pub weight: i32,
    /// Take the old value back before typing the new one.
    #[serde(default)]
    pub remove_first: bool,
    /// The device never prints it.
    #[serde(default)]
    pub hidden: bool,
}

/// Cardinality as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotSpec {
    /// One value.
    One,
    /// Many values, order free.
    #[default]
    Set,
    /// Order matters.
    Seq,
    /// Order follows a number.
    Keyed,
    /// Replaced as a whole.
    Atomic,
    /// An opaque text.
    Literal,
}

/// What a negated line in a configuration means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Negative {
    /// The same as no line.
    #[default]
    Absent,
    /// Something else than no line: the device prints it.
    Shown,
}

/// How a literal ends: `delimiter` or `until LINE`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LiteralSpec {
    /// With the character (or `^C`) that follows the opening words.
    Delimiter,
    /// With this line, blanks aside.
    Until(String),
}

impl TryFrom<String> for LiteralSpec {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(' ') {
            None if text == "delimiter" => Ok(Self::Delimiter),
            Some(("until", line)) if !line.is_empty() => Ok(Self::Until(line.to_owned())),
            Some(_) | None => Err(format!("`{text}` is neither `delimiter` nor `until LINE`")),
        }
    }
}

/// Named normalisers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normaliser {
    /// Host bits cleared, IPv6 in its shortest spelling.
    Network,
    /// IPv6 in its shortest spelling, with or without prefix length; host bits stay.
    Address,
    /// Full name of the interface's kind, no blanks.
    Ifname,
    /// Lower case.
    Lower,
    /// `ge` before `le`, both after the prefix.
    GeLe,
    /// Words in alphabetic order.
    Words,
    /// Numbers and ranges, sorted and joined.
    Ranges,
    /// `host A` for `A 0.0.0.0`, `any` for `0.0.0.0 255.255.255.255`, port names.
    Ace,
}

/// What a rule wipes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CascadeSpec {
    /// When.
    pub on: Vec<EventSpec>,
    /// Rule ids; a final `*` matches the rest.
    pub rules: Vec<String>,
    /// Only lines with the same word in this capture.
    #[serde(default)]
    pub key: Option<String>,
    /// Also inside the blocks beside it.
    #[serde(default)]
    pub nested: bool,
}

/// When a cascade happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventSpec {
    /// The line appears.
    Add,
    /// Its value changes.
    Change,
    /// It goes.
    Remove,
}
