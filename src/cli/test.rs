//! `flowctl test [PATH…]`.

use super::project::{self, Compiled};
use super::{End, output};
use crate::catalog::Catalog;
use crate::diagnostics::render::xml;
use crate::diagnostics::{Diagnostic, Severity, Sources, Span, render};
use crate::engine::rehearsal::{Rehearsal, Verdict};
use crate::model::TestSource;
use crate::model::load::find_root;
use anyhow::Context as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Runs the tests beside the flows: the real engine, answers from the tests, a virtual clock, no network.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl test flows\n  flowctl test flows/stripe-dynamics-365/charge-to-sales-order.flow.yaml\n  flowctl test --format junit > tests.xml"
)]
pub struct Args {
    /// Folders, *.test.yaml files, or *.flow.yaml files whose tests are meant. Without one: all of this folder.
    paths: Vec<PathBuf>,
    /// How results are written to stdout.
    #[arg(long, default_value = "text")]
    format: Format,
    /// The values of this environment. Without it: the base values.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Junit,
}

/// The cases of one test file.
struct Suite {
    path: String,
    flow: String,
    cases: Vec<Verdict>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    let mut paths = args.paths;
    if paths.is_empty() {
        paths.push(".".into());
    }
    let mut projects: Vec<(PathBuf, Vec<PathBuf>)> = vec![];
    for path in paths {
        let there = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
        let root = find_root(&path)
            .with_context(|| format!("{} stands in no project: no flowctl.yaml there or above", path.display()))?;
        match projects.iter_mut().find(|(known, _)| *known == root) {
            Some((_, wanted)) => wanted.push(there),
            None => projects.push((root, vec![there])),
        }
    }
    let mut results = vec![];
    for (root, wanted) in &projects {
        let compiled = project::load(root, args.env.as_deref())?;
        compiled.tell();
        let suites = suites(&compiled, root, wanted)?;
        results.push((compiled, suites));
    }
    let all = results.iter().flat_map(|(_, suites)| suites).flat_map(|suite| &suite.cases);
    let (passed, failed): (Vec<&Verdict>, Vec<&Verdict>) = all.partition(|case| case.passed());
    let (passed, failed) = (passed.len(), failed.len());
    let mut out = match args.format {
        Format::Text => String::new(),
        Format::Json => String::new(),
        Format::Junit => junit_head(passed, failed),
    };
    let mut json = vec![];
    for (compiled, suites) in &results {
        let sources = &compiled.compilation.sources;
        for suite in suites {
            match args.format {
                Format::Text => out.push_str(&text(suite, sources)),
                Format::Json => json.extend(suite.cases.iter().map(|case| as_json(suite, case, sources))),
                Format::Junit => out.push_str(&junit(suite, sources)),
            }
        }
    }
    match args.format {
        Format::Text => out.push_str(&format!("{passed} passed, {failed} failed\n")),
        Format::Json => {
            let all = serde_json::json!({ "passed": passed, "failed": failed, "cases": json });
            out = format!("{}\n", serde_json::to_string_pretty(&all)?);
        }
        Format::Junit => out.push_str("</testsuites>\n"),
    }
    output::print(&out)?;
    let broken =
        results.iter().any(|(compiled, _)| compiled.findings.iter().any(|finding| finding.severity == Severity::Error));
    Ok(if failed > 0 || broken { End::Findings } else { End::Fine })
}

/// The tests that the paths mean, run. A path that means none is wrong usage: nobody wants to pass with nothing.
fn suites(compiled: &Compiled, root: &Path, wanted: &[PathBuf]) -> anyhow::Result<Vec<Suite>> {
    let project = &compiled.project;
    let flow_at = |path: &Path| {
        project.flows.iter().find(|flow| root.join(&flow.path) == path).map(|flow| flow.flow.flow.as_str())
    };
    let means = |wanted: &PathBuf, path: &str, flow: Option<&str>| {
        root.join(path).starts_with(wanted) || flow.is_some() && flow_at(wanted) == flow
    };
    let unread = unread(compiled);
    for path in wanted {
        let read = project.tests.iter().any(|source| means(path, &source.path, Some(source.tests.flow.as_str())));
        if !read && !unread.iter().any(|(file, _)| means(path, file, None)) {
            anyhow::bail!("no test in {}: tests are *.test.yaml files", path.display());
        }
    }
    let catalog = Catalog::bundled();
    let rehearsal = Rehearsal::new(project, &compiled.effective, &compiled.compilation, &catalog);
    let meant =
        |source: &&TestSource| wanted.iter().any(|path| means(path, &source.path, Some(source.tests.flow.as_str())));
    let sources: Vec<&TestSource> = project.tests.iter().filter(meant).collect();
    let verdicts = rehearsal.files(&sources);
    let suite = |(source, cases): (&&TestSource, Vec<Verdict>)| Suite {
        path: source.path.clone(),
        flow: source.tests.flow.to_string(),
        cases,
    };
    let mut suites: Vec<Suite> = sources.iter().zip(verdicts).map(suite).collect();
    for (path, failures) in unread {
        if wanted.iter().any(|wanted| means(wanted, &path, None)) {
            let span = failures.first().and_then(place).unwrap_or_default();
            let case = Verdict { name: "(the file cannot be read)".into(), span, failures };
            suites.push(Suite { path, flow: String::new(), cases: vec![case] });
        }
    }
    suites.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(suites)
}

/// Test files with errors, which hold no cases that could be run, with those errors.
fn unread(compiled: &Compiled) -> Vec<(String, Vec<Diagnostic>)> {
    let mut files: Vec<(String, Vec<Diagnostic>)> = vec![];
    for finding in compiled.findings.iter().filter(|finding| finding.severity == Severity::Error) {
        let Some(span) = place(finding) else { continue };
        let path = compiled.compilation.sources.get(span.file).path.to_string();
        if !path.ends_with(".test.yaml") {
            continue;
        }
        match files.iter_mut().find(|(known, _)| *known == path) {
            Some((_, findings)) => findings.push(finding.clone()),
            None => files.push((path, vec![finding.clone()])),
        }
    }
    files
}

fn place(finding: &Diagnostic) -> Option<Span> {
    finding.primary.as_ref().map(|label| label.span)
}

fn text(suite: &Suite, sources: &Sources) -> String {
    let colour = std::io::stdout().is_terminal() && output::colour();
    let mut out = format!("{}\n", suite.path);
    for case in &suite.cases {
        if case.passed() {
            out.push_str(&format!("  ok    {}\n", case.name));
            continue;
        }
        out.push_str(&format!("  FAIL  {}\n\n", case.name));
        for failure in &case.failures {
            let shown = render::text(std::slice::from_ref(failure), sources, colour);
            // Without the count at its end.
            let shown = shown.trim_end().rsplit_once('\n').map_or("", |(shown, _)| shown.trim_end());
            out.extend(shown.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") }));
            out.push('\n');
        }
    }
    out.push('\n');
    out
}

fn as_json(suite: &Suite, case: &Verdict, sources: &Sources) -> serde_json::Value {
    let at = sources.position(case.span);
    let failures: serde_json::Value = serde_json::from_str(&render::json(&case.failures, sources)).unwrap_or_default();
    serde_json::json!({
        "file": suite.path,
        "line": at.line,
        "flow": suite.flow,
        "name": case.name,
        "passed": case.passed(),
        "failures": failures,
    })
}

fn junit_head(passed: usize, failed: usize) -> String {
    let tests = passed + failed;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"flowctl test\" tests=\"{tests}\" failures=\"{failed}\">\n"
    )
}

fn junit(suite: &Suite, sources: &Sources) -> String {
    let failed = suite.cases.iter().filter(|case| !case.passed()).count();
    let mut out =
        format!("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\">\n", xml(&suite.path), suite.cases.len());
    for case in &suite.cases {
        let line = sources.position(case.span).line;
        let head = format!(
            "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{line}\"",
            xml(&suite.flow),
            xml(&case.name),
            xml(&suite.path)
        );
        let Some(first) = case.failures.first() else {
            out.push_str(&format!("{head}/>\n"));
            continue;
        };
        let shown = render::text(&case.failures, sources, false);
        out.push_str(&format!(
            "{head}>\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>\n",
            first.code,
            xml(&first.message),
            xml(shown.trim_end())
        ));
    }
    out.push_str("  </testsuite>\n");
    out
}
