//! A file as tokens with their comments, and the structure over them: blocks (`{ … }`, a function's body, the file) and
//! their items (definitions, entries, arms, rows, fields).
//!
//! Nothing is decided here. Two things are brought into order while reading: what stands between a value and its comma
//! comes behind the comma, and targets lose quotes that they do not need.

use crate::language::parse::{RESERVED, Rule};
use pest::iterators::{Pair, Pairs};

/// What a token is to the layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// `(` `[` `{`
    Open,
    /// `)` `]` `}`
    Close,
    Comma,
    /// A comma between entries, arms or rows, which may be left out where the line ends.
    Separator,
    /// `=` of an entry or definition, `=>` of an arm or row.
    Mark,
    /// The `=` before a function's body.
    Body,
    /// A sign. An item that begins with one needs the comma before it.
    Minus,
    /// Keywords of `if c then a else b`, with its number in [`Source::ifs`].
    If(usize),
    Then(usize),
    Else(usize),
    Other,
}

#[derive(Debug)]
pub(super) struct Token<'t> {
    pub text: &'t str,
    pub kind: Kind,
    /// No space before it, none behind it.
    pub tight: (bool, bool),
    /// It goes on with the line before it, wherever the author put it: `{` of a body, `else` of an entry, `=`.
    pub joins: bool,
    /// How many lines end before it, behind its comments.
    pub breaks: usize,
    /// The author put more than one space before it.
    pub padded: bool,
    /// Between the token before and this one.
    pub comments: Vec<Comment<'t>>,
}

#[derive(Debug)]
pub(super) struct Comment<'t> {
    /// With its slashes, without blanks behind it.
    pub text: &'t str,
    /// How many lines end before it; 0 where it stands behind a token.
    pub breaks: usize,
    /// The author's column.
    pub column: usize,
    /// The author's indentation of that line.
    pub indent: usize,
}

/// What is aligned with one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Type,
    Function,
    Let,
    Assignment,
    /// Arms and rows.
    Arrow,
    /// Nothing.
    Other,
}

#[derive(Debug)]
pub(super) struct Item {
    /// Its first and its last token, the comma behind it left out.
    pub first: usize,
    pub last: usize,
    pub class: Class,
    /// The `=` or `=>` that is aligned.
    pub mark: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Block {
    /// The braces, if it has some.
    pub braces: Option<(usize, usize)>,
    pub items: Vec<Item>,
    /// Spaces between items on one line without a comma.
    pub gap: usize,
    /// Blocks of one unit are broken into lines together: the branches of an `if` entry.
    pub unit: usize,
    /// What a mapping, `for` or branch does, not a value: worth lines of its own even with one entry.
    pub is_body: bool,
    pub parent: Option<usize>,
}

/// From the first to the last token of the blocks of a unit.
pub(super) type Unit = (usize, usize);

#[derive(Debug)]
pub(super) struct If {
    pub then: usize,
    /// The `if` whose `else` it directly follows.
    pub outer: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Source<'t> {
    /// The last one is the empty end of the file.
    pub tokens: Vec<Token<'t>>,
    /// The first one is the file.
    pub blocks: Vec<Block>,
    pub units: Vec<Unit>,
    pub ifs: Vec<If>,
    /// By token: block and number of the item that begins with it.
    pub starts: Vec<Option<(usize, usize)>>,
}

impl<'t> Source<'t> {
    pub fn read(text: &'t str, pairs: Pairs<'t, Rule>) -> Source<'t> {
        let source = Source { tokens: vec![], blocks: vec![], units: vec![], ifs: vec![], starts: vec![] };
        let mut reader = Reader { text, at: 0, block: None, carried: None, source };
        reader.file(pairs);
        let mut source = reader.source;
        source.starts = vec![None; source.tokens.len()];
        for (b, block) in source.blocks.iter().enumerate() {
            for (n, item) in block.items.iter().enumerate() {
                if let Some(start) = source.starts.get_mut(item.first) {
                    *start = Some((b, n));
                }
            }
        }
        source
    }

    pub fn comments(&self) -> impl Iterator<Item = &'t str> {
        self.tokens.iter().flat_map(|token| token.comments.iter().map(|comment| comment.text))
    }

    pub fn kind(&self, n: usize) -> Kind {
        self.tokens.get(n).map_or(Kind::Other, |token| token.kind)
    }
}

struct Reader<'t> {
    text: &'t str,
    /// Up to where the text is read.
    at: usize,
    /// The innermost block.
    block: Option<usize>,
    /// What stood before a comma, for the token behind it.
    carried: Option<(Vec<Comment<'t>>, usize)>,
    source: Source<'t>,
}

impl<'t> Reader<'t> {
    fn file(&mut self, pairs: Pairs<'t, Rule>) {
        let file = self.begin_block(2, false);
        for pair in pairs.flat_map(Pair::into_inner) {
            match pair.as_rule() {
                Rule::EOI => self.token(self.text.len(), "", Kind::Other, (true, true), false),
                _ => self.item(pair, file),
            }
        }
        self.end_block(file, None);
    }

    /// A part of the tree: its tokens, and its structure where it has some.
    fn walk(&mut self, pair: Pair<'t, Rule>, parent: Rule) {
        let rule = pair.as_rule();
        match rule {
            Rule::record | Rule::shape | Rule::inline | Rule::match_ => {
                self.braces(pair, parent, None);
            }
            Rule::if_entry => self.if_entry(pair, None),
            Rule::body => self.body(pair),
            Rule::if_ => self.if_(pair),
            Rule::text | Rule::plain => self.leaf(&pair, parent),
            _ if pair.clone().into_inner().next().is_none() => self.leaf(&pair, parent),
            // `fail(…)`: its parenthesis is that of a call.
            Rule::paren if parent == Rule::fail_ => pair.into_inner().for_each(|part| self.walk(part, Rule::args)),
            _ => pair.into_inner().for_each(|part| self.walk(part, rule)),
        }
    }

    // ---- structure

    fn begin_block(&mut self, gap: usize, is_body: bool) -> usize {
        let unit = self.source.units.len();
        let start = self.source.tokens.len();
        self.source.units.push((start, start));
        self.source.blocks.push(Block { braces: None, items: vec![], gap, unit, is_body, parent: self.block });
        let block = self.source.blocks.len() - 1;
        self.block = Some(block);
        block
    }

    /// `braces` is what opened it, where something did.
    fn end_block(&mut self, block: usize, open: Option<usize>) {
        let last = self.source.tokens.len().saturating_sub(1);
        let Some(block) = self.source.blocks.get_mut(block) else { return };
        block.braces = open.map(|open| (open, last));
        self.block = block.parent;
        if let Some(unit) = self.source.units.get_mut(block.unit) {
            unit.1 = last;
        }
    }

    /// `{ … }` with what stands before it. `unit`: of the branch before this one.
    fn braces(&mut self, pair: Pair<'t, Rule>, parent: Rule, unit: Option<usize>) -> usize {
        let rule = pair.as_rule();
        let is_body = matches!(parent, Rule::mapping | Rule::for_ | Rule::if_entry);
        let gap = if matches!(rule, Rule::inline | Rule::match_) { 3 } else { 2 };
        let mut open = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::open_brace => {
                    let block = self.begin_block(gap, is_body);
                    if let (Some(unit), Some(block)) = (unit, self.source.blocks.get_mut(block)) {
                        block.unit = unit;
                    }
                    open = Some((block, self.source.tokens.len()));
                    let joins = is_body || matches!(rule, Rule::inline | Rule::match_);
                    self.punctuation(&part, Kind::Open, (false, false), joins);
                }
                Rule::close_brace => self.punctuation(&part, Kind::Close, (false, false), false),
                Rule::comma => self.punctuation(&part, Kind::Separator, (true, false), false),
                _ => match open {
                    Some((block, _)) => self.item(part, block),
                    None => self.walk(part, rule),
                },
            }
        }
        let Some((block, open)) = open else { return 0 };
        self.end_block(block, Some(open));
        self.source.blocks.get(block).map_or(0, |block| block.unit)
    }

    /// `if c { … } else if d { … } else { … }`.
    fn if_entry(&mut self, pair: Pair<'t, Rule>, mut unit: Option<usize>) {
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::record => unit = Some(self.braces(part, Rule::if_entry, unit)),
                Rule::if_entry => self.if_entry(part, unit),
                Rule::kw_else => self.punctuation(&part, Kind::Other, (false, false), true),
                _ => self.walk(part, Rule::if_entry),
            }
        }
    }

    /// A function's `let`s and value: a block without braces.
    fn body(&mut self, pair: Pair<'t, Rule>) {
        let block = self.begin_block(2, true);
        pair.into_inner().for_each(|part| self.item(part, block));
        self.end_block(block, None);
    }

    fn if_(&mut self, pair: Pair<'t, Rule>) {
        let id = self.source.ifs.len();
        let start = self.source.tokens.len();
        let outer = match start.checked_sub(1).map(|before| self.source.kind(before)) {
            Some(Kind::Else(outer)) => Some(outer),
            _ => None,
        };
        self.source.ifs.push(If { then: start, outer });
        for part in pair.into_inner() {
            let kind = match part.as_rule() {
                Rule::kw_if => Kind::If(id),
                Rule::kw_then => {
                    let then = self.source.tokens.len();
                    if let Some(this) = self.source.ifs.get_mut(id) {
                        this.then = then;
                    }
                    Kind::Then(id)
                }
                Rule::kw_else => Kind::Else(id),
                _ => {
                    self.walk(part, Rule::if_);
                    continue;
                }
            };
            self.punctuation(&part, kind, (false, false), false);
        }
    }

    fn item(&mut self, pair: Pair<'t, Rule>, block: usize) {
        let rule = pair.as_rule();
        let class = match rule {
            Rule::type_def => Class::Type,
            Rule::function => Class::Function,
            Rule::let_ => Class::Let,
            Rule::set => Class::Assignment,
            Rule::arm | Rule::else_arm | Rule::row | Rule::else_row => Class::Arrow,
            _ => Class::Other,
        };
        let first = self.source.tokens.len();
        let mut mark = None;
        let mut last = first;
        match rule {
            Rule::if_entry => self.if_entry(pair, None),
            Rule::expr => self.walk(pair, Rule::body),
            _ => {
                let count = pair.clone().into_inner().count();
                for (n, part) in pair.into_inner().enumerate() {
                    match part.as_rule() {
                        Rule::assign | Rule::arrow => {
                            mark = Some(self.source.tokens.len());
                            let kind = if rule == Rule::function { Kind::Body } else { Kind::Mark };
                            self.punctuation(&part, kind, (false, false), true);
                        }
                        Rule::comma if class == Class::Arrow && n + 1 == count => {
                            last = self.source.tokens.len().saturating_sub(1);
                            self.punctuation(&part, Kind::Separator, (true, false), false);
                        }
                        _ => self.walk(part, rule),
                    }
                }
            }
        }
        let end = self.source.tokens.len().saturating_sub(1);
        if self.source.kind(end) != Kind::Separator {
            last = end;
        }
        if let Some(block) = self.source.blocks.get_mut(block) {
            block.items.push(Item { first, last, class, mark });
        }
    }

    // ---- tokens

    fn leaf(&mut self, pair: &Pair<'t, Rule>, parent: Rule) {
        let rule = pair.as_rule();
        let is_call = matches!(parent, Rule::args | Rule::params);
        let (kind, tight) = match rule {
            Rule::open_paren => (Kind::Open, (is_call, true)),
            Rule::open_bracket => (Kind::Open, (parent == Rule::index, true)),
            Rule::open_brace => (Kind::Open, (false, false)),
            Rule::close_paren | Rule::close_bracket => (Kind::Close, (true, false)),
            Rule::close_brace => (Kind::Close, (false, false)),
            Rule::open_angle | Rule::dot => (Kind::Other, (true, true)),
            Rule::close_angle | Rule::question | Rule::maybe | Rule::colon => (Kind::Other, (true, false)),
            Rule::comma => (Kind::Comma, (true, false)),
            Rule::dots => (Kind::Other, (false, true)),
            Rule::op_negate => (Kind::Minus, (false, true)),
            _ => (Kind::Other, (false, false)),
        };
        let mut text = pair.as_str();
        if matches!(rule, Rule::raw | Rule::plain) && matches!(parent, Rule::target | Rule::shape_field) {
            let behind_dot = self.source.tokens.last().is_some_and(|token| token.text == ".");
            text = unquoted(text, parent == Rule::target && behind_dot).unwrap_or(text);
        }
        self.token(pair.as_span().start(), text, kind, tight, matches!(rule, Rule::colon | Rule::gives));
        self.at = pair.as_span().end();
    }

    fn punctuation(&mut self, pair: &Pair<'t, Rule>, kind: Kind, tight: (bool, bool), joins: bool) {
        self.token(pair.as_span().start(), pair.as_str(), kind, tight, joins);
    }

    /// The token at `start`, with the comments since the one before.
    fn token(&mut self, start: usize, text: &'t str, kind: Kind, tight: (bool, bool), joins: bool) {
        let (mut comments, mut breaks) = self.carried.take().unwrap_or_default();
        let mut padded = false;
        while self.at < start {
            let rest = self.text.get(self.at..start).unwrap_or("");
            let blank = rest.len() - rest.trim_start().len();
            let space = rest.get(..blank).unwrap_or("");
            breaks += space.matches('\n').count();
            padded = space.len() > 1;
            self.at += blank;
            if self.at >= start {
                break;
            }
            // The grammar has nothing but white space and comments between tokens.
            let comment = rest.get(blank..).unwrap_or("");
            let comment = comment.split('\n').next().unwrap_or(comment);
            let line = self.text.get(..self.at).and_then(|before| before.rfind('\n')).map_or(0, |n| n + 1);
            let before = self.text.get(line..self.at).unwrap_or("");
            let (column, trimmed) = (before.chars().count(), before.trim_start());
            let indent = column - trimmed.chars().count();
            comments.push(Comment { text: comment.trim_end(), breaks, column, indent });
            self.at += comment.len();
            breaks = 0;
        }
        self.at = start + text.len();
        if matches!(kind, Kind::Comma | Kind::Separator) {
            self.carried = Some((comments, breaks));
            (comments, breaks) = (vec![], 0);
        }
        self.source.tokens.push(Token { text, kind, tight, joins, breaks, padded, comments });
    }
}

/// A quoted name that needs no quotes. `behind_dot`: there any word will do.
fn unquoted(text: &str, behind_dot: bool) -> Option<&str> {
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    let is_word = inner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && inner.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    (is_word && (behind_dot || !RESERVED.contains(&inner))).then_some(inner)
}
