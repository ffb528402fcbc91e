//! A test file with other expectations: edits at the places of the YAML tree, everything else byte for byte.
//!
//! What cannot be changed without touching something else is refused with a sentence. Invariants: only what stands in an
//! `expect` changes, which is checked on the text that comes out; no comment is lost.

use super::problems::{Amendment, Change, Entry};
use super::write::{Quotes, field, inline};
use crate::diagnostics::{FileId, Span};
use crate::model::yaml::{self, Key, Node, NodeKind, Style};
use crate::value::{Value, json};
use std::collections::HashMap;
use std::mem::discriminant;

/// A file after its amendments.
pub struct Rewritten {
    pub text: String,
    /// What was not changed, and why.
    pub refused: Vec<(Span, String)>,
}

/// Why an amendment is not made.
type Refusal = String;

/// A replacement of bytes.
struct Edit {
    start: usize,
    end: usize,
    text: String,
    /// Of what is put in at one place, the one that stands further in comes first.
    depth: usize,
}

/// Makes all the amendments that can be made at once. Those that lie inside of others are left for the next time.
pub fn rewrite(file: FileId, text: &str, amendments: &[Amendment]) -> Rewritten {
    let mut refused = vec![];
    let Ok(root) = yaml::parse(file, text) else {
        return Rewritten { text: text.to_owned(), refused: vec![(Span::new(file, 0, 0), "it is not YAML".into())] };
    };
    let page = Page { text, root: &root, uses: uses(&root) };
    let mut edits: Vec<Edit> = vec![];
    // Lists first: what stands in them moves.
    let (lists, others): (Vec<&Amendment>, Vec<&Amendment>) =
        amendments.iter().partition(|amendment| matches!(amendment.change, Change::List(..)));
    for amendment in lists.into_iter().chain(others) {
        match page.edit(amendment) {
            Ok(edit) if edits.iter().all(|other| apart(other, &edit)) => edits.push(edit),
            Ok(_) => {}
            Err(why) => refused.push((amendment.at, why)),
        }
    }
    edits.sort_by(|a, b| (a.start, a.end, b.depth).cmp(&(b.start, b.end, a.depth)));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in &edits {
        out.push_str(text.get(at..edit.start).unwrap_or_default());
        out.push_str(&edit.text);
        at = edit.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    if yaml::parse(file, &out).is_ok_and(|new| same_but_expectations(&root, &new)) {
        return Rewritten { text: out, refused };
    }
    let why = "more than the expectations would change: this one has to be changed by hand".to_owned();
    refused.extend(amendments.iter().map(|amendment| (amendment.at, why.clone())));
    Rewritten { text: text.to_owned(), refused }
}

fn apart(a: &Edit, b: &Edit) -> bool {
    a.end <= b.start || b.end <= a.start
}

struct Page<'a> {
    text: &'a str,
    root: &'a Node,
    /// How often each value stands in the tree: more than once where an alias repeats it.
    uses: HashMap<Span, usize>,
}

impl Page<'_> {
    fn edit(&self, amendment: &Amendment) -> Result<Edit, Refusal> {
        if let Change::Never(why) = amendment.change {
            return Err(why.to_owned());
        }
        let mut way = vec![];
        if !find(self.root, amendment.at, None, &mut way) {
            return Err("it does not stand in this file".into());
        }
        if !way.iter().any(|(key, _)| key.is_some_and(|key| &*key.text == "expect")) {
            return Err("it is no expectation".into());
        }
        for (_, node) in &way {
            match node.entries() {
                [(key, path)] if &*key.text == "file" => {
                    let path = path.scalar().map_or("", |path| &path.text);
                    return Err(format!("it stands in `{path}`, which is changed by hand"));
                }
                [_, _] if node.get("repeat").is_some() && node.get("times").is_some() => {
                    return Err("`repeat` stands for all of its elements: they are changed by hand".into());
                }
                _ => {}
            }
            if self.uses.get(&node.span).is_some_and(|uses| *uses > 1) {
                return Err("an alias repeats it elsewhere: both places are changed by hand".into());
            }
        }
        let Some((key, node)) = way.pop() else { return Err("it does not stand in this file".into()) };
        match &amendment.change {
            Change::Value(value) => self.value(key, node, value),
            Change::Field(name, value) => self.field(node, name, value),
            Change::List(name, entries) => {
                let list = node.entry(name).ok_or_else(|| format!("there is no `{name}`"))?;
                self.list(node, list, entries)
            }
            Change::Never(why) => Err((*why).to_owned()),
        }
    }

    fn value(&self, key: Option<&Key>, node: &Node, value: &Value) -> Result<Edit, Refusal> {
        self.no_comment(node, node.span)?;
        let quotes = match node.scalar().map(|scalar| scalar.style) {
            Some(Style::Literal | Style::Folded) => {
                return Err("a text in a block (`|`, `>`) is changed by hand".into());
            }
            Some(Style::SingleQuoted) => Quotes::Single,
            Some(Style::DoubleQuoted) => Quotes::Double,
            _ => Quotes::Fewest,
        };
        let text = inline(value, quotes).map_err(unwritten)?;
        let (start, end) = bytes(node.span);
        if start < end {
            return Ok(Edit { start, end, text, depth: 0 });
        }
        // Nothing was written: it stands behind the colon.
        let at = key.and_then(|key| self.colon(key)).ok_or("nothing is written there that could be replaced")?;
        Ok(Edit { start: at, end: at, text: format!(" {text}"), depth: 0 })
    }

    fn field(&self, node: &Node, name: &str, value: &Value) -> Result<Edit, Refusal> {
        let text = field(name, value).map_err(unwritten)?;
        let (start, end) = bytes(node.span);
        let [.., (key, last)] = node.entries() else {
            let none =
                node.scalar().is_none() && self.text.get(start..end).is_some_and(|written| written.ends_with('}'));
            return match none {
                true => Ok(Edit { start, end, text: format!("{{ {text} }}"), depth: 0 }),
                false => Err(format!("no field `{name}` can be put there")),
            };
        };
        if self.is_flow(node) {
            if last.span.start == last.span.end {
                return Err(format!("nothing is written behind `{}`: `{name}` is put in by hand", key.text));
            }
            let at = last.span.end as usize;
            return Ok(Edit { start: at, end: at, text: format!(", {text}"), depth: 0 });
        }
        let first = node.entries().first().map_or(node.span, |(key, _)| key.span);
        let indent = self.column(first.start as usize);
        let at = self.line_end(last.span.end.max(key.span.end) as usize);
        let text = format!("{}{:indent$}{text}", self.newline(), "");
        Ok(Edit { start: at, end: at, text, depth: indent })
    }

    /// What is the same from the start stays where it is.
    fn list(&self, holder: &Node, (key, list): &(Key, Node), entries: &[Entry]) -> Result<Edit, Refusal> {
        let NodeKind::Sequence(items) = &list.kind else { return Err("it is no list".into()) };
        if items.iter().chain([list]).any(|node| self.uses.get(&node.span).is_some_and(|uses| *uses > 1)) {
            return Err("an alias repeats some of it: it is changed by hand".into());
        }
        let same = entries.iter().enumerate().take_while(|(n, entry)| **entry == Entry::Kept(*n)).count();
        let written = |entry: &Entry| match entry {
            Entry::Kept(n) => {
                let (start, end) = items.get(*n).map_or((0, 0), |item| bytes(item.span));
                Ok(self.text.get(start..end).unwrap_or_default().to_owned())
            }
            Entry::New(value) => inline(value, Quotes::Fewest).map_err(unwritten),
        };
        let new = entries.iter().skip(same).map(written).collect::<Result<Vec<String>, Refusal>>()?;
        let (start, end) = bytes(list.span);
        if entries.is_empty() {
            self.no_comment(list, list.span)?;
            // Behind its key, also where it was a list of lines.
            let colon =
                self.colon(key).filter(|colon| self.text.get(*colon..start).is_some_and(|gap| gap.trim().is_empty()));
            return Ok(match colon {
                Some(start) => Edit { start, end, text: " []".into(), depth: 0 },
                None => Edit { start, end, text: "[]".into(), depth: 0 },
            });
        }
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            // `[]` becomes a list of lines, where there may be some.
            if self.is_flow(holder) {
                return Ok(Edit { start, end, text: format!("[{}]", new.join(", ")), depth: 0 });
            }
            let indent = holder.entries().first().map_or(0, |(key, _)| self.column(key.span.start as usize)) + 2;
            let lines = new.iter().map(|item| format!("{}{:indent$}- {item}", self.newline(), ""));
            let start = self.text.get(..start).map_or(start, |before| before.trim_end_matches(' ').len());
            return Ok(Edit { start, end, text: lines.collect(), depth: 0 });
        };
        let between = match self.is_flow(list) {
            true => ", ".to_owned(),
            false => {
                let column = self.column(start);
                let hyphen = self.text.get(start..).is_some_and(|text| text.starts_with('-'));
                let indent = if hyphen { column } else { self.column(first.span.start as usize).saturating_sub(2) };
                format!("{}{:indent$}- ", self.newline(), "")
            }
        };
        let end = last.span.end as usize;
        let (start, before) = match same.checked_sub(1).and_then(|n| items.get(n)) {
            Some(kept) => (kept.span.end as usize, if new.is_empty() { "" } else { &*between }),
            None => (first.span.start as usize, ""),
        };
        // What is kept takes its comments with it.
        let mut covered = vec![];
        for (n, item) in items.iter().enumerate() {
            match entries.contains(&Entry::Kept(n)) {
                true => covered.push(bytes(item.span)),
                false => scalars(item, &mut covered),
            }
        }
        self.no_comment_between(covered, (start, end))?;
        Ok(Edit { start, end, text: format!("{before}{}", new.join(&between)), depth: 0 })
    }

    fn is_flow(&self, node: &Node) -> bool {
        self.text.get(node.span.start as usize..).is_some_and(|text| text.starts_with(['{', '[']))
    }

    /// How far in a place stands, in characters.
    fn column(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.rsplit('\n').next().unwrap_or_default().chars().count()
    }

    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.find(['\r', '\n']).unwrap_or(rest.len())
    }

    fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// Behind the colon of a key.
    fn colon(&self, key: &Key) -> Option<usize> {
        let behind = self.text.get(key.span.end as usize..)?;
        let colon = behind.find(':')?;
        behind.get(..colon)?.trim().is_empty().then_some(key.span.end as usize + colon + 1)
    }

    /// A comment in what is replaced would be lost.
    fn no_comment(&self, node: &Node, span: Span) -> Result<(), Refusal> {
        let mut covered = vec![];
        scalars(node, &mut covered);
        self.no_comment_between(covered, bytes(span))
    }

    /// Between the places where `#` is no comment, or one that stays.
    fn no_comment_between(
        &self,
        mut covered: Vec<(usize, usize)>,
        (start, end): (usize, usize),
    ) -> Result<(), Refusal> {
        covered.sort_unstable();
        let mut at = start;
        for (from, to) in covered.into_iter().chain([(end, end)]).filter(|(from, to)| *to >= start && *from <= end) {
            if self.text.get(at..from.max(at)).is_some_and(|between| between.contains('#')) {
                return Err("a comment in it would be lost: it is changed by hand".into());
            }
            at = at.max(to);
        }
        Ok(())
    }
}

fn bytes(span: Span) -> (usize, usize) {
    (span.start as usize, span.end as usize)
}

fn unwritten(why: json::WriteError) -> Refusal {
    format!("the value cannot be written: {why}")
}

/// The way from `node` to the value at `at`, with the key that each stands under.
fn find<'n>(node: &'n Node, at: Span, key: Option<&'n Key>, way: &mut Vec<(Option<&'n Key>, &'n Node)>) -> bool {
    way.push((key, node));
    let found = node.span == at
        || match &node.kind {
            NodeKind::Scalar(_) => false,
            NodeKind::Sequence(items) => items.iter().any(|item| find(item, at, None, way)),
            NodeKind::Mapping(entries) => entries.iter().any(|(key, value)| find(value, at, Some(key), way)),
        };
    if !found {
        way.pop();
    }
    found
}

fn uses(root: &Node) -> HashMap<Span, usize> {
    let mut counts = HashMap::new();
    count(root, &mut counts);
    let mut uses: HashMap<Span, usize> = HashMap::new();
    for ((span, _), times) in counts {
        uses.entry(span).and_modify(|most| *most = times.max(*most)).or_insert(times);
    }
    uses
}

fn count(node: &Node, counts: &mut HashMap<(Span, std::mem::Discriminant<NodeKind>), usize>) {
    if node.span.start < node.span.end {
        *counts.entry((node.span, discriminant(&node.kind))).or_default() += 1;
    }
    match &node.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::Sequence(items) => items.iter().for_each(|item| count(item, counts)),
        NodeKind::Mapping(entries) => entries.iter().for_each(|(_, value)| count(value, counts)),
    }
}

fn scalars(node: &Node, out: &mut Vec<(usize, usize)>) {
    match &node.kind {
        NodeKind::Scalar(_) => out.push(bytes(node.span)),
        NodeKind::Sequence(items) => items.iter().for_each(|item| scalars(item, out)),
        NodeKind::Mapping(entries) => {
            for (key, value) in entries {
                out.push(bytes(key.span));
                scalars(value, out);
            }
        }
    }
}

/// Whether two test files differ in nothing but what their cases expect.
fn same_but_expectations(old: &Node, new: &Node) -> bool {
    let case = |(old, new): (&Node, &Node)| {
        let (old, new) = (old.entries(), new.entries());
        old.len() == new.len()
            && old.iter().zip(new).all(|((key, value), (other, changed))| {
                key.text == other.text && (&*key.text == "expect" || same(value, changed))
            })
    };
    old.entries().len() == new.entries().len()
        && old.entries().iter().zip(new.entries()).all(|((key, value), (other, changed))| {
            key.text == other.text
                && match (&value.kind, &changed.kind) {
                    (NodeKind::Sequence(old), NodeKind::Sequence(new)) if &*key.text == "cases" => {
                        old.len() == new.len() && old.iter().zip(new).all(case)
                    }
                    _ => same(value, changed),
                }
        })
}

fn same(old: &Node, new: &Node) -> bool {
    match (&old.kind, &new.kind) {
        (NodeKind::Scalar(old), NodeKind::Scalar(new)) => old.text == new.text && old.style == new.style,
        (NodeKind::Sequence(old), NodeKind::Sequence(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(old, new))
        }
        (NodeKind::Mapping(old), NodeKind::Mapping(new)) => {
            old.len() == new.len()
                && old.iter().zip(new).all(|((key, old), (other, new))| key.text == other.text && same(old, new))
        }
        _ => false,
    }
}
