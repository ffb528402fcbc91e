//! Reads a chapter and holds its examples against the implementation.

use flowctl::catalog::{Catalog, Types};
use flowctl::diagnostics::{Diagnostic, Severity, Sources};
use flowctl::graph::project::compile;
use flowctl::language::check::SlotScope;
use flowctl::language::evaluate::{Context, EvalError, Limits};
use flowctl::language::shape::conform;
use flowctl::language::types::{RecordType, Type, TypeSource};
use flowctl::language::{Expression, Inputs, Library, SourceText};
use flowctl::model::Project;
use flowctl::value::{Text, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// The file that an unnamed block of definitions is.
const FILE: &str = "example.map";
/// The file that a block of a flow is, and what stands beside it.
const FLOW: &str = "example.flow.yaml";
const PROJECT: &str = "project: example\nversion: 1\nsettings: { zone: { type: text, default: Europe/Oslo } }\n";
const CONNECTIONS: &str = "connections:
  shop: { system: stripe, mode: live, api_key: env://KEY }
  d365: { system: finops, base_url: https://a.example, company: usmf, tenant: 8c1d2b1e-0000-4000-8000-000000000000,
    client_id: env://ID, client_secret: env://SECRET }
";
/// What may stand behind an example, each begun by `// `.
const MARKS: [&str; 6] = ["// =>", "// json ", "// type ", "// error", "// warning", "// ok"];
const KINDS: [&str; 7] = ["absent", "type", "value", "number", "no_row", "failed", "script"];

static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(Catalog::bundled()));
static TYPES: LazyLock<Types> = LazyLock::new(|| Types::bundled(&CATALOG));

/// A fenced block.
struct Block {
    /// Line of the opening fence.
    line: usize,
    words: Vec<String>,
    text: String,
}

/// What the blocks of a section before an example give it.
#[derive(Default)]
struct Section {
    files: BTreeMap<String, String>,
    types: Vec<(String, String)>,
    /// Name, type as written, JSON.
    inputs: Vec<(String, String, Value)>,
}

/// An expression and what is said of it.
struct Example {
    line: usize,
    text: String,
    says: Vec<Says>,
}

enum Says {
    Gives(String),
    Json(String),
    Type(String),
    /// `error.code`, or the F1xxx number, and part of the message.
    Fails(Vec<String>, String),
    Finding(Finding),
}

#[derive(Clone)]
struct Finding {
    severity: Severity,
    code: String,
    /// `3:7`, or `rates.csv 3:7`.
    place: String,
    part: String,
}

/// All that fails, each as `path:line: why`.
pub fn check(path: &str, text: &str) -> Vec<String> {
    let mut failures = Vec::new();
    let mut examples = 0;
    let mut section = Section::default();
    for part in parts(text, &mut failures) {
        match part {
            None => section = Section::default(),
            Some(block) => match section.take(&block, &mut failures) {
                Ok(count) => examples += count,
                Err(why) => failures.push((block.line, why)),
            },
        }
    }
    if examples == 0 && failures.is_empty() {
        failures.push((1, "there is no example in this file".into()));
    }
    failures.into_iter().map(|(line, why)| format!("{path}:{line}: {why}")).collect()
}

/// Blocks, and `None` for each heading.
fn parts(text: &str, failures: &mut Vec<(usize, String)>) -> Vec<Option<Block>> {
    let mut parts = vec![];
    let mut open: Option<(usize, Block)> = None;
    for (n, line) in text.lines().enumerate() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match &mut open {
            Some((fence, _)) if ticks >= *fence && line.trim_end().len() == ticks => {
                parts.push(open.take().map(|(_, block)| block));
            }
            Some((_, block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            None if ticks >= 3 => {
                let words = line[ticks..].split_whitespace().map(String::from).collect();
                open = Some((ticks, Block { line: n + 1, words, text: String::new() }));
            }
            None if line.starts_with('#') => parts.push(None),
            None => {}
        }
    }
    if let Some((_, block)) = open {
        failures.push((block.line, "this block is not closed".into()));
    }
    parts
}

impl Section {
    /// Takes one block: keeps it for those below, or runs its examples and counts them.
    fn take(&mut self, block: &Block, failures: &mut Vec<(usize, String)>) -> Result<usize, String> {
        let words: Vec<&str> = block.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["text" | "sh"] => {}
            ["map" | "csv" | "rhai", name] if !name.contains('=') => {
                self.files.insert(name.to_string(), block.text.clone());
            }
            ["flow"] => return self.flow(&block.text),
            ["type", name] => self.types.push((name.to_string(), block.text.clone())),
            ["json", name, ty @ ..] => {
                let value = json::parse(block.text.as_bytes()).map_err(|why| format!("this is no JSON: {why}"))?;
                let ty = if ty.is_empty() { "any".into() } else { ty.join(" ") };
                self.inputs.push((name.trim_end_matches(':').into(), ty, value));
            }
            ["map", "where", row] => return self.run(block, &Limits::default(), Some(row), failures),
            ["map", limits @ ..] => return self.run(block, &read_limits(limits)?, None, failures),
            _ => return Err(format!("a block `{}` cannot be read", words.join(" "))),
        }
        Ok(0)
    }

    fn run(
        &self,
        block: &Block,
        limits: &Limits,
        row: Option<&str>,
        failures: &mut Vec<(usize, String)>,
    ) -> Result<usize, String> {
        let before = failures.len();
        let (definitions, findings, examples) = read(block, failures);
        if failures.len() > before {
            return Ok(0);
        }
        if examples.is_empty() && findings.is_none() {
            return Err("this block has no example".into());
        }
        let mut files = self.files.clone();
        // The examples see what the definitions see of the library in the binary.
        let library = definitions.lines().filter_map(|line| line.strip_prefix("use \"std:")?.strip_suffix('"'));
        let uses: Vec<String> =
            std::iter::once(FILE.to_string()).chain(library.map(|name| format!("std:{name}"))).collect();
        files.insert(FILE.into(), definitions);
        let mut sources = Sources::default();
        let files = files.into_iter().map(|(path, text)| (path.clone(), sources.add(path, text))).collect();
        let own = self.types()?;
        let types = own.as_ref().unwrap_or(&TYPES);
        let settings = Arc::new(RecordType::shape([]));
        let inputs = Inputs { files: &files, types, settings };
        let (library, mut found) = Library::compile(&inputs, &mut sources);
        let count = examples.len() + findings.iter().len();
        let wanted: Vec<&Finding> = findings.iter().flatten().collect();
        // Unused tables are told once the flows have had their chance to look into them.
        if wanted.iter().any(|wanted| wanted.code == "F0226") {
            found.extend(library.unused_tables());
        }
        if let Some(why) = differs(&wanted, &found, &sources, findings.is_some(), FILE) {
            return Err(why);
        }
        let mut variables = vec![];
        for (name, ty, _) in &self.inputs {
            let ty = if ty == "any" { Some(Type::any()) } else { types.payload(ty) };
            variables.push((Text::from(name.as_str()), ty.ok_or_else(|| format!("`{name}` has no known type"))?));
        }
        let scope = SlotScope { library: &library, inputs: &inputs, uses: &uses, variables: &variables, facts: &[] };
        let values: Vec<Value> = self.inputs.iter().map(|(.., value)| value.clone()).collect();
        for example in &examples {
            let row =
                row.map(|row| types.payload(row).ok_or_else(|| format!("`{row}` is no known type"))).transpose()?;
            let bench = Bench { scope: &scope, values: &values, limits, row };
            if let Err(why) = bench.holds(example, &mut sources) {
                failures.push((example.line, why));
            }
        }
        Ok(count)
    }

    /// Compiles a flow beside the section's files, in a project with a connection to each of two systems.
    fn flow(&self, text: &str) -> Result<usize, String> {
        let flow =
            text.lines().take_while(|line| !line.starts_with("# ")).map(|line| format!("{line}\n")).collect::<String>();
        let mut wanted = vec![];
        for said in text.lines().filter_map(|line| line.strip_prefix("# ")) {
            let (word, rest) = said.split_once(' ').unwrap_or((said, ""));
            match (word, rest) {
                ("ok", "") => {}
                ("error" | "warning", rest) => match read_error(word, rest)? {
                    Says::Finding(finding) => wanted.push(finding),
                    _ => return Err(format!("`{said}` is no finding")),
                },
                _ => return Err(format!("`{said}` cannot be read")),
            }
        }
        let mut texts: BTreeMap<String, Arc<str>> = BTreeMap::from([
            ("flowctl.yaml".to_string(), PROJECT.into()),
            ("connections.yaml".to_string(), CONNECTIONS.into()),
            (FLOW.to_string(), flow.into()),
        ]);
        texts.extend(self.files.iter().map(|(path, text)| (path.clone(), text.as_str().into())));
        let (project, sources, mut found) = Project::from_files(&texts);
        let effective = project.effective(None).map_err(|finding| finding.message)?;
        let compilation = compile(&project, &effective, sources, &CATALOG);
        found.extend(compilation.findings);
        match differs(&wanted.iter().collect::<Vec<_>>(), &found, &compilation.sources, true, FLOW) {
            Some(why) => Err(why),
            None => Ok(1),
        }
    }

    /// The bundled types with those of the section; `None` where it has none.
    fn types(&self) -> Result<Option<Types>, String> {
        if self.types.is_empty() {
            return Ok(None);
        }
        let mut sources = Sources::default();
        for (name, text) in &self.types {
            sources.add(format!("types/{}.json", name.replace('.', "/")), text.as_str());
        }
        let (types, findings) = Types::new(&CATALOG, sources.iter());
        match findings.first() {
            Some(finding) => Err(format!("a type cannot be read: {}", finding.message)),
            None => Ok(Some(types)),
        }
    }
}

fn read_limits(words: &[&str]) -> Result<Limits, String> {
    let mut limits = Limits::default();
    for word in words {
        let known = word.split_once('=').and_then(|(name, value)| Some((name, value.parse::<usize>().ok()?)));
        match known {
            Some(("steps", most)) => limits.steps = most as u64,
            Some(("text", most)) => limits.text = most,
            Some(("output", most)) => limits.output = most,
            Some(("nesting", most)) => limits.nesting = most,
            _ => return Err(format!("`{word}` is no limit")),
        }
    }
    Ok(limits)
}

/// The definitions of a block with their lines where they were, what is said of its findings, and its examples.
fn read(block: &Block, failures: &mut Vec<(usize, String)>) -> (String, Option<Vec<Finding>>, Vec<Example>) {
    let mut definitions: Vec<&str> = vec![];
    let mut findings: Option<Vec<Finding>> = None;
    let mut examples: Vec<Example> = vec![];
    // The line of the block where the paragraph at hand begins.
    let mut start = 0;
    for (n, line) in block.text.lines().enumerate() {
        definitions.push(line);
        let at = block.line + 1 + n;
        let Some(mark) = MARKS.iter().filter_map(|mark| line.find(mark)).min() else {
            if line.trim().is_empty() {
                start = n + 1;
            }
            continue;
        };
        let says = match read_says(&line[mark..]) {
            Ok(says) => says,
            Err(why) => {
                failures.push((at, why));
                continue;
            }
        };
        let alone = line[..mark].trim().is_empty();
        if alone && says.iter().all(|says| matches!(says, Says::Finding(_))) {
            let said = says.into_iter().filter_map(|says| match says {
                Says::Finding(finding) => Some(finding),
                _ => None,
            });
            findings.get_or_insert_default().extend(said);
            definitions[n] = "";
            start = n + 1;
            continue;
        }
        if alone && start == n {
            match examples.last_mut() {
                Some(last) => last.says.extend(says),
                None => failures.push((at, "this stands behind no expression".into())),
            }
        } else {
            let mut text = definitions[start..n].join("\n");
            if !alone {
                text.push_str(if start == n { "" } else { "\n" });
                text.push_str(line[..mark].trim_end());
            }
            examples.push(Example { line: block.line + 1 + start, text, says });
        }
        definitions[start..].fill("");
        start = n + 1;
    }
    (definitions.join("\n"), findings, examples)
}

/// Reads `// => 1  // type int`. `// ok` says that there is no finding: nothing.
fn read_says(text: &str) -> Result<Vec<Says>, String> {
    let mut starts: Vec<usize> = MARKS.iter().flat_map(|mark| text.match_indices(mark).map(|(at, _)| at)).collect();
    starts.sort();
    starts.push(text.len());
    let mut all = vec![];
    for pair in starts.windows(2) {
        let said = text[pair[0]..pair[1]].trim_start_matches("// ").trim();
        let (word, rest) = said.split_once(' ').unwrap_or((said, ""));
        let rest = rest.trim();
        match word {
            "=>" => all.push(Says::Gives(rest.into())),
            "json" => all.push(Says::Json(rest.into())),
            "type" => all.push(Says::Type(rest.into())),
            "ok" if rest.is_empty() => {}
            "error" | "warning" => all.push(read_error(word, rest)?),
            _ => return Err(format!("`{said}` cannot be read")),
        }
    }
    Ok(all)
}

fn read_error(word: &str, rest: &str) -> Result<Says, String> {
    let (words, part) = rest.split_once('"').unwrap_or((rest, "\""));
    let part = part.trim_end().strip_suffix('"').ok_or("the message is not closed")?.to_string();
    let words: Vec<String> = words.split_whitespace().map(String::from).collect();
    let severity = if word == "error" { Severity::Error } else { Severity::Warning };
    match words.split_first() {
        Some((code, place)) if code.starts_with("F0") && !place.is_empty() => {
            Ok(Says::Finding(Finding { severity, code: code.clone(), place: place.join(" "), part }))
        }
        Some((code, _)) if KINDS.contains(&code.as_str()) || code == "limit" => Ok(Says::Fails(words, part)),
        _ => Err(format!("`{word} {rest}` cannot be read")),
    }
}

/// `None` where the findings are those that are wanted. Warnings count where they are asked for.
fn differs(wanted: &[&Finding], found: &[Diagnostic], sources: &Sources, warnings: bool, file: &str) -> Option<String> {
    let mut found: Vec<_> = found
        .iter()
        .filter(|finding| finding.severity == Severity::Error || (warnings && finding.severity == Severity::Warning))
        .map(|finding| {
            let position = finding.primary.as_ref().map(|label| sources.position(label.span));
            let place = position.map_or(String::new(), |at| {
                let path = if *at.path == *file { String::new() } else { format!("{} ", at.path) };
                format!("{path}{}:{}", at.line, at.column)
            });
            (finding, place)
        })
        .collect();
    let shown: Vec<String> =
        found.iter().map(|(finding, place)| format!("{} {place} {:?}", finding.code, everything(finding))).collect();
    let fits = wanted.iter().all(|wanted| {
        let at = found.iter().position(|(finding, place)| {
            finding.severity == wanted.severity
                && finding.code.0 == wanted.code
                && *place == wanted.place
                && everything(finding).contains(&wanted.part)
        });
        at.map(|at| found.remove(at)).is_some()
    });
    if fits && found.is_empty() {
        return None;
    }
    let wanted: Vec<String> =
        wanted.iter().map(|wanted| format!("{} {} {:?}", wanted.code, wanted.place, wanted.part)).collect();
    Some(format!("expected [{}], found [{}]", wanted.join(", "), shown.join(", ")))
}

/// All sentences of a finding.
fn everything(finding: &Diagnostic) -> String {
    let label = finding.primary.iter().chain(&finding.secondary).map(|label| label.text.as_str());
    let sentences = std::iter::once(finding.message.as_str()).chain(label);
    sentences
        .chain(finding.help.iter().map(String::as_str))
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Where one block's examples are evaluated.
struct Bench<'a> {
    scope: &'a SlotScope<'a>,
    values: &'a [Value],
    limits: &'a Limits,
    /// The examples are conditions over a row of this type.
    row: Option<Type>,
}

impl Bench<'_> {
    fn holds(&self, example: &Example, sources: &mut Sources) -> Result<(), String> {
        let wanted: Vec<&Finding> = example.says.iter().filter_map(finding).collect();
        let warnings = wanted.iter().any(|finding| finding.severity == Severity::Warning);
        let expression = self.compile(&example.text, &wanted, warnings, sources)?;
        for says in &example.says {
            let Some(expression) = &expression else {
                if matches!(says, Says::Finding(_)) {
                    continue;
                }
                return Err("it does not compile, as it says itself, so that there is nothing to compare".into());
            };
            match says {
                Says::Finding(_) => {}
                Says::Gives(text) => {
                    let other = self.compile(text, &[], false, sources).map_err(|why| format!("`{text}`: {why}"))?;
                    let other = other.ok_or_else(|| format!("`{text}` does not compile"))?;
                    let other = self.evaluate(&other).map_err(|why| format!("`{text}`: {why}"))?;
                    let value = self.evaluate(expression).map_err(|why| format!("expected {text}, got {why}"))?;
                    if value != other {
                        return Err(format!("expected {text}, got {}", shown(&value)));
                    }
                }
                Says::Json(text) => {
                    let value = self.evaluate(expression).map_err(|why| format!("expected {text}, got {why}"))?;
                    let value = conform(&value, expression.result()).map_err(|why| format!("{why:?}"))?;
                    let got = json::write(&value).map_err(|why| format!("{why:?}"))?;
                    if got != *text {
                        return Err(format!("expected {text}, got {got}"));
                    }
                }
                Says::Type(text) => {
                    let got = expression.result().to_string();
                    if got != *text {
                        return Err(format!("expected type {text}, got {got}"));
                    }
                }
                Says::Fails(words, part) => match self.evaluate(expression) {
                    Ok(value) => return Err(format!("expected error {words:?}, got {}", shown(&value))),
                    Err(why) => {
                        let known = [why.code.as_str(), why.number.0];
                        if !words.iter().all(|word| known.contains(&word.as_str())) || !why.message.contains(part) {
                            return Err(format!("expected error {words:?} {part:?}, got {known:?} {:?}", why.message));
                        }
                    }
                },
            }
        }
        Ok(())
    }

    /// `None` where it has the errors that are wanted.
    fn compile(
        &self,
        text: &str,
        wanted: &[&Finding],
        warnings: bool,
        sources: &mut Sources,
    ) -> Result<Option<Expression>, String> {
        let file = sources.add("<expression>", text);
        let text = SourceText::file(file, text.into());
        let (checked, found) = match &self.row {
            Some(row) => (None, self.scope.filter(&text, row).1),
            None => self.scope.expression(&text, None),
        };
        match differs(wanted, &found, sources, warnings, "<expression>") {
            Some(why) => Err(why),
            None => Ok(checked.map(|checked| checked.expression)),
        }
    }

    fn evaluate(&self, expression: &Expression) -> Result<Value, EvalError> {
        let settings = Value::Record(Default::default());
        expression.evaluate(self.values, &Context { settings: &settings, limits: self.limits })
    }
}

fn finding(says: &Says) -> Option<&Finding> {
    match says {
        Says::Finding(finding) => Some(finding),
        _ => None,
    }
}

/// A value for a person, dates and money told apart from text.
fn shown(value: &Value) -> String {
    json::write_tagged(value).unwrap_or_else(|why| format!("a value that cannot be written: {why}"))
}
