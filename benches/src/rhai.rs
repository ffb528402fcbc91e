//! The mapping in Rhai alone: `mapping/order.rhai`, with `Dynamic` values read and written by `serde_json`. Days and
//! instants are functions of the host, since the language has none.
//!
//! Its amounts are binary floating point: its output is compared *by value*.

use crate::reference::Result;
use jiff::{Timestamp, tz::TimeZone};
use rhai::{AST, CallFnOptions, Dynamic, Engine, EvalAltResult, Scope};

const SOURCE: &str = include_str!("../mapping/order.rhai");

pub struct Mapping {
    engine: Engine,
    program: AST,
}

impl Mapping {
    pub fn compile() -> Result<Self> {
        let oslo = TimeZone::get("Europe/Oslo")?;
        let mut engine = Engine::new();
        let at =
            |seconds: i64| Timestamp::from_second(seconds).map_err(|why| Box::<EvalAltResult>::from(why.to_string()));
        engine.register_fn("day", move |seconds: i64| at(seconds).map(|at| oslo.to_datetime(at).date().to_string()));
        engine.register_fn("instant", move |seconds: i64| at(seconds).map(|at| at.to_string()));
        let program = engine.compile(SOURCE)?;
        Ok(Self { engine, program })
    }

    /// One operation: the bytes of an event in, the bytes of an order out.
    pub fn run(&self, body: &[u8]) -> Result<Vec<u8>> {
        let mut event: Dynamic = serde_json::from_slice(body)?;
        let options = CallFnOptions::new().eval_ast(false).bind_this_ptr(&mut event);
        let order: Dynamic = self
            .engine
            .call_fn_with_options(options, &mut Scope::new(), &self.program, "order", ())
            .map_err(|why| why.to_string())?;
        Ok(serde_json::to_vec(&order)?)
    }
}
