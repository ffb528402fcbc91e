//! The mapping benchmark: one Stripe invoice event to one Dynamics 365 sales order, bytes in to bytes out.
//!
//! `mapping/SPEC.md` says what the work is. Without arguments: checks every contestant's outputs, then prints times as
//! ratios to the typed `serde_json` reference, allocations and the compile times of the mappings. With
//! `only NAME RUNS`: runs one contestant so many times and nothing else, for a profiler.

mod allocations;
mod mapping;
mod reference;
mod rhai;
mod untyped;
mod vrl;

use reference::Result;
use std::hint::black_box;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// Each about this long, so that many fit between two disturbances of the machine.
const BATCH: Duration = Duration::from_millis(2);
const BATCHES: usize = 600;
const COMPILES: usize = 60;

struct Payload {
    name: &'static str,
    body: &'static [u8],
    expected: &'static [u8],
}

macro_rules! payloads {
    ($($name:literal),+) => {
        [$(Payload {
            name: $name,
            body: include_bytes!(concat!("../mapping/payload/", $name, ".json")),
            expected: include_bytes!(concat!("../mapping/expected/", $name, ".json")),
        }),+]
    };
}

static PAYLOADS: [Payload; 4] = payloads!["1-eur", "2-usd", "3-jpy", "4-kwd"];

struct Contestant {
    name: &'static str,
    label: &'static str,
    /// Outputs are held against the expected bytes; else against the values, numbers as binary floating point.
    exact: bool,
    run: Box<dyn Fn(&[u8]) -> Result<Vec<u8>>>,
}

fn contestants() -> Result<Vec<Contestant>> {
    let typed = reference::Mapping::new()?;
    let untyped = untyped::Mapping::new()?;
    let flowctl = mapping::Mapping::compile()?;
    let vrl = vrl::Mapping::compile()?;
    let rhai = rhai::Mapping::compile()?;
    Ok(vec![
        Contestant {
            name: "typed",
            label: "serde_json, typed, by hand",
            exact: true,
            run: Box::new(move |body| typed.run(body)),
        },
        Contestant {
            name: "untyped",
            label: "serde_json::Value, by hand (by value)",
            exact: false,
            run: Box::new(move |body| untyped.run(body)),
        },
        Contestant {
            name: "flowctl",
            label: "flowctl, order.map",
            exact: true,
            run: Box::new(move |body| flowctl.run(body)),
        },
        Contestant {
            name: "vrl",
            label: "VRL, order.vrl (by value)",
            exact: false,
            run: Box::new(move |body| vrl.run(body)),
        },
        Contestant {
            name: "rhai",
            label: "Rhai alone, order.rhai (by value)",
            exact: false,
            run: Box::new(move |body| rhai.run(body)),
        },
    ])
}

fn main() -> Result<()> {
    let contestants = contestants()?;
    for contestant in &contestants {
        verify(contestant)?;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => report(&contestants),
        ["only", name, runs] => {
            let contestant = contestants.iter().find(|one| one.name == name).ok_or("typed, untyped, flowctl, vrl or rhai?")?;
            measured(contestant, runs.parse()?);
            Ok(())
        }
        _ => Err("usage: benches [only typed|untyped|flowctl|vrl|rhai RUNS]".into()),
    }
}

fn verify(contestant: &Contestant) -> Result<()> {
    for payload in &PAYLOADS {
        let output = (contestant.run)(payload.body).map_err(|why| format!("{}: {why}", contestant.name))?;
        let same = if contestant.exact {
            output == payload.expected
        } else {
            by_value(serde_json::from_slice(&output)?) == by_value(serde_json::from_slice(payload.expected)?)
        };
        if !same {
            let output = String::from_utf8_lossy(&output);
            return Err(format!("{} on {} gives\n{output}", contestant.name, payload.name).into());
        }
    }
    Ok(())
}

/// Every number as binary floating point: `1234` and `1234.0` are one value.
fn by_value(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(by_value).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, by_value(value))).collect(),
        other => other,
    }
}

/// Payloads in turn. Never inlined, so that a profiler can be told to watch this alone.
#[inline(never)]
fn measured(contestant: &Contestant, runs: usize) {
    for payload in PAYLOADS.iter().cycle().take(runs) {
        let _ = black_box((contestant.run)(black_box(payload.body)));
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn micros(duration: Duration, runs: usize) -> f64 {
    duration.as_secs_f64() * 1e6 / runs as f64
}

fn report(contestants: &[Contestant]) -> Result<()> {
    // Whole rounds over the payloads, as many as fill a batch.
    let runs: Vec<usize> = contestants
        .iter()
        .map(|contestant| {
            measured(contestant, 400);
            let one = time(|| measured(contestant, 400)) / 400;
            let rounds = BATCH.as_nanos() / one.as_nanos().max(1) / PAYLOADS.len() as u128;
            rounds.max(1) as usize * PAYLOADS.len()
        })
        .collect();
    let mut times: Vec<Vec<f64>> = vec![vec![]; contestants.len()];
    for _ in 0..BATCHES {
        for (n, contestant) in contestants.iter().enumerate() {
            times[n].push(micros(time(|| measured(contestant, runs[n])), runs[n]));
        }
    }

    println!("{} payloads, {BATCHES} batches of about {BATCH:?} each, outputs as expected", PAYLOADS.len());
    println!();
    println!("| contestant | ratio | µs per run | allocations | bytes allocated |");
    println!("|---|---:|---:|---:|---:|");
    for (n, contestant) in contestants.iter().enumerate() {
        // Neighbours in time share the machine's mood: the ratio is taken within each round.
        let ratio = median(times[n].iter().zip(&times[0]).map(|(one, reference)| one / reference).collect());
        let count = PAYLOADS.len() as u64;
        let (allocations, bytes) = allocations::count(|| measured(contestant, PAYLOADS.len()));
        println!(
            "| {} | {ratio:.2} | {:.1} | {} | {} |",
            contestant.label,
            median(times[n].clone()),
            allocations / count,
            bytes / count
        );
    }
    println!();
    shares()?;
    println!("compile times");
    compile_time("order.map", || drop(black_box(mapping::Mapping::compile())));
    compile_time("order.vrl", || drop(black_box(vrl::Mapping::compile())));
    compile_time("order.rhai", || drop(black_box(rhai::Mapping::compile())));
    Ok(())
}

/// From the text to something that runs, whatever that needs around it included.
fn compile_time(name: &str, compile: impl Fn()) {
    let times = (0..COMPILES).map(|_| micros(time(&compile), 1)).collect();
    println!("{name} {:.2} ms", median(times) / 1000.0);
}

/// Where flowctl's time goes: reading, evaluating, writing, each with dropping what it gave.
fn shares() -> Result<()> {
    const RUNS: usize = 20;
    let mapping = mapping::Mapping::compile()?;
    let mut parts: [Vec<f64>; 3] = Default::default();
    for payload in PAYLOADS.iter().cycle().take(BATCHES) {
        let event = mapping::Mapping::read(payload.body)?;
        let order = mapping.evaluate(event.clone())?;
        let read = time(|| (0..RUNS).for_each(|_| drop(black_box(mapping::Mapping::read(black_box(payload.body))))));
        let evaluate = time(|| (0..RUNS).for_each(|_| drop(black_box(mapping.evaluate(black_box(event.clone()))))));
        let write = time(|| (0..RUNS).for_each(|_| drop(black_box(mapping::Mapping::write(black_box(&order))))));
        for (part, time) in parts.iter_mut().zip([read, evaluate, write]) {
            part.push(micros(time, RUNS));
        }
    }
    let [read, evaluate, write] = parts.map(median);
    println!("flowctl's parts, each alone: read {read:.1} µs, evaluate {evaluate:.1} µs, write {write:.1} µs");
    Ok(())
}
