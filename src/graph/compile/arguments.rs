//! What an operation is given: each parameter read and checked by its kind.

use super::operation::Bound;
use super::scope::Scope;
use super::{Work, text};
use crate::catalog::{EnumForm, FilterRules, Param as Declared, ParamPlace, System, TypeRef};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::graph::Param;
use crate::language::check::Checked;
use crate::language::code::CompareOp;
use crate::language::filter::Filter;
use crate::language::types::{Kind, Type, TypeSource};
use crate::model::read::{Read, Reader, Spanned};
use crate::model::slot::{Configurable, Expr};
use crate::model::values::{Count, Word};
use crate::model::yaml::Node;
use crate::value::{Number, Text, Value};

impl Work<'_> {
    pub(super) fn read<T: Read>(&mut self, node: &Node) -> Option<T> {
        let mut reader = Reader::default();
        let value = T::read(node, &mut reader);
        self.findings.append(&mut reader.findings);
        value
    }

    /// An expression; also the type that it is checked against.
    pub(super) fn expression_param(
        &mut self,
        bound: &Bound<'_>,
        declared: &Declared,
        node: &Node,
        scope: &Scope,
    ) -> Option<(Param, Checked, Type)> {
        let expr: Expr = self.read(node)?;
        // A query's parameter left out asks for more than was meant: a computed value that is missing is an error there, too.
        let in_address = matches!(declared.place, Some(ParamPlace::Path | ParamPlace::Query));
        let names_row = matches!(declared.ty, Some(TypeRef::Key | TypeRef::AlternateKey));
        let is_key = declared.key || names_row || in_address;
        let alternate = bound.entity.filter(|_| declared.ty == Some(TypeRef::AlternateKey));
        if let Some(entity) = alternate.filter(|entity| entity.alternate_keys.is_empty()) {
            self.no_alternate_key(bound, entity, node.span);
            return None;
        }
        let resolve = |ty: &TypeRef| self.compiler.types.resolve(ty, bound.system, bound.entity);
        let mut want = declared.ty.as_ref().and_then(resolve).unwrap_or_else(Type::any);
        if is_key {
            want = self.key_type(bound, &want, &expr, scope);
        }
        let (slot, checked) = self.compile(&expr.text, expr.span, expr.cut, scope, |slots| match is_key {
            true => slots.key(&expr.text, &want),
            false => slots.expression(&expr.text, Some(&want)),
        })?;
        if let (Some(entity), Some(assigned)) = (alternate, &checked.assigns) {
            self.check_alternate_key(entity, assigned, expr.span);
        }
        let param = if is_key { Param::Key(slot) } else { Param::Slot(slot) };
        Some((param, checked, want))
    }

    /// Where a key has one part beside the company, its value alone will do.
    fn key_type(&self, bound: &Bound<'_>, key: &Type, expr: &Expr, scope: &Scope) -> Type {
        let Some(record) = key.fields() else { return key.clone() };
        let company = bound.system.company.as_deref();
        let mut parts = record.fields.iter().filter(|(name, _)| Some(name.as_str()) != company);
        let (Some((_, only)), None) = (parts.next(), parts.next()) else { return key.clone() };
        let variables = scope.variables();
        let (checked, _) = self.slot_scope(&variables, scope).expression(&expr.text, None);
        let is_record = checked.is_some_and(|checked| checked.expression.result().fields().is_some());
        if is_record { key.clone() } else { only.ty.clone() }
    }

    pub(super) fn filter_param(
        &mut self,
        bound: &Bound<'_>,
        declared: &Declared,
        node: &Node,
        scope: &Scope,
    ) -> Option<Param> {
        let expr: Expr = self.read(node)?;
        let row = self.row(bound)?;
        self.reads.mentioned(&expr.text.text);
        let variables = scope.variables();
        let (filter, mut findings) = self.slot_scope(&variables, scope).filter(&expr.text, &row);
        if filter.is_none() {
            self.blame_order(&expr.text, &mut findings);
        }
        self.blame_comment(expr.cut, &mut findings);
        self.findings.append(&mut findings);
        let filter = filter?;
        match &bound.system.filter {
            Some(rules) => {
                self.check_filter(&filter, rules, bound.system, expr.span);
                self.check_searched(&filter, &declared.of, bound);
            }
            None => {
                let message = format!("{} takes no condition", bound.system.title);
                self.say(Diagnostic::error(Code::F0364, message, expr.span));
            }
        }
        let inputs = variables.into_iter().map(|(name, _)| name).collect();
        Some(Param::Filter { filter, inputs })
    }

    /// The type of one row that a condition is about.
    fn row(&self, bound: &Bound<'_>) -> Option<Type> {
        if let Some(entity) = bound.entity {
            return self.compiler.types.payload(&entity.ty);
        }
        match self.compiler.types.resolve(&bound.operation.result().ty, bound.system, None)?.kind {
            Kind::List(row) => Some(row.as_ref().clone()),
            _ => None,
        }
    }

    /// Only some columns can be searched for.
    fn check_searched(&mut self, filter: &Filter, searchable: &[String], bound: &Bound<'_>) {
        let (column, span) = match filter {
            Filter::And(parts) | Filter::Or(parts) => {
                return parts.iter().for_each(|part| self.check_searched(part, searchable, bound));
            }
            Filter::Not(inner) => return self.check_searched(inner, searchable, bound),
            Filter::Compare { column, span, .. }
            | Filter::In { column, span, .. }
            | Filter::Function { column, span, .. } => (column, *span),
        };
        let Some(first) = column.path.first().map(|part| part.as_str()) else { return };
        if searchable.is_empty() || searchable.iter().any(|known| known == first) {
            return;
        }
        let message = format!("`{}` cannot search by `{first}`", bound.operation.name);
        self.say(Diagnostic::error(Code::F0364, message, span).help(format!("it can by: {}", searchable.join(", "))));
    }

    /// Paths to objects that stand in the answer instead of their ids.
    pub(super) fn expand_param(&mut self, bound: &Bound<'_>, node: &Node) -> Option<Vec<Text>> {
        let paths: Vec<Spanned<Word>> = self.read(node)?;
        let rules = bound.system.expand.as_ref()?;
        let ty = self.compiler.types.resolve(&bound.operation.result().ty, bound.system, bound.entity)?;
        let mut found = Vec::new();
        for path in paths {
            let refused = match rules.apply(self.compiler.types, bound.system, &ty, &path) {
                _ if path.value.0.split('.').count() > rules.depth => {
                    Some((format!("`{}` goes through more than {} objects", path.value.0, rules.depth), None))
                }
                Ok(_) => None,
                Err(wrong) => {
                    let of =
                        if wrong.part == *path.value.0 { String::new() } else { format!(" of `{}`", path.value.0) };
                    let message = format!("`{}`{of} is no object that can be asked for", wrong.part);
                    let help = match did_you_mean(&wrong.part, wrong.known.iter().map(String::as_str)) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None if wrong.known.is_empty() => "nothing below it can be expanded".to_string(),
                        None => format!("what can: {}", wrong.known.join(", ")),
                    };
                    Some((message, Some(help)))
                }
            };
            match refused {
                None => found.push(text(&path)),
                Some((message, help)) => {
                    let finding = Diagnostic::error(Code::F0477, message, path.span);
                    self.say(help.into_iter().fold(finding, Diagnostic::help));
                }
            }
        }
        Some(found)
    }

    /// What the system's own filter cannot say is an error here: nothing is filtered afterwards.
    fn check_filter(&mut self, filter: &Filter, rules: &FilterRules, system: &System, whole: Span) {
        let mut refuse = |what: &str, span: Span| {
            let message = format!("{} cannot be asked with {what}", system.title);
            let help = "use what the system can say, or look up more and choose in a `transform`";
            self.say(Diagnostic::error(Code::F0364, message, span).help(help));
        };
        match filter {
            Filter::And(parts) | Filter::Or(parts) => {
                let word = if matches!(filter, Filter::And(_)) { "and" } else { "or" };
                if !rules.allows(word) {
                    refuse(&format!("`{word}`"), whole);
                }
                parts.iter().for_each(|part| self.check_filter(part, rules, system, whole));
            }
            Filter::Not(inner) => {
                if !rules.allows("not") {
                    refuse("`not`", whole);
                }
                self.check_filter(inner, rules, system, whole);
            }
            Filter::Compare { op, column, span, .. } => {
                let written = op.as_str();
                let is_enum = column.ty.facts.as_ref().is_some_and(|facts| facts.closed);
                let only_equal = is_enum && rules.enums == EnumForm::Typed;
                if !rules.allows(written) || only_equal && !matches!(op, CompareOp::Equal | CompareOp::NotEqual) {
                    refuse(&format!("`{written}`"), *span);
                }
            }
            Filter::In { span, .. } => {
                if rules.within.is_none() {
                    refuse("`in`", *span);
                }
            }
            Filter::Function { name, span, .. } => {
                if !rules.functions.contains_key(name.as_str()) {
                    refuse(&format!("`{name}`"), *span);
                }
            }
        }
    }

    /// Names of columns of the entity.
    pub(super) fn columns_param(&mut self, bound: &Bound<'_>, node: &Node) -> Option<Vec<Text>> {
        let names: Vec<Spanned<Word>> = self.read(node)?;
        let row = self.compiler.types.payload(&bound.entity?.ty)?;
        let fields = row.fields()?;
        let mut columns = Vec::new();
        for name in names {
            if fields.fields.contains_key(&*name.value.0) {
                columns.push(text(&name));
                continue;
            }
            let entity = bound.entity.map_or("", |entity| entity.name.as_str());
            let message = format!("`{entity}` has no column `{}`", name.value.0);
            let finding = Diagnostic::error(Code::F0360, message, name.span);
            let meant = did_you_mean(&name, fields.fields.keys().map(|name| name.as_str()));
            self.say(match meant {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(name.span, meant),
                None => finding,
            });
        }
        Some(columns)
    }

    pub(super) fn literal_param(&mut self, declared: &Declared, node: &Node) -> Option<Value> {
        let named = |name: &str| matches!(&declared.ty, Some(TypeRef::Named(ty)) if ty == name);
        if named("bool") {
            let flag: Spanned<crate::model::values::Flag> = self.read(node)?;
            return Some(Value::Bool(flag.value.0));
        }
        if named("int") {
            let count: Configurable<Count> = self.read(node)?;
            return self.count(&count).map(|count| Value::Number(Number::from(count as i64)));
        }
        if matches!(declared.ty, Some(TypeRef::List(_))) {
            let words: Vec<Spanned<Word>> = self.read(node)?;
            return Some(words.iter().map(|word| Value::Text(text(word))).collect());
        }
        if !declared.one_of.is_empty() {
            let words: Vec<&str> = declared.one_of.iter().map(String::as_str).collect();
            let mut reader = Reader::default();
            let word = reader.word(node, &words);
            self.findings.append(&mut reader.findings);
            return word.map(|word| Value::Text(Text::from(word)));
        }
        let word: Configurable<Word> = self.read(node)?;
        self.word(&word).map(Value::Text)
    }
}
