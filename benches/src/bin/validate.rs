//! What `validate` costs beside merely parsing the flows' YAML: `validate [--flows N]`.
//!
//! A project of N flows, each the bundled `stripe-charge-to-sales-order` or a small one of two steps under a name of its
//! own, is written into a folder. Measured is what `flowctl validate` does of it (read, parse, compile, check), and the
//! parsing of the same texts by the same parser.

use flowctl::catalog::Catalog;
use flowctl::diagnostics::FileId;
use flowctl::graph::validate::validate;
use flowctl::model::{Project, yaml};
use std::path::Path;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const CONNECTIONS: &str = "connections:
  stripe: { system: stripe, mode: sandbox, api_key: env://K, webhook: { path: /hooks/stripe, secrets: [env://S] } }
";

const SMALL: &str = "flow: FLOW
trigger:
  webhook: { connection: stripe, events: [charge.succeeded] }
steps:
  - id: note
    transform: |
      { description = \"{event.data.object.billing_details.name ?? \"a guest\"} paid\" }
  - id: told
    call: { operation: stripe.charges.update, key: event.data.object.id, body: steps.note }
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let flows = match arguments.as_slice() {
        [name, count] if name == "--flows" => count.parse()?,
        [] => 1000,
        _ => return Err("validate [--flows N]".into()),
    };
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../flows");
    let folder = bundled.join("stripe-dynamics-365");
    println!("{:<24} {:>10} {:>10} {:>7}", format!("{flows} flows"), "parse ms", "all ms", "ratio");
    for name in ["small", "bundled"] {
        let place = std::env::temp_dir().join(format!("flowctl-validate-{}-{name}", std::process::id()));
        std::fs::create_dir_all(place.join("tables"))?;
        let text = match name {
            "small" => {
                std::fs::write(place.join("flowctl.yaml"), "project: bench\nversion: 1\n")?;
                std::fs::write(place.join("connections.yaml"), CONNECTIONS)?;
                SMALL.to_owned()
            }
            _ => {
                for file in ["flowctl.yaml", "connections.yaml"] {
                    std::fs::copy(bundled.join(file), place.join(file))?;
                }
                for from in [folder.clone(), folder.join("tables")] {
                    for entry in std::fs::read_dir(&from)?.flatten() {
                        let name = entry.file_name().to_string_lossy().into_owned();
                        if name.ends_with(".map") || name.ends_with(".rhai") || name.ends_with(".csv") {
                            std::fs::copy(entry.path(), place.join(entry.path().strip_prefix(&folder)?))?;
                        }
                    }
                }
                std::fs::read_to_string(folder.join("charge-to-sales-order.flow.yaml"))?
                    .replace("flow: stripe-charge-to-sales-order", "flow: FLOW")
            }
        };
        let texts: Vec<String> = (0..flows).map(|n| text.replace("flow: FLOW", &format!("flow: flow-{n}"))).collect();
        for (n, text) in texts.iter().enumerate() {
            std::fs::write(place.join(format!("flow-{n}.flow.yaml")), text)?;
        }
        let parse = || texts.iter().all(|text| yaml::parse(FileId(0), text).is_ok());
        let all = || {
            let (project, sources, found) = Project::load(&place);
            validate(&project, sources, found, None, &Catalog::bundled()).map_or(usize::MAX, |all| {
                all.findings.iter().take(3).for_each(|finding| eprintln!("{}", finding.message));
                all.flows.iter().filter(|flow| flow.graph.is_none()).count()
            })
        };
        let (parsed, parsing) = best(parse);
        let (bad, checking) = best(all);
        std::fs::remove_dir_all(&place)?;
        if !parsed || bad > 0 {
            return Err(format!("{name}: {bad} flows have errors").into());
        }
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        println!("{name:<24} {:>10.1} {:>10.1} {:>7.2}", ms(parsing), ms(checking), ms(checking) / ms(parsing));
    }
    Ok(())
}

/// The best of five.
fn best<T>(work: impl Fn() -> T) -> (T, Duration) {
    let mut best: Option<(T, Duration)> = None;
    for _ in 0..5 {
        let begun = Instant::now();
        let given = work();
        let took = begun.elapsed();
        if best.as_ref().is_none_or(|(_, before)| took < *before) {
            best = Some((given, took));
        }
    }
    best.expect("one of five")
}
