//! Which bracket belongs to which, and how deep the text nests.
//!
//! Written for broken texts: a bracket that was never closed ends where a new entry or definition certainly begins, so
//! that one slip does not swallow the rest of the file.

use super::build::MAX_DEPTH;
use super::scan::{Kind, Token};
use std::ops::Range;

/// Source nesting, as people count it: brackets, holes, and `if` or `for` inside the branch of another.
pub(super) const MAX_NESTING: usize = 64;

/// So many steps of one chain, operators of one operation or `catch`es are not even given to the grammar. The tree takes
/// fewer; counting tokens is rougher than counting in the tree, and must not refuse what that takes.
const MAX_LINKS: usize = 2 * MAX_DEPTH;

/// What is too much for the grammar to be asked, by the bytes where it stands.
pub(super) enum Excess {
    Nesting(usize),
    Length(Range<usize>),
}

/// The tokens of a text with their bracket pairs.
pub(super) struct Tokens<'s> {
    pub text: &'s str,
    pub tokens: Vec<Token>,
    /// By token: the bracket that closes or opens this one. For a piece of text between two holes, which does both, the
    /// end of the hole that it opens.
    partner: Vec<Option<usize>>,
    /// By token: how many brackets are open around it.
    level: Vec<u32>,
}

impl<'s> Tokens<'s> {
    /// Pairs the brackets.
    pub fn new(text: &'s str, tokens: Vec<Token>) -> Result<Tokens<'s>, Excess> {
        let count = tokens.len();
        let mut all = Tokens { text, tokens, partner: vec![None; count], level: vec![0; count] };
        for definition in all.definitions() {
            let unpaired = all.pair(definition.clone(), false)?;
            if unpaired {
                // Something is not closed: indentation tells what better than the order does.
                all.partner[definition.clone()].fill(None);
                all.pair(definition, true)?;
            }
        }
        Ok(all)
    }

    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn get(&self, n: usize) -> Option<&Token> {
        self.tokens.get(n)
    }

    pub fn kind(&self, n: usize) -> Option<Kind> {
        self.tokens.get(n).map(|token| token.kind)
    }

    /// The text of token `n`; "" where there is none.
    pub fn str(&self, n: usize) -> &'s str {
        self.tokens.get(n).and_then(|token| self.text.get(token.start..token.end)).unwrap_or("")
    }

    /// Whether nothing stands between two tokens.
    pub fn touch(&self, n: usize, next: usize) -> bool {
        matches!((self.get(n), self.get(next)), (Some(a), Some(b)) if a.end == b.start)
    }

    /// The token before `n`.
    pub fn before(&self, n: usize) -> Option<usize> {
        n.checked_sub(1)
    }

    pub fn partner(&self, n: usize) -> Option<usize> {
        self.partner.get(n).copied().flatten()
    }

    pub fn level(&self, n: usize) -> u32 {
        self.level.get(n).copied().unwrap_or(0)
    }

    /// A word that is not a field behind a dot.
    pub fn is_keyword(&self, n: usize, word: &str) -> bool {
        self.kind(n) == Some(Kind::Word) && self.str(n) == word && self.before(n).is_none_or(|b| self.str(b) != ".")
    }

    pub fn opens(&self, n: usize) -> bool {
        matches!(self.kind(n), Some(Kind::Head))
            || self.kind(n) == Some(Kind::Punct) && matches!(self.str(n), "(" | "[" | "{")
    }

    pub fn closes(&self, n: usize) -> bool {
        matches!(self.kind(n), Some(Kind::Tail | Kind::Middle))
            || self.kind(n) == Some(Kind::Punct) && matches!(self.str(n), ")" | "]" | "}")
    }

    /// The text cut where definitions begin.
    pub fn definitions(&self) -> Vec<Range<usize>> {
        let mut starts: Vec<usize> = (0..self.len()).filter(|n| self.begins_definition(*n)).collect();
        if starts.first() != Some(&0) {
            starts.insert(0, 0);
        }
        starts.push(self.len());
        starts
            .windows(2)
            .filter_map(|pair| Some(*pair.first()?..*pair.get(1)?))
            .filter(|range| !range.is_empty())
            .collect()
    }

    fn begins_definition(&self, n: usize) -> bool {
        let Some(token) = self.get(n) else { return false };
        if !token.first || token.kind != Kind::Word {
            return false;
        }
        let next_is_name = matches!(self.kind(n + 1), Some(Kind::Word | Kind::Text));
        match self.str(n) {
            "use" | "table" | "fn" | "mapping" => {
                next_is_name || self.at_margin(n) && !matches!(self.str(n + 1), "=" | "." | ":" | "==" | "=>")
            }
            "type" => {
                let defines = matches!(self.str(n + 2), "=" | "{");
                self.at_margin(n) && next_is_name && (defines || !self.ends_open(n))
            }
            _ => false,
        }
    }

    /// Whether token `n` is a word with nothing before it on its line, not even a space.
    pub fn at_margin(&self, n: usize) -> bool {
        self.get(n).is_some_and(|token| {
            let line = token.start.checked_sub(1).and_then(|before| self.text.as_bytes().get(before));
            token.kind == Kind::Word && line.is_none_or(|before| *before == b'\n')
        })
    }

    /// Whether the token before `n` certainly wants something behind it.
    fn ends_open(&self, n: usize) -> bool {
        self.before(n).is_some_and(|b| !self.ends_value(b))
    }

    /// `let`, `require`, `...` or a target with its `=`, first on its line: nothing else can go on there.
    pub fn surely_begins_entry(&self, n: usize) -> bool {
        let Some(token) = self.get(n) else { return false };
        if !token.first {
            return false;
        }
        if token.kind == Kind::Punct {
            return self.str(n) == "...";
        }
        if matches!(self.str(n), "let" | "require") {
            return self.str(n + 1) != "=";
        }
        let mut end = n;
        while matches!(self.kind(end), Some(Kind::Word | Kind::Text)) {
            match self.str(end + 1) {
                "." => end += 2,
                "=" => return true,
                _ => return false,
            }
        }
        false
    }

    /// Whether a value can end with token `n`.
    pub fn ends_value(&self, n: usize) -> bool {
        match self.kind(n) {
            Some(Kind::Number | Kind::Text | Kind::Tail) => true,
            Some(Kind::Punct) => matches!(self.str(n), ")" | "]" | "}" | "?"),
            Some(Kind::Word) => !WAITING.iter().any(|word| self.is_keyword(n, word)),
            _ => false,
        }
    }

    /// Whether a value can begin with token `n`, where another has just ended.
    pub fn begins_value(&self, n: usize) -> bool {
        match self.kind(n) {
            Some(Kind::Number | Kind::Text | Kind::Head) => true,
            Some(Kind::Word) => !CONTINUING.contains(&self.str(n)),
            _ => false,
        }
    }

    /// Pairs the brackets of one definition; whether something stayed alone.
    fn pair(&mut self, range: Range<usize>, by_indentation: bool) -> Result<bool, Excess> {
        let mut stack: Vec<Level> = vec![Level::default()];
        let mut unpaired = false;
        let mut prefixes = 0;
        for n in range {
            if self.surely_begins_entry(n) {
                while stack.last().is_some_and(|level| level.opener.is_some_and(|o| matches!(self.str(o), "(" | "["))) {
                    stack.pop();
                    unpaired = true;
                }
            }
            if self.closes(n) {
                match self.opener_for(&stack, n, by_indentation) {
                    None => unpaired = true,
                    Some(depth) => {
                        unpaired |= depth + 1 < stack.len();
                        let opener = stack.get(depth).and_then(|level| level.opener);
                        stack.truncate(depth);
                        if let Some(opener) = opener {
                            self.set_partner(opener, n);
                        }
                    }
                }
            }
            if let Some(level) = self.level.get_mut(n) {
                *level = stack.len() as u32 - 1;
            }
            if let Some(level) = stack.last_mut()
                && self.links(n, level) > MAX_LINKS
            {
                let byte = |n: usize| self.get(n).map_or(self.text.len(), |token| token.start);
                return Err(Excess::Length(byte(level.value)..byte(n)));
            }
            let inner = self.count(n, &mut stack, &mut prefixes);
            if inner > MAX_NESTING {
                return Err(Excess::Nesting(self.get(n).map_or(0, |token| token.start)));
            }
            if self.opens(n) || self.kind(n) == Some(Kind::Middle) {
                stack.push(Level { opener: Some(n), below: inner + 1, value: n + 1, ..Level::default() });
                if inner + 1 > MAX_NESTING {
                    return Err(Excess::Nesting(self.get(n).map_or(0, |token| token.start)));
                }
            }
        }
        Ok(unpaired || stack.len() > 1)
    }

    /// Counts what nests without a bracket: `not not`, `else if`, `for … => for`, `list<list<`. Gives the depth at token `n`.
    fn count(&self, n: usize, stack: &mut [Level], prefixes: &mut usize) -> usize {
        let Some(level) = stack.last_mut() else { return 0 };
        let before = self.before(n);
        let after_value = before.is_some_and(|b| self.ends_value(b));
        let is_prefix = self.is_keyword(n, "not") || self.str(n) == "-" && !after_value;
        *prefixes = if is_prefix { *prefixes + 1 } else { 0 };
        if self.str(n) == "," || after_value && self.begins_value(n) {
            level.branches = 0;
        }
        if ["if", "for"].iter().any(|word| self.is_keyword(n, word)) {
            let inside = before.is_some_and(|b| {
                ["then", "else", "catch"].iter().any(|w| self.is_keyword(b, w)) || self.str(b) == "=>"
            });
            level.branches = if inside { level.branches + 1 } else { 1 };
        }
        match self.str(n) {
            "<" => level.angles += 1,
            _ if self.kind(n) != Some(Kind::Word) || before.is_some_and(|b| self.kind(b) == Some(Kind::Word)) => {
                level.angles = 0;
            }
            _ => {}
        }
        level.below + level.branches + level.angles + *prefixes
    }

    /// Counts what hangs on one another in the value that token `n` is of: the longest such row.
    fn links(&self, n: usize, level: &mut Level) -> usize {
        let before = self.before(n);
        let apart = before.is_some_and(|b| self.ends_value(b)) && self.begins_value(n);
        let word = |words: &[&str]| words.iter().any(|word| self.is_keyword(n, word));
        let ends = match self.kind(n) {
            Some(Kind::Punct) => matches!(self.str(n), "," | "=" | "=>" | "->" | ":" | "..."),
            Some(Kind::Word) => word(&["then", "else", "where", "as", "from"]),
            _ => false,
        };
        if apart || ends {
            (level.value, level.steps, level.operators, level.catches) = (if ends { n + 1 } else { n }, 0, 0, 0);
            return 0;
        }
        match self.kind(n) {
            Some(Kind::Punct) => match self.str(n) {
                "." | "?" | "[" => level.steps += 1,
                "+" | "-" | "*" | "/" | "%" | "??" | "==" | "!=" | "<" | "<=" | ">" | ">=" => {
                    level.operators += 1;
                    level.steps = 0;
                }
                _ => {}
            },
            Some(Kind::Word) if word(&["and", "or", "not", "in"]) => {
                level.operators += 1;
                level.steps = 0;
            }
            Some(Kind::Word) if word(&["catch"]) => {
                level.catches += 1;
                (level.operators, level.steps) = (0, 0);
            }
            _ => {}
        }
        level.steps.max(level.operators).max(level.catches)
    }

    fn set_partner(&mut self, opener: usize, closer: usize) {
        for (n, other) in [(opener, closer), (closer, opener)] {
            if let Some(partner) = self.partner.get_mut(n) {
                *partner = Some(other);
            }
        }
    }

    /// Which entry of the stack the closing token `n` ends.
    fn opener_for(&self, stack: &[Level], n: usize, by_indentation: bool) -> Option<usize> {
        let is_hole = matches!(self.kind(n), Some(Kind::Tail | Kind::Middle));
        let wanted = match self.str(n) {
            _ if is_hole => None,
            ")" => Some("("),
            "]" => Some("["),
            _ => Some("{"),
        };
        let mut candidates = vec![];
        for (depth, level) in stack.iter().enumerate().skip(1).rev() {
            let Some(opener) = level.opener else { continue };
            let opens_hole = matches!(self.kind(opener), Some(Kind::Head | Kind::Middle));
            if opens_hole {
                return if is_hole { Some(depth) } else { candidates.first().copied() };
            }
            if wanted == Some(self.str(opener)) {
                candidates.push(depth);
            }
        }
        if by_indentation && wanted == Some("{") && self.get(n).is_some_and(|token| token.first) {
            let column = self.indentation(n);
            let same = candidates.iter().find(|depth| {
                let opener = stack.get(**depth).and_then(|level| level.opener);
                opener.is_some_and(|opener| self.indentation(opener) <= column)
            });
            return same.or(candidates.last()).copied();
        }
        candidates.first().copied()
    }

    /// How far the line of token `n` is indented.
    fn indentation(&self, n: usize) -> usize {
        let start = self.get(n).map_or(0, |token| token.start);
        let line = self.text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
        self.text.get(line..).map_or(0, |line| line.len() - line.trim_start_matches([' ', '\t']).len())
    }
}

#[derive(Default)]
struct Level {
    opener: Option<usize>,
    /// Depth outside of this bracket, and one for itself.
    below: usize,
    branches: usize,
    angles: usize,
    /// The first token of the value at hand, and what hangs on one another in it.
    value: usize,
    steps: usize,
    operators: usize,
    catches: usize,
}

/// Words behind which a value has to follow.
const WAITING: &[&str] = &[
    "use", "as", "from", "table", "fn", "mapping", "let", "require", "if", "then", "else", "match", "for", "in",
    "where", "catch", "and", "or", "not",
];

/// Words that cannot begin a value, an entry or an arm.
const CONTINUING: &[&str] = &["as", "from", "then", "else", "in", "where", "catch", "and", "or"];
