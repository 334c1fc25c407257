//! Which names a template binds, and which names an expression begins with: just enough of
//! the language to know whose value a printed name is.

use std::collections::BTreeMap;

/// Words that are no names.
const WORDS: [&str; 15] = [
    "if", "else", "elif", "and", "or", "not", "in", "is", "true", "false", "none", "True", "False",
    "None", "loop",
];

/// Filters that hand on items as they are.
const FILTERS: [&str; 13] = [
    "items",
    "dictsort",
    "dict2items",
    "sort",
    "list",
    "reverse",
    "unique",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "default",
    "d",
];
/// Methods that do.
const METHODS: [&str; 4] = ["items", "keys", "values", "get"];
/// What makes new numbers (`~` makes text).
const OPERATORS: [&str; 5] = ["+", "-", "*", "/", "%"];

/// What binds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// A `for` or a `set`, by the number it gave the name.
    Statement(usize),
    /// A macro's argument that every call gives.
    Argument,
    /// Something else.
    Unknown,
}

/// A name that an expression begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    /// The name.
    pub(super) name: String,
    /// What binds it in its template, if anything does.
    pub(super) bound: Option<Bound>,
}

/// What an expression is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Expression {
    /// The names it begins with.
    pub(super) roots: Vec<Root>,
    /// It calls something with nothing but variables: no number comes from elsewhere.
    pub(super) plain: bool,
}

/// The names bound where the reader of a template stands.
#[derive(Debug)]
pub(super) struct Scopes {
    stack: Vec<BTreeMap<String, Bound>>,
}

impl Scopes {
    /// At the beginning of a template.
    pub(super) fn new() -> Self {
        Self {
            stack: vec![BTreeMap::new()],
        }
    }

    /// A block begins that binds names.
    pub(super) fn open(&mut self, names: Vec<(String, Bound)>) {
        self.stack.push(names.into_iter().collect());
    }

    /// A block ends.
    pub(super) fn close(&mut self) {
        if self.stack.len() > 1 {
            self.stack.pop();
        }
    }

    /// Binds a name here.
    pub(super) fn bind(&mut self, name: &str, bound: Bound) {
        if let Some(scope) = self.stack.last_mut() {
            scope.insert(name.to_owned(), bound);
        }
    }

    /// The number a statement gave a name in this very scope.
    pub(super) fn here(&self, name: &str) -> Option<usize> {
        match self.stack.last()?.get(name)? {
            Bound::Statement(number) => Some(*number),
            Bound::Argument | Bound::Unknown => None,
        }
    }

    /// What an expression is made of.
    pub(super) fn expression(&self, text: &str) -> Expression {
        let tokens = tokens(text);
        let new = |token: &&str| {
            OPERATORS.contains(token)
                || matches!(*token, "loop" | "|" | "if")
                || token.starts_with(|c: char| c.is_ascii_digit())
        };
        Expression {
            roots: self.roots(text),
            plain: !tokens.iter().any(new),
        }
    }

    /// The names an expression begins with.
    pub(super) fn roots(&self, expression: &str) -> Vec<Root> {
        let mut roots: Vec<Root> = Vec::new();
        for name in names(expression) {
            if roots.iter().any(|root| root.name == name) {
                continue;
            }
            let found = self.stack.iter().rev().find_map(|scope| scope.get(name));
            roots.push(Root {
                name: name.to_owned(),
                bound: found.copied(),
            });
        }
        roots
    }
}

/// The names an expression looks up: no attributes, filters, tests, functions or keywords.
fn names(expression: &str) -> Vec<&str> {
    let tokens = tokens(expression);
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = match (at.checked_sub(1), at.checked_sub(2)) {
            // `is not defined` names a test as `is defined` does.
            (Some(one), Some(two)) if tokens[one] == "not" && tokens[two] == "is" => "is",
            (Some(one), _) => tokens[one],
            (None, _) => "",
        };
        let after = tokens.get(at + 1).copied().unwrap_or_default();
        let word = token.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let other = matches!(after, "=" | "(") || WORDS.contains(token);
        if word && !other && !matches!(before, "." | "|" | "is") {
            names.push(*token);
        }
    }
    names
}

/// Cuts an expression into words, numbers, strings and signs.
fn tokens(expression: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = expression[at..].chars().next() {
        let rest = &expression[at..];
        let length = match c {
            '\'' | '"' => string(rest),
            c if c.is_alphanumeric() || c == '_' => word(rest),
            '=' | '!' | '<' | '>' if rest[1..].starts_with('=') => 2,
            c => c.len_utf8(),
        };
        if !c.is_whitespace() {
            tokens.push(&rest[..length]);
        }
        at += length;
    }
    tokens
}

/// Whether a loop goes through the items of collections as they are, so that an equal number
/// is the very item. `range(…)` and sums make others.
pub(super) fn hands_on(inside: &str) -> bool {
    let tokens = tokens(inside);
    let calls = |at: usize| tokens.get(at + 1) == Some(&"(");
    let fine = |(at, token): (usize, &&str)| {
        let before = at.checked_sub(1).map_or("", |at| tokens[at]);
        match before {
            "|" => FILTERS.contains(token),
            "." => !calls(at) || METHODS.contains(token),
            _ => {
                let named = token.starts_with(|c: char| c.is_alphabetic() || c == '_');
                let function = named && calls(at) && !WORDS.contains(token);
                !function && !OPERATORS.contains(token)
            }
        }
    };
    tokens.iter().enumerate().all(fine)
}

fn word(text: &str) -> usize {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    end.unwrap_or(text.len())
}

/// Length of the string literal a text begins with.
fn string(text: &str) -> usize {
    let quote = text.chars().next();
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if !escaped && Some(c) == quote {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// `for a, b in …`: the names; none if it is not that simple.
pub(super) fn targets(inside: &str) -> Option<Vec<String>> {
    let rest = inside.trim().strip_prefix("for")?;
    let (targets, _) = rest.split_once(" in ")?;
    plain_names(targets)
}

/// `set a, b = …`: the names and the expression; none for a block, or an attribute.
pub(super) fn assigned(inside: &str) -> Option<(Vec<String>, &str)> {
    let rest = inside.trim().strip_prefix("set")?;
    let (names, expression) = rest.split_once('=')?;
    Some((plain_names(names)?, expression))
}

/// `set x`, the beginning of a block: the name.
pub(super) fn captured(inside: &str) -> Option<String> {
    let rest = inside.trim().strip_prefix("set")?.trim_start();
    Some(rest[..word(rest)].to_owned()).filter(|name| !name.is_empty())
}

/// The names that `macro name(a, b=1)`, `call(a) name()` and `with a=1` bind.
pub(super) fn arguments(inside: &str) -> Vec<(String, Bound)> {
    let tokens = tokens(inside);
    let given = tokens.iter().position(|token| *token == "(");
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let after = tokens.get(at + 1).copied().unwrap_or_default();
        let before = at.checked_sub(1).map_or("", |at| tokens[at]);
        let named = token.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let listed = named && matches!(before, "(" | ",") && matches!(after, "," | ")");
        let bound = match after {
            "=" => Bound::Unknown,
            _ if listed && given.is_some_and(|given| given < at) => Bound::Argument,
            _ => continue,
        };
        names.push(((*token).to_owned(), bound));
    }
    names
}

fn plain_names(list: &str) -> Option<Vec<String>> {
    let list = list.trim().trim_start_matches('(').trim_end_matches(')');
    let names: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
    let plain = |name: &String| !name.is_empty() && word(name) == name.len();
    names.iter().all(plain).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_an_expression_looks_up() {
        for (expression, wanted) in [
            (" a.b['c'] | f(x, y=z) ", &["a", "x", "z"][..]),
            (
                "'it\\'s {{ q }}' ~ v if w is not defined else 1e5",
                &["v", "w"],
            ),
            ("f(a) + ns.b[i] == c", &["a", "ns", "i", "c"]),
            ("loop.index", &[]),
            ("é ~ \"é\"", &["é"]),
        ] {
            assert_eq!(names(expression), wanted, "{expression}");
        }
    }

    #[test]
    fn statements_bind_names() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert_eq!(targets(" for a, b in x "), Some(words(&["a", "b"])));
        assert_eq!(targets("for (a, b) in x"), Some(words(&["a", "b"])));
        assert_eq!(targets("for (a, (b, c)) in x"), None);
        assert_eq!(
            assigned(" set x = y == z "),
            Some((words(&["x"]), " y == z"))
        );
        assert_eq!(assigned("set ns.x = 1"), None);
        assert_eq!(assigned("set x"), None);
        let bound = |text| {
            let all = arguments(text).into_iter();
            all.map(|(name, bound)| format!("{name} {bound:?}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            bound("macro m(a, b=1, c=(2, 3))"),
            ["a Argument", "b Unknown", "c Unknown"]
        );
        assert_eq!(bound("call(x) m()"), ["x Argument"]);
        assert_eq!(bound("with a = b, c = 1"), ["a Unknown", "c Unknown"]);
        assert_eq!(bound("call m()"), Vec::<String>::new());
        assert_eq!(captured("set x | upper"), Some("x".to_owned()));
    }

    #[test]
    fn a_loop_hands_on_items_or_makes_others() {
        for fine in [
            "for x in a.b[0]",
            "for k, v in a.items() | sort",
            "for k, v in a | dictsort if v.up",
            "for x in a[1:] | unique recursive",
        ] {
            assert!(hands_on(fine), "{fine}");
        }
        for made in [
            "for x in range(3)",
            "for x in range(a | max)",
            "for x in a | map('int')",
            "for x in a + [1]",
            "for x in f(a)",
        ] {
            assert!(!hands_on(made), "{made}");
        }
    }
}
