//! A value where a type is wanted: does it fit, what has to happen to it on the way, and what to say if it does not.

use super::relate::{self, Misfit, Reason};
use super::{Checker, Typed, Want, constant};
use crate::diagnostics::{Code as Number, Diagnostic, Span, did_you_mean};
use crate::language::code::{ArithmeticOp, Code, Op, Part};
use crate::language::types::{Facts, Kind, Type};
use crate::value::{Value, time};

impl Checker<'_> {
    /// Puts `typed` where `want` is wanted.
    pub(super) fn fit(&mut self, mut typed: Typed, want: &Want) -> Option<Typed> {
        let span = typed.span();
        let takes_missing = want.ty.missing || self.lenient;
        if let Op::Const(Value::Text(text)) = &typed.code.op
            && (want.target || self.constants)
            && let Some(value) = self.dated(text, want, span)?
        {
            typed.ty = Type { facts: None, ..Type::new(want.ty.kind.clone()) };
            typed.code.op = Op::Const(value);
            return Some(typed);
        }
        if want.writing && !self.null_fits(&typed, want) {
            return None;
        }
        let wanted = Type { missing: takes_missing, ..want.ty.clone() };
        if let Err(misfit) = relate::fits(&typed.ty, &wanted, want.writing) {
            if want.writing
                && let (Kind::List(got), Kind::List(_)) = (&typed.ty.kind, &want.ty.kind)
                && got.missing
            {
                let message = format!("{} would get a list with elements that may be missing: {}", want.what, typed.ty);
                self.report(
                    Diagnostic::error(Number::F0237, message, span)
                        .help("`.present()` drops missing, null and blank elements"),
                );
            } else {
                let finding = misfit_finding(&typed.ty, want, misfit, span);
                self.report(match &typed.code.op {
                    Op::Const(Value::Number(number)) if want.ty.kind == Kind::Int && number.is_whole() => {
                        let whole = number.canonical();
                        Diagnostic { help: vec![format!("an int is written without decimals: `{whole}`")], ..finding }
                    }
                    _ => finding,
                });
            }
            return None;
        }
        self.check_values(&typed, want);
        if let Some((ty, project)) = relate::view(&typed.ty, &wanted) {
            typed = viewed(typed, ty, project);
        } else if want.writing && relate::holds_records(&typed.ty) && !exact(&typed.code) {
            let seen = relate::sight(&relate::seen(&typed.ty, &wanted));
            typed = viewed(typed, seen, true);
        }
        Some(typed)
    }

    /// A constant text for a date or time, read while compiling. `None` after a finding.
    fn dated(&mut self, text: &str, want: &Want, span: Span) -> Option<Option<Value>> {
        let (parsed, example) = match want.ty.kind {
            Kind::Date => (time::parse_date(text).map(Value::Date), "2026-03-01"),
            Kind::Time => (time::parse_time(text).map(Value::Time), "2026-03-01T09:00:00Z"),
            _ => return Some(None),
        };
        if parsed.is_none() {
            let message = format!("{} takes {}, and {text:?} is none", want.what, want.ty.kind_name());
            self.report(Diagnostic::error(Number::F0219, message, span).help(format!("written like {example:?}")));
        }
        parsed.map(Some)
    }

    /// Null on its way into a body: only where the system knows it, and only on purpose.
    fn null_fits(&mut self, typed: &Typed, want: &Want) -> bool {
        let literal = typed.ty.kind == Kind::Never;
        if !typed.ty.null || want.ty.kind == Kind::Any {
            return true;
        }
        if !want.ty.null {
            let message = match literal {
                true => format!("{} cannot be null: its type knows none", want.what),
                false => format!("{} knows no null, and this may be null ({})", want.what, typed.ty),
            };
            let help = "`?? missing` leaves the field as it is, another value behind `??` stands in for nothing";
            self.report(Diagnostic::error(Number::F0235, message, typed.span()).help(help));
            return false;
        }
        if !literal && !matches!(typed.code.op, Op::Const(_)) {
            let message = format!("this may be null, and null would clear {}", want.what);
            self.report(
                Diagnostic::warning(Number::F0236, message, typed.span())
                    .help("write `?? missing` to leave the field as it is, or `?? null` to clear it"),
            );
        }
        true
    }

    /// Constants against what is known of the wanted text or number.
    fn check_values(&mut self, typed: &Typed, want: &Want) {
        let Some(facts) = &want.ty.facts else { return };
        let Some(values) = &typed.values else {
            let least = least_length(&typed.code);
            if let Some(most) = facts.max_length.filter(|most| least > *most as usize) {
                let message = format!("{} takes at most {most} characters, this text has at least {least}", want.what);
                let finding = Diagnostic::error(Number::F0218, message, typed.span());
                self.report(finding.help(format!("`.truncate({most})` cuts it")));
            }
            return;
        };
        for value in values.iter() {
            if let Some(finding) = misfit_value(value, facts, &want.what, typed.span()) {
                self.report(finding);
                return;
            }
        }
    }
}

/// The finding for a constant outside of its options, too long, or with too many decimals.
pub(super) fn misfit_value(value: &Value, facts: &Facts, what: &str, span: Span) -> Option<Diagnostic> {
    let shown = constant::shown(value)?;
    let options = || facts.options.iter().map(|(option, _)| &**option);
    if !facts.options.is_empty() && !options().any(|option| option == shown) {
        let written = matches!(value, Value::Text(_));
        let quote = |text: &str| if written { format!("{text:?}") } else { text.to_string() };
        let finding = Diagnostic::error(Number::F0217, format!("{what} has no option {}", quote(&shown)), span);
        let label = facts.options.iter().find(|(_, label)| label.as_deref() == Some(&*shown));
        let near = label.map(|(option, _)| &**option).or_else(|| did_you_mean(&shown, options()));
        return Some(match near {
            Some(near) => finding.help(format!("did you mean {}?", quote(near))),
            None => finding.help(format!("its options are {}", listed(facts))),
        });
    }
    if let (Some(most), Value::Text(text)) = (facts.max_length, value) {
        let length = text.encode_utf16().count();
        if length > most as usize {
            let message = format!("{what} takes at most {most} characters, this text has {length}");
            return Some(Diagnostic::error(Number::F0218, message, span).help(format!("`.truncate({most})` cuts it")));
        }
    }
    if let (Some(most), Value::Number(_)) = (facts.scale, value) {
        let decimals = shown.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if decimals > most as usize {
            let message = format!("{what} takes at most {most} decimals, this number has {decimals}");
            return Some(Diagnostic::error(Number::F0218, message, span));
        }
    }
    None
}

/// So many UTF-16 units a text has at least, whatever stands in its holes.
fn least_length(code: &Code) -> usize {
    match &code.op {
        Op::Const(Value::Text(text)) => text.encode_utf16().count(),
        Op::Template(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Plain(text) => text.encode_utf16().count(),
                Part::Hole(code) => least_length(code),
            })
            .sum(),
        Op::Arithmetic { op: ArithmeticOp::Add, left, right } => least_length(left) + least_length(right),
        _ => 0,
    }
}

/// The options with their labels, a dozen at most.
pub(super) fn listed(facts: &Facts) -> String {
    let one = |(option, label): &(crate::value::Text, Option<crate::value::Text>)| match label {
        Some(label) => format!("{option} ({label})"),
        None => option.to_string(),
    };
    let mut list: Vec<String> = facts.options.iter().take(12).map(one).collect();
    if facts.options.len() > 12 {
        list.push(format!("and {} more", facts.options.len() - 12));
    }
    list.join(", ")
}

fn viewed(typed: Typed, ty: Type, project: bool) -> Typed {
    let span = typed.span();
    let code = Code::new(Op::View { value: Box::new(typed.code), ty: ty.clone(), project }, span);
    Typed { code, ..typed }
}

/// Whether a value holds nothing but what its type names: written out, or made by a mapping.
pub(super) fn exact(code: &Code) -> bool {
    match &code.op {
        Op::Record(_) | Op::Const(_) | Op::Fail(_) | Op::Table { .. } => true,
        Op::View { project, .. } => *project,
        Op::List(elements) => elements.iter().all(exact),
        Op::For(each) => exact(&each.body),
        Op::If { then, otherwise, .. } => exact(then) && exact(otherwise),
        Op::Coalesce(value, otherwise) => exact(value) && exact(otherwise),
        Op::Let { body, .. } => exact(body),
        _ => false,
    }
}

/// What to say where a value does not fit.
fn misfit_finding(got: &Type, want: &Want, misfit: Misfit, span: Span) -> Diagnostic {
    let what = &want.what;
    let at = |path: &str| match path {
        "" => String::new(),
        path => format!(" at `{path}`"),
    };
    match misfit.reason {
        Reason::Missing { .. } if misfit.path.is_empty() => {
            let finding = absent(got, what, &want.ty, span);
            match want.declared && got.kind != Kind::Never {
                true => finding.help(format!("or declare {what} as `{}`", bare(&want.ty).or_missing())),
                false => finding,
            }
        }
        Reason::Missing { got: part, want: needed } => {
            let message = format!("{what} takes {}, got {got}: `{}` may be missing", want.ty, misfit.path);
            Diagnostic::error(Number::F0206, message, span).label(format!("{needed} is wanted there, got {part}"))
        }
        Reason::NoField => {
            let message = format!("{what} takes {}, and this has no `{}`", want.ty, misfit.path);
            Diagnostic::error(Number::F0205, message, span).label(format!("got {got}"))
        }
        Reason::Kind { got: part, want: needed } => {
            let message = match misfit.path.is_empty() {
                true => format!("{what} takes {}, got {}", bare(&want.ty), bare(got)),
                false => format!(
                    "{what} takes {}, got {}: {} instead of {}{}",
                    bare(&want.ty),
                    bare(got),
                    bare(&part),
                    bare(&needed),
                    at(&misfit.path)
                ),
            };
            let finding = Diagnostic::error(Number::F0205, message, span);
            match conversion(&part, &needed) {
                Some(help) if part.missing => {
                    let call = if needed.kind == Kind::Text { "text" } else { "f" };
                    finding
                        .help(help)
                        .help(format!("`x?.{call}()` is missing where `x` is, `?? value` stands in for nothing"))
                }
                Some(help) => finding.help(help),
                None => finding,
            }
        }
    }
}

/// The finding for a `T?` where a T is needed, with the ways out.
pub(super) fn absent(got: &Type, what: &str, want: &Type, span: Span) -> Diagnostic {
    let message = match got.kind {
        Kind::Never => format!("{what} takes {}, and this is {got}", bare(want)),
        _ => format!("{what} takes {}, and this may be missing ({got})", bare(want)),
    };
    Diagnostic::error(Number::F0206, message, span)
        .help("`?? value` stands in for nothing, `x?.f()` skips the rest of the chain, `if x != missing` asks first")
}

/// A type without its flags, for messages about kinds.
pub(super) fn bare(ty: &Type) -> Type {
    match ty.kind {
        Kind::Never => ty.clone(),
        _ => Type { missing: false, null: false, ..ty.clone() },
    }
}

/// How to make the one of the other; nothing is converted by itself.
pub(super) fn conversion(got: &Type, want: &Type) -> Option<&'static str> {
    Some(match (&got.kind, &want.kind) {
        (Kind::Text, Kind::Int | Kind::Decimal) => {
            "`decimal(…)` reads a text as a number, `int(decimal(…))` as a whole one"
        }
        (Kind::Decimal, Kind::Int) => "`int(…)` takes a whole decimal, `round floor ceil` make one",
        (Kind::Money, Kind::Int | Kind::Decimal) => "`.amount` is the number of a money",
        (Kind::Int | Kind::Decimal, Kind::Money) => "`money(amount, currency)` makes a money of a number",
        (Kind::Text, Kind::Time) => "`parse_time(…)` reads a text as a time",
        (Kind::Text, Kind::Date) => "`date(…)` reads a text as a date",
        (Kind::Time, Kind::Local) => "`.in_zone(zone)` says where: a time has a day and an hour only in a zone",
        (Kind::Time, Kind::Date) => "`.in_zone(zone).date()` is the day of a time somewhere",
        (Kind::Int, Kind::Time) => "`from_unix(…)` takes seconds since 1970 as a time",
        (Kind::Int, Kind::Date) => "`from_unix(…).in_zone(zone).date()` is the day of seconds since 1970",
        (Kind::Local, Kind::Date) => "`.date()` is its day",
        (Kind::Local, _) => "a local time only gives `.date()` and `.format(pattern)`",
        (Kind::Int | Kind::Decimal | Kind::Bool | Kind::Date | Kind::Time | Kind::Money, Kind::Text) => {
            "`text(…)` or a hole, `\"{…}\"`, writes it as text"
        }
        (Kind::List(_), Kind::Record(_)) => "`[0]` or `.first()` is one element of a list",
        (_, Kind::Bool) => "a condition is a comparison or a bool: `x != missing`, `given(x)`, `x > 0`",
        _ => return None,
    })
}
