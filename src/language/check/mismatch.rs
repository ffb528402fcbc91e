//! What to say where no overload of a built-in function takes the arguments: the one that comes nearest is held against
//! them, so that a slip with a number is not answered in terms of money.

use super::builtin::Given;
use super::call::count;
use super::signature::{Bindings, Mismatch, Pattern, Shape, Signature};
use super::{Checker, fit};
use crate::diagnostics::{Code as Number, Diagnostic};
use crate::language::ast::Name;
use crate::language::functions::Function;
use crate::language::types::{Kind, Type};

/// Why an overload does not take the arguments.
pub(super) struct Failure {
    pub one: &'static Signature,
    /// The first argument that does not fit, or the first that is missing or too much.
    pub at: usize,
    /// `None`: it is only their number.
    pub why: Option<Mismatch>,
    /// What the arguments before it say of its variables.
    pub bound: Bindings,
}

impl Failure {
    /// The nearest take most arguments from the left (a list for a list of something else is nearly taken), then want the
    /// next one only to be there, then take as many.
    fn nearness(&self, given: &[Given<'_>]) -> (usize, bool, bool) {
        let list = match (self.one.params.get(self.at), given.get(self.at)) {
            (Some((_, pattern)), Some(Given::Value(typed))) => {
                matches!((&pattern.shape, &typed.ty.kind), (Shape::List(_), Kind::List(_)))
            }
            _ => false,
        };
        let taken = self.at + usize::from(list);
        (taken, matches!(self.why, Some(Mismatch::Missing)), self.one.params.len() == given.len())
    }
}

impl Checker<'_> {
    pub(super) fn report_mismatch(
        &mut self,
        name: &Name,
        function: &Function,
        given: &[Given<'_>],
        failures: Vec<Failure>,
    ) {
        let Some(best) = failures.iter().map(|failure| failure.nearness(given)).max() else { return };
        let near: Vec<Failure> = failures.into_iter().filter(|failure| failure.nearness(given) == best).collect();
        let Some(first) = near.first() else { return };
        let counts: Vec<usize> = near.iter().map(|failure| failure.one.params.len()).collect();
        let Some(value) = given.get(first.at).filter(|_| counts.contains(&given.len())) else {
            self.report(wrong_count(name, function, &near, given));
            return;
        };
        let what = format!("argument `{}` of `{}`", parameter(first), function.name);
        let finding = match value {
            Given::Value(typed) if matches!(first.why, Some(Mismatch::Missing)) => {
                let (takes, ty, span) = (takes(&near), &typed.ty, typed.span());
                if ty.kind == Kind::Never {
                    let finding = fit::absent(ty, &what, &fit::bare(ty), span);
                    Diagnostic { message: format!("{what} takes {takes}, and this is {ty}"), ..finding }
                } else if ty.missing {
                    let finding = fit::absent(ty, &what, &fit::bare(ty), span);
                    Diagnostic { message: format!("{what} takes {takes}, and this may be missing ({ty})"), ..finding }
                } else {
                    let message = format!("{what} takes {takes}, and elements may be missing ({ty})");
                    Diagnostic::error(Number::F0206, message, span)
                        .help("`.present()` drops missing, null and blank elements")
                }
            }
            Given::Value(typed) => {
                let message = format!("{what} takes {}, got {}", takes(&near), fit::bare(&typed.ty));
                let finding = Diagnostic::error(Number::F0216, message, typed.span());
                match way_out(function, &near, &typed.ty) {
                    Some(help) => finding.help(help),
                    None => near
                        .iter()
                        .fold(finding, |finding, failure| finding.help(format!("{}{}", name.text, failure.one.text))),
                }
            }
            Given::Lambda(lambda) => {
                let got = match lambda.params.len() {
                    1 => "x => …".to_string(),
                    n => format!("a lambda of {n} names"),
                };
                let message = format!("{what} takes {}, got {got}", takes(&near));
                Diagnostic::error(Number::F0216, message, lambda.span)
            }
        };
        self.report(finding);
    }
}

fn parameter(failure: &Failure) -> &str {
    failure.one.params.get(failure.at).map_or("", |(name, _)| name)
}

/// What the nearest overloads take at that place.
fn takes(near: &[Failure]) -> String {
    let mut takes: Vec<String> = vec![];
    for failure in near {
        let Some((_, pattern)) = failure.one.params.get(failure.at) else { continue };
        let takes_now = match &pattern.shape {
            // What an earlier argument has settled.
            Shape::Variable(letter) if failure.bound.get(letter).is_some_and(|ty| ty.kind != Kind::Never) => {
                pattern.filled(&failure.bound).to_string()
            }
            _ => pattern.to_string(),
        };
        if !takes.contains(&takes_now) {
            takes.push(takes_now);
        }
    }
    takes.join(" or ")
}

/// How to mend it: a conversion, or what people write who know it from elsewhere.
fn way_out(function: &Function, near: &[Failure], got: &Type) -> Option<String> {
    let patterns: Vec<&Pattern> =
        near.iter().filter_map(|failure| failure.one.params.get(failure.at)).map(|(_, pattern)| pattern).collect();
    let at = near.first()?.at;
    for pattern in &patterns {
        if let Shape::Lambda(params, _) = &pattern.shape {
            return Some(match (function.name, &got.kind, params.len()) {
                ("first", Kind::Int, _) => "`xs.slice(0, n)` gives the first `n` elements".into(),
                ("filter" | "first" | "any" | "all" | "count", ..) => {
                    format!("a condition on each element: `xs.{}(x => x.status == \"open\")`", function.name)
                }
                (_, _, 1) => format!("say what to take of each element: `xs.{}(x => x.name)`", function.name),
                _ => format!("say what becomes of two elements: `{}(xs, ys, (x, y) => …)`", function.name),
            });
        }
    }
    let known = match (function.name, at, &got.kind) {
        ("count", 0, Kind::Text) => "`length` counts the characters of a text",
        ("length", 0, Kind::List(_)) => "`count` counts the elements of a list",
        ("first" | "last", 0, Kind::Text) => "`t.slice(0, 1)` is the first character of a text",
        ("format", 0, Kind::Int | Kind::Decimal) => {
            "a number is written with so many decimals by `round`: `\"{round(x, 2, \"half_even\")}\"`"
        }
        ("round", 1, Kind::Int) => "money is rounded to its currency's decimals: `m.round(\"half_even\")`",
        ("pick" | "omit", 1, Kind::Text) => "the names are a list: `[\"id\", \"name\"]`",
        ("join", 0, Kind::List(_)) => "`xs.map(x => \"{x}\")` writes each element as text",
        (_, 0, Kind::Record(_) | Kind::Map(_)) if patterns.iter().all(|one| matches!(one.shape, Shape::List(_))) => {
            "`.values()`, `.keys()` and `.entries()` are lists of what a record holds"
        }
        _ => {
            // The nearest way comes last: a time becomes a local one before it is a day. Text is what anything becomes.
            let each = |pattern: &&Pattern| match &pattern.shape {
                Shape::Plain(want) if want.kind == Kind::Text && patterns.len() > 1 => None,
                Shape::Plain(_) => fit::conversion(got, &pattern.filled(&Bindings::new())),
                _ => None,
            };
            return patterns.iter().rev().find_map(each).map(String::from);
        }
    };
    Some(known.into())
}

/// Another number of arguments than the nearest overloads have.
fn wrong_count(name: &Name, function: &Function, near: &[Failure], given: &[Given<'_>]) -> Diagnostic {
    let mut counts: Vec<usize> = near.iter().map(|failure| failure.one.params.len()).collect();
    counts.sort_unstable();
    counts.dedup();
    let takes = match counts.as_slice() {
        [] => "no such call".to_string(),
        [one] => count(*one),
        many => {
            let many: Vec<String> = many.iter().map(usize::to_string).collect();
            format!("{} arguments", many.join(" or "))
        }
    };
    let of = match given.first() {
        // Which of several ways to call it is meant shows in the first argument.
        Some(Given::Value(typed)) if near.len() < function.signatures.len() && typed.ty.kind != Kind::Any => {
            match typed.ty.kind {
                Kind::Int | Kind::Decimal => " of a number".into(),
                Kind::Money => " of money".into(),
                _ => format!(" of {}", typed.ty.kind_name()),
            }
        }
        _ => String::new(),
    };
    let message = format!("`{}`{of} takes {takes}, got {}", name.text, given.len());
    let names = |failure: &Failure| -> Vec<&'static str> {
        let params = failure.one.params.get(given.len()..).unwrap_or_default();
        params.iter().map(|(name, _)| name.as_str()).collect()
    };
    let lacking = near.first().filter(|_| near.iter().all(|one| one.why.is_none())).map(names).unwrap_or_default();
    let lacking = if near.iter().all(|one| names(one) == lacking) { lacking } else { vec![] };
    let lacking: Vec<String> = lacking.iter().map(|name| format!("`{name}`")).collect();
    let message = match lacking.as_slice() {
        [] => message,
        [one] => format!("{message}: {one} is missing"),
        many => format!("{message}: {} are missing", many.join(" and ")),
    };
    let finding = Diagnostic::error(Number::F0215, message, name.span);
    let finding = match of.as_str() {
        " of a number" if &*name.text == "round" => finding.help("for example `round(x, 2, \"half_even\")`"),
        _ => finding,
    };
    near.iter().fold(finding, |finding, failure| finding.help(format!("{}{}", name.text, failure.one.text)))
}
