//! Written types → types. Who knows the names differs (a whole library while it is built, a body later), the rest is here.

use super::scope::{Lookup, Names};
use crate::diagnostics::{Code as Number, Diagnostic, Span, did_you_mean};
use crate::language::ast::{TypeExpr, TypeExprKind};
use crate::language::types::{Field, Kind, RecordType, Type, TypeSource};
use crate::value::Text;
use indexmap::IndexMap;

/// Names that every file knows.
pub(super) const BUILT_IN: [&str; 8] = ["text", "int", "decimal", "bool", "time", "date", "money", "any"];

/// The type of that name in the language itself.
pub(super) fn built_in(name: &str) -> Option<Type> {
    Some(Type::new(match name {
        "text" => Kind::Text,
        "int" => Kind::Int,
        "decimal" => Kind::Decimal,
        "bool" => Kind::Bool,
        "time" => Kind::Time,
        "date" => Kind::Date,
        "money" => Kind::Money,
        "any" => Kind::Any,
        _ => return None,
    }))
}

/// What a name stands for, with the findings to add to where it stands for nothing.
type Named<'n> = dyn FnMut(&Text, Span, &mut Vec<Diagnostic>) -> Option<Type> + 'n;

/// Resolves a written type; `named` says what a name stands for (and reports where it stands for nothing).
pub(super) fn resolve(written: &TypeExpr, named: &mut Named<'_>, findings: &mut Vec<Diagnostic>) -> Option<Type> {
    let mut ty = match &written.kind {
        TypeExprKind::Named(name) => named(name, written.span, findings)?,
        TypeExprKind::Generic(name, inner) => {
            let inner = resolve(inner, named, findings);
            match &*name.text {
                "list" => Type::list(inner?),
                "map" => Type::map(inner?),
                other => {
                    let message = format!("`{other}` takes no type in `<…>`");
                    findings
                        .push(Diagnostic::error(Number::F0203, message, name.span).help("write `list<T>` or `map<T>`"));
                    return None;
                }
            }
        }
        TypeExprKind::Shape(fields) => {
            let mut shape = IndexMap::new();
            let mut whole = true;
            for (name, ty) in fields {
                let ty = resolve(ty, named, findings);
                whole &= ty.is_some();
                let field = Field::plain(ty.unwrap_or_else(Type::any));
                if shape.insert(name.text.clone(), field).is_some() {
                    let message = format!("the field `{}` stands twice in this type", name.text);
                    findings.push(Diagnostic::error(Number::F0211, message, name.span));
                }
            }
            if !whole {
                return None;
            }
            Type::record(RecordType { name: None, fields: shape })
        }
    };
    ty.missing |= written.optional;
    Some(ty)
}

/// The finding for a name that is no type.
pub(super) fn unknown_type(name: &str, span: Span, own: &[&str], source: &dyn TypeSource) -> Diagnostic {
    let payload = source.payload_names();
    let known = own.iter().copied().chain(BUILT_IN).chain(["list", "map"]).chain(payload.iter().map(String::as_str));
    let finding = Diagnostic::error(Number::F0203, format!("there is no type `{name}`"), span);
    let meant = elsewhere(name).or_else(|| did_you_mean(name, known));
    match meant {
        Some(other) => finding.help(format!("did you mean `{other}`?")).fix(span, other),
        None => finding.help("types are text, int, decimal, bool, time, date, money, any, list<T>, map<T>, { … }, names of `type` and payload types (`stripe.charge`)"),
    }
}

/// What other languages call it.
fn elsewhere(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "string" | "str" | "char" | "varchar" => "text",
        "integer" | "long" | "short" => "int",
        "number" | "float" | "double" | "real" | "numeric" => "decimal",
        "boolean" => "bool",
        "datetime" | "timestamp" | "instant" => "time",
        "object" | "json" | "unknown" => "any",
        _ => return None,
    })
}

impl Names<'_> {
    /// Resolves a type written in a body.
    pub fn resolve(&self, written: &TypeExpr, findings: &mut Vec<Diagnostic>) -> Option<Type> {
        resolve(written, &mut |name, span, findings| self.named_type(name, span, findings), findings)
    }

    fn named_type(&self, name: &Text, span: Span, findings: &mut Vec<Diagnostic>) -> Option<Type> {
        match self.type_named(name) {
            Lookup::Found(ty) => ty,
            Lookup::Clash(one, two) => {
                findings.push(clash("type", name, span, &one, &two));
                None
            }
            Lookup::Broken(path) => {
                findings.push(broken(name, span, &path));
                None
            }
            Lookup::Unread => None,
            Lookup::Nothing => {
                let found = built_in(name).or_else(|| self.types.payload(name));
                if found.is_none()
                    && let Some(finding) = self.unless_incomplete(name, span)
                {
                    findings.extend(finding);
                } else if found.is_none() {
                    findings.push(unknown_type(name, span, &self.type_names(), self.types));
                }
                found
            }
        }
    }
}

impl Names<'_> {
    /// What to say of an unknown name where not all names are known: nothing in a mapping file (what is wrong with the
    /// other is said there), the file's name in a slot. `None` where all names are known.
    pub fn unless_incomplete(&self, name: &str, span: Span) -> Option<Option<Diagnostic>> {
        let path = self.incomplete.as_ref()?;
        Some(self.own.is_none().then(|| {
            Diagnostic::error(
                Number::F0228,
                format!("`{name}` is not known, and {path}, which is used here, has errors"),
                span,
            )
            .help(format!("mend {path} first"))
        }))
    }
}

/// The finding for one name from two used files.
pub(super) fn clash(what: &str, name: &str, span: Span, one: &str, two: &str) -> Diagnostic {
    Diagnostic::error(Number::F0212, format!("the {what} `{name}` comes from {one} and from {two}"), span)
        .help("rename one of them, or define one of your own here: a file's own name wins")
}

/// The finding for a name out of a file with errors.
pub(super) fn broken(name: &str, span: Span, path: &str) -> Diagnostic {
    Diagnostic::error(Number::F0228, format!("`{name}` is in {path}, which has errors"), span)
        .help(format!("mend {path} first"))
}
