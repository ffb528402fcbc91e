//! Calls of built-in functions: which overload, what lambdas take and give, constant arguments.

use super::constant::folded;
use super::mismatch::Failure;
use super::signature::{self, Bindings, Mismatch, Pattern, Shape, Signature};
use super::{Checker, Origin, Typed, Want, fit, narrow, relate};
use crate::diagnostics::{Code as Number, Diagnostic, Span, did_you_mean};
use crate::language::ast::{Arg, Lambda, Name};
use crate::language::code::{Argument, Code, Op};
use crate::language::functions::{Function, Options};
use crate::language::types::{Kind, Type};
use crate::value::Value;

/// They take the fraction of an arithmetic tree itself as their first argument.
const FRACTIONS: [&str; 3] = ["round", "floor", "ceil"];
/// They look at all that a record holds: only what its type names is to be seen.
const LOOK_AT_FIELDS: [&str; 10] =
    ["keys", "values", "entries", "changes", "distinct", "contains", "merge", "pick", "omit", "json"];

/// They name a column, whose type has to be known.
const OF_A_COLUMN: [&str; 2] = ["option_label", "option_value"];

/// An argument on its way.
pub(super) enum Given<'e> {
    Value(Box<Typed>),
    Lambda(&'e Lambda),
}

impl Checker<'_> {
    pub(super) fn call_built_in(
        &mut self,
        span: Span,
        name: &Name,
        function: &'static Function,
        first: Option<Option<Typed>>,
        args: &[Arg],
    ) -> Option<Typed> {
        let mut given = vec![];
        let mut whole = true;
        if let Some(first) = first {
            match first {
                Some(typed) => given.push(Given::Value(Box::new(typed))),
                None => whole = false,
            }
        }
        for arg in args {
            match arg {
                Arg::Value(expr) => match self.check(expr, None) {
                    Some(typed) => given.push(Given::Value(Box::new(typed))),
                    None => whole = false,
                },
                Arg::Lambda(lambda) => given.push(Given::Lambda(lambda)),
            }
        }
        if !whole {
            return None;
        }
        let overloads = signature::of(function);
        let mut candidates = vec![];
        let mut failures = vec![];
        for one in overloads {
            match self.match_values(one, &given) {
                Ok(bound) => candidates.push((one, bound)),
                Err(failure) => failures.push(failure),
            }
        }
        if candidates.is_empty() {
            self.report_mismatch(name, function, &given, failures);
            return None;
        }
        // `const text` beside `text`: the one for what is calculated.
        let written_out = |one: &Signature| {
            one.params.iter().zip(&given).all(|((_, pattern), given)| match (&pattern.shape, given) {
                (Shape::Constant(_) | Shape::Choice(_), Given::Value(typed)) => matches!(typed.code.op, Op::Const(_)),
                _ => true,
            })
        };
        if candidates.iter().any(|(one, _)| written_out(one)) {
            candidates.retain(|(one, _)| written_out(one));
        }
        // With an `any` among the arguments several overloads may fit: which one it is, only the run knows.
        let lambdas = self.lambdas(function, &candidates, &given)?;
        let chosen = self.settle(function, candidates, &given, &lambdas)?;
        self.finish(span, function, chosen, given, lambdas)
    }

    /// Matches all arguments but lambdas.
    fn match_values(&self, one: &'static Signature, given: &[Given<'_>]) -> Result<Bindings, Failure> {
        let mut bound = Bindings::new();
        for (at, ((_, pattern), given)) in one.params.iter().zip(given).enumerate() {
            let before = bound.clone();
            let matched = match (given, &pattern.shape) {
                (Given::Lambda(lambda), Shape::Lambda(params, _)) if lambda.params.len() == params.len() => Ok(()),
                (Given::Lambda(_), _) => Err(Mismatch::Kind),
                (Given::Value(typed), _) => {
                    let mut ty = typed.ty.clone();
                    ty.missing &= !self.lenient || ty.kind == Kind::Never;
                    pattern.matches(&ty, &mut bound, true)
                }
            };
            matched.map_err(|why| Failure { one, at, why: Some(why), bound: before })?;
        }
        match one.params.len() == given.len() {
            true => Ok(bound),
            false => Err(Failure { one, at: one.params.len().min(given.len()), why: None, bound }),
        }
    }

    /// Compiles the lambdas once: their parameters are the same in every overload that is left.
    fn lambdas(
        &mut self,
        function: &Function,
        candidates: &[(&'static Signature, Bindings)],
        given: &[Given<'_>],
    ) -> Option<Vec<Option<Compiled>>> {
        let (one, bound) = candidates.first()?;
        let mut all = vec![];
        let mut whole = true;
        let mut bound = bound.clone();
        for ((param, pattern), given) in one.params.iter().zip(given) {
            let (Given::Lambda(lambda), Shape::Lambda(params, result)) = (given, &pattern.shape) else {
                all.push(None);
                continue;
            };
            let same_result =
                candidates.iter().all(|(other, _)| other.params.len() == one.params.len()) && candidates.len() == 1;
            let want = (same_result && result.is_settled())
                .then(|| Want::new(result.filled(&bound), format!("the value of `{param}` of `{}`", function.name)));
            let before = self.variables.len();
            let types: Vec<Type> = params.iter().map(|param| param.filled(&bound)).collect();
            let slots: Vec<(usize, Type)> = lambda
                .params
                .iter()
                .zip(types)
                .map(|(name, ty)| (self.declare(name, Some(ty.clone()), Origin::Loop), ty))
                .collect();
            let body = self.check(&lambda.body, want.as_ref());
            self.leave(before);
            match body {
                Some(body) => {
                    // A later lambda may take what this one gives.
                    let _ = result.matches(&body.ty, &mut bound, true);
                    all.push(Some(Compiled { params: slots, body }));
                }
                None => whole = false,
            }
        }
        whole.then_some(all)
    }

    /// The overloads whose lambdas give what these give, and what the first one's variables stand for.
    fn settle(
        &mut self,
        function: &'static Function,
        candidates: Vec<(&'static Signature, Bindings)>,
        given: &[Given<'_>],
        lambdas: &[Option<Compiled>],
    ) -> Option<Chosen> {
        let mut left = vec![];
        let mut failures = vec![];
        'candidates: for (one, mut bound) in candidates {
            for (at, ((_, pattern), lambda)) in one.params.iter().zip(lambdas).enumerate() {
                if let (Shape::Lambda(_, result), Some(compiled)) = (&pattern.shape, lambda)
                    && let Err(why) = lambda_gives(result, &compiled.body.ty, &mut bound)
                {
                    failures.push((at, why, one, compiled.body.ty.clone(), compiled.body.span()));
                    continue 'candidates;
                }
            }
            left.push((one, bound));
        }
        if left.is_empty() {
            let (at, why, one, got, span) = failures.into_iter().next()?;
            let (param, pattern) = one.params.get(at)?;
            let Shape::Lambda(_, result) = &pattern.shape else { return None };
            let what = format!("the value of `{param}` of `{}`", function.name);
            self.report(match why {
                Mismatch::Missing => fit::absent(&got, &what, &got, span),
                Mismatch::Kind => {
                    let message = format!("{what} has to be {result}, got {}", fit::bare(&got));
                    Diagnostic::error(Number::F0216, message, span)
                }
            });
            return None;
        }
        let open = given.iter().any(|given| matches!(given, Given::Value(typed) if typed.ty.kind == Kind::Any));
        let results: Vec<Type> = left.iter().map(|(one, bound)| one.result.filled(bound)).collect();
        let mut left = left.into_iter();
        let (one, bound) = left.next()?;
        let others: Vec<&'static Signature> = if open { left.map(|(other, _)| other).collect() } else { vec![] };
        let all = if open { results.as_slice() } else { results.get(..1)? };
        let result = all.iter().try_fold(Type::never(), |a, b| relate::join(&a, b)).unwrap_or_else(Type::any);
        Some(Chosen { one, bound, others, result })
    }

    fn finish(
        &mut self,
        span: Span,
        function: &'static Function,
        Chosen { one, bound, others, mut result }: Chosen,
        given: Vec<Given<'_>>,
        lambdas: Vec<Option<Compiled>>,
    ) -> Option<Typed> {
        let mut codes = vec![];
        let mut constants = vec![];
        let mut spans = vec![];
        let mut whole = true;
        let mut facts = (vec![], vec![]);
        let mut types = vec![];
        for (at, ((given, lambda), (param, pattern))) in given.into_iter().zip(lambdas).zip(&one.params).enumerate() {
            match (given, lambda) {
                (Given::Value(typed), _) => {
                    whole &= self.check_constant(function, param, pattern, &typed);
                    constants.push(match &typed.code.op {
                        Op::Const(_) | Op::List(_) => folded(&typed.code),
                        _ => None,
                    });
                    types.push(typed.ty.clone());
                    spans.push(typed.span());
                    if function.name == "given" {
                        facts = given_facts(&typed.code, self);
                    }
                    // Where several overloads are left, the function itself looks at what it gets.
                    let same = |other: &&Signature| {
                        other.params.get(at).is_some_and(|(_, theirs)| theirs.to_string() == pattern.to_string())
                    };
                    let code = match others.iter().all(same) {
                        true => argument(function.name, at, *typed, pattern, &bound),
                        false => typed.code,
                    };
                    codes.push(Argument::Value(code));
                }
                (_, Some(Compiled { params, body })) => {
                    constants.push(None);
                    types.push(Type::never());
                    spans.push(body.span());
                    codes.push(Argument::Lambda { params, body: body.code });
                }
                (Given::Lambda(lambda), None) => {
                    self.report(super::call::lambda_refused(function.name, lambda.span));
                    whole = false;
                }
            }
        }
        if !whole {
            return None;
        }
        let overload = signature::of(function).iter().position(|known| std::ptr::eq(known, one)).unwrap_or(0);
        let prepared = match OF_A_COLUMN.contains(&function.name) {
            true => Options::of(function, self.names.types, &types, &constants).map(|(set, ty)| (Some(set), ty)),
            false => function.prepare.map(|prepare| prepare(&constants)).transpose().and_then(|prepared| {
                Ok((prepared, function.gives.map_or(Ok(None), |gives| gives(&types, &constants))?))
            }),
        };
        let (prepared, given) = match prepared {
            Ok(both) => both,
            Err((at, why)) => {
                let place = spans.get(at).copied().unwrap_or(span);
                let param = one.params.get(at).map_or("", |(name, _)| name);
                let message = format!("argument `{param}` of `{}`: {why}", function.name);
                self.report(Diagnostic::error(Number::F0271, message, place));
                return None;
            }
        };
        result = given.unwrap_or(result);
        let mut typed = Typed::new(Op::Builtin { function, overload, args: codes, prepared }, span, result);
        (typed.when_true, typed.when_false) = facts;
        Some(typed)
    }

    /// Options and patterns are constant text.
    fn check_constant(&mut self, function: &Function, param: &str, pattern: &Pattern, typed: &Typed) -> bool {
        let options = match &pattern.shape {
            Shape::Choice(options) => Some(options),
            Shape::Constant(_) => None,
            _ => return true,
        };
        let Op::Const(value) = &typed.code.op else {
            let message =
                format!("argument `{param}` of `{}` is written out: it is looked at while compiling", function.name);
            let finding = Diagnostic::error(Number::F0270, message, typed.span());
            self.report(match options {
                Some(_) => finding.help(format!("it is one of {pattern}")),
                None => finding,
            });
            return false;
        };
        if let (Some(options), Value::Text(text)) = (options, value)
            && !options.iter().any(|option| **option == **text)
        {
            let message = format!("argument `{param}` of `{}` has no option {text:?}", function.name);
            let finding = Diagnostic::error(Number::F0217, message, typed.span());
            let near =
                did_you_mean(text, options.iter().map(String::as_str)).map(|near| format!("did you mean {near:?}?"));
            self.report(finding.help(near.unwrap_or_else(|| format!("it is one of {pattern}"))));
            return false;
        }
        true
    }
}

/// The overload that fits, and those that fit as well because an argument is `any`.
struct Chosen {
    one: &'static Signature,
    bound: Bindings,
    others: Vec<&'static Signature>,
    /// What it gives, whichever it is.
    result: Type,
}

/// A lambda with the slots of its parameters.
struct Compiled {
    params: Vec<(usize, Type)>,
    body: Typed,
}

fn lambda_gives(result: &Pattern, got: &Type, bound: &mut Bindings) -> Result<(), Mismatch> {
    // What a lambda gives may be missing where a variable stands for it: `map(x => x.a?)` is a list<T?>.
    let top = !matches!(result.shape, Shape::Variable('T' | 'U' | 'K'));
    result.matches(got, bound, top)
}

/// The code of an argument: `any` is checked against a type that is settled, and records show what their type names.
fn argument(function: &str, at: usize, typed: Typed, pattern: &Pattern, bound: &Bindings) -> Code {
    if at == 0 && FRACTIONS.contains(&function) {
        return typed.code;
    }
    if LOOK_AT_FIELDS.contains(&function) && relate::holds_records(&typed.ty) {
        return super::operator::compared(typed);
    }
    if !pattern.is_settled() {
        return typed.code;
    }
    let want = pattern.filled(bound);
    let span = typed.span();
    match relate::view(&typed.ty, &want) {
        Some((ty, project)) => Code::new(Op::View { value: Box::new(typed.code), ty, project }, span),
        None => typed.code,
    }
}

/// `given(x)` says that x is there; what x is, the tree said already, so it is read back from the code.
fn given_facts(code: &Code, checker: &Checker<'_>) -> (Vec<super::Fact>, Vec<super::Fact>) {
    match code_path(code, checker) {
        Some(path) => (narrow::is_given(&path), vec![]),
        None => (vec![], vec![]),
    }
}

fn code_path(code: &Code, checker: &Checker<'_>) -> Option<Vec<crate::value::Text>> {
    Some(match &code.op {
        Op::Local(slot) => {
            let variable = checker.variables.iter().rev().find(|variable| variable.slot == *slot)?;
            vec![variable.name.clone()]
        }
        Op::Settings => vec!["settings".into()],
        Op::Chain(inner) | Op::Maybe(inner) => code_path(inner, checker)?,
        Op::Field { base, name, .. } => {
            let mut path = code_path(base, checker)?;
            path.push(name.clone());
            path
        }
        Op::Index { base, index, .. } => {
            let mut path = code_path(base, checker)?;
            let Op::Const(value) = &index.op else { return None };
            path.push(super::constant::shown(value)?.into());
            path
        }
        _ => return None,
    })
}
