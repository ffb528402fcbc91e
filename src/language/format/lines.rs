//! Where lines end, and the spaces between tokens on one line.
//!
//! The author's breaks stay, but for those that a rule takes out (before `=`, before the `{` of a body). A block with a
//! break inside has its items on lines of their own, the others stand on one line while that fits.

use super::source::{Block, Kind, Source};
use std::ops::RangeInclusive;

/// Which tokens begin lines.
pub(super) struct Lines<'s, 't> {
    pub source: &'s Source<'t>,
    /// By unit: its blocks are broken into lines.
    broken: Vec<bool>,
    /// By token: it begins an item that no longer fits behind the one before.
    split: Vec<bool>,
    begins: Vec<bool>,
    /// By token: how many lines begin with one before it.
    counted: Vec<usize>,
    /// By token: the block that it opens or closes.
    brace_of: Vec<Option<usize>>,
}

impl<'s, 't> Lines<'s, 't> {
    /// As the author broke them.
    pub fn new(source: &'s Source<'t>) -> Lines<'s, 't> {
        let count = source.tokens.len();
        let mut brace_of = vec![None; count];
        for (n, block) in source.blocks.iter().enumerate() {
            for brace in block.braces.iter().flat_map(|(open, close)| [*open, *close]) {
                if let Some(place) = brace_of.get_mut(brace) {
                    *place = Some(n);
                }
            }
        }
        let broken = vec![false; source.units.len()];
        let mut lines = Lines { source, broken, split: vec![false; count], begins: vec![], counted: vec![], brace_of };
        let authors: Vec<bool> = (0..count).map(|n| lines.authors(n)).collect();
        let sums = sums(&authors);
        for (n, block) in source.blocks.iter().enumerate() {
            let (start, end) = source.units.get(block.unit).copied().unwrap_or_default();
            let broken = match block.braces {
                Some(_) => between(&sums, start + 1, end) > 0,
                None if n == 0 => true,
                None if block.items.len() > 1 => between(&sums, start, end) > 0,
                None => between(&sums, start, start) > 0,
            };
            if let Some(unit) = lines.broken.get_mut(block.unit) {
                *unit |= broken;
            }
        }
        lines.settle();
        lines
    }

    /// Whether token `n` begins a line.
    pub fn begins(&self, n: usize) -> bool {
        self.begins.get(n).copied().unwrap_or(false)
    }

    /// Whether no line begins inside.
    pub fn is_one_line(&self, first: usize, last: usize) -> bool {
        between(&self.counted, first + 1, last) == 0
    }

    /// Whether a comma is left out here: at the end of a line, before a bracket on the same line.
    pub fn is_hidden(&self, n: usize) -> bool {
        match self.source.kind(n) {
            Kind::Comma => self.source.kind(n + 1) == Kind::Close && !self.begins(n + 1),
            Kind::Separator => match self.source.kind(n + 1) {
                Kind::Close => true,
                Kind::Minus => false,
                _ => self.begins(n + 1),
            },
            _ => false,
        }
    }

    /// Spaces before token `n`, which does not begin a line.
    pub fn space(&self, n: usize) -> usize {
        let Some(before) = n.checked_sub(1) else { return 0 };
        let before = if self.is_hidden(before) { before.saturating_sub(1) } else { before };
        let (Some(token), Some(other)) = (self.source.tokens.get(n), self.source.tokens.get(before)) else { return 0 };
        match self.source.starts.get(n).copied().flatten() {
            Some((block, item)) if item > 0 && other.kind != Kind::Separator => {
                self.source.blocks.get(block).map_or(1, |block| block.gap)
            }
            _ if token.tight.0 || other.tight.1 => 0,
            _ => 1,
        }
    }

    /// How wide these tokens are on one line.
    pub fn width(&self, first: usize, last: usize) -> usize {
        let visible = (first..=last).filter(|n| !self.is_hidden(*n));
        visible
            .map(|n| {
                let space = if n == first { 0 } else { self.space(n) };
                space + self.source.tokens.get(n).map_or(0, |token| token.text.chars().count())
            })
            .sum()
    }

    /// Breaks a line that is too long where it may be broken: between its items, else at its outermost blocks. False
    /// where there is nothing to break.
    pub fn shorten(&mut self, line: RangeInclusive<usize>) -> bool {
        let mut shorter = false;
        for n in line.clone().skip(1) {
            let Some((block, item)) = self.source.starts.get(n).copied().flatten() else { continue };
            let is_broken = self.source.blocks.get(block).is_some_and(|block| self.is_broken(block));
            if let Some(split) = self.split.get_mut(n).filter(|_| item > 0 && is_broken) {
                (*split, shorter) = (true, true);
            }
        }
        if shorter {
            return true;
        }
        let mut n = *line.start();
        while n <= *line.end() {
            let opened = self.brace_of.get(n).copied().flatten();
            let begun = self.source.starts.get(n).copied().flatten().map(|(block, _)| block);
            n += 1;
            for id in [begun, opened].into_iter().flatten() {
                let Some(block) = self.source.blocks.get(id) else { continue };
                let is_worth_it = block.items.len() > 1 || block.is_body && block.braces.is_some();
                if is_worth_it && !self.is_broken(block) && (block.braces.is_none() || opened == Some(id)) {
                    self.break_up(block);
                    shorter = true;
                    n = self.source.units.get(block.unit).map_or(n, |unit| unit.1 + 1);
                }
            }
        }
        shorter
    }

    /// After `shorten`.
    pub fn settle(&mut self) {
        let count = self.source.tokens.len();
        let mut begins: Vec<bool> = (0..count).map(|n| self.wants_line(n)).collect();
        let sums = sums(&begins);
        // An item of several lines has no neighbour on its first and last.
        for block in self.source.blocks.iter().filter(|block| self.is_broken(block)) {
            for pair in block.items.windows(2) {
                let [one, other] = pair else { continue };
                let are_long = [one, other].iter().any(|item| between(&sums, item.first + 1, item.last) > 0);
                if let Some(begins) = begins.get_mut(other.first) {
                    *begins |= are_long;
                }
            }
        }
        self.counted = self::sums(&begins);
        self.begins = begins;
    }

    pub fn is_broken(&self, block: &Block) -> bool {
        self.broken.get(block.unit).copied().unwrap_or(false)
    }

    fn break_up(&mut self, block: &Block) {
        let mut next = Some(block);
        while let Some(block) = next {
            let has_lines = block.braces.is_some() || block.items.len() > 1;
            if let Some(unit) = self.broken.get_mut(block.unit).filter(|unit| has_lines && !**unit) {
                *unit = true;
                // What did not fit on one line stands on one each.
                for item in &block.items {
                    if let Some(split) = self.split.get_mut(item.first) {
                        *split = true;
                    }
                }
            }
            next = block.parent.and_then(|parent| self.source.blocks.get(parent));
        }
    }

    /// The author began a line here, or a comment ends the one before.
    fn authors(&self, n: usize) -> bool {
        self.source.tokens.get(n).is_some_and(|token| token.breaks > 0 || !token.comments.is_empty())
    }

    fn wants_line(&self, n: usize) -> bool {
        let Some(token) = self.source.tokens.get(n) else { return false };
        let is_last = n + 1 == self.source.tokens.len();
        if n == 0 || is_last || !token.comments.is_empty() {
            return true;
        }
        if let Some((id, item)) = self.source.starts.get(n).copied().flatten() {
            let split = self.split.get(n).copied().unwrap_or(false);
            let is_broken = self.source.blocks.get(id).is_some_and(|block| self.is_broken(block));
            return is_broken && (id == 0 || item == 0 || split || token.breaks > 0);
        }
        if token.kind == Kind::Close
            && let Some(block) = self.brace_of.get(n).copied().flatten().and_then(|id| self.source.blocks.get(id))
        {
            return self.is_broken(block) && !block.items.is_empty();
        }
        token.breaks > 0 && !token.joins
    }
}

/// How many are true before each place.
fn sums(flags: &[bool]) -> Vec<usize> {
    let mut sum = 0;
    let counts = flags.iter().map(|flag| {
        sum += usize::from(*flag);
        sum
    });
    std::iter::once(0).chain(counts).collect()
}

/// How many are true from `first` to `last`.
fn between(sums: &[usize], first: usize, last: usize) -> usize {
    let at = |n: usize| sums.get(n).or(sums.last()).copied().unwrap_or(0);
    at(last + 1).saturating_sub(at(first))
}
