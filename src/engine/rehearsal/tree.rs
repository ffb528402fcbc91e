//! Data of a test file as values in which every part keeps its place, so that a failed expectation is shown where it
//! was written. Numbers are read from their text; `missing` is missing; `{ file }`, `{ repeat, times }` and `{ with }`
//! are worked out here.

use crate::diagnostics::{Code, Diagnostic, FileId, Sources, Span, did_you_mean};
use crate::model::yaml::{Core, Key, Node, NodeKind, Scalar, Style};
use crate::value::{Text, Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;

/// How many values the data of one case may come to, `repeat` counted in full.
const MOST_VALUES: usize = 250_000;

/// A value with the place of each of its parts.
#[derive(Clone, Debug)]
pub struct Tree {
    pub span: Span,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Missing,
    /// Null, a text, number or boolean.
    One(Value),
    List(Vec<Tree>),
    Record(Vec<Field>),
}

/// A field of a record. One that is missing stays here, so that it can be asked for.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: Text,
    pub span: Span,
    pub value: Tree,
}

impl Tree {
    /// The value; what is missing is left out of its record.
    pub fn value(&self) -> Value {
        match &self.kind {
            Kind::Missing => Value::Missing,
            Kind::One(value) => value.clone(),
            Kind::List(items) => Value::from(items.iter().map(Tree::value).collect::<Vec<_>>()),
            Kind::Record(fields) => {
                let there = fields.iter().filter(|field| !matches!(field.value.kind, Kind::Missing));
                Value::Record(there.map(|field| (field.name.clone(), field.value.value())).collect())
            }
        }
    }

    /// The fields, where this is a record.
    pub fn fields(&self) -> Option<&[Field]> {
        match &self.kind {
            Kind::Record(fields) => Some(fields),
            _ => None,
        }
    }

    /// The field's tree, where this is a record that has it.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        self.fields()?.iter().find(|field| field.name.as_str() == name).map(|field| &field.value)
    }

    /// The elements, where this is a list.
    pub fn items(&self) -> Option<&[Tree]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::One(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        }
    }

    /// A value from elsewhere, all of it at one place.
    pub fn of(value: &Value, span: Span) -> Tree {
        let kind = match value {
            Value::Missing => Kind::Missing,
            Value::List(items) => Kind::List(items.iter().map(|item| Tree::of(item, span)).collect()),
            Value::Record(record) => {
                let field =
                    |(name, value): (&Text, &Value)| Field { name: name.clone(), span, value: Tree::of(value, span) };
                Kind::Record(record.iter().map(field).collect())
            }
            other => Kind::One(other.clone()),
        };
        Tree { span, kind }
    }

    fn size(&self) -> usize {
        match &self.kind {
            Kind::List(items) => items.iter().map(Tree::size).sum::<usize>() + 1,
            Kind::Record(fields) => fields.iter().map(|field| field.value.size()).sum::<usize>() + 1,
            _ => 1,
        }
    }

    /// Puts `new` at a path with dots below this. The way there has to exist; only its last field may be a new one.
    fn put(&mut self, path: &Key, rest: &str, new: Tree) -> Result<(), Diagnostic> {
        let (name, deeper) = rest.split_once('.').map_or((rest, None), |(name, deeper)| (name, Some(deeper)));
        let refuse = |message: String| Err(wrong(message, path.span));
        match &mut self.kind {
            Kind::Record(fields) => match fields.iter_mut().position(|field| field.name.as_str() == name) {
                Some(place) => match (fields.get_mut(place), deeper) {
                    (Some(field), Some(deeper)) => field.value.put(path, deeper, new),
                    (Some(field), None) => {
                        field.value = new;
                        Ok(())
                    }
                    (None, _) => Ok(()),
                },
                None if deeper.is_none() => {
                    fields.push(Field { name: name.into(), span: path.span, value: new });
                    Ok(())
                }
                None => {
                    let meant = did_you_mean(name, fields.iter().map(|field| field.name.as_str()));
                    let finding =
                        wrong(format!("what is changed has no `{name}` on the way of `{}`", path.text), path.span);
                    Err(match meant {
                        Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                        None => finding.help("only the last field of a path may be a new one"),
                    })
                }
            },
            Kind::List(items) => match (name.parse::<usize>().ok().and_then(|n| items.get_mut(n)), deeper) {
                (Some(item), Some(deeper)) => item.put(path, deeper, new),
                (Some(item), None) => {
                    *item = new;
                    Ok(())
                }
                (None, _) => {
                    refuse(format!("`{name}` of `{}` is no element of the list there, counted from 0", path.text))
                }
            },
            Kind::Missing => refuse(format!("nothing is there to hold `{name}` of `{}`", path.text)),
            Kind::One(value) => refuse(format!("`{name}` of `{}` would stand in a {}", path.text, value.kind())),
        }
    }
}

/// Reads the data of one test file.
pub struct Data<'a> {
    /// The test file, from the project's root.
    path: &'a str,
    files: &'a BTreeMap<String, FileId>,
    sources: &'a Sources,
    left: Cell<usize>,
}

impl<'a> Data<'a> {
    pub fn new(path: &'a str, files: &'a BTreeMap<String, FileId>, sources: &'a Sources) -> Data<'a> {
        Data { path, files, sources, left: Cell::new(MOST_VALUES) }
    }

    /// What stands at `node`; `{ with: { path: value } }` changes `base`.
    pub fn over(&self, node: &Node, base: Option<&Tree>) -> Result<Tree, Diagnostic> {
        let [(key, changes)] = node.entries() else { return self.tree(node) };
        if &*key.text != "with" {
            return self.tree(node);
        }
        let Some(base) = base else {
            return Err(wrong("there is nothing shared that `with` could change".into(), key.span)
                .help("`with` changes what `given` says of the same"));
        };
        let NodeKind::Mapping(changes) = &changes.kind else {
            return Err(wrong("`with` takes paths and their new values".into(), changes.span)
                .help("with: { data.object.amount: 5000 }"));
        };
        let mut changed = base.clone();
        self.spend(changed.size(), node.span)?;
        for (path, value) in changes {
            changed.put(path, &path.text, self.tree(value)?)?;
        }
        Ok(changed)
    }

    /// What stands at `node`.
    pub fn tree(&self, node: &Node) -> Result<Tree, Diagnostic> {
        self.spend(1, node.span)?;
        let kind = match &node.kind {
            NodeKind::Scalar(scalar) => self.scalar(scalar, node)?,
            NodeKind::Sequence(items) => {
                Kind::List(items.iter().map(|item| self.element(item)).collect::<Result<_, _>>()?)
            }
            NodeKind::Mapping(entries) => match entries.as_slice() {
                [(key, path)] if &*key.text == "file" => return self.file(path),
                [(one, _), (two, _)]
                    if [&*one.text, &*two.text] == ["repeat", "times"]
                        || [&*one.text, &*two.text] == ["times", "repeat"] =>
                {
                    self.repeated(node)?
                }
                entries => Kind::Record(
                    entries
                        .iter()
                        .map(|(key, value)| {
                            Ok(Field { name: Text::from(&*key.text), span: key.span, value: self.tree(value)? })
                        })
                        .collect::<Result<_, Diagnostic>>()?,
                ),
            },
        };
        Ok(Tree { span: node.span, kind })
    }

    fn element(&self, node: &Node) -> Result<Tree, Diagnostic> {
        match self.tree(node)? {
            Tree { kind: Kind::Missing, span } => Err(wrong("a list has no missing elements".into(), span)),
            tree => Ok(tree),
        }
    }

    fn scalar(&self, scalar: &Scalar, node: &Node) -> Result<Kind, Diagnostic> {
        if scalar.style == Style::Plain && &*scalar.text == "missing" {
            return Ok(Kind::Missing);
        }
        Ok(Kind::One(match scalar.core() {
            Core::Null => Value::Null,
            Core::Bool(flag) => Value::Bool(flag),
            Core::Text => Value::from(&*scalar.text),
            Core::Number | Core::NotFinite => match json::parse(scalar.text.as_bytes()) {
                Ok(number @ Value::Number(_)) => number,
                _ => {
                    let message = format!("`{}` is no number as JSON writes it", scalar.text);
                    return Err(wrong(message, node.span).help("write it in decimal, or quote it if it is a text"));
                }
            },
        }))
    }

    /// `{ file: PATH }`, relative to the test file.
    fn file(&self, node: &Node) -> Result<Tree, Diagnostic> {
        let missing = |message: String| Diagnostic::error(Code::F0505, message, node.span);
        let Some(written) = node.scalar().map(|scalar| &*scalar.text) else {
            return Err(missing("`file` takes a path".into()));
        };
        let Some(path) = beside(self.path, written) else {
            return Err(missing(format!("`{written}` leads out of the project")));
        };
        let Some(file) = self.files.get(&path) else {
            let finding = missing(format!("the project has no file `{path}`"));
            return Err(match did_you_mean(&path, self.files.keys().map(String::as_str)) {
                Some(meant) => finding.help(format!("did you mean `{meant}`? Paths are relative to the test file")),
                None => finding.help("paths are relative to the test file; data stands in .json files"),
            });
        };
        match json::parse(self.sources.get(*file).text.as_bytes()) {
            Ok(value) => {
                let tree = Tree::of(&value, node.span);
                self.spend(tree.size(), node.span)?;
                Ok(tree)
            }
            Err(error) => Err(missing(format!("`{path}` is not JSON: {error}"))),
        }
    }

    /// `{ repeat: X, times: N }`.
    fn repeated(&self, node: &Node) -> Result<Kind, Diagnostic> {
        let times = node.get("times").and_then(Node::scalar).and_then(|times| times.text.parse::<usize>().ok());
        let (Some(what), Some(times)) = (node.get("repeat"), times) else {
            return Err(wrong("`times` takes a whole number".into(), node.span));
        };
        let one = self.element(what)?;
        self.spend(one.size().saturating_mul(times), node.span)?;
        Ok(Kind::List(vec![one; times]))
    }

    fn spend(&self, values: usize, span: Span) -> Result<(), Diagnostic> {
        match self.left.get().checked_sub(values) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(wrong(format!("the data of a case comes to at most {MOST_VALUES} values"), span)),
        }
    }
}

/// `relative` as seen from the folder of the file `from`; `None` where it leads out of the project.
pub fn beside(from: &str, relative: &str) -> Option<String> {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if relative.starts_with('/') {
        return None;
    }
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Something in the data of a test that cannot be used.
pub fn wrong(message: String, span: Span) -> Diagnostic {
    Diagnostic::error(Code::F0504, message, span)
}
