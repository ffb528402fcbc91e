//! Tokens → text: indentation, spaces and comments.
//!
//! Indentation goes by what is open where a line begins: two more than the line with the bracket, two more than the line
//! where the entry or argument began that goes on. `then` and `else` of a value stand under their `if`.

use super::lines::Lines;
use super::source::{Comment, Kind, Source, Token};
use super::{WIDTH, align};

/// The whole text.
pub(super) fn text(source: &Source<'_>) -> String {
    let mut lines = Lines::new(source);
    loop {
        let page = Writer::new(&lines).write();
        let mut is_shorter = false;
        for line in page.iter().filter(|line| line.width() > WIDTH) {
            is_shorter |= lines.shorten(line.first..=line.last);
        }
        if !is_shorter {
            return render(page);
        }
        lines.settle();
    }
}

/// A line: its tokens, or a comment alone.
struct Line<'t> {
    indent: usize,
    code: String,
    first: usize,
    last: usize,
    comment: Option<&'t str>,
    /// Where the comment stood, had the line not moved.
    column: usize,
    blank_before: bool,
}

impl Line<'_> {
    fn width(&self) -> usize {
        match self.code.is_empty() {
            true => 0,
            false => self.indent + self.code.chars().count(),
        }
    }
}

/// What is open.
struct Frame {
    /// The indentation of what closes it, and of its parts.
    base: usize,
    content: usize,
    /// The indentation of the line where the current part began.
    part: usize,
    /// A part begins with the next token.
    fresh: bool,
    /// `(` or `[`: its commas separate parts.
    is_list: bool,
}

/// Where an `if` stands: its column, and the indentation of its line.
#[derive(Clone, Copy, Default)]
struct Anchor {
    column: usize,
    indent: usize,
}

struct Writer<'l, 's, 't> {
    lines: &'l Lines<'s, 't>,
    source: &'s Source<'t>,
    page: Vec<Line<'t>>,
    frames: Vec<Frame>,
    anchors: Vec<Anchor>,
    /// By token: the run of aligned lines that begins with it.
    runs: Vec<Option<align::Run<'s>>>,
    /// By token: spaces for alignment.
    more: Vec<usize>,
}

impl<'l, 's, 't> Writer<'l, 's, 't> {
    fn new(lines: &'l Lines<'s, 't>) -> Self {
        let source = lines.source;
        let count = source.tokens.len();
        let mut runs: Vec<Option<align::Run<'s>>> = (0..count).map(|_| None).collect();
        for (first, run) in align::runs(lines) {
            if let Some(place) = runs.get_mut(first) {
                *place = Some(run);
            }
        }
        let anchors = vec![Anchor::default(); source.ifs.len()];
        let file = Frame { base: 0, content: 0, part: 0, fresh: false, is_list: false };
        Writer { lines, source, page: vec![], frames: vec![file], anchors, runs, more: vec![0; count] }
    }

    fn write(mut self) -> Vec<Line<'t>> {
        for (n, token) in self.source.tokens.iter().enumerate() {
            self.token(n, token);
        }
        self.page.retain(|line| !line.code.is_empty() || line.comment.is_some());
        self.page
    }

    fn token(&mut self, n: usize, token: &Token<'t>) {
        let starts = self.source.starts.get(n).copied().flatten();
        let is_end = n + 1 == self.source.tokens.len();
        if is_end || starts.is_some_and(|(block, _)| block == 0) {
            self.frames.truncate(1);
        }
        let begins = self.lines.begins(n);
        if begins {
            let indent = if is_end { 0 } else { self.indent(n, token, starts.is_some()) };
            self.comments(n, token, indent);
            let blank_before = token.breaks > 1 && !is_end && self.may_be_blank(n, token);
            let line = Line { indent, code: String::new(), first: n, last: n, comment: None, column: 0, blank_before };
            self.page.push(line);
        }
        if let Some(run) = self.runs.get_mut(n).and_then(Option::take) {
            for (token, more) in run.spaces(self.lines, self.page.last().map_or(0, |line| line.indent)) {
                if let Some(place) = self.more.get_mut(token) {
                    *place += more;
                }
            }
        }
        self.put(n, token, begins);
        self.keep_frames(n, token, begins, starts.is_some());
    }

    fn indent(&self, n: usize, token: &Token<'t>, is_item: bool) -> usize {
        let Some(frame) = self.frames.last() else { return 0 };
        match token.kind {
            Kind::Close => frame.base,
            _ if is_item || frame.fresh => frame.content,
            Kind::Then(id) => self.anchor(id).column + 2,
            Kind::Else(id) => {
                let then = self.source.ifs.get(id).map_or(n, |this| this.then);
                match () {
                    () if self.lines.begins(then) => self.anchor(id).column + 2,
                    () if self.lines.begins(then + 1) => self.anchor(id).indent,
                    () => self.anchor(id).column,
                }
            }
            Kind::Mark | Kind::Body => frame.part + 2,
            _ if token.joins => frame.part,
            _ => frame.part + 2,
        }
    }

    fn anchor(&self, id: usize) -> Anchor {
        self.anchors.get(id).copied().unwrap_or_default()
    }

    /// Blank lines stay, but not behind an opening bracket and before a closing one.
    fn may_be_blank(&self, n: usize, token: &Token<'t>) -> bool {
        let is_first = match token.comments.is_empty() {
            true => n.checked_sub(1).is_none_or(|before| self.source.kind(before) == Kind::Open),
            false => false,
        };
        !is_first && token.kind != Kind::Close
    }

    /// The comments before a token: behind the line before, or on lines of their own.
    fn comments(&mut self, n: usize, token: &Token<'t>, indent: usize) {
        let indent = match (token.kind, self.frames.last()) {
            (Kind::Close, Some(frame)) => frame.content,
            _ => indent,
        };
        let opened = n.checked_sub(1).is_none_or(|before| self.source.kind(before) == Kind::Open);
        let mut above: Option<&Comment<'t>> = None;
        for (count, comment) in token.comments.iter().enumerate() {
            if comment.breaks == 0
                && count == 0
                && let Some(line) = self.page.last_mut()
            {
                line.comment = Some(comment.text);
                line.column = (comment.column + line.indent).saturating_sub(comment.indent);
                above = Some(comment);
                continue;
            }
            // Under the comment of the line above it goes on with it.
            let goes_on = above.is_some_and(|above| comment.breaks == 1 && above.column == comment.column);
            let (indent, column) = match self.page.last() {
                Some(line) if goes_on => (line.indent, line.column),
                _ => (indent, 0),
            };
            above = above.filter(|_| goes_on);
            let is_first = count == 0 && opened;
            self.page.push(Line {
                indent,
                code: String::new(),
                first: n,
                last: n,
                comment: Some(comment.text),
                column,
                blank_before: comment.breaks > 1 && !is_first,
            });
        }
    }

    fn put(&mut self, n: usize, token: &Token<'t>, begins: bool) {
        let is_hidden = self.lines.is_hidden(n);
        let space = self.lines.space(n) + self.more.get(n).copied().unwrap_or(0);
        let Some(line) = self.page.last_mut() else { return };
        line.last = n;
        if is_hidden {
            return;
        }
        if !begins {
            line.code.extend(std::iter::repeat_n(' ', space));
        }
        if let Kind::If(id) = token.kind {
            let own = Anchor { column: line.width().max(line.indent), indent: line.indent };
            let outer = self.source.ifs.get(id).and_then(|this| this.outer).filter(|_| !begins);
            let anchor = outer.and_then(|outer| self.anchors.get(outer).copied()).unwrap_or(own);
            if let Some(place) = self.anchors.get_mut(id) {
                *place = anchor;
            }
        }
        line.code.push_str(token.text);
    }

    fn keep_frames(&mut self, n: usize, token: &Token<'t>, begins: bool, is_item: bool) {
        let indent = self.page.last().map_or(0, |line| line.indent);
        let before = n.checked_sub(1).map(|before| self.source.kind(before));
        let anchor = match token.kind {
            Kind::Then(id) if self.lines.begins(n + 1) && !begins => Some(self.anchor(id).indent),
            _ => None,
        };
        if let Some(frame) = self.frames.last_mut() {
            let is_branch = matches!(token.kind, Kind::Then(_) | Kind::Else(_));
            let is_value = matches!(before, Some(Kind::Mark | Kind::Body));
            if is_item || frame.fresh || begins && (is_branch || is_value) {
                frame.part = indent;
            }
            if let Some(indent) = anchor {
                frame.part = indent;
            }
            frame.fresh = token.kind == Kind::Comma && frame.is_list;
        }
        let is_list = matches!(token.text, "(" | "[");
        match token.kind {
            Kind::Open => {
                let content = indent + 2;
                self.frames.push(Frame { base: indent, content, part: indent, fresh: is_list, is_list });
            }
            Kind::Body => {
                let content = indent + 2;
                self.frames.push(Frame { base: indent, content, part: indent, fresh: false, is_list: false });
            }
            Kind::Close if self.frames.len() > 1 => drop(self.frames.pop()),
            _ => {}
        }
    }
}

/// Lines as text, the comments behind consecutive ones under one another.
fn render(mut page: Vec<Line<'_>>) -> String {
    let mut start = 0;
    while start < page.len() {
        let goes_on = |pair: &[Line<'_>]| {
            let [one, other] = pair else { return false };
            has_comment_behind(one) && has_comment_behind(other) && one.indent == other.indent && !other.blank_before
        };
        let rest = page.get(start..).unwrap_or_default();
        let count = 1 + rest.windows(2).take_while(|pair| goes_on(pair)).count();
        let group = page.get_mut(start..start + count).unwrap_or_default();
        let behind = || group.iter().filter(|line| has_comment_behind(line));
        let column = behind().map(|line| line.column.max(line.width() + 2)).max().unwrap_or(0);
        group.iter_mut().for_each(|line| line.column = column);
        start += count;
    }
    let mut text = String::new();
    for line in &page {
        if line.blank_before {
            text.push('\n');
        }
        text.extend(std::iter::repeat_n(' ', line.indent));
        text.push_str(&line.code);
        if let Some(comment) = line.comment {
            if has_comment_behind(line) {
                let at = line.width().max(line.indent);
                text.extend(std::iter::repeat_n(' ', line.column.saturating_sub(at)));
            }
            text.push_str(comment);
        }
        text.push('\n');
    }
    text
}

/// A comment behind code, or going on with one.
fn has_comment_behind(line: &Line<'_>) -> bool {
    line.comment.is_some() && (!line.code.is_empty() || line.column > 0)
}
