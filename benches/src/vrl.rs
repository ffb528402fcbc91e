//! The mapping in the Vector Remap Language: `mapping/order.vrl`, compiled and run by the `vrl` crate with its own
//! `Value` read and written by `serde_json`, as Vector does it.
//!
//! Its amounts are binary floating point: its output is compared *by value*.

use crate::reference::Result;
use std::cell::RefCell;
use vrl::compiler::runtime::Runtime;
use vrl::compiler::{Program, TargetValue, TimeZone, compile};
use vrl::value::{ObjectMap, Secrets, Value};

const SOURCE: &str = include_str!("../mapping/order.vrl");

pub struct Mapping {
    program: Program,
    timezone: TimeZone,
    runtime: RefCell<Runtime>,
}

impl Mapping {
    pub fn compile() -> Result<Self> {
        let result = compile(SOURCE, &vrl::stdlib::all())
            .map_err(|findings| vrl::diagnostic::Formatter::new(SOURCE, findings).to_string())?;
        Ok(Self { program: result.program, timezone: TimeZone::default(), runtime: RefCell::default() })
    }

    /// One operation: the bytes of an event in, the bytes of an order out.
    pub fn run(&self, body: &[u8]) -> Result<Vec<u8>> {
        let value: Value = serde_json::from_slice(body)?;
        let mut target = TargetValue { value, metadata: Value::Object(ObjectMap::new()), secrets: Secrets::default() };
        let mut runtime = self.runtime.borrow_mut();
        runtime.clear();
        let order = runtime.resolve(&mut target, &self.program, &self.timezone).map_err(|why| why.to_string())?;
        Ok(serde_json::to_vec(&order)?)
    }
}
