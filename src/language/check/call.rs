//! Calls: whose function a name is, calls of the project's `fn`s and `mapping`s, of scripts.

use super::scope::{FunctionInfo, Lookup};
use super::{Checker, STANDARD, Typed, Want, elsewhere, resolve};
use crate::diagnostics::{Code as Number, Diagnostic, Span, did_you_mean};
use crate::language::ast::{Arg, Name};
use crate::language::code::{Code, Op};
use crate::language::functions;
use crate::language::types::Type;
use crate::value::Text;

impl Checker<'_> {
    /// `f(x)`, or `first.f(x)` with what stands before the dot (`None` inside: it had a finding).
    pub(super) fn call(
        &mut self,
        span: Span,
        name: &Name,
        first: Option<Option<Typed>>,
        args: &[Arg],
    ) -> Option<Typed> {
        match self.names.function(&name.text) {
            Lookup::Found(function) => {
                let function = function.clone();
                return self.call_own(span, name, &function, first, args);
            }
            Lookup::Clash(one, two) => self.report(resolve::clash("function", &name.text, name.span, &one, &two)),
            Lookup::Broken(path) => self.report(resolve::broken(&name.text, name.span, &path)),
            Lookup::Unread => {}
            Lookup::Nothing => {
                if let Some(function) = functions::find(&name.text) {
                    return self.call_built_in(span, name, function, first, args);
                }
                self.report_unknown_function(name);
            }
        }
        self.check_arguments(args);
        None
    }

    /// Arguments of a call that cannot be checked further: their own findings all the same.
    fn check_arguments(&mut self, args: &[Arg]) {
        for arg in args {
            if let Arg::Value(expr) = arg {
                self.check(expr, None);
            }
        }
    }

    fn report_unknown_function(&mut self, name: &Name) {
        let variable = self.variables.iter().any(|variable| variable.name == name.text);
        if variable {
            let message = format!("`{}` is a value, not a function", name.text);
            self.report(Diagnostic::error(Number::F0202, message, name.span));
            return;
        }
        if let Some(finding) = self.names.unless_incomplete(&name.text, name.span) {
            self.findings.extend(finding);
            return;
        }
        let finding = Diagnostic::error(Number::F0202, format!("there is no function `{}`", name.text), name.span);
        let known = self.names.function_names();
        if let Some(module) = in_library(&name.text) {
            self.report(finding.help(format!("the library has it: `use \"std:{module}\"`")));
            return;
        }
        self.report(match (did_you_mean(&name.text, known), elsewhere::function(&name.text)) {
            // Who writes `size` does not mean `slice`.
            (_, Some(here)) => finding.help(here),
            (Some(near), None) => finding.help(format!("did you mean `{near}`?")).fix(name.span, near),
            (None, None) => {
                finding.help("`flowctl functions` lists the built-in ones; a `use` brings in those of another file")
            }
        });
    }

    fn call_own(
        &mut self,
        span: Span,
        name: &Name,
        function: &FunctionInfo,
        first: Option<Option<Typed>>,
        args: &[Arg],
    ) -> Option<Typed> {
        let given = args.len() + usize::from(first.is_some());
        if given != function.params.len() {
            let list: Vec<String> = function.params.iter().map(|(name, ty)| parameter(name, ty.as_ref())).collect();
            let message = format!("`{}` takes {}, got {given}", name.text, count(function.params.len()));
            self.report(
                Diagnostic::error(Number::F0215, message, name.span).also(function.span, "defined here").help(format!(
                    "{}({})",
                    name.text,
                    list.join(", ")
                )),
            );
            self.check_arguments(args);
            return None;
        }
        let mut params = function.params.iter();
        let mut codes = vec![];
        if let Some(first) = first {
            let typed = match (first, params.next()) {
                (Some(typed), Some((param, Some(ty)))) => self.fit(typed, &argument(&name.text, param, ty)),
                (typed, _) => typed,
            };
            codes.push(typed.map(|typed| typed.code));
        }
        for (arg, (param, ty)) in args.iter().zip(params) {
            codes.push(match arg {
                Arg::Value(expr) => {
                    let want = ty.as_ref().map(|ty| argument(&name.text, param, ty));
                    self.check(expr, want.as_ref()).map(|typed| typed.code)
                }
                Arg::Lambda(lambda) => {
                    self.report(lambda_refused(&name.text, lambda.span));
                    None
                }
            });
        }
        let args = codes.into_iter().collect::<Option<Vec<Code>>>()?;
        let mut typed = Typed::new(Op::Call { routine: function.routine, args }, span, function.result.clone()?);
        typed.assigned = function.assigned.get().cloned().flatten();
        Some(typed)
    }

    /// `risk.score(x)`.
    pub(super) fn script_call(&mut self, span: Span, alias: &Text, name: &Name, args: &[Arg]) -> Option<Typed> {
        let script = self.names.script(alias)?.clone();
        // A script that had a finding of its own says nothing more.
        let Some(functions) = script.functions.as_ref() else {
            self.check_arguments(args);
            return None;
        };
        let Some(signature) = functions.get(&name.text) else {
            let finding =
                Diagnostic::error(Number::F0252, format!("`{alias}` has no function `{}`", name.text), name.span);
            self.report(match did_you_mean(&name.text, functions.keys().map(|name| &**name)) {
                Some(near) => finding.help(format!("did you mean `{near}`?")).fix(name.span, near),
                None => finding.help("a function of a script is typed in the comment above its `use`"),
            });
            self.check_arguments(args);
            return None;
        };
        if args.len() != signature.params.len() {
            let message =
                format!("`{alias}.{}` takes {}, got {}", name.text, count(signature.params.len()), args.len());
            self.report(Diagnostic::error(Number::F0215, message, name.span));
            self.check_arguments(args);
            return None;
        }
        let mut codes = vec![];
        for (arg, (param, ty)) in args.iter().zip(&signature.params) {
            codes.push(match arg {
                Arg::Value(expr) => {
                    self.check(expr, Some(&argument(&name.text, param, ty))).map(super::operator::compared)
                }
                Arg::Lambda(lambda) => {
                    self.report(lambda_refused(&name.text, lambda.span));
                    None
                }
            });
        }
        let args = codes.into_iter().collect::<Option<Vec<Code>>>()?;
        let result = signature.result.clone();
        let op = Op::Script { script: script.index, function: name.text.clone(), args, result: result.clone() };
        Some(Typed::new(op, span, result))
    }
}

pub(super) fn lambda_refused(function: &str, span: Span) -> Diagnostic {
    Diagnostic::error(Number::F0223, format!("`{function}` takes no `x => …`: only built-in functions do"), span)
        .help("there are no function values: pass what it would work on, or use `for`")
}

fn argument(function: &str, param: &str, ty: &Type) -> Want {
    Want::declared(ty, format!("argument `{param}` of `{function}`"))
}

fn parameter(name: &str, ty: Option<&Type>) -> String {
    match ty {
        Some(ty) => format!("{name}: {ty}"),
        None => name.to_string(),
    }
}

pub(super) fn count(n: usize) -> String {
    match n {
        0 => "no arguments".into(),
        1 => "1 argument".into(),
        n => format!("{n} arguments"),
    }
}

/// The file of the library in the binary that has this function.
fn in_library(name: &str) -> Option<&'static str> {
    let heads = [format!("\nfn {name}("), format!("\nmapping {name}(")];
    let found = STANDARD.iter().find(|(_, text)| heads.iter().any(|head| text.contains(head)));
    found.map(|(module, _)| *module)
}
