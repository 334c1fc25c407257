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
    pub family: Option<Family>,
    /// What begins a comment line.
    pub comments: Vec<String>,
    /// What begins a comment that the device keeps: such a line counts like a command.
    pub kept: Vec<String>,
    /// How a complete running configuration begins and ends.
    pub complete: Option<CompleteSpec>,
    /// Lines that only leave contexts; the number of levels, 0 for all of them.
    pub leave: BTreeMap<String, usize>,
    /// How statements are written, for the families that do not go by lines.
    pub braces: Option<BraceSpec>,
    /// What is known of the models, for XML.
    pub xml: Option<XmlSpec>,
    /// Commands take effect together (candidate and commit): what is wrong only in between
    /// does not matter, nor does their order.
    pub transactional: Option<bool>,
    /// A change is a new file.
    pub whole_file: Option<bool>,
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
    /// Rules of the extended dialect that do not hold here; a final `*` matches the rest.
    pub without: Vec<String>,
}

impl DialectSpec {
    /// This dialect on top of another one: what it says itself comes first, a rule of the
    /// same name takes the other's place.
    #[must_use]
    pub fn onto(self, base: &Self) -> Self {
        let mut out = self;
        out.family = out.family.or(base.family);
        out.transactional = out.transactional.or(base.transactional);
        out.whole_file = out.whole_file.or(base.whole_file);
        out.braces = out.braces.or_else(|| base.braces.clone());
        out.xml = out.xml.or_else(|| base.xml.clone());
        out.complete = out.complete.or_else(|| base.complete.clone());
        for (own, other) in [
            (&mut out.comments, &base.comments),
            (&mut out.negators, &base.negators),
            (&mut out.kept, &base.kept),
        ] {
            if own.is_empty() {
                own.clone_from(other);
            }
        }
        if out.exit.is_empty() {
            out.exit.clone_from(&base.exit);
        }
        for (line, levels) in &base.leave {
            out.leave.entry(line.clone()).or_insert(*levels);
        }
        out.interfaces.extend(base.interfaces.iter().cloned());
        out.noise
            .extend(base.noise.iter().cloned().map(|noise| NoiseSpec {
                inherited: true,
                ..noise
            }));
        out.secrets.extend(base.secrets.iter().cloned());
        let inherited = out.inherited(base);
        out.sections.extend(inherited);
        out
    }

    /// The sections of the base, without what this dialect replaces or leaves out.
    fn inherited(&self, base: &Self) -> Vec<SectionSpec> {
        let own: std::collections::BTreeSet<&str> = self
            .sections
            .iter()
            .flat_map(|s| s.rules.iter().map(|r| r.id.as_str()))
            .collect();
        let left_out = |id: &str| {
            own.contains(id)
                || self.without.iter().any(|w| match w.strip_suffix('*') {
                    Some(start) => id.starts_with(start),
                    None => w == id,
                })
        };
        let section = |section: &SectionSpec| {
            let kept = section.rules.iter().filter(|r| !left_out(&r.id)).cloned();
            SectionSpec {
                contexts: section.contexts.clone(),
                ordered: section.ordered,
                oneline: section.oneline,
                rules: kept
                    .map(|rule| RuleSpec {
                        inherited: true,
                        ..rule
                    })
                    .collect(),
            }
        };
        base.sections.iter().map(section).collect()
    }
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
    /// By braces (Junos), or one path a line.
    Brace,
    /// `config … edit … set … next … end` (FortiOS).
    Edit,
    /// XML elements.
    Xml,
    /// A file whose every line counts.
    File,
}

/// How statements are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BraceSpec {
    /// Statements are paths in one tree of words (Junos, VyOS, SR Linux, SR OS): the
    /// levels are those the rules know, else one word each. Otherwise (BIRD) a statement is
    /// one line.
    pub paths: bool,
    /// Ends a statement; empty where the line does.
    pub end: String,
    /// `[ a b ]` stands for several statements.
    pub lists: bool,
    /// `!` begins a comment line.
    pub bang: bool,
    /// What quotes.
    pub quotes: String,
    /// What a word that needs quotes is typed in.
    pub quote: String,
    /// Begins a path line that is typed (`set`, `set /`, `/configure`).
    pub set: String,
    /// Begins the path of what has to go (`delete`, `delete /`).
    pub delete: String,
    /// Begins a line that moves an entry of a list: `insert PATH before ENTRY`; empty where
    /// there is no such command.
    pub insert: String,
    /// Begins a line that switches a statement off; empty where there is no such thing.
    pub deactivate: String,
    /// Begins a line that switches it on again.
    pub activate: String,
    /// The outermost word, which is left out of paths (`configure`).
    pub wrapper: String,
}

impl Default for BraceSpec {
    fn default() -> Self {
        Self {
            paths: false,
            end: String::new(),
            lists: false,
            bang: false,
            quotes: "\"".to_owned(),
            quote: "\"".to_owned(),
            set: "set".to_owned(),
            delete: "delete".to_owned(),
            insert: String::new(),
            deactivate: String::new(),
            activate: String::new(),
            wrapper: String::new(),
        }
    }
}

/// What is known of the models an XML configuration is made of. Elements are called
/// `short:local` everywhere.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct XmlSpec {
    /// URI by short name.
    pub namespaces: BTreeMap<String, String>,
    /// Lists and their keys.
    pub lists: Vec<ChildrenSpec>,
    /// Leaves that may repeat.
    pub leaf_lists: Vec<ChildrenSpec>,
    /// Short names of namespaces of which all lists, leaf-lists and presence containers are
    /// named here: other elements of theirs are plain containers, which say nothing where
    /// they are empty, and leaves with one value.
    pub complete: Vec<String>,
    /// Short names of namespaces in the style of OpenConfig: an element with leaves beside
    /// its `config` is an entry of a list and these are its keys; an empty container says
    /// nothing.
    pub openconfig: Vec<String>,
    /// Containers that mean something also where they are empty.
    pub presence: Vec<String>,
}

/// Elements of one name that may stand beside each other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildrenSpec {
    /// The element.
    pub name: String,
    /// Only right inside this element.
    #[serde(default)]
    pub under: Option<String>,
    /// Leaves that name an entry, in their order.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Their order counts.
    #[serde(default)]
    pub ordered: bool,
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
    /// It comes from the dialect this one extends.
    #[serde(skip)]
    pub inherited: bool,
}

/// Where a secret stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSpec {
    /// The pattern; a leading `~` lets it begin anywhere in the line. `<secret>` or
    /// `<secret~~>` is the value, further ones are `<secret2>`…, `<type>` the hash type.
    pub line: String,
    /// Not in sections whose header line begins with these words (` || ` between several).
    #[serde(default)]
    pub not_under: String,
    /// Only below a header line (or, where a line is a whole path, in one) that contains
    /// these words (` || ` between several).
    #[serde(default)]
    pub under: String,
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
    /// One statement may hold several children (Junos' `archive size 1m files 5;`).
    #[serde(default)]
    pub oneline: bool,
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
    /// What of its multi-line text is compared; by default lines are trimmed.
    #[serde(default)]
    pub body: Option<BodySpec>,
    /// The capture whose list makes the line stand for several, one for each item.
    #[serde(default)]
    pub expand: BTreeMap<String, Expand>,
    /// The rule whose line this one goes on with: its last capture is appended to that line's.
    #[serde(default)]
    pub joins: Option<String>,
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
    /// An entry typed under a number that is in use takes the other's place.
    #[serde(default)]
    pub overwrites: bool,
    /// The device never prints it.
    #[serde(default)]
    pub hidden: bool,
    /// It comes from the dialect this one extends.
    #[serde(skip)]
    pub inherited: bool,
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
    /// The same with `A/24` for `A 0.0.0.255` and `A/32` for one address.
    #[serde(rename = "ace_prefix")]
    AcePrefix,
    /// The same with `A/24` for `A 0.0.0.255` and `host A` for one address.
    #[serde(rename = "ace_host")]
    AceHost,
    /// `A 255.255.255.0` for `A/24`.
    Mask,
    /// `A/24` for `A 255.255.255.0`.
    Masklen,
    /// `POLICY` for `POLICY($a)`.
    Call,
}

/// A line that stands for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expand {
    /// Numbers and ranges: `10,20-22`.
    Ranges,
    /// Words.
    Words,
}

/// What of a literal's text is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodySpec {
    /// Lines without the blanks around them.
    Trim,
    /// Lines as they stand (without blanks at their end).
    Text,
    /// Items between commas, in any order (the sets of IOS XR).
    Set,
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
