//! Connectors against real HTTP on loopback.

mod configs;
mod dataverse;
mod finops;
mod http;
mod paypal;
mod requests;
mod server;
mod stripe;
mod trouble;
mod way;

use super::Connectors;
use super::config::{ConnectionConfig, resolve_all};
use crate::catalog::{Catalog, Types};
use crate::diagnostics::Diagnostic;
use crate::engine::connector::{
    Attempt, Connector, EvaluatedColumn, EvaluatedFilter, LookOutcome, Outcome, Parameter, Request, Row, StepError,
};
use crate::graph::{Operation, Repeat, RepeatBy};
use crate::language::code::CompareOp;
use crate::language::types::Type;
use crate::model::load::Project;
use crate::value::{Text, Value, json};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The connections of a `connections.yaml`, with these environment variables.
fn configs(yaml: &str, env: &[(&str, &str)]) -> Result<BTreeMap<String, ConnectionConfig>, Vec<Diagnostic>> {
    let texts = BTreeMap::from([
        ("flowctl.yaml".to_string(), Arc::from("project: test\nversion: 1\n")),
        ("connections.yaml".to_string(), Arc::from(yaml)),
    ]);
    let (project, _, findings) = Project::from_files(&texts);
    assert_eq!(findings, vec![]);
    let effective = project.effective(None).unwrap();
    let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string());
    resolve_all(&effective.connections, &Catalog::bundled(), Path::new("/nowhere"), &env)
}

const ENV: &[(&str, &str)] = &[("KEY", "rk_test_secret"), ("ID", "app"), ("SECRET", "s3cret")];

fn yaml(url: &str, more: &str) -> String {
    format!(
        "connections:
  stripe:
    system: stripe
    mode: sandbox
    base_url: {url}
    api_key: env://KEY
    limits: {{ rate: 1000/s, timeout: 5s }}
{more}
  d365:
    system: finops
    base_url: {url}
    authority: {url}
    company: usmf
    tenant: 8c1d2b1e-0000-4000-8000-000000000000
    client_id: env://ID
    client_secret: env://SECRET
    limits: {{ rate: 1000/s, timeout: 5s }}
{more}
"
    )
}

fn connectors(url: &str) -> Connectors {
    with(url, "")
}

fn with(url: &str, more: &str) -> Connectors {
    Connectors::new(Catalog::bundled(), configs(&yaml(url, more), ENV).unwrap()).unwrap()
}

/// An operation as a flow's compiler binds it.
fn graph(request: &Request) -> Operation {
    let catalog = Catalog::bundled();
    let types = Types::bundled(&catalog);
    let (system, operation) = catalog.operation(&request.operation).unwrap();
    let entity = request.entity.as_ref().and_then(|name| system.entities.get(name.as_str()));
    let body = operation.params.get("body").and_then(|body| types.resolve(body.ty.as_ref()?, system, entity));
    Operation {
        name: request.operation.clone(),
        connection: request.connection.clone(),
        writes: operation.writes(),
        entity: request.entity.clone(),
        params: vec![],
        body,
        result: types.resolve(&operation.result().ty, system, entity).unwrap_or_else(Type::any),
        repeat: Repeat {
            by: RepeatBy::Read,
            settle: Duration::ZERO,
            remembers: None,
            look: false,
            reason: String::new(),
        },
        missing_continues: false,
        blank_is_missing: false,
        cache: None,
        one_at_a_time: None,
    }
}

fn request(operation: &str, entity: Option<&str>) -> Request {
    let connection = match operation.split('.').next() {
        Some("stripe") => "stripe",
        Some("http") => "shop",
        _ => "d365",
    };
    Request {
        operation: operation.into(),
        connection: connection.into(),
        entity: entity.map(Text::from),
        params: vec![],
        body: None,
        key: None,
        find_by: vec![],
        now: Timestamp::UNIX_EPOCH,
    }
}

impl Request {
    fn param(mut self, name: &str, value: impl Into<Value>) -> Request {
        self.params.push((name.into(), Parameter::Value(value.into())));
        self
    }

    fn filter(mut self, filter: EvaluatedFilter) -> Request {
        self.params.push(("where".into(), Parameter::Filter(filter)));
        self
    }

    fn columns(mut self, name: &str, columns: &[&str]) -> Request {
        self.params.push((name.into(), Parameter::Columns(columns.iter().map(|name| Text::from(*name)).collect())));
        self
    }

    fn body(mut self, body: &str) -> Request {
        self.body = Some(value(body));
        self
    }

    fn find_by(mut self, columns: &[&str]) -> Request {
        let body = self.body.clone().unwrap_or(Value::Missing);
        self.find_by = columns.iter().map(|name| (Text::from(*name), body.get(name).clone())).collect();
        self
    }

    fn key(mut self, key: &str) -> Request {
        self.key = Some(key.into());
        self
    }
}

fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn column(name: &str) -> EvaluatedColumn {
    EvaluatedColumn { path: vec![name.into()], ty: None }
}

fn is(name: &str, value: impl Into<Value>) -> EvaluatedFilter {
    EvaluatedFilter::Compare { column: column(name), op: CompareOp::Equal, value: value.into() }
}

async fn send(connectors: &Connectors, request: &Request) -> Outcome {
    let operation = graph(request);
    connectors.send(request, &Attempt { operation: &operation, number: 1, timeout: None }).await
}

async fn look(connectors: &Connectors, request: &Request) -> Vec<Row> {
    let operation = graph(request);
    match connectors.look(request, &Attempt { operation: &operation, number: 1, timeout: None }).await {
        LookOutcome::Found(rows) => rows,
        LookOutcome::Failed(error) => panic!("{error:?}"),
    }
}

#[track_caller]
fn done(outcome: Outcome) -> Row {
    match outcome {
        Outcome::Done(row) => row,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failed(outcome: Outcome) -> StepError {
    match outcome {
        Outcome::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn written(value: &Value) -> String {
    json::write(value).unwrap()
}
