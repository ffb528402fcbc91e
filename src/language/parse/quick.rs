//! Tokens → tree, for texts without a mistake.
//!
//! What is valid, the grammar decides; asking it costs many times what this reading does, and nearly every text is valid.
//! So each is read here first. Whatever is not understood gives `None`, and the grammar is asked: it puts the mistake
//! into words, or takes what this does not (very deep nesting). No finding is ever made here.
//!
//! Invariant, which tests hold against the grammar with texts of all kinds: what is read here the grammar reads too, and
//! to the same tree with the same places.

mod definitions;
mod expressions;

use super::build::MAX_DEPTH;
use super::scan::{Kind, Token};
use super::slips::RESERVED;
use crate::diagnostics::Span;
use crate::language::SourceText;
use crate::language::ast::*;
use crate::value::Text;

/// What nests deeper is left to the grammar.
const MAX_LEVEL: usize = 32;

/// A `.map` file.
pub(super) fn file(source: &SourceText, tokens: &[Token]) -> Option<File> {
    let mut reader = Reader::new(source, tokens);
    let mut file = File::default();
    while !reader.at_end() {
        reader.definition(&mut file)?;
    }
    Some(file)
}

/// `let`s and an expression.
pub(super) fn slot(source: &SourceText, tokens: &[Token]) -> Option<Body> {
    whole(source, tokens, Reader::body)
}

/// The inside of a text.
pub(super) fn text_slot(source: &SourceText, tokens: &[Token]) -> Option<ExprKind> {
    whole(source, tokens, |reader| reader.text(false))
}

/// A type.
pub(super) fn type_slot(source: &SourceText, tokens: &[Token]) -> Option<TypeExpr> {
    whole(source, tokens, Reader::type_)
}

/// A text that is one thing.
fn whole<'s, T>(
    source: &'s SourceText,
    tokens: &'s [Token],
    read: impl FnOnce(&mut Reader<'s>) -> Option<T>,
) -> Option<T> {
    let mut reader = Reader::new(source, tokens);
    read(&mut reader).filter(|_| reader.at_end())
}

struct Reader<'s> {
    source: &'s SourceText,
    tokens: &'s [Token],
    /// The next token.
    at: usize,
    /// How deep the reading is, and how high the tree read so far: both are bounded.
    level: usize,
    height: usize,
}

// ---- tokens

impl<'s> Reader<'s> {
    fn new(source: &'s SourceText, tokens: &'s [Token]) -> Reader<'s> {
        Reader { source, tokens, at: 0, level: 0, height: 0 }
    }

    fn at_end(&self) -> bool {
        self.at == self.tokens.len()
    }

    fn token(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn kind(&self) -> Option<Kind> {
        self.token().map(|token| token.kind)
    }

    fn str(&self, token: Token) -> &'s str {
        self.source.text.get(token.start..token.end).unwrap_or("")
    }

    fn is(&self, n: usize, kind: Kind, text: &str) -> bool {
        self.tokens.get(n).is_some_and(|token| token.kind == kind && self.str(*token) == text)
    }

    /// Whether this punctuation is next.
    fn sees(&self, mark: &str) -> bool {
        self.is(self.at, Kind::Punct, mark)
    }

    fn sees_word(&self, word: &str) -> bool {
        self.is(self.at, Kind::Word, word)
    }

    /// Whether nothing stands before the next token.
    fn touches(&self) -> bool {
        self.at.checked_sub(1).and_then(|before| self.tokens.get(before)).map(|token| token.end)
            == self.token().map(|token| token.start)
    }

    fn eat(&mut self, mark: &str) -> bool {
        let there = self.sees(mark);
        self.at += usize::from(there);
        there
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let there = self.sees_word(word);
        self.at += usize::from(there);
        there
    }

    fn want(&mut self, mark: &str) -> Option<()> {
        self.eat(mark).then_some(())
    }

    fn want_word(&mut self, word: &str) -> Option<()> {
        self.eat_word(word).then_some(())
    }

    fn take(&mut self, kind: Kind) -> Option<Token> {
        let token = self.token().filter(|token| token.kind == kind)?;
        self.at += 1;
        Some(token)
    }

    fn place(&self, token: Token) -> Span {
        self.source.span(token.start, token.end)
    }

    /// Where the next token begins.
    fn here(&self) -> Option<usize> {
        self.token().map(|token| token.start)
    }

    /// From byte `start` to the end of what was read last.
    fn since(&self, start: usize) -> Span {
        let last = self.at.checked_sub(1).and_then(|last| self.tokens.get(last));
        self.source.span(start, last.map_or(start, |token| token.end))
    }

    fn slice(&self, start: usize, end: usize) -> Text {
        Text::slice(&self.source.text, start, end)
    }

    /// One level down.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.level == MAX_LEVEL {
            return None;
        }
        self.level += 1;
        let read = read(self);
        self.level -= 1;
        read
    }

    /// A part of the tree that is as much higher than the highest of its parts as `read` counts.
    fn counted<T>(&mut self, read: impl FnOnce(&mut Self, &mut usize) -> Option<T>) -> Option<T> {
        let beside = std::mem::take(&mut self.height);
        let mut own = 0;
        let read = read(self, &mut own)?;
        let height = self.height + own;
        self.height = beside.max(height);
        (height <= MAX_DEPTH).then_some(read)
    }
}

// ---- names and texts

impl Reader<'_> {
    fn word(&mut self) -> Option<Name> {
        let token = self.take(Kind::Word)?;
        Some(Name { text: self.slice(token.start, token.end), span: self.place(token) })
    }

    fn name(&mut self) -> Option<Name> {
        self.sees_name(self.at).then(|| self.word())?
    }

    /// Whether token `n` is a word that can be a name.
    fn sees_name(&self, n: usize) -> bool {
        let word = self.tokens.get(n).filter(|token| token.kind == Kind::Word);
        word.is_some_and(|token| !RESERVED.contains(&self.str(*token)))
    }

    /// A text without holes, as a name.
    fn quoted(&mut self) -> Option<Name> {
        let token = self.take(Kind::Text)?;
        Some(Name { text: self.whole_text(token)?, span: self.place(token) })
    }

    fn name_or_quoted(&mut self) -> Option<Name> {
        if self.kind() == Some(Kind::Text) { self.quoted() } else { self.name() }
    }

    fn whole_text(&self, token: Token) -> Option<Text> {
        let (start, end) = (token.start + 1, token.end.checked_sub(1)?);
        let inner = self.source.text.get(start..end)?;
        match self.str(token).starts_with('\'') {
            true if inner.contains('\'') => Some(Text::from(inner.replace("''", "'"))),
            true => Some(self.slice(start, end)),
            false => self.unescaped(start, end),
        }
    }

    /// A piece of a text with its escapes resolved.
    fn unescaped(&self, start: usize, end: usize) -> Option<Text> {
        let written = self.source.text.get(start..end)?;
        if !written.contains('\\') {
            return Some(self.slice(start, end));
        }
        let mut text = String::with_capacity(written.len());
        let mut rest = written;
        while let Some(at) = rest.find('\\') {
            text.push_str(rest.get(..at)?);
            let escape = rest.get(at + 1..)?;
            let c = escape.chars().next()?;
            rest = escape.get(c.len_utf8()..)?;
            text.push(match c {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '"' | '\\' | '{' | '}' => c,
                _ => {
                    let (digits, behind) = rest.strip_prefix('{').filter(|_| c == 'u')?.split_once('}')?;
                    rest = behind;
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
            });
        }
        text.push_str(rest);
        Some(Text::from(text))
    }

    /// A text with or without holes; `quoted`: with its quotes, as it stands in an expression.
    fn text(&mut self, quoted: bool) -> Option<ExprKind> {
        let token = self.token()?;
        let quote = usize::from(quoted);
        self.at += 1;
        if token.kind == Kind::Text {
            let text = if quoted { self.whole_text(token)? } else { self.unescaped(token.start, token.end)? };
            return Some(ExprKind::Text(text));
        }
        if token.kind != Kind::Head {
            return None;
        }
        let mut pieces = vec![];
        let mut bounds = (token.start + quote, token.end.checked_sub(1)?);
        loop {
            if bounds.0 < bounds.1 {
                pieces.push(Piece::Plain(self.unescaped(bounds.0, bounds.1)?));
            }
            pieces.push(Piece::Hole(self.expr()?));
            let next = self.token()?;
            self.at += 1;
            match next.kind {
                Kind::Middle => bounds = (next.start + 1, next.end.checked_sub(1)?),
                Kind::Tail => {
                    let (start, end) = (next.start + 1, next.end.checked_sub(quote)?);
                    if start < end {
                        pieces.push(Piece::Plain(self.unescaped(start, end)?));
                    }
                    return Some(ExprKind::Template(pieces));
                }
                _ => return None,
            }
        }
    }
}

/// Counts what makes the tree higher. Too high a one is never made: dropping it would recurse as deeply.
fn one_more(count: &mut usize) -> Option<()> {
    *count += 1;
    (*count <= MAX_DEPTH).then_some(())
}

/// What a word stands for that is a value and no name.
fn constant(word: &str) -> Option<ExprKind> {
    match word {
        "true" => Some(ExprKind::Bool(true)),
        "false" => Some(ExprKind::Bool(false)),
        "null" => Some(ExprKind::Null),
        "missing" => Some(ExprKind::Missing),
        _ => None,
    }
}
