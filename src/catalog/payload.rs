//! Payload types: JSON Schema files → types of the mapping language.
//!
//! `schemas/types/stripe/charge.json` is the type `stripe.charge`. Its parts have names too, found in this order at
//! each dot: a definition of the file (`$defs`), a property (of a list its element, of a map its values), the singular
//! of a list's name (`order.item` is an element of `items`). A project's `types/stripe/charge.json` adds to the bundled
//! type of that name, or makes a new one.

use super::scalar::TypeRef;
use super::schema::{Format, JsonKind, Schema, WrittenForm};
use super::system::{Entity, System};
use super::{Catalog, EventGroup};
use crate::diagnostics::{Code, Diagnostic, FileId, Source, Span};
use crate::language::types::{Facts, Field, Form, Kind, RecordType, Type, TypeSource};
use crate::value::Text;
use indexmap::IndexMap;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// All payload types of a project: the bundled ones and its own.
#[derive(Clone, Debug, Default)]
pub struct Types {
    /// Whole types and definitions of their files, by dotted name.
    types: Arc<BTreeMap<String, Type>>,
    /// What was made of them: every flow asks for the same bodies and events, which share their memory then.
    made: Arc<RwLock<HashMap<Made, Type>>>,
}

/// A type that is made of payload types.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Made {
    /// A payload type as it is written, by its name.
    Written(String),
    /// What a trigger sees of an event: the system, the event.
    Event(String, String),
    /// A payload type whose row may have been made just now, by its name.
    Created(String),
}

/// Deepest nesting of a type, references followed. A type that refers to itself ends here.
const NESTING: usize = 24;

impl Types {
    pub(super) fn from_map(types: BTreeMap<String, Type>) -> Types {
        Types { types: Arc::new(types), made: Arc::default() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Type)> {
        self.types.iter()
    }

    /// What `make` gives, made once.
    fn once<T: Into<Option<Type>>>(&self, what: Made, make: impl FnOnce() -> T) -> Option<Type> {
        let known = self.made.read().unwrap_or_else(PoisonError::into_inner).get(&what).cloned();
        known.or_else(|| {
            let made = make().into()?;
            let mut all = self.made.write().unwrap_or_else(PoisonError::into_inner);
            Some(all.entry(what).or_insert(made).clone())
        })
    }

    /// The bundled types, extended by the project's `types/SYSTEM/NAME.json`.
    pub fn new<'f>(
        catalog: &Catalog,
        project: impl IntoIterator<Item = (FileId, &'f Source)>,
    ) -> (Types, Vec<Diagnostic>) {
        let (catalog, diagnostics) = catalog.of_project(project);
        (Types::bundled(&catalog), diagnostics)
    }

    /// The types of schemas, some of which have a project's file.
    pub(super) fn of(
        schemas: &BTreeMap<String, Schema>,
        files: &BTreeMap<String, (FileId, &Source)>,
    ) -> (Types, Vec<Diagnostic>) {
        let mut types = BTreeMap::new();
        let mut diagnostics = vec![];
        let referred = RefCell::default();
        for (name, schema) in schemas {
            let builder = Builder { schemas, root: name, referred: &referred };
            let definitions = schema.defs.iter().map(|(part, definition)| (format!("{name}.{part}"), definition));
            for (full, schema) in definitions.chain([(name.clone(), schema)]) {
                let built = match full == *name {
                    true => builder.whole(schema, name),
                    false => builder.build(schema, &full, 1),
                };
                match built {
                    Ok(ty) => drop(types.insert(full, ty)),
                    Err(problem) => {
                        diagnostics.push(match files.get(name) {
                            Some((file, source)) => problem.in_file(*file, &source.text),
                            None => Diagnostic::general(Code::F0421, format!("{full}: {}", problem.message)),
                        });
                    }
                }
            }
        }
        (Types::from_map(types), diagnostics)
    }

    /// The types of a catalogue: the bundled ones, and of a project's catalogue its own beside them.
    pub fn bundled(catalog: &Catalog) -> Types {
        catalog.types.get_or_init(|| Types::of(&catalog.schemas, &BTreeMap::new()).0).clone()
    }

    /// The type that the catalogue means by `ty`; `entity` is the one in hand, where the operation has one.
    /// `None` for what is no type by itself (`writes`, `type`, `none`) and for names that nobody knows.
    pub fn resolve(&self, ty: &TypeRef, system: &System, entity: Option<&Entity>) -> Option<Type> {
        match ty {
            TypeRef::Named(name) => plain(name).or_else(|| self.payload(name)),
            TypeRef::Key => Some(self.key(system, entity?)),
            TypeRef::AlternateKey => Some(self.alternate_key(entity?)),
            TypeRef::Row => self.payload(&entity?.ty),
            TypeRef::Body => self.written(&entity?.ty),
            TypeRef::Partial(of) => match &**of {
                TypeRef::Named(name) if plain(name).is_none() => self.written(name),
                of => Some(written(&self.resolve(of, system, entity)?)),
            },
            TypeRef::List(of) => Some(Type::list(self.resolve(of, system, entity)?)),
            TypeRef::Map(of) => Some(Type::map(self.resolve(of, system, entity)?)),
            TypeRef::Writes | TypeRef::Type | TypeRef::None => None,
        }
    }

    fn written(&self, name: &str) -> Option<Type> {
        self.once(Made::Written(name.to_string()), || Some(written(&self.payload(name)?)))
    }

    /// A payload type as an operation gives it that may have made the row: `created` says whether it has.
    pub fn created(&self, name: &str) -> Option<Type> {
        self.once(Made::Created(name.to_string()), || {
            let ty = self.payload(name)?;
            let mut record = ty.fields()?.clone();
            record.fields.insert("created".into(), Field::plain(Type::bool()));
            Some(Type::record(record))
        })
    }

    /// An entity's key as a record of its key columns. The company's column may be left out.
    pub fn key(&self, system: &System, entity: &Entity) -> Type {
        let row = self.payload(&entity.ty);
        let columns = row.as_ref().and_then(Type::fields);
        let fields = entity.key.iter().map(|name| {
            let known = columns.and_then(|columns| columns.fields.get(name.as_str()));
            let ty = known.map_or_else(Type::text, |field| field.ty.clone()).present();
            let company = system.company.as_ref() == Some(name);
            (Text::from(name.as_str()), Field::plain(if company { ty.or_missing() } else { ty }))
        });
        Type::record(RecordType { name: None, fields: fields.collect() })
    }

    /// The columns of all alternate keys of an entity, each where it is the one that is meant.
    fn alternate_key(&self, entity: &Entity) -> Type {
        let row = self.payload(&entity.ty);
        let columns = row.as_ref().and_then(Type::fields);
        let one = entity.alternate_keys.len() == 1;
        let fields = entity.alternate_keys.iter().flatten().map(|name| {
            let known = columns.and_then(|columns| columns.fields.get(name.as_str()));
            let ty = known.map_or_else(Type::text, |field| field.ty.clone()).present();
            (Text::from(name.as_str()), Field::plain(if one { ty } else { ty.or_missing() }))
        });
        Type::record(RecordType { name: None, fields: fields.collect() })
    }

    /// What a flow sees as `event`: the envelope with the event's own payload in its place, the payload where there is
    /// no envelope, what its decoder gives, anything where the catalogue knows no type. `name` as [`System::event`] calls it.
    pub fn event(&self, system: &System, group: &EventGroup, name: &str) -> Type {
        let what = Made::Event(system.name.clone(), name.to_string());
        self.once(what, || self.event_type(system, group, name)).unwrap_or_else(Type::any)
    }

    fn event_type(&self, system: &System, group: &EventGroup, name: &str) -> Type {
        if !group.gives.is_empty() {
            let entity = name.split_once('.').and_then(|(entity, _)| system.entities.get(entity));
            let fields = group.gives.iter().map(|(field, given)| {
                let ty = self.resolve_read(&given.ty, system, entity).unwrap_or_else(Type::any);
                (Text::from(field.as_str()), Field::plain(if given.optional { ty.or_missing() } else { ty }))
            });
            return Type::record(RecordType { name: None, fields: fields.collect() });
        }
        let payload = group.event(name).and_then(|(_, event)| self.payload(&event.ty));
        let Some(envelope) = group.envelope.as_ref().and_then(|envelope| self.payload(envelope)) else {
            return payload.unwrap_or_else(Type::any);
        };
        match (&group.at, payload) {
            (Some(at), Some(payload)) => put(&envelope, &at.split('.').collect::<Vec<_>>(), &payload),
            _ => envelope,
        }
    }

    /// The type of what comes in: a part of a row is any of the columns that can be read.
    fn resolve_read(&self, ty: &TypeRef, system: &System, entity: Option<&Entity>) -> Option<Type> {
        let TypeRef::Partial(of) = ty else { return self.resolve(ty, system, entity) };
        let row = self.resolve(of, system, entity)?;
        let record = row.fields()?;
        let fields = record.fields.iter().filter(|(_, field)| !field.write_only);
        let fields =
            fields.map(|(name, field)| (name.clone(), Field { ty: field.ty.clone().or_missing(), ..field.clone() }));
        Some(Type::record(RecordType { name: record.name.clone(), fields: fields.collect() }))
    }
}

impl TypeSource for Types {
    fn payload(&self, name: &str) -> Option<Type> {
        if let Some(ty) = self.types.get(name) {
            return Some(ty.clone());
        }
        let (base, part) = name.rsplit_once('.')?;
        let base = self.payload(base)?;
        let record = element(&base).fields()?;
        let field = record.fields.get(part).or_else(|| {
            let plural = record.fields.get(format!("{part}s").as_str())?;
            matches!(plural.ty.kind, Kind::List(_)).then_some(plural)
        })?;
        Some(element(&field.ty).clone().present())
    }

    fn payload_names(&self) -> Vec<String> {
        self.types.keys().cloned().collect()
    }
}

/// A list's element, a map's value, anything else as it is.
fn element(ty: &Type) -> &Type {
    match &ty.kind {
        Kind::List(of) | Kind::Map(of) => element(of),
        _ => ty,
    }
}

/// A type of the language itself.
fn plain(name: &str) -> Option<Type> {
    Some(match name {
        "text" => Type::text(),
        "int" => Type::int(),
        "decimal" => Type::decimal(),
        "bool" => Type::bool(),
        "date" => Type::date(),
        "time" => Type::time(),
        "money" => Type::money(),
        "any" => Type::any(),
        _ => return None,
    })
}

/// A record as it is written: no read-only fields, and each may be left out. What a create must have stands at the
/// entity.
fn written(ty: &Type) -> Type {
    match &ty.kind {
        Kind::Record(record) => {
            let writable = record.fields.iter().filter(|(_, field)| !field.read_only);
            let fields = writable.map(|(name, field)| {
                let ty = written(&field.ty).or_missing();
                (name.clone(), Field { ty, ..field.clone() })
            });
            let record = RecordType { name: record.name.clone(), fields: fields.collect() };
            Type { kind: Kind::Record(Arc::new(record)), ..ty.clone() }
        }
        Kind::List(of) => Type { kind: Kind::List(Arc::new(written(of).present())), ..ty.clone() },
        _ => ty.clone(),
    }
}

/// `ty` with the field at `path` of the type `payload`.
fn put(ty: &Type, path: &[&str], payload: &Type) -> Type {
    let Some((first, rest)) = path.split_first() else { return payload.clone() };
    let Some(record) = ty.fields() else { return ty.clone() };
    let mut record = record.clone();
    if let Some(field) = record.fields.get_mut(*first) {
        field.ty = put(&field.ty, rest, payload);
    }
    Type { kind: Kind::Record(Arc::new(record)), ..ty.clone() }
}

/// What is wrong with a schema that could be read, and the word to look for in its text.
pub(super) struct Problem {
    message: String,
    word: Option<String>,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>, word: Option<String>) -> Problem {
        Problem { message: message.into(), word }
    }

    pub(super) fn in_file(&self, file: FileId, text: &str) -> Diagnostic {
        let quoted = self.word.as_ref().map(|word| format!("\"{word}\""));
        let at = quoted.as_ref().and_then(|quoted| Some((text.find(quoted)?, quoted.len())));
        let (start, length) = at.unwrap_or((0, 0));
        Diagnostic::error(Code::F0421, self.message.clone(), Span::new(file, start, start + length))
    }
}

struct Builder<'s> {
    schemas: &'s BTreeMap<String, Schema>,
    /// The file's type, in which `#/$defs/…` is looked up.
    root: &'s str,
    /// What a `$ref` meant before, by its full name: many types share their parts.
    referred: &'s RefCell<HashMap<String, Type>>,
}

impl Builder<'_> {
    /// A file: what its keys name has to be there.
    fn whole(&self, schema: &Schema, name: &str) -> Result<Type, Problem> {
        if let Some(column) = schema.lacking_key_column() {
            let message = format!("a key of `{name}` names `{column}`, which is no column that can be read");
            return Err(Problem::new(message, Some(column.to_owned())));
        }
        self.build(schema, name, 0)
    }

    fn build(&self, schema: &Schema, name: &str, depth: usize) -> Result<Type, Problem> {
        if depth > NESTING {
            return Err(Problem::new(format!("`{name}` is nested too deeply, or is part of itself"), last(name)));
        }
        if let Some(keyword) = schema.table_keyword().filter(|_| depth > 0 && !self.schemas.contains_key(name)) {
            let message = format!("`{keyword}` stands at the top of a file, not in `{name}`");
            return Err(Problem::new(message, Some(keyword.to_owned())));
        }
        if let Some(reference) = &schema.reference {
            let (root, found, full) = self.find(reference, name)?;
            let known = self.referred.borrow().get(&full).cloned();
            let ty = match known {
                Some(ty) => ty,
                None => {
                    let ty = Builder { root, ..*self }.build(found, &full, depth + 1)?;
                    self.referred.borrow_mut().insert(full, ty.clone());
                    ty
                }
            };
            return Ok(Type { null: ty.null || schema.kind.null, ..ty });
        }
        let bad = |message: String| Problem::new(message, last(name));
        let Some(kind) = schema.kind.kind else { return Ok(Type::any()) };
        let facts = facts(schema);
        let ty = match (kind, schema.format) {
            (JsonKind::String, None | Some(Format::Uuid)) => Type::text(),
            (JsonKind::String, Some(Format::Date)) => Type::date(),
            (JsonKind::String, Some(Format::DateTime)) => Type::time(),
            (JsonKind::String | JsonKind::Number, Some(Format::Decimal)) | (JsonKind::Number, None) => Type::decimal(),
            (JsonKind::Integer, None) => Type::int(),
            (JsonKind::Boolean, None) => Type::bool(),
            (JsonKind::Array, None) => match &schema.items {
                Some(items) => Type::list(self.build(items, name, depth + 1)?),
                None => return Err(bad(format!("`{name}` is a list and does not say of what: `items`"))),
            },
            (JsonKind::Object, None) => self.object(schema, name, depth)?,
            (kind, format) => return Err(bad(format!("`{name}`: {kind:?} has no format {format:?}"))),
        };
        if facts.form == Some(Form::Noon) && ty.kind != Kind::Date {
            return Err(bad(format!("`{name}` is no date: `x-form` does not fit it")));
        }
        let facts = (facts != Facts::default()).then(|| Arc::new(facts));
        Ok(Type { null: schema.kind.null, facts, ..ty })
    }

    fn object(&self, schema: &Schema, name: &str, depth: usize) -> Result<Type, Problem> {
        match (&schema.properties, &schema.additional_properties) {
            (Some(properties), None) => {
                let mut fields = IndexMap::new();
                for (field, property) in properties {
                    let mut ty = self.build(property, &format!("{name}.{field}"), depth + 1)?;
                    ty.missing = !schema.required.contains(field);
                    let known = Field {
                        ty,
                        doc: property.description.as_deref().map(Text::from),
                        read_only: property.read_only,
                        write_only: property.write_only,
                        dropped: false,
                    };
                    fields.insert(Text::from(field.as_str()), known);
                }
                if let Some(unknown) = schema.required.iter().find(|field| !properties.contains_key(*field)) {
                    let message = format!("`required` of `{name}` names `{unknown}`, which is no property");
                    return Err(Problem::new(message, Some(unknown.clone())));
                }
                Ok(Type::record(RecordType { name: Some(Text::from(name)), fields }))
            }
            (None, Some(values)) => Ok(Type::map(self.build(values, name, depth + 1)?)),
            (None, None) => Ok(Type::map(Type::any())),
            (Some(_), Some(_)) => {
                Err(Problem::new(format!("`{name}` is either a record (`properties`) or a map"), last(name)))
            }
        }
    }

    /// What a `$ref` means: the file it stands in, the schema, its name.
    fn find(&self, reference: &str, from: &str) -> Result<(&str, &Schema, String), Problem> {
        let unknown =
            || Problem::new(format!("`{from}` refers to `{reference}`, which is not there"), Some(reference.into()));
        if let Some(part) = reference.strip_prefix("#/$defs/") {
            let found = self.schemas.get(self.root).and_then(|file| file.defs.get(part)).ok_or_else(unknown)?;
            return Ok((self.root, found, format!("{}.{part}", self.root)));
        }
        if let Some((name, found)) = self.schemas.get_key_value(reference) {
            return Ok((name, found, reference.to_owned()));
        }
        let (file, part) = reference.rsplit_once('.').ok_or_else(unknown)?;
        let (name, file) = self.schemas.get_key_value(file).ok_or_else(unknown)?;
        let found = file.defs.get(part).ok_or_else(unknown)?;
        Ok((name, found, reference.to_owned()))
    }
}

fn facts(schema: &Schema) -> Facts {
    let closed = schema.values.iter().flatten().map(|value| (Text::from(value.as_str()), None));
    let open = schema.options.iter().flatten();
    let open = open.map(|(value, label)| (Text::from(value.as_str()), Some(Text::from(label.as_str()))));
    let text_decimal = schema.format == Some(Format::Decimal) && schema.kind.kind == Some(JsonKind::String);
    Facts {
        options: closed.chain(open).collect(),
        closed: schema.values.is_some(),
        enum_name: schema.enum_name.as_deref().map(Text::from),
        max_length: schema.max_length,
        scale: schema.scale,
        form: match schema.form {
            Some(WrittenForm::Noon) => Some(Form::Noon),
            None if text_decimal => Some(Form::DecimalText),
            None if schema.format == Some(Format::Uuid) => Some(Form::Guid),
            None => None,
        },
    }
}

fn last(name: &str) -> Option<String> {
    name.rsplit('.').next().map(str::to_owned)
}
