//! New objects, changes and deletions that a caller may ask for, each held to its payload type and told as an event.

use super::form::Form;
use super::kinds::{Kind, of_segment};
use super::{Known, Origin, Refusal, State, id_of, invalid, missing, new_id, now, text_of};
use crate::language::types::{Kind as TypeKind, Type};
use crate::value::{Record, Text, Value, json};

/// Most keys of metadata.
const MOST_METADATA: usize = 50;

impl State {
    pub(super) fn create(
        &mut self,
        known: &Known,
        kind: &Kind,
        form: &Form,
        origin: &Origin,
    ) -> Result<Record, Refusal> {
        let ty = kind.create.and_then(|name| known.types.get(name));
        let unknown = || Refusal { status: 404, ..invalid("", "Unrecognized request URL.") };
        let given = form.record(ty.ok_or_else(unknown)?, "")?;
        let require = |name: &str| match given.get(name).is_none_or(Value::is_blank) {
            true => {
                Err(Refusal { code: "parameter_missing", ..invalid(name, &format!("Missing required param: {name}.")) })
            }
            false => Ok(()),
        };
        if kind.object == "refund" {
            return self.refund(known, &given, Some(origin));
        }
        let mut object = base(kind);
        let extra = match kind.object {
            "customer" => {
                r#"{"address":null,"balance":0,"currency":null,"delinquent":false,"description":null,"email":null,"invoice_prefix":null,"name":null,"phone":null,"preferred_locales":[],"shipping":null,"tax_exempt":"none"}"#
            }
            "product" => {
                require("name")?;
                r#"{"active":true,"description":null,"default_price":null,"images":[],"type":"service"}"#
            }
            "price" => {
                require("product")?;
                require("currency")?;
                let product = text_of(&given, "product").to_string();
                self.find("products", &product).ok_or_else(|| missing("product", &product))?;
                self.free_lookup_key(&given)?;
                r#"{"active":true,"billing_scheme":"per_unit","lookup_key":null,"nickname":null,"type":"one_time"}"#
            }
            _ => {
                require("url")?;
                require("enabled_events")?;
                r#"{"status":"enabled","api_version":null,"description":null}"#
            }
        };
        extend(&mut object, &record(extra));
        change(&mut object, &given, known, kind)?;
        match kind.object {
            "price" => {
                if given.get("recurring").is_some() {
                    object.set("type".into(), Value::from("recurring"));
                }
                if let Some(Value::Number(amount)) = given.get("unit_amount") {
                    object.set("unit_amount_decimal".into(), Value::from(amount.canonical()));
                }
            }
            "webhook_endpoint" => {
                object.set("secret".into(), Value::from(new_id("whsec_")));
            }
            _ => {}
        }
        object.remove("default_price_data");
        let mut object = completed(object, known, kind);
        self.put(kind, object.clone());
        if let Some(Value::Record(price)) = given.get("default_price_data") {
            object.set("default_price".into(), Value::from(self.first_price(known, id_of(&object), price, origin)));
            self.put(kind, object.clone());
        }
        self.happened(known, &format!("{}.created", kind.object), &object, None, Some(origin));
        // The secret is in this answer and no other.
        if kind.object == "webhook_endpoint" {
            let mut kept = object.clone();
            let secret = kept.remove("secret").unwrap_or(Value::Null);
            kept.set("#secret".into(), secret);
            self.put(kind, kept);
        }
        Ok(object)
    }

    pub(super) fn update(
        &mut self,
        known: &Known,
        kind: &Kind,
        id: &str,
        form: &Form,
        origin: &Origin,
    ) -> Result<Record, Refusal> {
        let old = self.find(kind.segment, id).ok_or_else(|| missing(kind.object, id))?.clone();
        if old.get("deleted").is_some() {
            return Err(missing(kind.object, id));
        }
        let ty = kind.update.and_then(|name| known.types.get(name));
        let unknown = || Refusal { status: 404, ..invalid("", "Unrecognized request URL.") };
        let mut given = form.record(ty.ok_or_else(unknown)?, "")?;
        if kind.object == "price" {
            self.free_lookup_key(&given)?;
        }
        if let Some(disabled) = given.remove("disabled") {
            let status = if disabled == Value::Bool(true) { "disabled" } else { "enabled" };
            given.set("status".into(), Value::from(status));
        }
        let mut object = old.clone();
        change(&mut object, &given, known, kind)?;
        if Value::Record(object.clone()) == Value::Record(old.clone()) {
            return Ok(object);
        }
        self.put(kind, object.clone());
        let before = old.iter().filter(|(name, value)| object.get(name) != Some(value));
        let before: Record = before.map(|(name, value)| (name.clone(), value.clone())).collect();
        let name = match kind.object {
            "dispute" => "charge.dispute.updated".to_string(),
            "subscription" => "customer.subscription.updated".to_string(),
            object => format!("{object}.updated"),
        };
        self.happened(known, &name, &object, Some(before), Some(origin));
        Ok(object)
    }

    pub(super) fn delete(&mut self, known: &Known, kind: &Kind, id: &str, origin: &Origin) -> Result<Record, Refusal> {
        let old = self.find(kind.segment, id).filter(|object| object.get("deleted").is_none());
        let old = old.ok_or_else(|| missing(kind.object, id))?.clone();
        let mut gone = Record::new();
        gone.set("id".into(), Value::from(id));
        gone.set("object".into(), Value::from(kind.object));
        gone.set("deleted".into(), Value::Bool(true));
        match kind.object {
            // A deleted customer can still be read.
            "customer" => self.put(kind, gone.clone()),
            _ => self.objects.entry(kind.segment.to_string()).or_default().retain(|object| id_of(object) != id),
        }
        self.happened(known, &format!("{}.deleted", kind.object), &old, None, Some(origin));
        Ok(gone)
    }

    /// A lookup key is one price's, unless it is taken over.
    fn free_lookup_key(&mut self, given: &Record) -> Result<(), Refusal> {
        let key = text_of(given, "lookup_key").to_string();
        let prices = self.objects.entry("prices".to_string()).or_default();
        let Some(holder) = prices.iter_mut().find(|price| !key.is_empty() && text_of(price, "lookup_key") == key)
        else {
            return Ok(());
        };
        if given.get("transfer_lookup_key") != Some(&Value::Bool(true)) {
            let why = format!("A price (`{}`) already uses that lookup key.", id_of(holder));
            return Err(invalid("lookup_key", &why));
        }
        holder.set("lookup_key".into(), Value::Null);
        Ok(())
    }

    fn first_price(&mut self, known: &Known, product: &str, price: &Record, origin: &Origin) -> String {
        let Some(kind) = of_segment("prices") else { return String::new() };
        let mut object = base(kind);
        extend(
            &mut object,
            &record(
                r#"{"active":true,"billing_scheme":"per_unit","lookup_key":null,"nickname":null,"type":"one_time"}"#,
            ),
        );
        extend(&mut object, price);
        object.set("product".into(), Value::from(product));
        let object = completed(object, known, kind);
        let id = id_of(&object).to_string();
        self.put(kind, object.clone());
        self.happened(known, "price.created", &object, None, Some(origin));
        id
    }
}

/// What every object has.
pub(super) fn base(kind: &Kind) -> Record {
    let mut object = Record::new();
    object.set("id".into(), Value::from(new_id(kind.prefix)));
    object.set("object".into(), Value::from(kind.object));
    object.set("created".into(), Value::from(now()));
    object.set("livemode".into(), Value::Bool(false));
    object.set("metadata".into(), Value::Record(Record::new()));
    object
}

/// Adds and replaces fields.
pub(super) fn extend(object: &mut Record, with: &Record) {
    with.iter().for_each(|(name, value)| object.set(name.clone(), value.clone()));
}

/// A JSON object of our own.
pub(super) fn record(text: &str) -> Record {
    match json::parse(text.as_bytes()) {
        Ok(Value::Record(record)) => record,
        _ => Record::new(),
    }
}

/// The object with every field that is always there when it is read.
pub(super) fn completed(object: Record, known: &Known, kind: &Kind) -> Record {
    match known.objects.get(kind.object) {
        Some(ty) => complete(object, ty),
        None => object,
    }
}

fn complete(mut object: Record, ty: &Type) -> Record {
    for (name, field) in ty.fields().into_iter().flat_map(|record| &record.fields) {
        let value = match (object.get(name), field.ty.missing) {
            (Some(Value::Record(inner)), _) => Value::Record(complete(inner.clone(), &field.ty)),
            (Some(_), _) | (None, true) => continue,
            (None, false) => empty(&field.ty),
        };
        object.set(name.clone(), value);
    }
    object
}

fn empty(ty: &Type) -> Value {
    match &ty.kind {
        _ if ty.null => Value::Null,
        TypeKind::Text | TypeKind::Decimal => Value::from(""),
        TypeKind::Int => Value::from(0),
        TypeKind::Bool => Value::Bool(false),
        TypeKind::List(_) => Value::from(Vec::<Value>::new()),
        TypeKind::Map(_) => Value::Record(Record::new()),
        TypeKind::Record(_) => Value::Record(complete(Record::new(), ty)),
        _ => Value::Null,
    }
}

/// Writes what a form says: metadata is merged, an empty text deletes a key or clears a field.
fn change(object: &mut Record, given: &Record, known: &Known, kind: &Kind) -> Result<(), Refusal> {
    for (name, value) in given.iter() {
        match (name.as_str(), value) {
            ("transfer_lookup_key" | "connect", _) => {}
            ("metadata", Value::Null) => object.set(name.clone(), Value::Record(Record::new())),
            ("metadata", Value::Record(changes)) => {
                let mut all = object.get("metadata").and_then(|all| all.as_record().cloned()).unwrap_or_default();
                for (key, value) in changes.iter() {
                    match value {
                        Value::Null => drop(all.remove(key)),
                        value => all.set(key.clone(), value.clone()),
                    }
                }
                if all.len() > MOST_METADATA {
                    return Err(invalid("metadata", "Metadata has at most 50 keys."));
                }
                object.set(name.clone(), Value::Record(all));
            }
            (_, Value::Record(parts)) => {
                let mut whole = object.get(name).and_then(|whole| whole.as_record().cloned()).unwrap_or_default();
                extend(&mut whole, parts);
                let ty =
                    known.objects.get(kind.object).and_then(Type::fields).and_then(|record| record.fields.get(name));
                let whole = ty.map_or(whole.clone(), |field| complete(whole, &field.ty));
                object.set(name.clone(), Value::Record(whole));
            }
            (_, value) => object.set(Text::from(name.as_str()), value.clone()),
        }
    }
    Ok(())
}
