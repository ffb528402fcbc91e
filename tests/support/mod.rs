//! What the proofs share: a project made from the bundled one, the stand-ins beside it, the real binary as a process
//! that can be killed at any moment, and the oracles that say what must hold afterwards.
//!
//! The stand-ins live in the test's own process, so that they outlive every kill and can be asked what they saw.

#![allow(dead_code)] // each test file is a program of its own and uses a part of this

pub mod events;
pub mod oracle;
pub mod process;
pub mod project;

use flowctl::catalog::{Catalog, Types};
use flowctl::diagnostics::Sources;
use flowctl::sandbox::{Ports, Sandbox};
use std::time::{Duration, Instant};

/// The stand-ins with what the bundled flow expects to be there.
pub async fn sandbox() -> Sandbox {
    // Clients want to know which one, even to speak plain HTTP. A second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let catalog = catalog();
    let types = Types::bundled(&catalog);
    let sandbox = Sandbox::start(&catalog, &types, Ports::default()).await.expect("the stand-ins start");
    for item in ["D0003", "D0011", "MISC"] {
        let there = sandbox.finops.rows("ReleasedProductsV2");
        if !there.iter().any(|row| oracle::text(row, "ItemNumber") == item) {
            let row = format!(r#"{{"ItemNumber":"{item}","ProductNumber":"{item}","SalesUnitSymbol":"ea"}}"#);
            sandbox.finops.insert("ReleasedProductsV2", &row).expect("a product");
        }
    }
    sandbox
}

/// Like [`until`], where the asking itself takes time.
pub async fn until_async(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < limit, "waited {limit:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The catalogue with the columns and tables of the bundled project.
fn catalog() -> Catalog {
    let mut sources = Sources::default();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let files = walkdir::WalkDir::new(root.join("types")).into_iter().filter_map(Result::ok);
    let files: Vec<_> = files
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(&root).expect("below").to_string_lossy().into_owned();
            sources.add(path, std::fs::read_to_string(entry.path()).expect("readable"))
        })
        .collect();
    let files: Vec<_> = files.into_iter().map(|file| (file, sources.get(file))).collect();
    let (catalog, found) = Catalog::bundled().of_project(files.iter().map(|(file, source)| (*file, source)));
    assert_eq!(found, vec![]);
    catalog
}

/// Waits until `holds`, asking every few milliseconds; fails with `what` after `limit`. For what happens in another
/// process or on a disk, where there is nothing to await.
pub async fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < limit, "waited {limit:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
