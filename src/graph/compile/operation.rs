//! Lookups and calls: the operation of the catalogue, its connection, its parameters, and why a repeat is safe.

use super::params::list;
use super::scope::Scope;
use super::{Work, text};
use crate::catalog::{self, Entity, FilterRules, Param as Declared, ParamKind, ParamPlace, System, TypeRef};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::graph::{Operation, Param, Repeat, RepeatBy};
use crate::language::check::{Assigned, Checked};
use crate::language::code::CompareOp;
use crate::language::filter::Filter;
use crate::language::types::{Field, Kind, RecordType, Type, TypeSource};
use crate::model::flow::{BlankKey, Call, Lookup, OnMissing};
use crate::model::read::{Params, Read, Reader, Spanned};
use crate::model::slot::{Configurable, Expr};
use crate::model::values::Word;
use crate::model::yaml::{Key, Node};
use crate::value::{Number, Text, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// An operation with all that its parameters depend on.
pub(super) struct Bound<'a> {
    pub system: &'a System,
    operation: &'a catalog::Operation,
    entity: Option<&'a Entity>,
}

impl<'a> Work<'a> {
    pub(super) fn lookup(&mut self, lookup: &Lookup, scope: &Scope) -> Option<Operation> {
        let mut operation =
            self.operation(&lookup.operation, lookup.connection.as_ref(), &lookup.params, scope, false)?;
        let on_missing = match &lookup.on_missing {
            Some(value) => self.given(value, "`on_missing` stands in the flow itself")?,
            None => OnMissing::Fail,
        };
        let blank_key = match &lookup.blank_key {
            Some(value) => self.given(value, "`blank_key` stands in the flow itself")?,
            None => BlankKey::Fail,
        };
        operation.missing_continues = on_missing == OnMissing::Continue;
        operation.cache = match &lookup.cache {
            Some(time) => Some(self.duration(time)?),
            None => None,
        };
        operation.blank_is_missing = blank_key == BlankKey::Missing;
        let is_list = matches!(operation.result.kind, Kind::List(_));
        if (operation.missing_continues || operation.blank_is_missing) && !is_list {
            operation.result = operation.result.or_missing();
        }
        Some(operation)
    }

    pub(super) fn call(&mut self, call: &Call, scope: &Scope) -> Option<Operation> {
        self.operation(&call.operation, call.connection.as_ref(), &call.params, scope, true)
    }

    pub(super) fn operation(
        &mut self,
        name: &Spanned<Word>,
        connection_written: Option<&Configurable<Word>>,
        written: &Params,
        scope: &Scope,
        writes: bool,
    ) -> Option<Operation> {
        let catalog = self.compiler.catalog;
        let Some((system, operation)) = catalog.operation(name) else {
            let message = format!("there is no operation `{}`", name.value.0);
            self.say(Diagnostic::error(Code::F0355, message, name.span).help(catalog.operation_help(name, writes)));
            return None;
        };
        if operation.writes() != writes {
            let (does, verb) = if writes { ("reads", "lookup") } else { ("writes", "call") };
            let message = format!("`{}` {does}: it belongs under `{verb}`", operation.name);
            self.say(Diagnostic::error(Code::F0356, message, name.span));
            return None;
        }
        let connection = match system.is_engine() {
            true => self.no_connection(operation, connection_written),
            false => self.connection_of(system, connection_written, name.span),
        };
        let entity = self.entity(system, operation, written, name.span)?;
        let bound = Bound { system, operation, entity };
        let before = self.findings.len();
        let mut params = Vec::new();
        let mut body: Option<(Type, Option<Assigned>, Span)> = None;
        let mut body_reads: Vec<Vec<Text>> = Vec::new();
        let mut columns: Vec<Text> = Vec::new();
        let mut selected: Option<Vec<Text>> = None;
        let mut given_type: Option<Type> = None;
        let mut given_repeat: Option<Repeat> = None;
        let mut expanded: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for (key, node) in &written.entries {
            let Some((param_name, declared)) = operation.param(&key.text) else {
                self.unknown_param(operation, key);
                continue;
            };
            seen.insert(param_name.to_string());
            match declared.kind {
                ParamKind::Entity => {}
                ParamKind::Expr => {
                    let Some((param, checked, ty)) = self.expression_param(&bound, declared, node, scope) else {
                        continue;
                    };
                    if param_name == "body" {
                        body_reads = checked.reads.clone();
                        body = Some((ty.clone(), checked.assigns, node.span));
                    }
                    params.push((text(param_name), param));
                }
                ParamKind::Filter => {
                    if let Some(param) = self.filter_param(&bound, declared, node, scope) {
                        params.push((text(param_name), param));
                    }
                }
                ParamKind::Expand => {
                    if let Some(paths) = self.expand_param(&bound, node) {
                        expanded = paths.iter().map(|path| path.to_string()).collect();
                        params.push((
                            text(param_name),
                            Param::Literal(Value::from(paths.into_iter().map(Value::Text).collect::<Vec<_>>())),
                        ));
                    }
                }
                ParamKind::Columns => {
                    let Some(names) = self.columns_param(&bound, node) else { continue };
                    if declared.of.is_empty() {
                        selected = Some(names.clone());
                    } else {
                        columns = names.clone();
                    }
                    params.push((text(param_name), Param::Columns(names)));
                }
                ParamKind::Link | ParamKind::Total | ParamKind::Rate => {
                    if let Some(name) = self.declared_param(declared.kind, node) {
                        params.push((text(param_name), Param::Literal(name)));
                    }
                }
                ParamKind::Path => {
                    if let Some(slot) = self.path_param(node, scope) {
                        params.push((text(param_name), Param::Slot(slot)));
                    }
                }
                ParamKind::Repeat => {
                    if let Some((repeat, word)) = self.repeat_param(system, node) {
                        given_repeat = Some(repeat);
                        params.push((text(param_name), Param::Literal(word)));
                    }
                }
                ParamKind::Paging => {
                    if let Some(paging) = self.paging_param(node) {
                        params.push((text(param_name), Param::Literal(paging)));
                    }
                }
                ParamKind::Literal if declared.ty == Some(TypeRef::Type) => {
                    // Of a list it is the type of one row.
                    let is_list = matches!(operation.result().ty, TypeRef::List(_));
                    given_type = self.type_param(node, scope).map(|ty| if is_list { Type::list(ty) } else { ty });
                }
                ParamKind::Literal => {
                    if let Some(value) = self.literal_param(declared, node) {
                        params.push((text(param_name), Param::Literal(value)));
                    }
                }
                ParamKind::Writes => {
                    if let Some(members) = self.members(system, declared, node, connection_written, scope) {
                        params.push((text(param_name), Param::Writes(members)));
                    }
                }
                _ => self.unsupported(&format!("the parameter `{}`", key.text), key.span),
            }
        }
        if scope.alone {
            // A poll has a condition of its own.
            seen.insert("where".to_string());
        }
        self.missing_params(operation, written, &seen, name.span);
        let body_type = body.as_ref().map(|(ty, ..)| ty.clone());
        if writes && let Some((_, assigned, span)) = &body {
            self.check_body(&bound, assigned.as_ref(), &columns, *span);
            // A column that is never assigned comes from nowhere: that has been said.
            let said = |finding: &Diagnostic| finding.code == Code::F0362 || finding.code == Code::F0363;
            if !columns.is_empty() && !self.findings[before..].iter().any(said) {
                self.check_found(&body_reads, scope, *span);
            }
        }
        let chosen = entity.is_some_and(Entity::is_chosen);
        let settle = connection.and_then(|name| self.compiler.connections.get(name)).and_then(|facts| facts.settle);
        let members = params.iter().find_map(|(_, param)| match param {
            Param::Writes(members) => Some(members),
            _ => None,
        });
        let (repeat, result) = match members {
            Some(members) => super::changeset::judge(members),
            None => {
                let repeat = given_repeat.or_else(|| self.repeat(&bound, chosen, &columns, settle, name.span));
                (repeat, given_type.or_else(|| self.result(&bound, selected.as_deref(), &expanded)))
            }
        };
        // In the catalogue's order, whatever the order in the file.
        let place = |name: &Text| operation.params.get_index_of(name.as_str()).unwrap_or(usize::MAX);
        params.sort_by_key(|(name, _)| place(name));
        if self.findings[before..].iter().any(|f| f.severity == crate::diagnostics::Severity::Error) {
            return None;
        }
        Some(Operation {
            name: text(&operation.name),
            connection: text(connection?),
            writes,
            entity: entity.map(|entity| text(&entity.name)),
            params,
            body: body_type,
            result: result?,
            repeat: repeat?,
            missing_continues: false,
            blank_is_missing: false,
            cache: None,
            one_at_a_time: entity.and_then(|entity| entity.one_at_a_time.as_deref()).filter(|_| writes).map(text),
        })
    }

    /// What the engine does itself has no connection: its name is the empty text.
    fn no_connection(
        &mut self,
        operation: &catalog::Operation,
        written: Option<&Configurable<Word>>,
    ) -> Option<&'static str> {
        let Some(written) = written else { return Some("") };
        let message = format!("`{}` has no connection: flowctl does it itself", operation.name);
        self.say(Diagnostic::error(Code::F0425, message, written.span()).help("take `connection` out"));
        None
    }

    /// The connection written, or the only one of that system.
    fn connection_of(&mut self, system: &System, written: Option<&Configurable<Word>>, span: Span) -> Option<&'a str> {
        let compiler = self.compiler;
        if let Some(written) = written {
            let name = self.word(written)?;
            let facts = self.connection(&name, written.span())?;
            if facts.system != system.name {
                let message = format!("connection `{name}` is of system {}, not {}", facts.system, system.name);
                self.say(Diagnostic::error(Code::F0354, message, written.span()));
                return None;
            }
            return compiler.connections.get_key_value(name.as_str()).map(|(name, _)| name.as_str());
        }
        let of_system: Vec<&String> = compiler
            .connections
            .iter()
            .filter(|(_, facts)| facts.system == system.name)
            .map(|(name, _)| name)
            .collect();
        match of_system[..] {
            [only] => Some(only),
            [] => {
                let message = format!("there is no connection to {}", system.title);
                let help = format!("add one with `system: {}` to connections.yaml", system.name);
                self.say(Diagnostic::error(Code::F0354, message, span).help(help));
                None
            }
            _ => {
                let message = format!("there are several connections to {}", system.title);
                let help = format!("name one with `connection:`: {}", list(of_system.into_iter()));
                self.say(Diagnostic::error(Code::F0354, message, span).help(help));
                None
            }
        }
    }

    /// The entity, where the operation has one. The outer `None`: it has an error.
    fn entity(
        &mut self,
        system: &'a System,
        operation: &'a catalog::Operation,
        written: &Params,
        span: Span,
    ) -> Option<Option<&'a Entity>> {
        let Some((param, _)) = operation.params.iter().find(|(_, param)| param.kind == ParamKind::Entity) else {
            return Some(None);
        };
        let Some(node) = written.get(param) else {
            let message = format!("`{}` needs `{param}`", operation.name);
            self.say(Diagnostic::error(Code::F0359, message, span).help(system.entity_help("")));
            return None;
        };
        let name: Spanned<Word> = self.read(node)?;
        let Some(entity) = system.entities.get(&*name.value.0) else {
            let message = format!("{} has no entity `{}`", system.title, name.value.0);
            self.say(Diagnostic::error(Code::F0357, message, name.span).help(system.entity_help(&name)));
            return None;
        };
        let does = operation.short_name();
        if !entity.can.iter().any(|can| can == does) {
            let message = format!("`{}` cannot be used with `{}`", operation.name, entity.name);
            let help = format!("what it can: {}", entity.can.join(", "));
            self.say(Diagnostic::error(Code::F0357, message, name.span).help(help));
            return None;
        }
        Some(Some(entity))
    }

    pub(super) fn unknown_param(&mut self, operation: &catalog::Operation, key: &Key) {
        let finding =
            Diagnostic::error(Code::F0358, format!("`{}` has no parameter `{}`", operation.name, key.text), key.span);
        let known: Vec<&str> = operation.param_names().collect();
        self.say(match did_you_mean(&key.text, known.iter().copied()) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(key.span, meant),
            None => finding.help(format!("its parameters: {}", known.join(", "))),
        });
    }

    pub(super) fn missing_params(
        &mut self,
        operation: &catalog::Operation,
        written: &Params,
        seen: &BTreeSet<String>,
        span: Span,
    ) {
        // One written wrong has been said, and is not missing as well.
        let unknown: Vec<&str> = written.entries.iter().map(|(key, _)| &*key.text).collect();
        let unknown = || unknown.iter().copied().filter(|key| operation.param(key).is_none());
        let meant = |name: &str| unknown().any(|key| did_you_mean(key, [name]).is_some());
        for (name, declared) in &operation.params {
            let written = if declared.key { "key" } else { name };
            if declared.required && !seen.contains(name) && declared.kind != ParamKind::Entity && !meant(written) {
                self.say(Diagnostic::error(Code::F0359, format!("`{}` needs `{written}`", operation.name), span));
            }
        }
        let needed = &operation.needs_one_of;
        if !needed.is_empty() && !needed.iter().any(|name| seen.contains(name) || meant(name)) {
            let message = format!("`{}` needs one of: {}", operation.name, needed.join(", "));
            let finding = Diagnostic::error(Code::F0359, message, span);
            self.say(if needed.iter().any(|name| name == "all") {
                finding.help("a lookup of everything says `all: true`")
            } else {
                finding
            });
        }
    }

    pub(super) fn read<T: Read>(&mut self, node: &Node) -> Option<T> {
        let mut reader = Reader::default();
        let value = T::read(node, &mut reader);
        self.findings.append(&mut reader.findings);
        value
    }

    /// An expression; also the type that it is checked against.
    fn expression_param(
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

    fn filter_param(&mut self, bound: &Bound<'_>, declared: &Declared, node: &Node, scope: &Scope) -> Option<Param> {
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
    fn expand_param(&mut self, bound: &Bound<'_>, node: &Node) -> Option<Vec<Text>> {
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
                let only_equal = is_enum && rules.enums == catalog::EnumForm::Typed;
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
    fn columns_param(&mut self, bound: &Bound<'_>, node: &Node) -> Option<Vec<Text>> {
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
            let count: Configurable<crate::model::values::Count> = self.read(node)?;
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

    /// What a new row must have, and what finds it again, has to be assigned on every path.
    fn check_body(&mut self, bound: &Bound<'_>, assigned: Option<&Assigned>, find_by: &[Text], span: Span) {
        let (Some(entity), true) = (bound.entity, bound.operation.short_name() == "create") else { return };
        let Some(assigned) = assigned else { return };
        let company = bound.system.company.as_deref();
        let referred = self.referred.clone();
        let mut demand = |code: Code, column: &str, why: &str| {
            let assigns = |known: &Text| known.as_str() == column;
            if Some(column) == company || assigned.always.iter().chain(&referred).any(assigns) {
                return;
            }
            let sometimes = assigned.sometimes.iter().any(|known| known.as_str() == column);
            let how = if sometimes { "not assigned on every path" } else { "never assigned" };
            let message = format!("`{column}` of `{}` is {how}", entity.name);
            self.say(Diagnostic::error(code, message, span).help(why));
        };
        for column in &entity.required {
            demand(Code::F0363, column, "the system refuses a new row without it");
        }
        for column in entity.chosen.iter().filter(|column| !entity.required.contains(column)) {
            demand(Code::F0372, column, "the caller chooses this key column: with it a retry finds its own row");
        }
        for column in find_by {
            demand(Code::F0362, column, "`find_by` names it: a retry looks for its own row with this value");
        }
    }

    fn repeat(
        &mut self,
        bound: &Bound<'_>,
        chosen: bool,
        find_by: &[Text],
        settle: Option<Duration>,
        span: Span,
    ) -> Option<Repeat> {
        let operation = bound.operation;
        let immediate = |by, reason: &str| Repeat {
            by,
            settle: Duration::ZERO,
            remembers: None,
            look: false,
            reason: reason.into(),
        };
        if !operation.writes() {
            return Some(immediate(RepeatBy::Read, "it only reads"));
        }
        let Some(entry) = operation.repeat(chosen, !find_by.is_empty()) else {
            return Some(immediate(
                RepeatBy::None,
                "nothing tells whether it was done: an uncertain attempt waits for a person",
            ));
        };
        // A repeat with an id of our own cannot make a second row, however late the first attempt comes.
        let settle = match entry.by {
            catalog::RepeatBy::MadeKey => Duration::ZERO,
            _ => settle.or(entry.settle).unwrap_or_default(),
        };
        let look = entry.find.is_some();
        let columns: Vec<&str> = find_by.iter().map(|column| column.as_str()).collect();
        let (by, reason) = match entry.by {
            catalog::RepeatBy::Header => {
                let header = entry.header.as_deref().unwrap_or("a header");
                let memory = match entry.remembers {
                    Some(time) => format!("for {}", crate::value::time::write_duration(time)),
                    None => "for ever".into(),
                };
                (RepeatBy::Header, format!("{} knows a repeat by {header}, {memory}", bound.system.title))
            }
            catalog::RepeatBy::Key => {
                let key = bound.entity.map(|entity| entity.chosen.join(", ")).unwrap_or_default();
                (RepeatBy::Key, format!("the flow chooses the key ({key}): a repeat meets its own row"))
            }
            catalog::RepeatBy::MadeKey => {
                (RepeatBy::Made, "the row's id is made of the step's key: a repeat meets its own row".into())
            }
            catalog::RepeatBy::Set => (RepeatBy::Set, "writing the same again changes nothing".into()),
            // The set is found by its first write.
            catalog::RepeatBy::FindBy if columns.is_empty() && self.behind_first => {
                (RepeatBy::None, "it is part of a change set".into())
            }
            catalog::RepeatBy::FindBy if columns.is_empty() => {
                let message = format!("a retry of `{}` could make a second row", operation.name);
                let help = "write `find_by:` with columns of the body that name this row and no other, such as an id of the event";
                self.say(Diagnostic::error(Code::F0361, message, span).help(help));
                return None;
            }
            catalog::RepeatBy::FindBy => {
                let wait = crate::value::time::write_duration(settle);
                (RepeatBy::FindBy, format!("a retry looks for its own row by {} after {wait}", columns.join(", ")))
            }
            // Its writes have errors, which are said there.
            catalog::RepeatBy::FirstWrite => return None,
            catalog::RepeatBy::Transaction => {
                (RepeatBy::Transaction, "it is written together with the step's result, or neither is".into())
            }
            catalog::RepeatBy::None if look => {
                let reason = "after an uncertain attempt it is looked whether it was done; if not, a person is asked";
                (RepeatBy::None, reason.into())
            }
            catalog::RepeatBy::None => {
                (RepeatBy::None, "nothing tells whether it was done: an uncertain attempt waits for a person".into())
            }
        };
        Some(Repeat { by, settle, remembers: entry.remembers, look, reason })
    }

    /// What the step gives.
    fn result(&mut self, bound: &Bound<'_>, selected: Option<&[Text]>, expanded: &[String]) -> Option<Type> {
        let declared = &bound.operation.result().ty;
        if *declared == TypeRef::None {
            return Some(Type::never().or_missing());
        }
        let mut ty = self.compiler.types.resolve(declared, bound.system, bound.entity)?;
        for path in expanded {
            let rules = bound.system.expand.as_ref()?;
            ty = rules.apply(self.compiler.types, bound.system, &ty, path).ok()?;
        }
        if let Some(selected) = selected {
            ty = only(&ty, selected);
        }
        if matches!(bound.operation.short_name(), "create" | "upsert")
            && let Some(record) = ty.fields()
        {
            let mut record = record.clone();
            record.fields.insert("created".into(), Field::plain(Type::bool()));
            ty = Type::record(record);
        }
        Some(ty)
    }
}

/// The type with only the selected columns: others cannot be read.
fn only(ty: &Type, selected: &[Text]) -> Type {
    match &ty.kind {
        Kind::List(element) => Type::list(only(element, selected)),
        Kind::Record(record) => {
            let fields = record.fields.iter().filter(|(name, _)| selected.contains(name));
            let fields = fields.map(|(name, field)| (name.clone(), field.clone())).collect();
            Type::record(RecordType { name: record.name.clone(), fields })
        }
        _ => ty.clone(),
    }
}
