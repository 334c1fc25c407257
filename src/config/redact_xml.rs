//! Where secrets stand in an XML text. A leaf is looked at as the line `leaf PARENT NAME
//! VALUE`, in a comment too; an attribute as `leaf ELEMENT NAME VALUE`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::lexer::markup;
use super::secrets::SecretTable;

/// A secret in a text, and what it is without entities.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) place: Range<usize>,
    pub(crate) value: String,
}

/// The secrets of a text, in order.
pub(crate) fn find(text: &str, table: &SecretTable) -> Vec<Found> {
    let mut search = Search {
        text,
        table,
        open: Vec::new(),
        names: BTreeMap::new(),
        closes: [None; FENCES.len()],
        found: Vec::new(),
    };
    let mut at = 0;
    while let Some(n) = text[at..].find('<') {
        at = search.tag(at + n);
    }
    search.found
}

/// What may stand in the middle of a text.
const FENCES: [(&str, &str); 3] = [("<![CDATA[", "]]>"), ("<!--", "-->"), ("<?", "?>")];

/// Names of so many elements around are kept.
const DEPTH: usize = 256;

struct Search<'t> {
    text: &'t str,
    table: &'t SecretTable,
    open: Vec<&'t str>,
    /// Which names, by the element around, are those of secrets.
    names: BTreeMap<(&'t str, &'t str), bool>,
    /// Where the next end of each fence is; beyond the text if there is none.
    closes: [Option<usize>; FENCES.len()],
    found: Vec<Found>,
}

impl<'t> Search<'t> {
    /// Looks at the tag at a place, and the text behind it; where to go on.
    fn tag(&mut self, at: usize) -> usize {
        let rest = &self.text[at..];
        let named = rest[1..].starts_with(|c: char| c.is_alphabetic() || c == '_');
        if !named {
            if rest.starts_with("</") {
                self.open.pop();
            }
            return at + 1;
        }
        let Some(length) = tag_length(rest) else {
            return at + 1;
        };
        let tag = &rest[..length];
        let name = local(markup::name(tag));
        self.attributes(at, tag, name);
        if tag.ends_with("/>") {
            return at + length;
        }
        let parent = self.open.last().copied().unwrap_or("-");
        let end = self.content(parent, name, at + length);
        if self.open.len() < DEPTH {
            self.open.push(name);
        }
        end
    }

    /// The text behind a start tag, up to the next tag. In a leaf that is called like a
    /// secret, comments and CDATA may cut the text in pieces.
    fn content(&mut self, parent: &'t str, name: &'t str, start: usize) -> usize {
        if !self.named(parent, name) {
            return start;
        }
        let mut end = start;
        let mut value = String::new();
        loop {
            let next = self.text[end..]
                .find('<')
                .map_or(self.text.len(), |n| end + n);
            value.push_str(&markup::decode(&self.text[end..next]));
            end = next;
            let Some((inner, after)) = self.fenced(end) else {
                break;
            };
            value.push_str(inner);
            end = after;
        }
        match self.leaf(parent, name, start..end, &value) {
            true => end,
            false => start,
        }
    }

    /// Whether a leaf of this name is called like a secret.
    fn named(&mut self, parent: &'t str, name: &'t str) -> bool {
        let table = self.table;
        *self.names.entry((parent, name)).or_insert_with(|| {
            let line = format!("leaf {parent} {name} x");
            !table.find(&line, parent, &[]).is_empty()
        })
    }

    /// The text of the CDATA section at a place (of a comment none), and where it ends.
    fn fenced(&mut self, at: usize) -> Option<(&'t str, usize)> {
        let rest = &self.text[at..];
        let fence = FENCES
            .iter()
            .position(|(begin, _)| rest.starts_with(begin))?;
        let (begin, close) = FENCES[fence];
        let from = at + begin.len();
        if self.closes[fence].is_none_or(|known| known < from) {
            let found = self.text[from..].find(close).map(|n| from + n);
            self.closes[fence] = Some(found.unwrap_or(usize::MAX));
        }
        let end = self.closes[fence].filter(|end| *end < usize::MAX)?;
        let inner = if fence == 0 {
            &self.text[from..end]
        } else {
            ""
        };
        Some((inner, end + close.len()))
    }

    fn attributes(&mut self, at: usize, tag: &'t str, element: &'t str) {
        for (name, value) in markup::attributes(tag) {
            // Those with a prefix are the protocol's (`key` of an entry, for one).
            if !name.contains(':') && self.named(element, name) {
                let start = at + (value.as_ptr() as usize - tag.as_ptr() as usize);
                let place = start..start + value.len();
                self.leaf(element, name, place, &markup::decode(value));
            }
        }
    }

    /// Looks at a leaf; true when something in it is a secret.
    fn leaf(&mut self, parent: &str, name: &str, place: Range<usize>, value: &str) -> bool {
        let text = value.trim();
        if text.is_empty() {
            return false;
        }
        let line = format!(
            "leaf {parent} {name} {}",
            text.replace(['\n', '\r', '\t'], " ")
        );
        let start = line.len() - text.len();
        let hits = self.table.find(&line, parent, &[]);
        let Some(hit) = hits.into_iter().find(|hit| hit.end > start) else {
            return false;
        };
        // All of the text is the secret, or a part that stands there as it is.
        let own = &self.text[place.clone()];
        let part = &text[hit.start.saturating_sub(start)..hit.end - start];
        let part_at = own.find(part).filter(|_| part != text);
        let (from, value) = match part_at {
            Some(n) => (place.start + n..place.start + n + part.len(), part),
            None => {
                let lead = own.len() - own.trim_start().len();
                let trail = own.len() - own.trim_end().len();
                (place.start + lead..place.end - trail, text)
            }
        };
        self.found.push(Found {
            place: from,
            value: value.to_owned(),
        });
        true
    }
}

/// How long a start tag is; `None` where it does not end.
fn tag_length(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match (byte, quote) {
            (b'<', _) => return None,
            (b'>', None) => return Some(at + 1),
            (b'"' | b'\'', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    None
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::config::secrets::SecretTable;
    use crate::config::spec::SecretSpec;

    fn sealed(text: &str) -> (String, Vec<String>) {
        let spec = SecretSpec {
            line: "leaf * (password|key) <secret~~>".to_owned(),
            under: String::new(),
            not_under: "keys".to_owned(),
            example: "leaf user password CANARY".to_owned(),
        };
        let table = SecretTable::compile(&[spec], crate::config::spec::Family::Xml)
            .expect("a good pattern");
        let mut out = text.to_owned();
        let mut values = Vec::new();
        for found in find(text, &table).into_iter().rev() {
            out.replace_range(found.place, "*");
            values.insert(0, found.value);
        }
        (out, values)
    }

    #[test]
    fn only_the_text_of_a_leaf_is_replaced() {
        let cases = [
            ("<password>CANARY</password>", "<password>*</password>"),
            (
                "<a:password x='1'> CANARY\n</a:password>",
                "<a:password x='1'> *\n</a:password>",
            ),
            (
                "<password><![CDATA[CANARY]]></password>",
                "<password>*</password>",
            ),
            (
                "<password>CAN<!-- x -->ARY</password>",
                "<password>*</password>",
            ),
            (
                "<!-- <password>CANARY</password> -->",
                "<!-- <password>*</password> -->",
            ),
            ("<password>CANARY", "<password>*"),
            ("<u password=\"CANARY\"/>", "<u password=\"*\"/>"),
            ("<u password='a&amp;b'/>", "<u password='*'/>"),
            (
                "<ace y:key=\"[k:name='x']\"/>",
                "<ace y:key=\"[k:name='x']\"/>",
            ),
            ("<keys><key>1</key></keys>", "<keys><key>1</key></keys>"),
            ("<key><name>a</name></key>", "<key><name>a</name></key>"),
            ("<password/><b>x</b>", "<password/><b>x</b>"),
        ];
        for (text, want) in cases {
            assert_eq!(sealed(text).0, want);
        }
    }

    #[test]
    fn the_value_is_what_the_text_stands_for() {
        let (_, values) = sealed("<password>a&amp;b</password><key>p <![CDATA[<q>]]></key>");
        assert_eq!(values, ["a&b", "p <q>"]);
    }

    #[test]
    fn many_open_fences_take_no_longer() {
        let text = "<key><!-- <key>x<![CDATA[".repeat(20_000);
        assert!(!sealed(&format!("{text}-->")).1.is_empty());
    }
}
