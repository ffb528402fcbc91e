//! Properties of the language, bounded: twenty seconds in all in a debug build, the same cases every time. More of them with
//! `PROPTEST_CASES=100000`, others with `PROPTEST_RNG_SEED=2`. The same functions are fuzz targets in `fuzz/`.

#[path = "properties/mod.rs"]
mod properties;

use properties::{evaluate, format, json, parse};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Holds a property against so many rows of bytes.
fn hold(cases: u32, longest: usize, property: impl Fn(&[u8])) {
    let given = |name| std::env::var_os(name).is_some();
    let mut config = Config { failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    if !given("PROPTEST_CASES") {
        config.cases = cases;
    }
    if !given("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(1);
    }
    let bytes = prop::collection::vec(any::<u8>(), 0..longest);
    let held = TestRunner::new(config).run(&bytes, |bytes| {
        property(&bytes);
        Ok(())
    });
    if let Err(why) = held {
        panic!("{why}");
    }
}

#[test]
fn any_text_is_read_to_its_end() {
    hold(150, 400, parse::parse);
}

#[test]
fn a_file_cut_anywhere_is_read_to_its_end() {
    hold(80, 5, parse::cut);
}

#[test]
fn what_the_checker_takes_runs_and_what_it_refuses_does_not() {
    hold(35, 400, evaluate::check);
}

/// A generator whose programs are refused, or all fail, would test nothing: they mostly compile and often give a value.
#[test]
fn what_compiles_gives_a_value_of_its_type_or_an_error() {
    let total = std::cell::Cell::new(evaluate::Count::default());
    hold(35, 3000, |bytes| {
        let (one, mut all) = (evaluate::evaluate(bytes), total.get());
        all.made += one.made;
        all.compiled += one.compiled;
        all.gave += one.gave;
        total.set(all);
    });
    let total = total.get();
    println!("{total:?}");
    assert!(total.compiled * 2 > total.made, "{total:?}");
    assert!(total.gave * 4 > total.compiled, "{total:?}");
}

#[test]
fn formatting_keeps_the_tree_and_the_comments() {
    hold(60, 1500, format::format);
}

/// The mappings of the project, and every block of the specification that can be read, as a file or as a value.
#[test]
fn every_text_of_the_project_is_formatted() {
    let mut read = 0;
    for folder in ["benches", "docs", "flows", "src", "tests"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in walkdir::WalkDir::new(folder).into_iter().filter_entry(|entry| entry.file_name() != "target") {
            let path = entry.expect("readable").into_path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if !matches!(extension, Some("map" | "md")) {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            if extension == Some("map") {
                format::promises(&text);
                continue;
            }
            let blocks = text.split("\n```map").skip(1);
            for block in blocks.filter_map(|rest| rest.split_once('\n')?.1.split("\n```").next()) {
                let values = block.split("\n\n").skip(1).map(|value| format!("fn f() -> any =\n{value}"));
                for part in std::iter::once(block.to_string()).chain(values) {
                    read += usize::from(format::promises(&part).is_some());
                }
            }
        }
    }
    assert!(read > 100, "{read} blocks");
}

#[test]
fn json_is_read_as_serde_json_reads_it() {
    hold(4_000, 200, json::json_reader);
}

#[test]
fn json_that_is_written_is_read_back() {
    hold(2_000, 200, json::json_writer);
}
