//! From text to an expression: words, precedence, columns for faults.

use super::{Expr, Key, Pattern};

/// Deepest nesting of parentheses and `not`.
const MAX_DEPTH: usize = 50;

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Open,
    Close,
    Is,
    IsNot,
    Word(String),
    Quoted(String),
}

impl Kind {
    fn shown(&self) -> String {
        match self {
            Self::Open => "`(`".to_owned(),
            Self::Close => "`)`".to_owned(),
            Self::Is => "`=`".to_owned(),
            Self::IsNot => "`!=`".to_owned(),
            Self::Word(text) => format!("`{text}`"),
            Self::Quoted(text) => format!("\"{text}\""),
        }
    }
}

#[derive(Clone, Debug)]
struct Token {
    column: usize,
    kind: Kind,
}

/// A column and what is wrong there.
pub(super) type Fault = (usize, String);

/// Parses an expression; nothing for an empty one.
pub(super) fn expression(text: &str) -> Result<Option<Expr>, Fault> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        end: text.chars().count() + 1,
    };
    let root = parser.or(0)?;
    match parser.peek() {
        None => Ok(Some(root)),
        Some(token) => {
            let why = format!(
                "expected `and`, `or` or the end, not {}",
                token.kind.shown()
            );
            Err((token.column, why))
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let column = at + 1;
        let kind = match chars[at] {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => Kind::Open,
            ')' => Kind::Close,
            '=' => Kind::Is,
            '!' if chars.get(at + 1) == Some(&'=') => {
                at += 1;
                Kind::IsNot
            }
            quote @ ('\'' | '"') => {
                let inner = quoted(&chars[at + 1..], quote).map_err(|why| (column, why))?;
                at += inner.chars().count() + 1;
                Kind::Quoted(inner)
            }
            _ => {
                let last = tokens.last().map(|t: &Token| &t.kind);
                let value = matches!(last, Some(Kind::Is | Kind::IsNot));
                let word = word(&chars[at..], value);
                at += word.chars().count().saturating_sub(1);
                Kind::Word(word)
            }
        };
        tokens.push(Token { column, kind });
        at += 1;
    }
    Ok(tokens)
}

/// The text up to the closing quote.
fn quoted(chars: &[char], quote: char) -> Result<String, String> {
    let end = chars.iter().position(|c| *c == quote);
    end.map(|end| chars[..end].iter().collect())
        .ok_or_else(|| format!("{quote} is not closed"))
}

/// A bare word; in a key an operator ends it, in a value only space or a parenthesis.
fn word(chars: &[char], value: bool) -> String {
    let ends = |(at, c): (usize, &char)| {
        let operator = *c == '=' || (*c == '!' && chars.get(at + 1) == Some(&'='));
        c.is_whitespace() || matches!(c, '(' | ')') || (operator && !value)
    };
    let end = chars
        .iter()
        .enumerate()
        .position(ends)
        .unwrap_or(chars.len());
    chars[..end.max(1)].iter().collect()
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    end: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn keyword(&self, word: &str) -> bool {
        let next_is_test = self
            .tokens
            .get(self.at + 1)
            .is_some_and(|t| matches!(t.kind, Kind::Is | Kind::IsNot));
        match self.peek().map(|t| &t.kind) {
            // A key may be called `and`: what follows tells.
            Some(Kind::Word(w)) => w.eq_ignore_ascii_case(word) && !next_is_test,
            _ => false,
        }
    }

    fn or(&mut self, depth: usize) -> Result<Expr, Fault> {
        let mut parts = vec![self.and(depth)?];
        while self.keyword("or") {
            self.at += 1;
            parts.push(self.and(depth)?);
        }
        Ok(single(parts, Expr::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Expr, Fault> {
        let mut parts = vec![self.not(depth)?];
        while self.keyword("and") {
            self.at += 1;
            parts.push(self.not(depth)?);
        }
        Ok(single(parts, Expr::And))
    }

    fn not(&mut self, depth: usize) -> Result<Expr, Fault> {
        let column = self.peek().map_or(self.end, |t| t.column);
        if depth > MAX_DEPTH {
            return Err((column, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if self.keyword("not") {
            self.at += 1;
            return Ok(Expr::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.peek().is_some_and(|t| t.kind == Kind::Open) {
            self.at += 1;
            let inner = self.or(depth + 1)?;
            return match self.peek().map(|t| &t.kind) {
                Some(Kind::Close) => {
                    self.at += 1;
                    Ok(inner)
                }
                _ => Err((column, "`(` is not closed".to_owned())),
            };
        }
        self.test()
    }

    fn test(&mut self) -> Result<Expr, Fault> {
        if self.keyword("has") {
            self.at += 1;
            return Ok(Expr::Has(self.key()?));
        }
        let key = self.key()?;
        let (column, negated) = match self.peek() {
            Some(Token {
                kind: Kind::Is,
                column,
            }) => (*column, false),
            Some(Token {
                kind: Kind::IsNot,
                column,
            }) => (*column, true),
            other => {
                let column = other.map_or(self.end, |t| t.column);
                return Err((column, "expected `=` or `!=` after the key".to_owned()));
            }
        };
        self.at += 1;
        let pattern = match self.peek().map(|t| &t.kind) {
            Some(Kind::Word(word)) => Pattern::word(word).map_err(|why| (column + 1, why))?,
            Some(Kind::Quoted(text)) => Pattern::Exact(text.clone(), None),
            _ => return Err((column + 1, "a value is missing".to_owned())),
        };
        self.at += 1;
        let test = Expr::Equals(key, pattern);
        Ok(if negated {
            Expr::Not(Box::new(test))
        } else {
            test
        })
    }

    fn key(&mut self) -> Result<Key, Fault> {
        let Some(token) = self.peek() else {
            return Err((self.end, "a key is missing".to_owned()));
        };
        let Kind::Word(word) = &token.kind else {
            let why = format!("expected a key, not {}", token.kind.shown());
            return Err((token.column, why));
        };
        self.at += 1;
        Key::parse(word).map_err(|why| (token.column, why))
    }
}

fn single(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            many(parts)
        }
    }
}
