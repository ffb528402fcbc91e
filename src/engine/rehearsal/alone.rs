//! A mapping or `fn` tested alone: its arguments in, its value or error out.

use super::Stage;
use super::compare::{Extent, compare, plain, show};
use super::problems::{Change, Problems};
use super::tree::{Tree, beside, wrong};
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::language::check::SlotScope;
use crate::language::evaluate::{Context, EvalError, Limits};
use crate::language::{Expression, Inputs};
use crate::value::Value;

impl Stage<'_> {
    pub(super) fn mapping(&self) -> Problems {
        let mut problems = self.out_of_place();
        let args: Vec<Value> = self
            .case
            .args
            .iter()
            .filter_map(|arg| self.data.tree(&arg.0).map_err(|finding| problems.push(finding)).ok())
            .map(|arg| arg.value())
            .collect();
        let routine = match self.routine() {
            Ok(routine) => routine,
            Err(finding) => {
                problems.push(finding);
                return problems.into();
            }
        };
        let params = &routine.routine.params;
        if problems.is_empty() && params.len() != args.len() {
            let names: Vec<&str> = params.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!("`{}` takes {} arguments, got {}", routine.routine.name, params.len(), args.len());
            problems.push(wrong(message, self.case.name.span).help(format!("args: [{}]", names.join(", "))));
        }
        if !problems.is_empty() {
            return problems.into();
        }
        let context = Context { settings: &self.effective.settings, limits: &Limits::default() };
        self.compare_result(routine.evaluate(&args, &context))
    }

    fn compare_result(&self, result: Result<Value, EvalError>) -> Problems {
        let (expect, mut out) = (&self.case.expect, Problems::default());
        let tree = |data: &Option<crate::model::test::Data>, out: &mut Problems| -> Option<Tree> {
            self.data.tree(&data.as_ref()?.0).map_err(|finding| out.push(finding)).ok()
        };
        let exact = tree(&expect.value, &mut out);
        let part = tree(&expect.value_has, &mut out);
        let failure = tree(&expect.error, &mut out);
        match &result {
            Ok(value) => {
                let value = plain(value);
                for (want, extent) in [(exact, Extent::Exact), (part, Extent::Part)] {
                    if let Some(want) = want {
                        compare("value", &want, &value, extent, None, &mut out);
                    }
                }
                if let Some(want) = failure {
                    let message = format!("expected an error, got {}", show(&value));
                    let why = Change::Never("an expected error does not become a value by itself: write `value`");
                    out.amend(Diagnostic::error(Code::F0500, message, want.span), want.span, why);
                }
            }
            Err(error) => {
                if let Some(want) = exact.or(part) {
                    let at = self.compilation.sources.position(error.span);
                    let message = format!("expected a value, got the error {}: {}", error.code.as_str(), error.message);
                    let finding = Diagnostic::error(Code::F0500, message, want.span);
                    out.ended_otherwise = true;
                    let why = Change::Never("an expected value does not become an error by itself: write `error`");
                    out.amend(finding.help(format!("it happened at {at}")), want.span, why);
                }
                if let Some(want) = failure {
                    told(&want, error, &mut out);
                }
            }
        }
        out
    }

    /// What belongs to a run and not to a mapping.
    fn out_of_place(&self) -> Vec<Diagnostic> {
        let (case, expect) = (self.case, &self.case.expect);
        let mut places: Vec<(&str, Span)> = vec![];
        places.extend(case.answers.iter().map(|(key, _)| ("answers", key.span)).next());
        places.extend(case.before.first().map(|before| ("before", before.0.span)));
        places.extend(case.event.as_ref().map(|event| ("event", event.0.span)));
        places.extend(case.trigger.as_ref().map(|trigger| ("trigger", trigger.0.span)));
        places.extend(expect.run.as_ref().map(|run| ("run", run.0.span)));
        places.extend(expect.calls.is_some().then_some(("calls", expect.span)));
        places.extend(expect.calls_include.is_some().then_some(("calls_include", expect.span)));
        places.extend(expect.steps.iter().map(|(key, _)| ("steps", key.span)).next());
        places.extend(expect.alerts.is_some().then_some(("alerts", expect.span)));
        places.extend(expect.waited.as_ref().map(|waited| ("waited", waited.span)));
        let finding = |(key, span)| {
            wrong(format!("`{key}` is of a run: this case tests a mapping alone"), span).help(
                "a mapping is expected to give a `value`, to have some of it with `value_has`, or to end in an `error`",
            )
        };
        places.into_iter().map(finding).collect()
    }

    /// `FILE#NAME`, the file as the flow's `use:` would name it.
    fn routine(&self) -> Result<Expression, Diagnostic> {
        let flow = self.flow_file()?;
        let Some(written) = &self.case.mapping else { return Err(wrong("no mapping".into(), self.case.name.span)) };
        let unknown = |message: String| Diagnostic::error(Code::F0509, message, written.span);
        let Some((file, name)) = written.split_once('#') else {
            return Err(unknown("expected FILE#NAME".into()).help("mapping: order.map#payer_to_customer"));
        };
        let path = if file.starts_with("std:") { Some(file.to_owned()) } else { beside(flow, file) };
        let path = path.ok_or_else(|| unknown(format!("`{file}` leads out of the project")))?;
        let types = &self.compilation.types;
        let inputs = Inputs { files: &self.effective.files, types, settings: self.effective.settings_type.clone() };
        let scope =
            SlotScope { library: &self.compilation.library, inputs: &inputs, uses: &[], variables: &[], facts: &[] };
        scope.routine(&path, name).ok_or_else(|| {
            match path.starts_with("std:") || self.effective.files.contains_key(&path) {
                true => unknown(format!("`{path}` has no mapping or fn `{name}`, or has errors")),
                false => unknown(format!("the project has no file `{path}`"))
                    .help("the path is relative to the flow's file, as in its `use:`"),
            }
        })
    }
}

/// `error: { code, message }`: the code, and some of the message.
fn told(want: &Tree, error: &EvalError, out: &mut Problems) {
    let Some(fields) = want.fields().filter(|fields| !fields.is_empty()) else {
        return out.push(wrong("`error` takes `code` and `message`, or one of them".into(), want.span));
    };
    for field in fields {
        match field.name.as_str() {
            "code" => compare("error.code", &field.value, &Value::from(error.code.as_str()), Extent::Exact, None, out),
            "message" => {
                if field.value.text().is_none_or(|part| part.is_empty() || !error.message.contains(part)) {
                    let message = format!(
                        "`error.message`: expected it to have {}, got {:?}",
                        show(&field.value.value()),
                        error.message
                    );
                    let finding = Diagnostic::error(Code::F0500, message, field.value.span);
                    out.amend(finding, field.value.span, Change::Value(Value::from(error.message.as_str())));
                }
            }
            other => out.push(wrong(
                format!("an error of a mapping has no `{other}`: it has `code` and `message`"),
                field.span,
            )),
        }
    }
}
