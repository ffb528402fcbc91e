//! The mapping language: parse → check → compile → evaluate. No I/O and no YAML: files come in as texts, payload
//! types through [`types::TypeSource`].
//!
//! - [`ast`] what was written, built by [`parse`] from `grammar/mapping.pest`
//! - [`check`] names, types and narrowing; gives [`code`]
//! - [`evaluate`] runs code on values, within limits
//! - [`explain`] how a value came about
//! - [`format`] how a `.map` file looks
//! - [`functions`] the built-ins, one file each; `std/` the library written in the language itself, which [`standard`] reads
//!
//! A project's mappings are compiled together into a [`Library`]; a flow's slots are compiled against it.

pub mod ast;
pub mod check;
pub mod code;
pub mod evaluate;
pub mod explain;
pub mod filter;
pub mod format;
pub mod functions;
pub mod parse;
mod path;
pub mod script;
pub mod shape;
pub mod standard;
pub mod table;
pub mod types;

use crate::diagnostics::{Diagnostic, FileId, Sources, Span};
use code::Program;
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{RecordType, Type, TypeSource};

/// Mapping text with the place of every part of it in its real file.
#[derive(Clone, Debug)]
pub struct SourceText {
    pub file: FileId,
    pub text: Arc<str>,
    /// `(offset in text, offset in file)` where a run of equal distance begins, ascending, the first at 0: a block in
    /// YAML lost its indentation line by line, a quoted scalar its escapes.
    pub runs: Vec<(u32, u32)>,
}

impl SourceText {
    /// A whole file.
    pub fn file(file: FileId, text: Arc<str>) -> SourceText {
        SourceText { file, text, runs: vec![(0, 0)] }
    }

    /// Bytes `start..end` of the text as a place in the file.
    pub fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, self.place(start), self.place(end).max(self.place(start)))
    }

    fn place(&self, offset: usize) -> usize {
        let run = self.runs.partition_point(|(text, _)| *text as usize <= offset).saturating_sub(1);
        self.runs.get(run).map_or(offset, |(text, file)| *file as usize + offset - *text as usize)
    }
}

/// What a project's mappings are compiled from.
pub struct Inputs<'a> {
    /// `.map`, `.rhai` and `.csv` texts by their path from the project root, already in `Sources`.
    pub files: &'a BTreeMap<String, FileId>,
    pub types: &'a dyn TypeSource,
    /// The type of `settings`.
    pub settings: Arc<RecordType>,
}

/// All mappings of a project, checked and compiled. Files with errors are not in it; what uses them has its own error.
/// A clone counts for itself what is asked of it (`asked`): whoever compiles on several threads gives each its own.
#[derive(Clone)]
pub struct Library {
    /// What every compiled expression calls.
    pub program: Arc<Program>,
    scopes: BTreeMap<String, check::FileScope>,
}

impl Library {
    /// Compiles every `.map` file of the project and the whole library in the binary. Findings of all files, no cascades.
    pub fn compile(inputs: &Inputs<'_>, sources: &mut Sources) -> (Library, Vec<Diagnostic>) {
        check::library(inputs, None, sources)
    }

    /// The same with only those parts of the library in the binary that a file uses or `uses` names (`std:address`): what
    /// flows use.
    pub fn compile_using(inputs: &Inputs<'_>, uses: &[&str], sources: &mut Sources) -> (Library, Vec<Diagnostic>) {
        check::library(inputs, Some(uses), sources)
    }

    /// The names of a file's mappings and fns, as they stand in it.
    pub fn routines(&self, file: &str) -> Vec<crate::value::Text> {
        self.scopes.get(file).map(|scope| scope.routines()).unwrap_or_default()
    }
}

/// Something of a flow that can be evaluated: takes the values of its inputs in their order.
#[derive(Clone, Debug)]
pub struct Expression {
    pub program: Arc<Program>,
    pub routine: Arc<code::Routine>,
}

impl Expression {
    /// What it gives.
    pub fn result(&self) -> &Type {
        &self.routine.result
    }
}
