//! An operation of the catalogue and a request's values → HTTP requests. Data says what is sent; this fills it in.
//!
//! Every value from outside is one encoded part of its own: nothing in a payload can change which address is asked.

use super::config::ConnectionConfig;
use super::form;
use super::odata::{self, SEGMENT};
use super::search;
use crate::catalog::{self, BodyForm, Entity, Exactly, FilterRules, ParamKind, ParamPlace, System, TypeRef, Types};
use crate::engine::connector::{EvaluatedColumn, EvaluatedFilter, Parameter, Request, StepError};
use crate::graph;
use crate::language::code::CompareOp;
use crate::language::types::{Kind, Type, TypeSource};
use crate::value::{Record, Text, Value, json, time};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// What may stand in a query as it is: the brackets of Stripe, the signs of OData.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b':')
    .remove(b'*')
    .remove(b'/')
    .remove(b'[')
    .remove(b']');

/// What a flow can say in `method`.
pub const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// What may stand in a written path as it is; its holes bring their own `%`.
const PATH: &AsciiSet = &QUERY
    .add(b'[')
    .add(b']')
    .remove(b'%')
    .remove(b'/')
    .remove(b'@')
    .remove(b'=')
    .remove(b';')
    .remove(b'!')
    .remove(b'+')
    .remove(b'&')
    .remove(b'\'');
/// Parameters that name another row by its address.
const ROW: &str = "@odata.id";
const ROW_IN_QUERY: &str = "$id";

/// What breaks an address, however it is encoded, where it stands in the value of a key.
const UNFIT_IN_KEYS: [char; 11] = ['/', '<', '>', '*', '%', '&', ':', '\\', '?', '+', '#'];

/// One HTTP request, complete but for who sends it.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: &'static str,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    /// With its content type.
    pub body: Option<(String, &'static str)>,
}

/// A request with all that the catalogue and the connection know of it.
#[derive(Clone, Copy)]
pub struct Bound<'a> {
    pub system: &'a System,
    pub operation: &'a catalog::Operation,
    pub entity: Option<&'a Entity>,
    pub config: &'a ConnectionConfig,
    pub types: &'a Types,
    pub request: &'a Request,
    /// What the flow's own compiler knows of the types.
    pub graph: &'a graph::Operation,
}

impl Bound<'_> {
    /// The requests to send, one after the other. None: nothing can be found.
    pub fn calls(&self) -> Result<Vec<Call>, StepError> {
        let Some(http) = &self.operation.http else {
            return Err(config("not_http", format!("`{}` is no request to a system", self.operation.name)));
        };
        let mut query: Vec<(String, String)> = http.query.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        let mut headers: Vec<(String, String)> = http.headers.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        let mut extra = Record::new();
        for (name, declared) in &self.operation.params {
            if declared.kind == ParamKind::Expand {
                query.extend(self.expansions(name));
            }
            let (place, wire) = (declared.place, declared.name.as_deref().unwrap_or(name));
            if let Some(place) = place.filter(|place| *place != ParamPlace::Path)
                && let Some(value) = self.param(name, declared)
            {
                match (place, &value) {
                    // All of the query, or all headers that a flow wants.
                    (ParamPlace::Query, Value::Record(all)) => query.extend(each(all)?),
                    (ParamPlace::Header, Value::Record(all)) => headers.extend(each(all)?),
                    _ => {}
                }
                match place {
                    ParamPlace::Query | ParamPlace::Header if value.as_record().is_some() => {}
                    ParamPlace::Query if wire == ROW_IN_QUERY => {
                        query.push((wire.to_string(), plain(name, &self.whole_address(name, &value)?)?));
                    }
                    ParamPlace::Query => query.push((wire.to_string(), plain(name, &value)?)),
                    ParamPlace::Header => headers.push((wire.to_string(), plain(name, &value)?)),
                    ParamPlace::Body if wire == ROW => extra.set(Text::from(wire), self.whole_address(name, &value)?),
                    ParamPlace::Body => extra.set(Text::from(wire), value),
                    ParamPlace::Path => {}
                }
            }
        }
        headers.extend(self.idempotency()?);
        let (option, filters) = match &self.system.filter {
            Some(rules) => self.dialect(rules, &mut query)?,
            None => ("", vec![None]),
        };
        let path = self.path(&http.path)?;
        let body = self.body(extra)?;
        let calls = filters.into_iter().map(|filter| {
            let query: Vec<String> = query
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .chain(filter.as_deref().map(|filter| (option, filter)))
                .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
                .collect();
            Ok(Call {
                method: self.method().unwrap_or(http.method.as_str()),
                url: self.url(&path, &query)?,
                headers: headers.clone(),
                body: body.clone(),
            })
        });
        calls.collect()
    }

    /// `/contacts(…)` as an address of its own.
    fn whole_address(&self, name: &str, row: &Value) -> Result<Value, StepError> {
        let path = plain(name, row)?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let url = self.config.base.join(path).ok().filter(|url| below(&self.config.base, url));
        let url = url.ok_or_else(|| StepError::data("bad_address", format!("`{name}` names no row of the system")))?;
        Ok(Value::from(url.as_str()))
    }

    /// The id of a new row, made of the idempotency key: a UUID of the kind for one's own use.
    pub fn made_key(&self) -> Option<Value> {
        let hash = ring::digest::digest(&ring::digest::SHA256, self.request.key.as_ref()?.as_bytes());
        let bytes: [u8; 16] = hash.as_ref().get(..16)?.try_into().ok()?;
        Some(Value::from(uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()))
    }

    fn url(&self, path: &str, query: &[String]) -> Result<Url, StepError> {
        let mark = if query.is_empty() { "" } else { "?" };
        let url = self.base().and_then(|base| {
            let url = Url::parse(&format!("{base}{path}{mark}{}", query.join("&"))).ok()?;
            below(&base, &url).then_some(url)
        });
        url.ok_or_else(|| {
            config("bad_address", format!("`{}` has no address below the system's own", self.operation.name))
        })
    }

    /// What the operation's addresses begin with: the connection's own, or another place on the same host.
    fn base(&self) -> Option<Url> {
        let own = &self.config.base;
        let Some(other) = self.operation.http.as_ref().and_then(|http| http.base.as_ref()) else {
            return Some(own.clone());
        };
        let filled = other.fill(|name| Some(self.config.param(name)?.trim_end_matches('/').to_string())).ok()?;
        Url::parse(&filled).ok().filter(|url| url.origin() == own.origin() && url.username().is_empty())
    }

    /// `expand[0]=data.source`.
    fn expansions(&self, name: &str) -> Vec<(String, String)> {
        let (Some(rules), Some(Value::List(paths))) = (&self.system.expand, self.literal(name)) else { return vec![] };
        let is_list = matches!(self.operation.result().ty, TypeRef::List(_));
        let path = |path: &Value| match (path.as_text(), is_list) {
            (Some(path), true) => format!("{}.{path}", rules.rows),
            (path, _) => path.map(|path| path.to_string()).unwrap_or_default(),
        };
        paths.iter().enumerate().map(|(n, part)| (format!("{}[{n}]", rules.query), path(part))).collect()
    }

    /// An address that the system itself gives, where it is the connection's own. One with another name of the system's
    /// host is asked below the base.
    pub fn address(&self, link: &str) -> Option<Url> {
        let base = &self.config.base;
        let url = base.join(link).ok()?;
        let aliases = self.system.http.as_ref().map(|http| http.aliases.as_slice()).unwrap_or_default();
        let is_alias = url.scheme() == "https" && url.port().is_none() && url.username().is_empty();
        if is_alias && url.host_str().is_some_and(|host| aliases.iter().any(|alias| alias == host)) {
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            return Url::parse(&format!("{base}{}{query}", url.path().trim_start_matches('/'))).ok();
        }
        Some(url).filter(|url| below(base, url))
    }

    /// How many rows are wanted at most.
    pub fn limit(&self) -> Option<usize> {
        if self.operation.result().exactly == Some(Exactly::One) {
            // The second one tells that it is not the only one.
            return Some(2);
        }
        let limit = self.literal("limit")?;
        limit.as_number()?.exact().ok()?.to_i64().and_then(|n| usize::try_from(n).ok())
    }

    /// The columns by which a list is sorted.
    pub fn sort(&self) -> &[Text] {
        self.columns("sort")
    }

    /// The key of the row in hand: all columns of the entity in their order, from the request's key or from `row`.
    pub fn key(&self, row: &Value) -> Option<Vec<(String, Value)>> {
        let entity = self.entity?;
        let company = self.system.company.as_deref();
        let given = self.given_key();
        let single = given.filter(|value| value.as_record().is_none() && !value.is_absent());
        let of = |column: &str| match row.get(column) {
            Value::Missing => match given.map(|given| given.get(column)).filter(|value| !value.is_absent()) {
                Some(value) => Some(value.clone()),
                None if Some(column) == company => self.company().map(Value::from),
                None => single.cloned(),
            },
            value => Some(value.clone()),
        };
        let others = entity.key.iter().filter(|column| Some(column.as_str()) != company).count();
        if single.is_some() && others != 1 {
            return None;
        }
        entity.key.iter().map(|column| Some((column.clone(), of(column)?))).collect()
    }

    /// The row's key as one text: equal for equal rows.
    pub fn key_text(&self, row: &Value) -> Option<Text> {
        let parts = self.key(row)?.into_iter().map(|(column, value)| {
            let text = match &value {
                Value::Text(text) if self.system.company.as_ref() == Some(&column) => text.to_lowercase(),
                Value::Number(number) => number.canonical(),
                value => plain(&column, value).ok()?,
            };
            Some(format!("{column}={}", utf8_percent_encode(&text, SEGMENT)))
        });
        Some(Text::from(parts.collect::<Option<Vec<_>>>()?.join(",")))
    }

    /// The type of a column: as the flow knows it, else as the catalogue does.
    pub fn column(&self, name: &str) -> Option<Type> {
        let field = |ty: &Type| element(ty).fields().and_then(|record| Some(record.fields.get(name)?.ty.clone()));
        let body = self.graph.body.as_ref().and_then(field);
        body.or_else(|| field(&self.graph.result)).or_else(|| field(&self.types.payload(&self.entity?.ty)?))
    }

    fn path(&self, template: &catalog::Template) -> Result<String, StepError> {
        let mut refusal = None;
        let filled = template.fill(|name| match self.path_part(name) {
            Ok(part) => part,
            Err(error) => {
                refusal = Some(error);
                None
            }
        });
        match (filled, refusal) {
            (Ok(path), _) => Ok(path),
            (Err(_), Some(error)) => Err(error),
            (Err(name), None) => Err(StepError::data("blank_key", format!("`{name}` has no value"))),
        }
    }

    fn path_part(&self, name: &str) -> Result<Option<String>, StepError> {
        let Some(declared) = self.operation.params.get(name) else { return Ok(None) };
        if declared.kind == ParamKind::Entity {
            return Ok(self.entity.map(|entity| entity.name.clone()));
        }
        if declared.ty == Some(TypeRef::Key) {
            let key = self.key(&Value::Missing).ok_or_else(|| {
                let columns = self.entity.map(|entity| entity.key.join(", ")).unwrap_or_default();
                StepError::data("blank_key", format!("the key needs a value for each of: {columns}"))
            })?;
            return odata::row(&key, &|column| self.column(column)).map(Some);
        }
        if declared.ty == Some(TypeRef::AlternateKey) {
            let key = self.alternate_key()?;
            return odata::key(&key, &|column| self.column(column)).map(Some);
        }
        let Some(value) = self.param(name, declared) else { return Ok(None) };
        if declared.kind == ParamKind::Path {
            return written_path(&plain(name, &value)?).map(Some);
        }
        // What the flow itself writes may be several segments.
        if declared.kind == ParamKind::Literal {
            let text = plain(name, &value)?;
            let segments = text.trim_matches('/').split('/').map(|segment| self.segment(name, segment));
            return Ok(Some(segments.collect::<Result<Vec<_>, _>>()?.join("/")));
        }
        self.segment(name, &plain(name, &value)?).map(Some)
    }

    fn segment(&self, name: &str, text: &str) -> Result<String, StepError> {
        match text {
            text if text.trim().is_empty() => Err(StepError::data("blank_key", format!("`{name}` is blank"))),
            // Segments that would change the address.
            text @ ("." | "..") => Err(StepError::data("bad_key", format!("`{name}` cannot be `{text}`"))),
            text => Ok(utf8_percent_encode(text, SEGMENT).to_string()),
        }
    }

    /// The query options of the system's dialect, and the filters to ask for one by one with the option's name.
    fn dialect(
        &self,
        rules: &FilterRules,
        query: &mut Vec<(String, String)>,
    ) -> Result<(&'static str, Vec<Option<String>>), StepError> {
        let filters = self.operation.params.values().any(|param| param.kind == ParamKind::Filter);
        match rules.dialect {
            catalog::Dialect::Odata => Ok(("$filter", self.odata(rules, filters, query)?)),
            catalog::Dialect::StripeSearch => {
                let query = self.written_filter().map(|filter| search::query(filter, rules)).transpose()?;
                Ok(("query", vec![query]))
            }
        }
    }

    fn written_filter(&self) -> Option<&EvaluatedFilter> {
        self.request.params.iter().find_map(|(_, param)| match param {
            Parameter::Filter(filter) => Some(filter),
            _ => None,
        })
    }

    fn odata(
        &self,
        rules: &FilterRules,
        filters: bool,
        query: &mut Vec<(String, String)>,
    ) -> Result<Vec<Option<String>>, StepError> {
        query.extend(joined("$select", self.columns("select")));
        if !filters {
            return Ok(vec![None]);
        }
        query.extend(joined("$orderby", self.sort()));
        query.extend(self.limit().map(|limit| ("$top".to_string(), limit.to_string())));
        let parts = match self.written_filter() {
            Some(filter) => odata::parts(filter, rules)?,
            None => vec![EvaluatedFilter::And(vec![])],
        };
        let company = self.company_column().and_then(|column| Some(equals(column, self.company()?.into())));
        let filters = parts.into_iter().map(|part| {
            let all = match part {
                EvaluatedFilter::And(parts) => company.iter().cloned().chain(parts).collect(),
                part => company.iter().cloned().chain([part]).collect(),
            };
            let text = odata::filter(&EvaluatedFilter::And(all), rules, &|column| self.column(column))?;
            Ok(Some(text).filter(|text| !text.is_empty()))
        });
        filters.collect()
    }

    fn body(&self, extra: Record) -> Result<Option<(String, &'static str)>, StepError> {
        let named = self.alternate_key().unwrap_or_default();
        let default = self.operation.params.get("body").and_then(|declared| self.param("body", declared));
        let Some(body) = self.request.body.as_ref().or(default.as_ref()) else {
            return if extra.is_empty() { Ok(None) } else { self.written(&Value::Record(extra)).map(Some) };
        };
        let mut whole = Record::new();
        // A row that is named by its key belongs to a company already.
        if let (None, Some(column), Some(company)) = (self.given_key(), self.company_column(), self.company())
            && body.get(column).is_blank()
        {
            whole.set(Text::from(column), Value::from(company));
        }
        if let (true, Some([column]), Some(made)) =
            (self.operation.makes_key(), self.entity.map(|entity| entity.key.as_slice()), self.made_key())
            && body.get(column).is_blank()
        {
            whole.set(Text::from(column.as_str()), made);
        }
        match body {
            Value::Record(body) => {
                // A blank company is none.
                // What names the row in the address is not said again.
                let names = |name: &Text| named.iter().any(|(column, _)| column == name.as_str());
                let kept = |(name, value): &(&Text, &Value)| !(whole.contains(name) && value.is_blank() || names(name));
                let fields: Vec<_> = extra.iter().chain(body.iter()).filter(kept).collect();
                fields.into_iter().for_each(|(name, value)| whole.set(name.clone(), value.clone()));
                self.written(&Value::Record(whole)).map(Some)
            }
            other => self.written(other).map(Some),
        }
    }

    fn written(&self, body: &Value) -> Result<(String, &'static str), StepError> {
        let own = self.operation.http.as_ref().and_then(|http| http.body);
        let form = own.or(self.system.http.as_ref().map(|http| http.body)).unwrap_or_default();
        let written = match form {
            BodyForm::Json => json::write(body).map(|text| (text, "application/json")),
            BodyForm::JsonUtf8 => json::write(body).map(|text| (text, "application/json; charset=utf-8")),
            BodyForm::Form => form::encode(body).map(|text| (text, "application/x-www-form-urlencoded")),
            BodyForm::Multipart => json::write(body).map(|text| (form::part(&text), form::MULTIPART)),
        };
        written.map_err(|error| StepError::data("body", error.to_string()))
    }

    /// The method, where the flow says it.
    fn method(&self) -> Option<&'static str> {
        let written = self.operation.params.get("method").filter(|param| param.kind == ParamKind::Literal);
        let written = written.and_then(|_| self.literal("method")?.as_text())?;
        METHODS.into_iter().find(|known| written.eq_ignore_ascii_case(known))
    }

    fn idempotency(&self) -> Result<Option<(String, String)>, StepError> {
        let own = self.operation.repeat_param().and_then(|name| self.literal(name)).and_then(Value::as_text);
        let own = own.and_then(|word| word.strip_prefix("header.")).map(|header| (header, None));
        let Some((header, at_most)) = own.or_else(|| self.operation.idempotency_header()) else { return Ok(None) };
        let Some(key) = &self.request.key else {
            return Err(config(
                "no_key",
                format!("`{}` is never sent without an idempotency key", self.operation.name),
            ));
        };
        if at_most.is_some_and(|at_most| key.len() > at_most) {
            return Err(config("long_key", format!("the idempotency key is too long for {header}")));
        }
        Ok(Some((header.to_string(), key.to_string())))
    }

    /// The company's column, where rows of the entity belong to a company.
    fn company_column(&self) -> Option<&str> {
        let column = self.system.company.as_deref()?;
        self.entity?.key.iter().any(|key| key == column).then_some(column)
    }

    /// The step's company, else the connection's.
    fn company(&self) -> Option<String> {
        let given = self.literal("company").and_then(Value::as_text).filter(|text| !text.trim().is_empty());
        given.map(|text| text.to_string()).or_else(|| self.config.param("company").map(str::to_string))
    }

    fn given_key(&self) -> Option<&Value> {
        let names_row = |param: &catalog::Param| matches!(param.ty, Some(TypeRef::Key | TypeRef::AlternateKey));
        let (name, _) = self.operation.params.iter().find(|(_, param)| names_row(param))?;
        self.literal(name)
    }

    /// The alternate key that the request names its row by, its columns in their order.
    fn alternate_key(&self) -> Result<Vec<(String, Value)>, StepError> {
        let by_it = self.operation.params.values().any(|param| param.ty == Some(TypeRef::AlternateKey));
        let (Some(entity), true) = (self.entity, by_it) else { return Ok(vec![]) };
        let given = self.given_key().unwrap_or(&Value::Missing);
        let key = entity.alternate_keys.iter().find_map(|key| {
            let values = key.iter().map(|column| match given {
                Value::Record(given) if given.len() == key.len() => given.get(column).cloned(),
                Value::Record(_) => None,
                single => (key.len() == 1).then(|| single.clone()),
            });
            let values: Option<Vec<Value>> = values.collect();
            Some(key.iter().cloned().zip(values?).collect::<Vec<_>>())
        });
        let key = key.ok_or_else(|| {
            StepError::data(
                "no_such_key",
                format!("the key has not the columns of an alternate key of `{}`", entity.name),
            )
        })?;
        match key.iter().find(|(_, value)| value.as_text().is_some_and(|text| text.contains(UNFIT_IN_KEYS))) {
            Some((column, _)) => {
                let message =
                    format!("{} finds no row by a `{column}` with one of / < > * % & : \\ ? + #", self.system.title);
                Err(StepError::data("bad_key", message))
            }
            None => Ok(key),
        }
    }

    fn param(&self, name: &str, declared: &catalog::Param) -> Option<Value> {
        let given = self.literal(name).filter(|value| !value.is_absent()).cloned();
        given.or_else(|| {
            let default = declared.default.as_deref()?;
            match default.strip_prefix("connection.") {
                Some(key) => self.config.param(key).map(Value::from),
                None => json::parse(default.as_bytes()).ok(),
            }
        })
    }

    pub(super) fn literal(&self, name: &str) -> Option<&Value> {
        self.request.params.iter().find_map(|(known, param)| match param {
            Parameter::Value(value) if known.as_str() == name => Some(value),
            _ => None,
        })
    }

    fn columns(&self, name: &str) -> &[Text] {
        let found = self.request.params.iter().find_map(|(known, param)| match param {
            Parameter::Columns(columns) if known.as_str() == name => Some(columns.as_slice()),
            _ => None,
        });
        found.unwrap_or_default()
    }
}

/// The entries of a record that is the whole query, or all headers: a list once for each element, absent ones not.
fn each(all: &Record) -> Result<Vec<(String, String)>, StepError> {
    let mut pairs = vec![];
    for (name, value) in all.iter().filter(|(_, value)| !value.is_absent()) {
        match value {
            Value::List(items) => {
                for item in items.iter().filter(|item| !item.is_absent()) {
                    pairs.push((name.to_string(), plain(name, item)?));
                }
            }
            value => pairs.push((name.to_string(), plain(name, value)?)),
        }
    }
    Ok(pairs)
}

/// A path as a flow wrote it, its holes encoded already: relative to the base, with no part that leads elsewhere.
fn written_path(path: &str) -> Result<String, StepError> {
    let refuse = |why: &str| Err(StepError::data("bad_path", format!("the path {why}")));
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.contains(['?', '#', '\\']) {
        return refuse("has a query: write it as a record below `params`");
    }
    let parts: Vec<&str> = path.split('/').collect();
    let is_dots = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if parts.iter().any(|part| is_dots(part)) {
        return refuse("cannot have a part `.` or `..`");
    }
    // One at the end is a slash that was written.
    if parts.iter().rev().skip(1).any(|part| part.trim().is_empty()) {
        return refuse("has an empty part");
    }
    Ok(utf8_percent_encode(path, PATH).to_string())
}

/// Whether an address is the connection's own: same scheme, host and port, and below its path.
pub fn below(base: &Url, url: &Url) -> bool {
    let own = url.scheme() == base.scheme() && url.host() == base.host();
    own && url.port_or_known_default() == base.port_or_known_default()
        && url.username().is_empty()
        && url.path().starts_with(base.path())
}

/// `column == value`.
pub fn equals(column: &str, value: Value) -> EvaluatedFilter {
    let column = EvaluatedColumn { path: vec![Text::from(column)], ty: None };
    EvaluatedFilter::Compare { column, op: CompareOp::Equal, value }
}

/// A text with `name=value` for a query, as it stands there.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

fn element(ty: &Type) -> &Type {
    match &ty.kind {
        Kind::List(of) => of,
        _ => ty,
    }
}

fn joined(name: &str, columns: &[Text]) -> Option<(String, String)> {
    let columns: Vec<&str> = columns.iter().map(Text::as_str).collect();
    (!columns.is_empty()).then(|| (name.to_string(), columns.join(",")))
}

/// A value that is one text on the wire.
fn plain(name: &str, value: &Value) -> Result<String, StepError> {
    let refuse = |why: String| StepError::data("parameter", format!("`{name}`: {why}"));
    Ok(match value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.shortest().map_err(|why| refuse(why.to_string()))?,
        Value::Bool(value) => value.to_string(),
        Value::Date(date) => time::write_date(*date).map_err(|why| refuse(why.to_string()))?,
        Value::Time(at) => time::write_time(*at).map_err(|why| refuse(why.to_string()))?,
        other => return Err(StepError::data("parameter", format!("`{name}` cannot be {}", other.kind()))),
    })
}

fn config(code: &str, message: String) -> StepError {
    StepError::new(graph::ErrorClass::Config, code, message)
}
