//! The contestant in question: `mapping/order.map`, compiled by flowctl's own checker and run by its own evaluator.

use crate::reference::Result;
use flowctl::diagnostics::Sources;
use flowctl::language::check::SlotScope;
use flowctl::language::evaluate::{Context, Limits};
use flowctl::language::types::{RecordType, Type, TypeSource};
use flowctl::language::{Expression, Inputs, Library};
use flowctl::value::{Record, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const SOURCE: &str = include_str!("../mapping/order.map");

pub struct Mapping {
    expression: Expression,
    settings: Value,
    limits: Limits,
}

/// The mapping writes its types itself.
struct NoPayloads;

impl TypeSource for NoPayloads {
    fn payload(&self, _: &str) -> Option<Type> {
        None
    }
    fn payload_names(&self) -> Vec<String> {
        vec![]
    }
}

impl Mapping {
    /// From the text to something that runs, as the runtime does it when it loads a project.
    pub fn compile() -> Result<Self> {
        let mut sources = Sources::default();
        let files = BTreeMap::from([("order.map".to_string(), sources.add("order.map", SOURCE))]);
        let settings = Arc::new(RecordType::shape([]));
        let inputs = Inputs { files: &files, types: &NoPayloads, settings };
        let (library, findings) = Library::compile_using(&inputs, &[], &mut sources);
        if !findings.is_empty() {
            return Err(findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>().join("\n").into());
        }
        let scope = SlotScope { library: &library, inputs: &inputs, uses: &[], variables: &[], facts: &[] };
        let expression = scope.routine("order.map", "event_to_order").ok_or("there is no event_to_order")?;
        let settings = Value::Record(Record::default());
        Ok(Self { expression, settings, limits: Limits::default() })
    }

    /// One operation: the bytes of an event in, the bytes of an order out.
    pub fn run(&self, body: &[u8]) -> Result<Vec<u8>> {
        let order = self.evaluate(Self::read(body)?)?;
        Self::write(&order)
    }

    /// The three parts of one operation, for their shares of it.
    pub fn read(body: &[u8]) -> Result<Value> {
        Ok(json::parse(body)?)
    }

    pub fn evaluate(&self, event: Value) -> Result<Value> {
        let context = Context { settings: &self.settings, limits: &self.limits };
        Ok(self.expression.evaluate(&[event], &context)?)
    }

    pub fn write(order: &Value) -> Result<Vec<u8>> {
        Ok(json::write_bytes(order)?)
    }
}
