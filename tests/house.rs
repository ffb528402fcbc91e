//! The house: a module uses only what stands above it in the list, and nothing in it is a float near data.

use std::fs;
use std::path::{Path, PathBuf};

/// From the top of the house to its cellar, as in `src/lib.rs` and `docs/architecture.md`.
const FLOORS: &[&str] = &[
    "diagnostics",
    "telemetry",
    "value",
    "language",
    "catalog",
    "model",
    "graph",
    "store",
    "engine",
    "connectors",
    "triggers",
    "sandbox",
    "console",
    "runtime",
    "cli",
];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(rust_files(&entry));
        } else if entry.extension().is_some_and(|e| e == "rs") {
            found.push(entry);
        }
    }
    found.sort();
    found
}

/// The modules that a line of source names as `crate::MODULE`.
fn named_modules(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut names = Vec::new();
    for (place, _) in code.match_indices("crate::") {
        let rest = &code[place + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            names.extend(group.split(',').map(|part| part.trim().split("::").next().unwrap_or_default().to_string()));
        } else {
            names.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
}

#[test]
fn no_arrow_points_up() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (floor, module) in FLOORS.iter().enumerate() {
        for file in rust_files(&source.join(module)) {
            for (n, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                for name in named_modules(line) {
                    let used = FLOORS.iter().position(|known| *known == name);
                    if used.is_some_and(|used| used > floor) {
                        wrong.push(format!("{}:{}: {module} uses {name}", file.display(), n + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_is_on_a_floor() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let (mut declared, mut floors) = (declared, FLOORS.to_vec());
    declared.sort_unstable();
    floors.sort_unstable();
    assert_eq!(declared, floors);
}

#[test]
fn the_reader_of_arrows_sees_them() {
    assert_eq!(named_modules("use crate::engine::door;"), ["engine"]);
    assert_eq!(named_modules("use crate::{value, store::Store};"), ["value", "store"]);
    assert_eq!(named_modules("// crate::cli is elsewhere"), Vec::<String>::new());
}

/// Payload data never passes through a float. Shares of time (jitter, back-off factor) are the only ones.
#[test]
fn no_float_is_near_data() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for module in ["value", "catalog", "store"] {
        for file in rust_files(&source.join(module)) {
            for (n, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                let floats =
                    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "f64" || word == "f32");
                assert!(!floats, "{}:{}: a float", file.display(), n + 1);
            }
        }
    }
}
