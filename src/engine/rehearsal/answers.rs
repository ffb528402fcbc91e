//! What steps are answered in one case: by path, each a sequence.
//!
//! Every run begins with the first answer. Asking for one that is not there fails the case, and so does an answer of
//! the case's own that nothing asked for.

use super::steps::{Does, Steps};
use super::tree::{Data, Field, Kind, Tree, wrong};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::graph::ErrorClass;
use crate::model::read::Keyed;
use crate::model::test::Data as Written;
use crate::value::{Text, Value};

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub span: Span,
    pub kind: AnswerKind,
}

#[derive(Clone, Debug)]
pub enum AnswerKind {
    /// What the step gives.
    Value(Value),
    /// The rows found, all pages in one.
    Rows(Vec<Value>),
    Http {
        status: u16,
        headers: Vec<(String, String)>,
        body: Value,
    },
    /// The connection broke: before anything was sent, or after the work.
    Drop {
        after: bool,
    },
    Timeout {
        after: bool,
    },
    /// What a look finds.
    Found(Option<Value>),
    /// What flowctl itself says that it cannot do: a system's errors come with a `status`.
    Error {
        class: ErrorClass,
        code: Text,
    },
    /// Asking fails the case.
    Never,
}

const FORMS: &[&str] = &["value", "rows", "pages", "status", "drop", "timeout", "found", "error"];

/// All answers of one case.
pub struct Answers(Vec<Script>);

struct Script {
    path: String,
    span: Span,
    /// Written in the case itself: all of it has to be used.
    own: bool,
    answers: Vec<Answer>,
    /// The next one of the run under way.
    next: usize,
    /// The most that any run used.
    used: usize,
}

impl Answers {
    /// The shared ones with the case's own in their place.
    pub fn read(
        given: Option<&Keyed<Written>>,
        own: &Keyed<Written>,
        data: &Data<'_>,
        steps: &Steps,
        problems: &mut Vec<Diagnostic>,
    ) -> Answers {
        let mut scripts = vec![];
        for (key, written) in given.iter().flat_map(|given| given.iter()) {
            if own.get(&key.text).is_some() {
                continue;
            }
            let tree = data.tree(&written.0);
            scripts.push((key, false, tree));
        }
        for (key, written) in own.iter() {
            let shared = given.and_then(|given| given.get(&key.text));
            let shared = shared.map(|shared| data.tree(&shared.0)).transpose();
            let tree = shared.and_then(|shared| data.over(&written.0, shared.as_ref()));
            scripts.push((key, true, tree));
        }
        let mut answers = vec![];
        for (key, own, tree) in scripts {
            match steps.find(&key.text, key.span) {
                Ok(step) if step.does == Does::Other => {
                    problems.push(wrong(
                        format!("`{}` asks nobody: only lookups and calls are answered", key.text),
                        key.span,
                    ));
                    continue;
                }
                Ok(_) => {}
                Err(finding) => {
                    problems.push(finding);
                    continue;
                }
            }
            match tree.and_then(|tree| sequence(&tree)) {
                Ok(list) => answers.push(Script {
                    path: key.text.to_string(),
                    span: key.span,
                    own,
                    answers: list,
                    next: 0,
                    used: 0,
                }),
                Err(finding) => problems.push(finding),
            }
        }
        Answers(answers)
    }

    /// Another run begins: every sequence from its start.
    pub fn rewind(&mut self) {
        self.0.iter_mut().for_each(|script| script.next = 0);
    }

    /// Whether the step at `path` has an answer left.
    pub fn has(&self, path: &str) -> bool {
        self.0.iter().any(|script| script.path == path && script.next < script.answers.len())
    }

    /// The next answer of the step at `path`. `case`: the place to complain at; `how`: "asked", "looked for".
    pub fn ask(&mut self, path: &str, how: &str, case: Span) -> Result<Answer, Diagnostic> {
        let Some(place) = self.0.iter().position(|script| script.path == path) else {
            let message = format!("`{path}` was {how}, and the case has no answer for it");
            let finding = Diagnostic::error(Code::F0501, message, case);
            let unused = self.0.iter().filter(|script| script.next == 0).map(|script| script.path.as_str());
            return Err(match did_you_mean(path, unused) {
                Some(meant) => finding.help(format!("is `{meant}` among the answers meant for it?")),
                None => finding.help(format!("give it one: answers: {{ {path}: {{ value: … }} }}")),
            });
        };
        let Some(script) = self.0.get_mut(place) else { return Err(wrong(path.to_owned(), case)) };
        let Some(answer) = script.answers.get(script.next).cloned() else {
            let count = script.answers.len();
            let message = format!(
                "`{path}` was {how} once more after its {}",
                if count == 1 { "only answer".into() } else { format!("{count} answers") }
            );
            let finding = Diagnostic::error(Code::F0501, message, script.span);
            return Err(if how == "asked" {
                finding.help("a list is a sequence of answers")
            } else {
                finding.help("a look is answered by `{ found: ROW }` or `{ found: missing }`")
            });
        };
        if let AnswerKind::Never = answer.kind {
            return Err(Diagnostic::error(
                Code::F0501,
                format!("`{path}` was {how}, which should never happen"),
                answer.span,
            ));
        }
        script.next += 1;
        script.used = script.used.max(script.next);
        Ok(answer)
    }

    /// The case's own answers that no run has used.
    pub fn left_over(&self) -> impl Iterator<Item = Diagnostic> {
        self.0.iter().filter(|script| script.own).filter_map(|script| {
            let left =
                script.answers.iter().skip(script.used).filter(|answer| !matches!(answer.kind, AnswerKind::Never));
            let left: Vec<&Answer> = left.collect();
            let first = left.first()?;
            let (message, span) = match script.used {
                0 => (format!("`{}` was never asked: its answer is left over", script.path), script.span),
                1 => (format!("`{}` was answered once: this answer is left over", script.path), first.span),
                used => (format!("`{}` was answered {used} times: this answer is left over", script.path), first.span),
            };
            Some(Diagnostic::error(Code::F0502, message, span).help("a case's own answers must all be used"))
        })
    }
}

fn sequence(tree: &Tree) -> Result<Vec<Answer>, Diagnostic> {
    match &tree.kind {
        Kind::List(items) if items.is_empty() => Err(wrong("an empty list answers nothing".into(), tree.span)),
        Kind::List(items) => items.iter().map(answer).collect(),
        _ => Ok(vec![answer(tree)?]),
    }
}

fn answer(tree: &Tree) -> Result<Answer, Diagnostic> {
    let span = tree.span;
    if tree.text() == Some("never") {
        return Ok(Answer { span, kind: AnswerKind::Never });
    }
    let no_answer = |message: &str| {
        Err(wrong(message.to_owned(), span).help(format!("an answer is `never`, or has one of: {}", FORMS.join(", "))))
    };
    let Some(fields) = tree.fields() else { return no_answer("this is no answer") };
    let [field, more @ ..] = fields else { return no_answer("this is no answer") };
    let form = fields.iter().find(|field| FORMS.contains(&field.name.as_str())).unwrap_or(field);
    let rest = fields.iter().filter(|field| field.name != form.name);
    let http = ["headers", "body"];
    for other in rest {
        if form.name.as_str() != "status" || !http.contains(&other.name.as_str()) {
            return Err(unknown(other));
        }
    }
    let one = &form.value;
    let kind = match form.name.as_str() {
        "value" => AnswerKind::Value(one.value()),
        "rows" => AnswerKind::Rows(rows(one)?),
        "pages" => {
            let pages = one.items().ok_or_else(|| wrong("`pages` is a list of lists of rows".into(), one.span))?;
            AnswerKind::Rows(pages.iter().map(rows).collect::<Result<Vec<_>, _>>()?.concat())
        }
        "status" => AnswerKind::Http {
            status: status(one)?,
            headers: headers(tree.get("headers"))?,
            body: tree.get("body").map_or(Value::Missing, Tree::value),
        },
        "drop" => AnswerKind::Drop { after: after(one)? },
        "timeout" => AnswerKind::Timeout { after: after(one)? },
        "found" => AnswerKind::Found(match one.value() {
            Value::Missing => None,
            row @ Value::Record(_) => Some(row),
            _ => return Err(wrong("`found` is a row, or `missing`".into(), one.span)),
        }),
        "error" => error(one)?,
        _ if more.is_empty() || !http.contains(&field.name.as_str()) => return Err(unknown(field)),
        _ => return no_answer("an answer with `headers` or `body` needs a `status`"),
    };
    Ok(Answer { span, kind })
}

fn unknown(field: &Field) -> Diagnostic {
    let finding = wrong(format!("an answer has no `{}` here", field.name), field.span);
    let known = FORMS.iter().copied().chain(["headers", "body"]);
    match did_you_mean(&field.name, known) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")),
        None => finding.help(format!("an answer is `never`, or has one of: {}", FORMS.join(", "))),
    }
}

fn rows(tree: &Tree) -> Result<Vec<Value>, Diagnostic> {
    let items = tree.items().ok_or_else(|| wrong("rows are a list".into(), tree.span))?;
    Ok(items.iter().map(Tree::value).collect())
}

fn after(tree: &Tree) -> Result<bool, Diagnostic> {
    match tree.text() {
        Some("after") => Ok(true),
        Some("before") => Ok(false),
        _ => Err(wrong("expected `before` or `after` the work".into(), tree.span)),
    }
}

fn error(tree: &Tree) -> Result<AnswerKind, Diagnostic> {
    let part = |name: &str| tree.get(name).and_then(Tree::text);
    let known = [ErrorClass::Data, ErrorClass::Config, ErrorClass::Unavailable];
    let class = known.into_iter().find(|class| part("class") == Some(class.as_str()));
    match (class, part("code"), tree.fields().map(<[Field]>::len)) {
        (Some(class), Some(code), Some(2)) => Ok(AnswerKind::Error { class, code: code.into() }),
        _ => Err(wrong("an error is `{ class: config, code: rate_stale }`".into(), tree.span)
            .help("its class: data, config or unavailable")),
    }
}

fn status(tree: &Tree) -> Result<u16, Diagnostic> {
    let number = match &tree.kind {
        Kind::One(Value::Number(number)) => number.written().parse::<u16>().ok(),
        _ => None,
    };
    number
        .filter(|status| (100..600).contains(status))
        .ok_or_else(|| wrong("expected an HTTP status such as 429".into(), tree.span))
}

fn headers(tree: Option<&Tree>) -> Result<Vec<(String, String)>, Diagnostic> {
    let Some(tree) = tree else { return Ok(vec![]) };
    let fields = tree.fields().ok_or_else(|| wrong("headers are names and their values".into(), tree.span))?;
    let header = |field: &Field| match &field.value.kind {
        Kind::One(Value::Text(text)) => Ok((field.name.to_string(), text.to_string())),
        Kind::One(Value::Number(number)) => Ok((field.name.to_string(), number.written().into_owned())),
        _ => Err(wrong("a header's value is a text".into(), field.value.span)),
    };
    fields.iter().map(header).collect()
}
