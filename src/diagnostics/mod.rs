//! What can be said about a file: a [`Diagnostic`] with a numbered [`Code`], its place and what to do.
//!
//! This module holds facts and their renderings. It deliberately knows nothing of YAML, mappings or flows: whoever
//! finds something builds the diagnostic. Invariants: a code is never reused; every code has an explain page in
//! `codes/`; a span always lies inside its source (clamped where it is rendered, so that a wrong span can never panic).

mod codes;
pub mod render;
mod source;

pub use codes::{ALL, Code, explain};
pub use source::{FileId, Position, Source, Sources, Span};

/// How bad a finding is. Only errors make a file unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
    Note,
}

/// A place and what to say about it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// A text that would mend the finding when it replaces what stands at `span`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub span: Span,
    pub replacement: String,
}

/// One finding: what happened, where, what was got and expected, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// One sentence in the reader's words, without a full stop.
    pub message: String,
    /// Where it is. `None` only for findings about a whole project (a folder without `flowctl.yaml`).
    pub primary: Option<Label>,
    /// Other places that explain it: "first assigned here".
    pub secondary: Vec<Label>,
    /// What to do, one sentence each.
    pub help: Vec<String>,
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error at `span`.
    pub fn error(code: Code, message: impl Into<String>, span: Span) -> Self {
        Self::new(Severity::Error, code, message, span)
    }

    /// A warning at `span`.
    pub fn warning(code: Code, message: impl Into<String>, span: Span) -> Self {
        Self::new(Severity::Warning, code, message, span)
    }

    /// A note at `span`.
    pub fn note(code: Code, message: impl Into<String>, span: Span) -> Self {
        Self::new(Severity::Note, code, message, span)
    }

    fn new(severity: Severity, code: Code, message: impl Into<String>, span: Span) -> Self {
        let primary = Some(Label { span, text: String::new() });
        Diagnostic { code, severity, message: message.into(), primary, secondary: vec![], help: vec![], fix: None }
    }

    /// An error about no place in particular.
    pub fn general(code: Code, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            primary: None,
            secondary: vec![],
            help: vec![],
            fix: None,
        }
    }

    /// What stands under the marked place: "expected text, got int".
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(primary) = &mut self.primary {
            primary.text = text.into();
        }
        self
    }

    /// Another place that explains it.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// What to do about it.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// A replacement that would mend it.
    pub fn fix(mut self, span: Span, replacement: impl Into<String>) -> Self {
        self.fix = Some(Fix { span, replacement: replacement.into() });
        self
    }
}

/// The name among `known` that `written` was probably meant to be: at most a third of its letters differ.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = written.chars().count() / 3;
    known
        .into_iter()
        .filter(|name| *name != written)
        .map(|name| (strsim::damerau_levenshtein(&written.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit.max(1))
        .min()
        .map(|(_, name)| name)
}
