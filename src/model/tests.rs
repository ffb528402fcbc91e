//! Files as a project: loading, slots, settings and environments.

use super::flow::{Verb, Wait};
use super::slot::Configurable;
use super::*;
use crate::diagnostics::{Code, Diagnostic, Sources, Span};
use crate::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const ROOT: (&str, &str) = ("flowctl.yaml", "project: p\nversion: 1\n");

fn load(files: &[(&str, &str)]) -> (Project, Sources, Vec<Diagnostic>) {
    let texts: BTreeMap<String, Arc<str>> =
        files.iter().map(|(path, text)| (path.to_string(), Arc::from(*text))).collect();
    Project::from_files(&texts)
}

fn lines(sources: &Sources, findings: &[Diagnostic]) -> Vec<String> {
    let line = |finding: &Diagnostic| {
        let place = finding.primary.as_ref().map(|label| sources.position(label.span).to_string());
        format!("{} {} {}", finding.code, place.unwrap_or_default(), finding.message)
    };
    findings.iter().map(line).collect()
}

/// The findings of loading these files beside a good `flowctl.yaml`.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let mut all = vec![ROOT];
    all.extend_from_slice(files);
    let (_, sources, findings) = load(&all);
    lines(&sources, &findings)
}

fn place(sources: &Sources, span: Span) -> String {
    let place = sources.position(span);
    format!("{}:{}", place.line, place.column)
}

#[test]
fn files_are_known_by_their_names() {
    let flow = "flow: a\ntrigger: { flow: {} }\nsteps: []\n";
    let (project, sources, found) = load(&[
        ROOT,
        ("connections.yaml", "connections: {}\n"),
        ("environments/prod.yaml", "{}\n"),
        ("a/a.flow.yaml", flow),
        ("a/a.test.yaml", "flow: a\ncases: []\n"),
        ("a/a.map", ""),
        ("a/a.rhai", ""),
        ("a/tables/x.csv", ""),
        ("types/stripe/charge.json", "{}"),
        ("a/notes.txt", ""),
        ("a/other.yaml", "- not ours"),
    ]);
    assert_eq!(found, []);
    assert_eq!(project.flows.len(), 1);
    assert_eq!(project.tests.len(), 1);
    assert_eq!(project.environments.keys().collect::<Vec<_>>(), ["prod"]);
    assert_eq!(
        project.files.keys().collect::<Vec<_>>(),
        ["a/a.map", "a/a.rhai", "a/tables/x.csv", "types/stripe/charge.json"]
    );
    assert_eq!(&*sources.get(project.flows[0].file).path, "a/a.flow.yaml");
}

#[test]
fn one_bad_file_holds_up_no_other() {
    let good = "flow: good\ntrigger: { flow: {} }\nsteps: []\n";
    let (project, sources, found) =
        load(&[ROOT, ("a.flow.yaml", good), ("b.flow.yaml", "flow: bad\nsteps: []\n"), ("c.flow.yaml", "flow: [\n")]);
    assert_eq!(project.flows.len(), 1);
    assert_eq!(project.broken["b.flow.yaml"].as_deref(), Some("bad"));
    assert_eq!(project.broken["c.flow.yaml"], None);
    let expected =
        ["F0311 b.flow.yaml:1:1 a flow needs the key `trigger`", "F0300 c.flow.yaml:1:7 this `[` is never closed"];
    assert_eq!(lines(&sources, &found), expected);
}

#[test]
fn all_mistakes_of_a_file_are_found_at_once() {
    let text = "flow: A\ndescripton: x\ntrigger: { webhook: { connection: c, events: PAID } }\nsteps:\n  - id: One\n    transform: >\n      1\n  - id: two\n";
    assert_eq!(
        findings(&[("a.flow.yaml", text)]),
        [
            "F0310 a.flow.yaml:2:1 a flow has no key `descripton`",
            "F0315 a.flow.yaml:1:7 expected a name of a–z, 0–9, - and _, beginning with a letter, got the text `A`",
            "F0312 a.flow.yaml:3:46 expected a list, got the text `PAID`",
            "F0315 a.flow.yaml:5:9 expected a name of a–z, 0–9 and _, beginning with a letter, got the text `One`",
            "F0314 a.flow.yaml:7:7 an expression is written on one line or as a block, not as a folded block (`>`)",
            "F0316 a.flow.yaml:8:5 a step has exactly one of: transform, lookup, call, branch, for_each, parallel, wait, approve, alert, fail, stop",
        ]
    );
}

#[test]
fn the_project_file_is_missed() {
    let (_, sources, found) = load(&[("a.map", "")]);
    assert_eq!(lines(&sources, &found), ["F0330  no flowctl.yaml in the project"]);
}

#[test]
fn almost_ours_is_said() {
    assert_eq!(findings(&[("a.flow.yml", "x")]), ["F0335 a.flow.yml:1:1 this file is not read"]);
}

#[test]
fn a_flow_stands_in_one_file() {
    let flow = "flow: a\ntrigger: { flow: {} }\nsteps: []\n";
    let found = findings(&[("a.flow.yaml", flow), ("b.flow.yaml", flow)]);
    assert_eq!(found, ["F0334 b.flow.yaml:1:7 two files hold the flow `a`"]);
}

#[test]
fn a_folder_is_read_from_anywhere_inside() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, bytes: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, bytes).expect("written");
    };
    write("flowctl.yaml", ROOT.1.as_bytes());
    write("flows/a.flow.yaml", b"flow: a\ntrigger: { flow: {} }\nsteps: []\n");
    write("flows/latin.map", b"ok\nf\xe9\n");
    write("inner/flowctl.yaml", b"project: other");
    write("inner/b.flow.yaml", b"not read");
    write("target/c.flow.yaml", b"not read");
    write(".hidden/d.flow.yaml", b"not read");
    let (project, sources, found) = Project::load(&folder.path().join("flows"));
    assert_eq!(lines(&sources, &found), ["F0332  flows/latin.map: not UTF-8 (line 2)"]);
    assert_eq!(project.flows.iter().map(|flow| flow.path.as_str()).collect::<Vec<_>>(), ["flows/a.flow.yaml"]);

    let (_, _, found) = Project::load(std::path::Path::new("/proc/no/such/folder"));
    assert_eq!(found[0].code.0, "F0330");
}

/// The steps of a flow with these steps.
fn flow(steps: &str) -> (Vec<flow::Step>, Sources) {
    let text = format!("flow: a\ntrigger: {{ flow: {{}} }}\nsteps:\n{steps}");
    let (mut project, sources, found) = load(&[ROOT, ("a.flow.yaml", &text)]);
    assert_eq!(lines(&sources, &found), Vec::<String>::new());
    (project.flows.remove(0).flow.steps, sources)
}

#[test]
fn slots_keep_the_place_of_every_character() {
    let (steps, sources) = flow(concat!(
        "  - id: a\n    transform: x + y\n",
        "  - id: b\n    transform: '\"it''s\" + y'\n",
        "  - id: c\r\n    transform: |\r\n      let é = 1\r\n      é + y\r\n",
        "  - id: d\n    transform: 1.10\n",
        "  - id: e\n    transform: true\n",
        "  - id: f\n    transform: x # + y\n",
    ));
    let expr = |n: usize| match &steps[n].verb {
        Verb::Transform(expr) => expr.clone(),
        other => panic!("{other:?}"),
    };
    let y = |n: usize| {
        let expr = expr(n);
        let at = expr.text.text.find('y').expect("a y");
        place(&sources, expr.text.span(at, at + 1))
    };
    assert_eq!((y(0), y(1), y(2)), ("5:20".into(), "7:27".into(), "11:11".into()));
    assert_eq!(&*expr(2).text.text, "let é = 1\né + y", "no line break at the end");
    assert_eq!(&*expr(3).text.text, "1.10");
    assert_eq!(&*expr(4).text.text, "true");
    assert_eq!(expr(0).cut, None);
    assert_eq!(expr(5).cut.map(|cut| place(&sources, cut)), Some("17:18".into()));
}

#[test]
fn keys_of_a_step_are_typed() {
    let (steps, _) = flow(concat!(
        "  - id: a\n    lookup: { operation: x.get, key: k, on_missing: continue, cache: { setting: s } }\n",
        "  - id: b\n    wait: { lookup: { operation: x.get, key: k }, until: row.ok, every: 10m, at_most: 2d }\n",
    ));
    let Verb::Lookup(lookup) = &steps[0].verb else { panic!() };
    assert_eq!(lookup.operation.as_str(), "x.get");
    assert_eq!(lookup.params.entries.len(), 1);
    assert!(lookup.params.get("key").is_some());
    assert!(matches!(&lookup.cache, Some(Configurable::Setting(name)) if name.as_str() == "s"));
    let Verb::Wait(Wait::Lookup(wait)) = &steps[1].verb else { panic!() };
    assert!(matches!(&wait.every, Configurable::Given(every) if every.as_secs() == 600));
}

#[test]
fn settings_have_types_and_exact_values() {
    let (project, _, found) = load(&[(
        "flowctl.yaml",
        "project: p\nversion: 1\nsettings:\n  a: { type: text, default: 0123 }\n  b: { type: decimal, default: 1.10 }\n  c: { type: int, default: 12 }\n  d: { type: bool, default: true }\n  e: { type: date, default: 2026-03-01 }\n  f: { type: time, default: 2026-03-01T09:00:00Z }\n  g: { type: text }\n",
    )]);
    assert_eq!(found, []);
    let effective = project.effective(None).expect("the base");
    let get = |name: &str| effective.settings.get(name).clone();
    assert!(matches!(get("a"), Value::Text(text) if &*text == "0123"));
    assert!(matches!(get("b"), Value::Number(number) if number.written() == "1.10"));
    assert!(matches!(get("c"), Value::Number(number) if number.is_whole()));
    assert!(matches!(get("d"), Value::Bool(true)));
    assert!(matches!(get("e"), Value::Date(_)));
    assert!(matches!(get("f"), Value::Time(_)));
    assert!(matches!(get("g"), Value::Missing));
    assert_eq!(effective.settings_type.fields.len(), 7);
    assert_eq!(effective.unset.len(), 1);
    assert_eq!(effective.unset[0].message, "the setting `g` has no value");
}

#[test]
fn values_that_do_not_fit_a_setting_are_found_at_their_place() {
    let (_, sources, found) = load(&[
        (
            "flowctl.yaml",
            concat!(
                "project: p\nversion: 1\nsettings:\n",
                "  a: { type: text, default: 80 }\n",
                "  b: { type: decimal, default: 1e3 }\n",
                "  c: { type: int, default: 1.5 }\n",
                "  d: { type: bool, default: yes }\n",
                "  e: { type: date, default: 2026-02-30 }\n",
                "  f: { type: text, one_of: [write_in, reject], default: writein }\n",
                "  g: { type: int, one_of: [1, two] }\n",
            ),
        ),
        ("environments/prod.yaml", "settings: { a: x, b: true, h: 1, f: reject }\n"),
    ]);
    assert_eq!(
        lines(&sources, &found),
        [
            "F0403 flowctl.yaml:4:29 expected a text, got the number 80",
            "F0403 flowctl.yaml:5:32 expected a number such as `12.50`, got the number 1e3",
            "F0403 flowctl.yaml:6:28 expected a whole number, got the number 1.5",
            "F0403 flowctl.yaml:7:29 expected true or false, got the text `yes`",
            "F0403 flowctl.yaml:8:29 expected a day such as `2026-03-01`, got the text `2026-02-30`",
            "F0403 flowctl.yaml:9:57 expected one of write_in, reject, got the text `writein`",
            "F0403 flowctl.yaml:10:31 expected a whole number, got the text `two`",
            "F0402 environments/prod.yaml:1:28 there is no setting `h`",
            "F0403 environments/prod.yaml:1:22 expected a number such as `12.50`, got true",
        ]
    );
    assert_eq!(found[0].fix.as_ref().map(|fix| fix.replacement.as_str()), Some("'80'"));
    assert_eq!(found[5].help, ["did you mean `write_in`?"]);
}

#[test]
fn an_environment_lies_over_the_base() {
    let (project, sources, found) = load(&[
        ("flowctl.yaml", "project: p\nversion: 1\nsettings: { zone: { type: text, default: UTC } }\n"),
        (
            "connections.yaml",
            "connections:\n  a: { system: stripe, mode: sandbox, webhook: { path: /a, secrets: [env://A, env://B] }, limits: { concurrency: 2, rate: 5/s } }\n  b: { system: paypal }\n",
        ),
        (
            "environments/prod.yaml",
            "settings: { zone: Europe/Oslo }\nconnections:\n  a: { mode: live, webhook: { secrets: [env://C] }, limits: { rate: 20/s } }\n",
        ),
        ("x/tables/y.csv", ""),
        ("x/tables/prod/y.csv", ""),
    ]);
    assert_eq!(lines(&sources, &found), Vec::<String>::new());
    let (base, prod) = (project.effective(None).expect("base"), project.effective(Some("prod")).expect("prod"));
    let a = &prod.connections["a"];
    assert_eq!(a.params.get("mode").and_then(|mode| mode.scalar()).map(|mode| &*mode.text), Some("live"));
    let webhook = a.webhook.as_ref().expect("a webhook");
    assert_eq!((webhook.path.as_str(), webhook.secrets.len()), ("/a", 1), "maps merge, lists replace");
    let limits = a.limits.as_ref().expect("limits");
    assert_eq!(limits.concurrency.as_ref().map(|count| ***count), Some(2));
    assert_eq!(limits.rate.as_ref().map(|rate| rate.count), Some(20));
    assert_eq!(base.connections["a"].webhook.as_ref().map(|webhook| webhook.secrets.len()), Some(2));
    assert!(prod.connections.contains_key("b"));
    assert!(matches!(prod.settings.get("zone"), Value::Text(zone) if &**zone == "Europe/Oslo"));
    assert_eq!(prod.files["x/tables/y.csv"], project.files["x/tables/prod/y.csv"]);
    assert_eq!(base.files["x/tables/y.csv"], project.files["x/tables/y.csv"]);
    assert_eq!(project.effective(Some("prd")).expect_err("unknown").help, ["did you mean `prod`?"]);
}

#[test]
fn an_environment_names_only_what_is_there() {
    let found = findings(&[
        ("connections.yaml", "connections:\n  paypal: { system: paypal, limits: { rate: 1/s } }\n"),
        ("environments/x.yaml", "connections:\n  paypa: {}\n  paypal: { limits: { rat: 2/s } }\n"),
    ]);
    assert_eq!(
        found,
        [
            "F0310 environments/x.yaml:3:23 `limits` has no key `rat`",
            "F0402 environments/x.yaml:2:3 there is no connection `paypa`",
        ]
    );
}

#[test]
fn secrets_are_references() {
    use super::read::{Spanned, read};
    use super::values::{Referable, Reference, Secret};
    let node = |text: &str| yaml::parse(Default::default(), text).expect("YAML");
    let secret = |text: &str| read::<Spanned<Secret>>(&node(text)).map(|secret| secret.value.0);
    assert_eq!(secret("secret://a/b"), Ok(Reference::Secret("a/b".into())));
    assert_eq!(secret("env://A").map(|it| it.to_string()), Ok("env://A".into()));
    assert_eq!(secret("file:///run/x").map(|it| it.to_string()), Ok("file:///run/x".into()));
    let clear = secret("sk_live_123").expect_err("in clear");
    assert_eq!((clear[0].code.0, clear[0].message.contains("sk_live")), ("F0400", false));
    assert_eq!(secret("env://").expect_err("no name")[0].code.0, "F0401");
    assert_eq!(secret("https://x").expect_err("in clear")[0].code.0, "F0400");
    let value = read::<Spanned<Referable>>(&node("https://x")).expect("a text").value;
    assert_eq!(value, Referable::Text("https://x".into()));
}

#[test]
fn connections_are_held_to_the_catalogue() {
    let check = |connection: &str| {
        let text = format!("connections:\n  a:\n    {connection}\n");
        let (project, sources, found) = load(&[ROOT, ("connections.yaml", &text)]);
        assert_eq!(found, []);
        lines(&sources, &project.effective(None).expect("the base").check(&crate::catalog::Catalog::bundled()))
    };
    let good = "system: stripe\n    mode: sandbox\n    api_key: env://KEY\n    webhook: { path: /hooks/stripe, secrets: [env://A] }";
    assert_eq!(check(good), Vec::<String>::new());
    let good = "system: finops\n    base_url: https://x.example\n    company: usmf\n    tenant: 8c1d2b1e-0000-4000-8000-000000000000\n    client_id: env://ID\n    client_secret: env://S";
    assert_eq!(check(good), Vec::<String>::new());
    assert_eq!(check("system: stipe"), ["F0407 connections.yaml:3:13 the system `stipe` is not known"]);
    assert_eq!(
        check(
            "system: stripe\n    mode: test\n    api_kee: x\n    api_key: sk_live_1\n    webhook: { path: /x, id: env://A }"
        ),
        [
            "F0313 connections.yaml:4:11 expected one of sandbox, live, got the text `test`",
            "F0310 connections.yaml:5:5 a connection of Stripe has no key `api_kee`",
            "F0400 connections.yaml:6:14 a secret stands here in clear",
            "F0310 connections.yaml:7:30 a webhook of Stripe has no key `id`",
            "F0311 connections.yaml:7:22 a webhook of Stripe needs the key `secrets`",
        ]
    );
    assert_eq!(
        check(
            "system: finops\n    base_url: x.example\n    company: usmf\n    tenant: nobody\n    client_id: env://ID"
        ),
        [
            "F0452 connections.yaml:4:15 expected an address such as `https://contoso.example`, got the text `x.example`",
            "F0315 connections.yaml:6:13 expected a UUID such as `8c1d2b1e-0000-4000-8000-000000000000`, got the text `nobody`",
            "F0311 connections.yaml:3:13 a connection of Dynamics 365 Finance and Operations needs the key `client_secret`",
        ]
    );
    let stripe = |more: &str| check(&format!("system: stripe\n    mode: live\n    api_key: env://K\n    {more}"));
    assert_eq!(stripe("base_url: http://127.0.0.9:8080/"), Vec::<String>::new());
    assert_eq!(stripe("base_url: env://URL"), Vec::<String>::new());
    for (more, found) in [
        (
            "base_url: http://api.example",
            "F0452 connections.yaml:6:15 expected `https://`, for credentials are sent there",
        ),
        (
            "base_url: https://u:p@api.example",
            "F0452 connections.yaml:6:15 expected an address without user and password",
        ),
        ("base_url: https://api.example?a=b", "F0452 connections.yaml:6:15 expected an address without `?` and `#`"),
        ("base_url: ftp://api.example", "F0452 connections.yaml:6:15 expected an address such as"),
        ("api_version: ' '", "F0315 connections.yaml:6:18 expected a text"),
        ("api_version: \"a\\nb\"", "F0315 connections.yaml:6:18 expected one line of text"),
        ("limits: { concurrency: 0 }", "F0315 connections.yaml:6:28 `concurrency` is 0: nothing would ever be sent"),
        ("limits: { timeout: 0s }", "F0315 connections.yaml:6:24 `timeout` is 0"),
        ("circuit: { open_after: 0 }", "F0315 connections.yaml:6:28 `open_after` is 0"),
    ] {
        let said = stripe(more);
        assert!(said.len() == 1 && said[0].starts_with(found), "{more}: {said:?}");
    }
    // A key written wrong is one finding.
    assert_eq!(
        check("system: stripe\n    mode: live\n    api_kye: env://K"),
        ["F0310 connections.yaml:5:5 a connection of Stripe has no key `api_kye`"]
    );
}

/// As deep as YAML may be, on a thread with the usual two megabytes.
#[test]
fn deep_flows_are_read_or_refused() {
    for depth in [30, 32, 33, 200] {
        let mut step = "{ id: x, transform: 1 }".to_string();
        for _ in 0..depth {
            step = format!("{{ id: x, for_each: {{ items: a, as: b, key: c, steps: [{step}] }} }}");
        }
        let text = format!("flow: a\ntrigger: {{ flow: {{}} }}\nsteps: [{step}]\n");
        let found = findings(&[("a.flow.yaml", &text)]);
        assert!(found.is_empty() || found[0].starts_with("F0305"), "{depth}: {found:?}");
    }
}

#[test]
fn what_is_dropped_for_a_flow_to_take_is_no_part_of_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("flowctl.yaml", "project: p\nversion: 1\n");
    write("a/a.flow.yaml", "flow: a\ntrigger: { file: { path: ../in/*.csv } }\nsteps: [{ id: a, transform: 1 }]\n");
    write("in/dropped.csv", "\u{0}");
    write("in/below/kept.csv", "a\n");
    write("a/tables/kept.csv", "a\n");
    let (project, _, findings) = crate::model::Project::load(folder.path());
    assert_eq!(findings, []);
    assert_eq!(project.files.keys().collect::<Vec<_>>(), ["a/tables/kept.csv", "in/below/kept.csv"]);
}

#[test]
fn each_webhook_has_a_path_of_its_own() {
    let shop = |name: &str, path: &str| {
        format!(
            "  {name}: {{ system: stripe, mode: live, api_key: env://K, webhook: {{ path: {path}, secrets: [env://S], rate: 5/s }} }}\n"
        )
    };
    let check = |paths: &[&str]| {
        let names = ["one", "two", "three"];
        let connections: String = names.iter().zip(paths).map(|(name, path)| shop(name, path)).collect();
        let (project, sources, found) = load(&[ROOT, ("connections.yaml", &format!("connections:\n{connections}"))]);
        assert_eq!(found, []);
        lines(&sources, &project.effective(None).expect("the base").check(&crate::catalog::Catalog::bundled()))
    };
    assert_eq!(check(&["/hooks/a", "/hooks/b"]), Vec::<String>::new());
    for (paths, expected) in [
        (
            &["/hooks/a", "/hooks/b", "/hooks/a"][..],
            "F0641 connections.yaml:4:75 connections `one` and `three` have the same webhook path /hooks/a",
        ),
        (&["hooks/a"], "F0641 connections.yaml:2:73 a webhook's path begins with `/`"),
        (&["/hooks/a?b"], "F0641 "),
        (&["/readyz"], "F0641 connections.yaml:2:73 `/readyz` says how flowctl is"),
    ] {
        let said = check(paths);
        assert!(said.len() == 1 && said[0].starts_with(expected), "{said:?}");
    }
}

#[test]
fn a_setting_is_no_reference_and_tables_of_an_environment_take_their_place() {
    let (project, sources, found) = load(&[
        (
            "flowctl.yaml",
            "project: p\nversion: 1\nsettings: { zone: { type: text, default: env://ZONE } }\nrates: { daily: { source: ecb, file: tables/rates.csv } }\n",
        ),
        ("environments/prod.yaml", "settings: { zone: secret://zone }\n"),
        ("tables/rates.csv", "Date,USD\n2026-10-30,1\n"),
        ("tables/prod/rates.csv", "Date,USD\n2026-10-30,2\n"),
    ]);
    let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::F0403, Code::F0403], "{found:#?}");
    for (environment, rate) in [(None, "1"), (Some("prod"), "2")] {
        let effective = project.effective(environment).unwrap();
        let (rates, found) = project.rates(&effective, &sources);
        assert_eq!(found, []);
        let day = "2026-10-30".parse().unwrap();
        assert_eq!(rates.get("daily", "EUR", "USD", day).unwrap().rate.to_string(), rate);
    }
}
