//! Events of the parser → tree.

use super::scalar::{Scalar, Style};
use super::syntax;
use super::{Key, MAX_DEPTH, MAX_NODES, Node, NodeKind};
use crate::diagnostics::{Code, Diagnostic, FileId, Span};
use granit_parser::{Event, Parser, ScalarStyle, options};
use std::collections::HashMap;

/// Reads a text. A text without any value is a null at its start.
///
/// Syntax errors end the reading; what we refuse beyond them is collected, so that all of it is seen at once.
pub fn parse(file: FileId, text: &str) -> Result<Node, Vec<Diagnostic>> {
    let mut builder =
        Builder { file, text, open: vec![], root: None, anchors: HashMap::new(), nodes: 0, findings: vec![] };
    builder.events();
    if builder.findings.is_empty() {
        builder.findings.extend(syntax::second_opinion(file, text));
    }
    if !builder.findings.is_empty() {
        return Err(builder.findings);
    }
    Ok(builder.root.unwrap_or_else(|| null(file, text, Span::new(file, 0, 0))))
}

fn null(file: FileId, text: &str, span: Span) -> Node {
    Node { span, kind: NodeKind::Scalar(Scalar::new(file, text, span, "", Style::Plain)) }
}

/// A finished value with what it costs to use it again.
struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

/// A sequence or mapping that is not closed yet.
struct Open {
    node: Node,
    /// The key that waits for its value.
    key: Option<Key>,
    anchor: usize,
    /// `[` or `{`: the closing event has the end.
    flow: bool,
    nodes_before: usize,
    /// Of what it holds.
    depth: usize,
}

struct Builder<'t> {
    file: FileId,
    text: &'t str,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    findings: Vec<Diagnostic>,
}

impl Builder<'_> {
    fn events(&mut self) {
        let options = options! {
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let mut documents = 0;
        for next in Parser::new_from_str_with_options(self.text, options) {
            let (event, place) = match next {
                Ok(next) => next,
                Err(error) => return self.findings.push(syntax::error(self.file, self.text, &error)),
            };
            let range = place.byte_range().unwrap_or_default();
            let span = Span::new(self.file, range.start, range.end);
            if let Some(tag) = event.tag() {
                self.findings.push(syntax::tag(span, &tag.original()));
            }
            match event {
                Event::DocumentStart(_, version) => {
                    documents += 1;
                    if version.is_some() {
                        self.findings.push(syntax::directive(span));
                    }
                    if documents > 1 {
                        return self.findings.push(syntax::second_document(span));
                    }
                }
                Event::Scalar(text, style, anchor, _) => self.scalar(span, &text, style, anchor),
                Event::SequenceStart(_, anchor, _) => self.begin(span, NodeKind::Sequence(vec![]), anchor),
                Event::MappingStart(_, anchor, _) => self.begin(span, NodeKind::Mapping(vec![]), anchor),
                Event::SequenceEnd | Event::MappingEnd => self.end(span),
                Event::Alias(id) => self.alias(span, id),
                _ => {}
            }
            if self.nodes > MAX_NODES {
                return self.findings.push(syntax::too_large(span));
            }
        }
    }

    fn scalar(&mut self, span: Span, text: &str, style: ScalarStyle, anchor: usize) {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let written = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        // A block's place ends with the lines that follow it, and nothing at all is written as `~`.
        let span = match style {
            Style::Literal | Style::Folded => Span { end: span.start + written.trim_end().len() as u32, ..span },
            _ => span,
        };
        let text = if style == Style::Plain && written.is_empty() { "" } else { text };
        self.no_tab_before(span);
        let scalar = Scalar::new(self.file, self.text, span, text, style);
        self.nodes += 1;
        self.value(Node { span, kind: NodeKind::Scalar(scalar) }, 0, anchor, self.nodes - 1);
    }

    fn begin(&mut self, span: Span, kind: NodeKind, anchor: usize) {
        self.no_tab_before(span);
        let nodes_before = self.nodes;
        self.nodes += 1;
        self.open.push(Open {
            node: Node { span, kind },
            key: None,
            anchor,
            flow: span.start < span.end,
            nodes_before,
            depth: 0,
        });
    }

    fn end(&mut self, span: Span) {
        let Some(mut open) = self.open.pop() else { return };
        let last = match &open.node.kind {
            NodeKind::Sequence(items) => items.last().map(|item| item.span.end),
            NodeKind::Mapping(entries) => entries.last().map(|(key, value)| value.span.end.max(key.span.end)),
            NodeKind::Scalar(_) => None,
        };
        let end = if open.flow { span.end } else { last.unwrap_or(open.node.span.end) };
        open.node.span.end = end.max(open.node.span.start);
        self.value(open.node, open.depth + 1, open.anchor, open.nodes_before);
    }

    fn alias(&mut self, span: Span, id: usize) {
        let Some(anchored) = self.anchors.get(&id) else {
            self.findings.push(syntax::alias_of_itself(span));
            return;
        };
        let (node, depth) = (anchored.node.clone(), anchored.depth);
        self.nodes += anchored.nodes;
        if self.open.len() + depth > MAX_DEPTH {
            return self.findings.push(syntax::too_deep(span));
        }
        // Cloning more than the bound is what the bound is for.
        if self.nodes <= MAX_NODES {
            self.value(node, depth, 0, self.nodes);
        }
    }

    /// A finished value goes to whoever waits for it.
    fn value(&mut self, node: Node, depth: usize, anchor: usize, nodes_before: usize) {
        if anchor != 0 {
            let nodes = self.nodes - nodes_before;
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, depth });
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        open.depth = open.depth.max(depth);
        match &mut open.node.kind {
            NodeKind::Sequence(items) => items.push(node),
            NodeKind::Mapping(entries) => match open.key.take() {
                Some(key) => {
                    let mut node = node;
                    // Nothing written: the place is where it would stand, not where the parser went on.
                    if node.span.start == node.span.end && node.span.file == key.span.file {
                        node.span = Span { start: key.span.end, end: key.span.end, ..key.span };
                    }
                    entries.push((key, node));
                }
                None => {
                    let key = Self::key(node, entries, &mut self.findings);
                    open.key = Some(key);
                }
            },
            NodeKind::Scalar(_) => {}
        }
    }

    fn key(node: Node, entries: &[(Key, Node)], findings: &mut Vec<Diagnostic>) -> Key {
        let NodeKind::Scalar(scalar) = node.kind else {
            findings.push(syntax::key_is_not_text(node.span));
            return Key { text: "".into(), span: node.span };
        };
        let key = Key { text: scalar.text.clone(), span: node.span };
        if &*key.text == "<<" && scalar.style == Style::Plain {
            findings.push(syntax::merge_key(key.span));
        } else if let Some((first, _)) = entries.iter().find(|(known, _)| known.text == key.text) {
            findings.push(
                Diagnostic::error(Code::F0301, format!("the key `{}` stands here twice", key.text), key.span)
                    .label("again here")
                    .also(first.span, "first here")
                    .help("keep one of the two: YAML readers differ in which of them counts"),
            );
        }
        key
    }

    /// Tabs are no indentation; the two parsers differ in where they say so.
    fn no_tab_before(&mut self, span: Span) {
        let Some(before) = self.text.get(..span.start as usize) else { return };
        let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        if let Some(tab) = line.find('\t').filter(|_| line.trim_start_matches([' ', '\t', '-']).is_empty()) {
            let at = before.len() - line.len() + tab;
            let place = Span::new(self.file, at, at + 1);
            if self.findings.iter().all(|finding| finding.primary.as_ref().is_none_or(|label| label.span != place)) {
                self.findings.push(syntax::tab(place));
            }
        }
    }
}
