//! Payloads: read from files, stdin or the command line, given to parameters in order or by name, and held against the
//! types that they are given to.
//!
//! A payload that its type does not fit is only warned of: a run checks what it reads, and so does the evaluation.

use crate::diagnostics::{Code, Diagnostic, FileId, Sources, Span, did_you_mean};
use crate::language::explain::{Step, misfits};
use crate::language::types::Type;
use crate::value::{Text, Value, json};
use anyhow::Context as _;
use std::path::PathBuf;
use std::sync::OnceLock;

/// So many misfits are told of one payload.
const TOLD: usize = 8;

/// One `--input`.
pub(super) struct Input {
    /// The parameter or variable that takes it; `None`: the next in order.
    pub name: Option<String>,
    /// What it is known by: its path, or `<input>`.
    shown: String,
    /// Where it is a file, to watch it.
    pub file: Option<PathBuf>,
    text: String,
}

/// Reads what stands behind every `--input`.
pub(super) fn parse(written: &[String]) -> anyhow::Result<Vec<Input>> {
    written.iter().map(|written| one(written)).collect()
}

fn one(written: &str) -> anyhow::Result<Input> {
    let (name, place) = match written.split_once('=') {
        Some((name, place)) if is_name(name) => (Some(name.to_string()), place),
        _ => (None, written),
    };
    if place == "-" {
        return Ok(Input { name, shown: "<stdin>".into(), file: None, text: stdin()?.clone() });
    }
    let path = PathBuf::from(place);
    // A file of that name is meant, however much its name looks like JSON.
    let looks_like_json = place.starts_with(['{', '[', '"']) || json::parse(place.as_bytes()).is_ok();
    if looks_like_json && !path.exists() {
        return Ok(Input { name, shown: "<input>".into(), file: None, text: place.to_string() });
    }
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Input { name, shown: place.into(), file: Some(path), text: String::from_utf8_lossy(&bytes).into_owned() })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Read once: `--watch` has to have it again.
fn stdin() -> anyhow::Result<&'static String> {
    static TEXT: OnceLock<String> = OnceLock::new();
    if let Some(text) = TEXT.get() {
        return Ok(text);
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).context("cannot read stdin")?;
    Ok(TEXT.get_or_init(|| String::from_utf8_lossy(&bytes).into_owned()))
}

impl Input {
    /// Its value; its text is among the sources, so that findings can show it.
    pub fn value(&self, sources: &mut Sources, findings: &mut Vec<Diagnostic>) -> Option<(Value, FileId)> {
        let file = sources.add(self.shown.as_str(), self.text.as_str());
        match json::parse(self.text.as_bytes()) {
            Ok(value) => Some((value, file)),
            Err(error) => {
                let span = Span::new(file, error.offset, error.offset);
                findings.push(Diagnostic::error(Code::F0604, format!("this is no JSON: {}", error.message), span));
                None
            }
        }
    }
}

/// Which input each parameter takes. What may be missing needs none.
pub(super) fn arrange<'i>(
    owner: &str,
    params: &[(Text, Type)],
    inputs: &'i [Input],
) -> anyhow::Result<Vec<Option<&'i Input>>> {
    let mut taken: Vec<Option<&Input>> = vec![None; params.len()];
    for input in inputs {
        let Some(name) = &input.name else { continue };
        match params.iter().position(|(known, _)| **known == **name) {
            Some(at) if taken[at].is_some() => anyhow::bail!("`{name}` is given twice"),
            Some(at) => taken[at] = Some(input),
            None => {
                let known: Vec<&str> = params.iter().map(|(known, _)| &**known).collect();
                let hint = match did_you_mean(name, known.iter().copied()) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None => format!("it has {}", known.join(", ")),
                };
                anyhow::bail!("{owner} has no parameter {name}; {hint}");
            }
        }
    }
    let mut unnamed = inputs.iter().filter(|input| input.name.is_none());
    for place in taken.iter_mut().filter(|place| place.is_none()) {
        *place = unnamed.next();
    }
    if unnamed.next().is_some() {
        let (wanted, given) = (params.len(), inputs.len());
        anyhow::bail!("{owner} takes {wanted} argument{}, --input names {given}", if wanted == 1 { "" } else { "s" });
    }
    let lacking: Vec<String> = params
        .iter()
        .zip(&taken)
        .filter(|((_, ty), taken)| taken.is_none() && !ty.missing)
        .map(|((name, ty), _)| format!("{name} ({ty})"))
        .collect();
    if !lacking.is_empty() {
        anyhow::bail!("{owner} also takes {}: give each with --input NAME=FILE", lacking.join(", "));
    }
    Ok(taken)
}

/// Warnings about what a payload's type says otherwise, each at its place in the payload.
pub(super) fn warn(name: &str, value: &Value, ty: &Type, file: FileId, text: &str) -> Vec<Diagnostic> {
    let mut found = misfits(value, ty);
    let more = found.len().saturating_sub(TOLD);
    found.truncate(TOLD);
    let mut warnings: Vec<Diagnostic> = found
        .into_iter()
        .map(|misfit| {
            let steps: String = misfit.path.iter().map(Step::to_string).collect();
            let (start, end) = locate(text, &misfit.path);
            Diagnostic::warning(Code::F0605, format!("`{name}{steps}`{}", misfit.message), Span::new(file, start, end))
        })
        .collect();
    if let Some(last) = warnings.pop() {
        let help = match more {
            0 => "an error only where the mapping reads it".into(),
            more => format!("an error only where the mapping reads it; {more} more are not shown"),
        };
        warnings.push(last.help(help));
    }
    warnings
}

/// Where the value behind these steps stands in a JSON text; the whole text where it is not found.
fn locate(text: &str, path: &[Step]) -> (usize, usize) {
    let mut reader = Places { text: text.as_bytes(), at: 0 };
    match reader.value(Some(path)) {
        Some(Some(place)) => place,
        _ => (0, 0),
    }
}

/// Walks over JSON that is known to be good.
struct Places<'t> {
    text: &'t [u8],
    at: usize,
}

type Place = (usize, usize);

impl Places<'_> {
    fn blanks(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':')) {
            self.at += 1;
        }
    }

    /// Passes one value. `Some(place)` where it holds what is looked for; `None` at the end of the text.
    fn value(&mut self, path: Option<&[Step]>) -> Option<Option<Place>> {
        self.blanks();
        let start = self.at;
        let mut found = None;
        match self.text.get(self.at)? {
            b'{' | b'[' => {
                let is_record = self.text[self.at] == b'{';
                self.at += 1;
                for n in 0.. {
                    self.blanks();
                    if matches!(self.text.get(self.at)?, b'}' | b']') {
                        self.at += 1;
                        break;
                    }
                    let below = match path.and_then(<[Step]>::split_first) {
                        Some((Step::Field(name) | Step::Key(name), rest)) if is_record => {
                            (self.key()?.as_str() == Some(&**name)).then_some(rest)
                        }
                        Some((Step::Index(wanted), rest)) if !is_record => (*wanted == n).then_some(rest),
                        _ => {
                            if is_record {
                                self.key()?;
                            }
                            None
                        }
                    };
                    found = found.or(self.value(below)?);
                }
            }
            b'"' => {
                self.key()?;
            }
            _ => {
                while !matches!(
                    self.text.get(self.at),
                    None | Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b']' | b'}')
                ) {
                    self.at += 1;
                }
            }
        }
        Some(if path.is_some_and(<[Step]>::is_empty) { Some((start, self.at)) } else { found })
    }

    /// A quoted text, without its escapes.
    fn key(&mut self) -> Option<serde_json::Value> {
        self.blanks();
        let start = self.at;
        self.at += 1;
        while *self.text.get(self.at)? != b'"' {
            self.at += if self.text[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        serde_json::from_slice(self.text.get(start..self.at)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_its_text() {
        let text = r#" { "a" : [ 1 , {"b\"x": "two", "c":-3e1} ], "d":null}"#;
        let part = |path: &[Step]| {
            let (start, end) = locate(text, path);
            &text[start..end]
        };
        let field = |name: &str| Step::Field(name.into());
        assert_eq!(part(&[field("a"), Step::Index(1), field("c")]), "-3e1");
        assert_eq!(part(&[field("a"), Step::Index(1), field("b\"x")]), "\"two\"");
        assert_eq!(part(&[field("d")]), "null");
        assert_eq!(part(&[field("a"), Step::Index(0)]), "1");
        assert_eq!(part(&[field("nowhere")]), "");
        assert_eq!(part(&[]), text.trim());
    }
}
