//! `=` and `=>` under one another over consecutive lines, and rows in columns where the author put several on a line.
//!
//! An item of several lines takes part where the author had aligned it, and does not widen the others. Rows and arms that
//! alignment would push beyond the width of a line stay as they are.

use super::WIDTH;
use super::lines::Lines;
use super::source::{Block, Class, Item};
use std::collections::BTreeSet;
use std::ops::Range;

/// Consecutive lines of a block: the items on each.
pub(super) struct Run<'s> {
    lines: Vec<&'s [Item]>,
}

/// All runs, each with the token that it begins with.
pub(super) fn runs<'s>(lines: &Lines<'s, '_>) -> Vec<(usize, Run<'s>)> {
    let broken = lines.source.blocks.iter().filter(|block| lines.is_broken(block));
    let all = broken.flat_map(|block| of_block(lines, block));
    all.filter_map(|run| Some((run.lines.first()?.first()?.first, run))).collect()
}

impl Run<'_> {
    /// Several items on each line, instead of one.
    fn has_columns(&self) -> bool {
        self.lines.iter().any(|items| items.len() > 1)
    }

    /// Further spaces before tokens. `indent`: of the lines.
    pub fn spaces(&self, lines: &Lines<'_, '_>, indent: usize) -> Vec<(usize, usize)> {
        let spread = spread(lines, &self.lines);
        let has_columns = self.has_columns();
        let fits = self.lines.iter().zip(&spread).all(|(items, spread)| {
            let (Some(first), Some(last)) = (items.first(), items.last()) else { return true };
            let more: usize = spread.iter().map(|(_, more)| more).sum();
            let width = indent + lines.width(first.first, last.last);
            // Fields stay in their column however long a value is; rows and arms that only alignment makes too long do not.
            let may_be_long = !has_columns && (first.class == Class::Assignment || width > WIDTH);
            width + more <= WIDTH || may_be_long
        });
        if fits { spread.into_iter().flatten().collect() } else { vec![] }
    }
}

fn spread(lines: &Lines<'_, '_>, run: &[&[Item]]) -> Vec<Vec<(usize, usize)>> {
    let columns = run.iter().map(|items| items.len()).max().unwrap_or(0);
    let mut spaces = vec![vec![]; run.len()];
    for column in 0..columns {
        let widest = widest(lines, run, column);
        let mut cell = 0;
        let mut widths = vec![];
        for (items, spaces) in run.iter().zip(&mut spaces) {
            let Some(item) = items.get(column) else {
                widths.push(0);
                continue;
            };
            let more = widest.saturating_sub(key(lines, item));
            spaces.extend(item.mark.map(|mark| (mark, more)));
            widths.push(if items.len() > 1 { lines.width(item.first, item.last) + more } else { 0 });
            if items.len() > column + 1 {
                cell = cell.max(widths.last().copied().unwrap_or(0));
            }
        }
        for ((items, spaces), width) in run.iter().zip(&mut spaces).zip(widths) {
            spaces.extend(items.get(column + 1).map(|next| (next.first, cell - width)));
        }
    }
    spaces
}

/// The widest part before a mark in that column.
fn widest(lines: &Lines<'_, '_>, run: &[&[Item]], column: usize) -> usize {
    let items = run.iter().filter_map(|items| items.get(column));
    items.filter(|item| lines.is_one_line(item.first, item.last)).map(|item| key(lines, item)).max().unwrap_or(0)
}

/// How wide an item is before its mark.
fn key(lines: &Lines<'_, '_>, item: &Item) -> usize {
    item.mark.map_or(0, |mark| lines.width(item.first, mark.saturating_sub(1)))
}

fn of_block<'s>(lines: &Lines<'s, '_>, block: &'s Block) -> Vec<Run<'s>> {
    let on_lines = by_line(lines, &block.items);
    // Items of several lines that cannot take part: they are as wide as the others or wider.
    let mut out: BTreeSet<usize> = BTreeSet::new();
    loop {
        let mut runs: Vec<Run<'s>> = vec![];
        let mut class = Class::Other;
        for items in on_lines.iter().filter_map(|range| block.items.get(range.clone())) {
            let Some(first) = items.first() else { continue };
            let goes_on = class == first.class && !stands_apart(lines, first);
            class = match takes_part(lines, items) && !out.contains(&first.first) {
                true => first.class,
                false => Class::Other,
            };
            match runs.last_mut() {
                _ if class == Class::Other => {}
                Some(run) if goes_on && run.has_columns() == (items.len() > 1) => run.lines.push(items),
                _ => runs.push(Run { lines: vec![items] }),
            }
        }
        let before = out.len();
        for run in &runs {
            let widest = widest(lines, &run.lines, 0);
            let long = run.lines.iter().filter_map(|items| items.first());
            let long = long.filter(|item| !lines.is_one_line(item.first, item.last));
            out.extend(long.filter(|item| key(lines, item) >= widest).map(|item| item.first));
        }
        if out.len() == before {
            return runs;
        }
    }
}

fn by_line(lines: &Lines<'_, '_>, items: &[Item]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = vec![];
    for (n, item) in items.iter().enumerate() {
        match found.last_mut() {
            Some(line) if !lines.begins(item.first) => line.end = n + 1,
            _ => found.push(n..n + 1),
        }
    }
    found
}

/// Whether a blank line, or a comment between definitions, ends a run before this item.
fn stands_apart(lines: &Lines<'_, '_>, item: &Item) -> bool {
    let Some(token) = lines.source.tokens.get(item.first) else { return true };
    let is_definition = matches!(item.class, Class::Type | Class::Function);
    token.breaks > 1 || token.comments.iter().any(|comment| comment.breaks > 1 || is_definition && comment.breaks > 0)
}

/// Whether the items of a line are aligned with those of the lines around it.
fn takes_part(lines: &Lines<'_, '_>, items: &[Item]) -> bool {
    let Some((first, others)) = items.split_first() else { return false };
    let is_padded = |mark: usize| lines.source.tokens.get(mark).is_some_and(|token| token.padded && token.breaks == 0);
    if others.is_empty() {
        return first.mark.is_some_and(|mark| lines.is_one_line(first.first, first.last) || is_padded(mark));
    }
    let no_commas = others.iter().all(|item| lines.space(item.first) > 1);
    no_commas && others.iter().all(|item| item.class == first.class)
}
