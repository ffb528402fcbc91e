//! A case's expectations against what its run did. Whatever cannot be compared fails the case, too: an expectation that
//! nobody looks at would be the worst test.

use super::compare::{Extent, compare, failed, plain, show};
use super::drive::{Call, Ended, Ran};
use super::problems::{Amendment, Change, Entry, Problems};
use super::steps::{Does, Steps};
use super::tree::{Data, Kind, Tree, wrong};
use crate::catalog::Catalog;
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::engine::connector::{Parameter, Write};
use crate::engine::machine::Alert;
use crate::graph::{self, ExecutionGraph};
use crate::model::read::Spanned;
use crate::model::test::{Data as Written, Expect, ExpectedCall};
use crate::model::values::Duration;
use crate::store::RunError;
use crate::value::{Number, Record, Text, Value, time};
use jiff::SignedDuration;

/// The keys of an alert.
const ALERT: &[&str] = &["severity", "code", "title", "detail"];

/// Why the writes of a change set are not put in and taken out.
const OTHER_WRITES: &str = "the writes of a change set are one thing: others are put in and taken out by hand";

/// One case's expectations of a run.
pub struct Expectation<'a> {
    pub expect: &'a Expect,
    pub data: &'a Data<'a>,
    pub steps: &'a Steps,
    pub graph: &'a ExecutionGraph,
    pub catalog: &'a Catalog,
    /// The company of a connection, where it has one.
    pub company: &'a dyn Fn(&str) -> Option<Text>,
}

impl Expectation<'_> {
    /// What does not belong into the expectations of a run, before it runs.
    pub fn problems(&self) -> Vec<Diagnostic> {
        let expect = self.expect;
        let mut out = vec![];
        for (key, data) in [("value", &expect.value), ("value_has", &expect.value_has), ("error", &expect.error)] {
            if let Some(data) = data {
                let message = format!("`{key}` is what a mapping gives: this case runs the flow");
                out.push(wrong(message, data.0.span).help("a case with `mapping:` tests one alone"));
            }
        }
        for (path, data) in expect.steps.iter() {
            if let Err(finding) = self.steps.find(&path.text, path.span) {
                out.push(finding);
            }
            out.extend(self.data.tree(&data.0).err());
        }
        for call in expect.calls.iter().chain(&expect.calls_include).flatten() {
            match self.steps.find(&call.step, call.step.span) {
                Ok(step) if step.does == Does::Write => {}
                Ok(_) => {
                    let message = format!("`{}` writes nothing: calls are writes", call.step.as_str());
                    out.push(Diagnostic::error(Code::F0503, message, call.step.span));
                }
                Err(finding) => out.push(finding),
            }
        }
        out
    }

    /// Everything that was not as expected.
    pub fn check(&self, ran: &Ran) -> Problems {
        let mut out = Problems::default();
        let expect = self.expect;
        if !self.end(ran, &mut out) {
            return out;
        }
        for (path, data) in expect.steps.iter() {
            if let Some(want) = self.tree(data, &mut out) {
                let got = ran.steps.get(&*path.text).map_or(Value::Missing, plain);
                compare(&format!("steps.{}", path.text), &want, &got, Extent::Exact, None, &mut out);
            }
        }
        if let Some(calls) = &expect.calls {
            self.calls(calls, ran, &mut out);
        }
        for want in expect.calls_include.iter().flatten() {
            match ran.calls.iter().find(|call| call.node.as_str() == want.step.as_str()) {
                Some(call) => self.call(want, call, &mut out),
                None => {
                    let why = Change::Never("what is written instead is for you to say: `calls` lists all");
                    out.amend(self.no_call(want, ran), want.span, why);
                }
            }
        }
        if let Some(alerts) = &expect.alerts {
            self.alerts(alerts, &ran.alerts, &mut out);
        }
        if let Some(waited) = &expect.waited {
            late(waited, ran.waited, &mut out);
        }
        out
    }

    fn tree(&self, data: &Written, out: &mut Problems) -> Option<Tree> {
        self.data.tree(&data.0).map_err(|finding| out.push(finding)).ok()
    }

    /// `run`. Where nothing is said of it, the run has to succeed: else everything else could hold because nothing
    /// happened. False: it ended in quite another way, which explains whatever else differs.
    fn end(&self, ran: &Ran, out: &mut Problems) -> bool {
        let Some(end) = &ran.end else { return true };
        let writes = || {
            let writes: Vec<&str> = ran.calls.iter().map(|call| call.node.as_str()).collect();
            format!("the writes were: {}", listed(&writes))
        };
        let Some(written) = &self.expect.run else {
            if matches!(end, Ended::Succeeded) {
                return true;
            }
            let finding = Diagnostic::error(Code::F0500, format!("the run {}", tell(end)), self.expect.span);
            let finding = explain(finding, end).help(writes());
            let finding = finding.help(format!("if that is meant, expect it: `run: {}`", end.word()));
            out.ended_otherwise = true;
            out.amend(finding, self.expect.span, Change::Field("run".into(), as_written(end)));
            return false;
        };
        let Some(want) = self.tree(written, out) else { return false };
        let (word, details) = match (&want.kind, want.fields()) {
            (Kind::One(Value::Text(word)), _) => (word.as_str(), None),
            (_, Some([one])) => (one.name.as_str(), Some(&one.value)),
            _ => {
                let finding = wrong("expected how the run ends".into(), want.span);
                out.push(finding.help("run: succeeded, or run: { dead_letter: { step, class, code } }"));
                return false;
            }
        };
        if !Ended::WORDS.contains(&word) {
            let finding = wrong(format!("no run ends as `{word}`"), want.span);
            out.push(match did_you_mean(word, Ended::WORDS.iter().copied()) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help(format!("a run ends as one of: {}", Ended::WORDS.join(", "))),
            });
            return false;
        }
        if word != end.word() {
            let finding = failed(format!("`run`: expected {word}, but the run {}", tell(end)), &want);
            out.ended_otherwise = true;
            out.amend(explain(finding, end).help(writes()), want.span, Change::Value(as_written(end)));
            return false;
        }
        let Some(details) = details else { return true };
        match end {
            Ended::Stopped { reason } => {
                compare("run.stopped", details, &Value::from(reason.clone()), Extent::Exact, None, out);
            }
            Ended::DeadLetter { step, error } | Ended::OutcomeUnknown { step, error } => {
                self.error(word, details, step.as_deref(), error, end, out);
            }
            _ => out.push(wrong(format!("there is nothing more to say of a run that is {word}"), details.span)),
        }
        true
    }

    fn error(&self, word: &str, want: &Tree, step: Option<&str>, error: &RunError, end: &Ended, out: &mut Problems) {
        let known = ["step", "class", "code"];
        let Some(fields) = want.fields().filter(|fields| !fields.is_empty()) else {
            return out.push(wrong(format!("`{word}` takes: {}", known.join(", ")), want.span));
        };
        let before = out.findings.len();
        for field in fields {
            let got = match field.name.as_str() {
                "step" => step.map_or(Value::Missing, Value::from),
                "class" => Value::from(error.class.as_str()),
                "code" => Value::from(error.code.as_str()),
                other => {
                    out.push(unknown_key(&format!("`{word}`"), other, field.span, &known));
                    continue;
                }
            };
            if let ("step", Some(path)) = (field.name.as_str(), field.value.text())
                && let Err(finding) = self.steps.find(path, field.value.span)
            {
                out.push(finding);
                continue;
            }
            compare(&format!("run.{word}.{}", field.name), &field.value, &got, Extent::Exact, None, out);
        }
        if let Some(last) = out.findings.get_mut(before..).and_then(<[Diagnostic]>::last_mut) {
            *last = explain(last.clone(), end);
        }
    }

    /// All writes, in order.
    fn calls(&self, wanted: &[ExpectedCall], ran: &Ran, out: &mut Problems) {
        let got: Vec<&str> = ran.calls.iter().map(|call| call.node.as_str()).collect();
        for (n, call) in wanted.iter().enumerate() {
            match ran.calls.get(n).filter(|got| got.node.as_str() == call.step.as_str()) {
                Some(got) => self.call(call, got, out),
                None => {
                    let found = ran.calls.iter().any(|got| got.node.as_str() == call.step.as_str());
                    out.push(match (found, got.get(n)) {
                        (true, Some(other)) => {
                            let message = format!("`calls[{n}]`: expected `{}`, got `{other}`", call.step.as_str());
                            Diagnostic::error(Code::F0500, message, call.step.span)
                                .help(format!("the writes were: {}", listed(&got)))
                        }
                        (true, None) => {
                            let message =
                                format!("`calls[{n}]`: `{}` was written fewer times than expected", call.step.as_str());
                            Diagnostic::error(Code::F0500, message, call.step.span)
                                .help(format!("the writes were: {}", listed(&got)))
                        }
                        (false, _) => self.no_call(call, ran),
                    });
                }
            }
        }
        if !wanted.iter().map(|call| call.step.as_str()).eq(got.iter().copied()) {
            let entries = self.rearranged(wanted, &ran.calls);
            out.amendments.push(Amendment { at: self.expect.span, change: Change::List("calls", entries) });
        }
        let mut counted: Vec<&str> = wanted.iter().map(|call| call.step.as_str()).collect();
        for call in &ran.calls {
            match counted.iter().position(|step| *step == call.node.as_str()) {
                Some(place) => drop(counted.remove(place)),
                None => {
                    let body = call.request.body.as_ref().map_or(String::new(), |body| format!(" with {}", show(body)));
                    let message = format!("`calls` has no `{}`, which was written{body}", call.node);
                    let finding = Diagnostic::error(Code::F0500, message, self.calls_span());
                    out.push(finding.help("`calls` lists every write; `calls_include` only some"));
                }
            }
        }
    }

    /// Where `calls` stands: its first entry, or `expect`.
    fn calls_span(&self) -> Span {
        let first = self.expect.calls.as_ref().and_then(|calls| calls.first());
        first.map_or(self.expect.span, |call| call.span)
    }

    fn no_call(&self, want: &ExpectedCall, ran: &Ran) -> Diagnostic {
        let message = format!("`{}` was expected to write and did not", want.step.as_str());
        let got: Vec<&str> = ran.calls.iter().map(|call| call.node.as_str()).collect();
        Diagnostic::error(Code::F0500, message, want.step.span).help(format!("the writes were: {}", listed(&got)))
    }

    fn call(&self, want: &ExpectedCall, got: &Call, out: &mut Problems) {
        let path = got.node.as_str();
        let body = got.request.body.as_ref().unwrap_or(&Value::Missing);
        let operation = crate::engine::machine::operation_at(self.graph, &got.node).map(|(_, operation)| operation);
        let ty = operation.and_then(|operation| operation.body.as_ref());
        for (extent, data) in [(Extent::Exact, &want.body), (Extent::Part, &want.body_has)] {
            if let Some(want) = data.as_ref().and_then(|data| self.tree(data, out)) {
                compare(&format!("{path}: body"), &want, body, extent, ty, out);
            }
        }
        if let Some(want) = want.key.as_ref().and_then(|key| self.tree(key, out)) {
            self.key(path, &want, got, operation, out);
        }
        if let Some(want) = want.value.as_ref().and_then(|value| self.tree(value, out)) {
            let value = got.request.params.iter().find_map(|(name, param)| match param {
                Parameter::Value(value) if name.as_str() == "value" => Some(plain(value)),
                _ => None,
            });
            compare(&format!("{path}: value"), &want, &value.unwrap_or(Value::Missing), Extent::Exact, None, out);
        }
        if let Some(writes) = &want.writes {
            let place = writes.first().map_or(want.span, |first| first.0.span);
            match got.request.writes() {
                [] => out.push(wrong(format!("`{path}` is no change set: it has no `writes`"), place)),
                sent => self.writes(path, operation, writes, sent, place, out),
            }
        }
        if let Some(want) = want.attempts.as_ref().and_then(|attempts| self.tree(attempts, out)) {
            let attempts = Value::Number(Number::from(i64::from(got.attempts)));
            compare(&format!("{path}: attempts"), &want, &attempts, Extent::Exact, None, out);
        }
        if let Some(want) = want.adopted.as_ref().and_then(|adopted| self.tree(adopted, out)) {
            compare(&format!("{path}: adopted"), &want, &Value::Bool(got.adopted), Extent::Exact, None, out);
        }
    }

    /// The writes of a change set, exactly and in order: `{ id, body, body_has }`.
    fn writes(
        &self,
        path: &str,
        set: Option<&graph::Operation>,
        wanted: &[Written],
        sent: &[Write],
        place: Span,
        out: &mut Problems,
    ) {
        for (n, data) in wanted.iter().enumerate() {
            let Some(want) = self.tree(data, out) else { continue };
            let Some(id) = want.get("id") else {
                out.push(wrong("a write has its `id`: `header`, `line/1`".into(), want.span));
                continue;
            };
            let Some(write) = sent.get(n) else {
                let finding = failed(format!("`{path}` has {} writes, and this is one more", sent.len()), &want);
                out.amend(finding, want.span, Change::Never(OTHER_WRITES));
                continue;
            };
            compare(&format!("{path}: id"), id, &Value::from(write.path.clone()), Extent::Exact, None, out);
            let body = write.request.body.as_ref().unwrap_or(&Value::Missing);
            let entry = write.path.split('/').next().unwrap_or_default();
            let members = set.map(graph::Operation::members).unwrap_or_default();
            let ty = members.iter().find(|m| m.id.as_str() == entry).and_then(|member| member.operation.body.as_ref());
            for field in want.fields().unwrap_or_default() {
                let extent = match field.name.as_str() {
                    "id" => continue,
                    "body" => Extent::Exact,
                    "body_has" => Extent::Part,
                    other => {
                        out.push(unknown_key("a write", other, field.span, &["id", "body", "body_has"]));
                        continue;
                    }
                };
                compare(&format!("{path}/{}: body", write.path), &field.value, body, extent, ty, out);
            }
        }
        for write in sent.iter().skip(wanted.len()) {
            let message = format!("`{path}` also writes `{}`, which `writes` does not expect", write.path);
            out.amend(Diagnostic::error(Code::F0500, message, place), place, Change::Never(OTHER_WRITES));
        }
    }

    /// A key of one part may be written as its value; the company goes without saying.
    fn key(&self, path: &str, want: &Tree, got: &Call, operation: Option<&graph::Operation>, out: &mut Problems) {
        let key = self.key_of(got, operation);
        let path = format!("{path}: key");
        let Some((mut key, company)) = key else {
            return compare(&path, want, &Value::Missing, Extent::Exact, None, out);
        };
        if let Some(company) = company.filter(|company| want.get(company).is_none()) {
            key.remove(company);
        }
        let one = key.values().next().filter(|_| key.len() == 1);
        match (&want.kind, one) {
            (Kind::One(_), Some(one)) => compare(&path, want, one, Extent::Exact, None, out),
            _ => compare(&path, want, &Value::Record(key.clone()), Extent::Exact, None, out),
        }
    }

    /// The key's record, the company in it, and the company's column.
    fn key_of(&self, got: &Call, operation: Option<&graph::Operation>) -> Option<(Record, Option<&str>)> {
        let (system, declared) = self.catalog.operation(&operation?.name)?;
        let (name, _) = declared.param("key")?;
        let value = got.request.params.iter().find_map(|(known, param)| match param {
            Parameter::Value(value) if known.as_str() == name => Some(plain(value)),
            _ => None,
        })?;
        let entity = got.request.entity.as_ref().and_then(|entity| system.entities.get(entity.as_str()));
        let company = system.company.as_deref();
        let part = entity.and_then(|entity| entity.key.iter().find(|column| Some(column.as_str()) != company));
        let mut record = match value {
            Value::Record(record) => record,
            value => [(Text::from(part.map_or(name, String::as_str)), value)].into_iter().collect::<Record>(),
        };
        if let Some(company) = company.filter(|_| entity.is_some())
            && !record.contains(company)
            && let Some(own) = (self.company)(&got.request.connection)
        {
            record.set(company.into(), Value::from(own));
        }
        Some((record, company))
    }

    /// The calls as they were: those that were expected as they are written, in their new order, and the others in full.
    fn rearranged(&self, wanted: &[ExpectedCall], got: &[Call]) -> Vec<Entry> {
        let mut left: Vec<usize> = (0..wanted.len()).collect();
        let is_of =
            |n: &usize, call: &Call| wanted.get(*n).is_some_and(|want| want.step.as_str() == call.node.as_str());
        let entry = |call: &Call| match left.iter().position(|n| is_of(n, call)) {
            Some(place) => Entry::Kept(left.remove(place)),
            None => Entry::New(self.call_as_written(call)),
        };
        got.iter().map(entry).collect()
    }

    fn call_as_written(&self, call: &Call) -> Value {
        let param = |wanted: &str| {
            call.request.params.iter().find_map(|(name, param)| match param {
                Parameter::Value(value) if name.as_str() == wanted => Some(plain(value)),
                _ => None,
            })
        };
        let body = |body: &Option<Value>| body.as_ref().map(plain);
        let writes = call.request.writes().iter().map(|write| {
            let body = body(&write.request.body).map(|body| ("body", body));
            record([("id", Value::from(write.path.clone()))].into_iter().chain(body))
        });
        let writes: Vec<Value> = writes.collect();
        let operation = crate::engine::machine::operation_at(self.graph, &call.node).map(|(_, operation)| operation);
        let key = self.key_of(call, operation).map(|(mut key, company)| {
            company.map(|company| key.remove(company));
            let one = key.values().next().filter(|_| key.len() == 1).cloned();
            one.unwrap_or(Value::Record(key))
        });
        let mut fields = vec![("step", Value::from(call.node.as_str()))];
        fields.extend(key.map(|key| ("key", key)));
        fields.extend(param("value").map(|value| ("value", value)));
        fields.extend(body(&call.request.body).map(|body| ("body", body)));
        fields.extend((!writes.is_empty()).then(|| ("writes", Value::from(writes))));
        fields.extend((call.attempts > 1).then(|| ("attempts", Value::from(i64::from(call.attempts)))));
        fields.extend(call.adopted.then_some(("adopted", Value::Bool(true))));
        record(fields)
    }

    fn alerts(&self, wanted: &[Written], got: &[Alert], out: &mut Problems) {
        for (n, data) in wanted.iter().enumerate() {
            let Some(want) = self.tree(data, out) else { continue };
            let Some(fields) = want.fields().filter(|fields| !fields.is_empty()) else {
                out.push(wrong(format!("an alert has: {}", ALERT.join(", ")), want.span));
                continue;
            };
            if let Some(field) = fields.iter().find(|field| !ALERT.contains(&field.name.as_str())) {
                out.push(unknown_key("an alert", &field.name, field.span, ALERT));
                continue;
            }
            match got.get(n) {
                Some(alert) => compare(&format!("alerts[{n}]"), &want, &value(alert), Extent::Part, None, out),
                None => out.push(failed(
                    format!("`alerts[{n}]` was expected and not raised: there were {}", got.len()),
                    &want,
                )),
            }
        }
        if wanted.len() != got.len() {
            let kept = (0..wanted.len().min(got.len())).map(Entry::Kept);
            let new = got.iter().skip(wanted.len()).map(|alert| Entry::New(value(alert)));
            let change = Change::List("alerts", kept.chain(new).collect());
            out.amendments.push(Amendment { at: self.expect.span, change });
        }
        for alert in got.iter().skip(wanted.len()) {
            let message = format!("the alert {} was raised, and `alerts` does not expect it", show(&value(alert)));
            let span = wanted.last().map_or(self.expect.span, |last| last.0.span);
            out.push(Diagnostic::error(Code::F0500, message, span));
        }
    }
}

fn late(want: &Spanned<Duration>, got: SignedDuration, out: &mut Problems) {
    let got = std::time::Duration::try_from(got).unwrap_or_default();
    if got != want.value.0 {
        let written = time::write_duration(got);
        let message = format!("`waited`: expected {}, got {written}", time::write_duration(want.value.0));
        let finding = Diagnostic::error(Code::F0500, message, want.span);
        out.amend(finding, want.span, Change::Value(Value::from(written)));
    }
}

/// `run`, as it would have to be.
fn as_written(end: &Ended) -> Value {
    match end {
        Ended::Stopped { reason } => record([("stopped", Value::from(reason.clone()))]),
        Ended::DeadLetter { step, error } | Ended::OutcomeUnknown { step, error } => {
            let step = step.iter().map(|step| ("step", Value::from(step.as_str())));
            let class = ("class", Value::from(error.class.as_str()));
            let code = ("code", Value::from(error.code.as_str()));
            record([(end.word(), record(step.chain([class, code])))])
        }
        end => Value::from(end.word()),
    }
}

fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect())
}

fn value(alert: &Alert) -> Value {
    let severity = match alert.severity {
        graph::Severity::Info => "info",
        graph::Severity::Warning => "warning",
        graph::Severity::Error => "error",
    };
    let mut fields = vec![
        ("severity", Value::from(severity)),
        ("code", Value::from(alert.code.clone())),
        ("title", Value::from(alert.title.clone())),
    ];
    fields.extend(alert.detail.clone().map(|detail| ("detail", Value::from(detail))));
    record(fields)
}

fn unknown_key(what: &str, key: &str, span: Span, known: &[&str]) -> Diagnostic {
    let finding = wrong(format!("{what} has no `{key}`"), span);
    match did_you_mean(key, known.iter().copied()) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")),
        None => finding.help(format!("its keys are: {}", known.join(", "))),
    }
}

fn listed(calls: &[&str]) -> String {
    if calls.is_empty() { "none".into() } else { calls.join(", ") }
}

fn tell(end: &Ended) -> String {
    match end {
        Ended::Succeeded => "succeeded".into(),
        Ended::Skipped => "was skipped: the trigger's `when` did not hold".into(),
        Ended::Ignored => "was ignored: we caused the event ourselves".into(),
        Ended::Duplicate => "is a duplicate: its `dedupe` value was there before".into(),
        Ended::Superseded => "was superseded: a newer event of its key was there before".into(),
        Ended::Stopped { reason } => format!("was stopped: {reason}"),
        Ended::DeadLetter { step: Some(step), error } => {
            format!("became a dead letter at `{step}`: {}, {}", error.class.as_str(), error.code)
        }
        Ended::DeadLetter { step: None, error } => {
            format!("became a dead letter at the door: {}, {}", error.class.as_str(), error.code)
        }
        Ended::OutcomeUnknown { step, .. } => {
            format!("ended as outcome_unknown at `{}`", step.as_deref().unwrap_or_default())
        }
    }
}

/// With what the run's error says, and where in the flow.
fn explain(finding: Diagnostic, end: &Ended) -> Diagnostic {
    let (Ended::DeadLetter { error, .. } | Ended::OutcomeUnknown { error, .. }) = end else { return finding };
    let place = error.position.as_ref().map(|at| format!(" ({}:{}:{})", at.path, at.line, at.column));
    finding.help(format!("the error: {}{}", error.message, place.unwrap_or_default()))
}
