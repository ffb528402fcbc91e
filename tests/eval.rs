//! `flowctl eval` as a process: what it says about mappings, payloads and results, to people and to programs.
//!
//! What is long stands in `tests/eval/*.txt`; `UPDATE=1 cargo test --test eval` writes what is said now, to be read in
//! the diff.

mod support;

use flowctl::catalog::{Catalog, Types};
use flowctl::diagnostics::Sources;
use flowctl::language::check::SlotScope;
use flowctl::language::evaluate::{Context, Limits};
use flowctl::language::explain::{Fact, Step, explain};
use flowctl::language::types::{Form, Kind, Type};
use flowctl::language::{Inputs, Library};
use flowctl::model::Project;
use flowctl::value::{Exact, Record, Text, Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use support::process::{Finished, finish, flowctl};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eval")
}

/// In `tests/eval`, where the fixtures are.
fn eval(args: &[&str]) -> Finished {
    let mut command = flowctl(&[&["eval"], args].concat());
    command.current_dir(folder());
    finish(command)
}

#[track_caller]
fn gives(args: &[&str], expected: &str) {
    let finished = eval(args);
    finished.said(0, &[]);
    assert_eq!(finished.stdout, expected);
}

/// Holds what was said against a file.
#[track_caller]
fn is_file(said: &str, name: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, said).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(said, expected, "tests/eval/{name}: UPDATE=1 writes it anew");
}

const TO_ORDER: &str = "project/order.map#to_order";

#[test]
fn expressions() {
    gives(&["1.10 + 2"], "3.1\n");
    gives(&["\"a{1 + 1}\""], "a2\n");
    gives(&["event.items[1].price", "--input", "order.json"], "12.00\n");
    gives(&["event.a + input2.a", "--input", "{\"a\": 1}", "--input", "{\"a\": 2}"], "3\n");
    gives(&["o.a + n", "--input", "n=2", "--input", "o={\"a\": 1}"], "3\n");
    gives(&["[{ a = \"x\" }]", "--format", "json"], "[{\"a\":\"x\"}]\n");
    gives(&["\"x\"", "--format", "json"], "\"x\"\n");
    gives(&["1234567890123456789012", "--format", "json"], "1234567890123456789012\n");
    gives(&["-5 % 3"], "-2\n");
    gives(&["--input", "{\"a\": 2}", "-event.a"], "-2\n");
    let unrounded = eval(&["money(1.005, \"USD\")"]);
    unrounded.said(1, &["F0606", "1.005", "m.round("]);
    let missing = eval(&["event.a?", "--input", "{}"]);
    missing.said(0, &["missing"]);
    assert_eq!(missing.stdout, "");
}

#[test]
fn an_expression_uses_a_project() {
    let items = ["--use", "project/parts.map", "--input", "order.json"];
    gives(&[&["line_total(event.items[1])"], &items[..]].concat(), "24\n");
    gives(&["settings.zone", "--use", "project/parts.map"], "Europe/Oslo\n");
    gives(&["settings.zone", "--use", "project/parts.map", "--set", "zone=UTC"], "UTC\n");
    gives(&["settings.group", "--use", "project/parts.map", "--set", "group=40"], "40\n");
    gives(&["country3(\"NO\")", "--use", "std:address"], "NOR\n");
    let wrong = eval(&["settings.group", "--use", "project/parts.map", "--set", "group=50"]);
    wrong.said(1, &["F0403", "30, 40"]);
    eval(&["1", "--use", "project/parts.map", "--set", "gruop=40"]).said(1, &["F0402", "did you mean", "group"]);
    eval(&["1", "--use", "project/parts.map", "--set", "zone"]).said(2, &["NAME=VALUE"]);
    eval(&["1", "--use", "order.json/x.map"]).said(2, &["does not exist"]);
    eval(&["1", "--use", "project/parts.map", "--env", "prod"]).said(2, &["F0404"]);
    eval(&["1", "--env", "prod"]).said(2, &["flowctl.yaml"]);
}

#[test]
fn mappings_take_inputs_in_order_and_by_name() {
    let one = eval(&[TO_ORDER, "--input", "order.json"]);
    is_file(&one.stdout, "to_order.txt");
    assert_eq!((one.code, &*one.stderr), (Some(0), ""));
    let named = eval(&["--mapping", TO_ORDER, "--input", "account=\"A1\"", "--input", "order=order.json"]);
    named.said(0, &[]);
    assert!(named.stdout.contains("\"Account\": \"A1\""), "{named:?}");
    let both = eval(&[TO_ORDER, "--input", "account=\"A1\"", "--input", "order.json", "--format", "json"]);
    assert!(both.stdout.starts_with("{\"Id\":\"PP-5O1\",\"Status\":0,\"Account\":\"A1\","), "{both:?}");
}

#[test]
fn a_payload_comes_from_stdin_too() {
    let mut command = flowctl(&["eval", "event.a", "--input", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"{\"a\": 7}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "7\n");
}

#[test]
fn a_file_tells_what_it_holds() {
    let listed = eval(&["project/order.map"]);
    is_file(&listed.stdout, "listing.txt");
    let json = eval(&["project/order.map", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(list[0]["name"], "to_order");
    assert_eq!(list[0]["kind"], "mapping");
    assert_eq!(list[0]["params"][1], serde_json::json!({ "name": "account", "type": "text?" }));
    assert_eq!(list[0]["doc"], "The order as the warehouse takes it.");
    eval(&["project/order.map", "--input", "order.json"]).said(2, &["say which mapping", "#NAME"]);
}

#[test]
fn wrong_use_says_what_would_be_right() {
    eval(&["project/order.map#to_ordre"]).said(2, &["no mapping or fn to_ordre", "did you mean to_order?"]);
    eval(&["project/order.map#other"]).said(2, &["there are: to_order, per_piece"]);
    eval(&["project/absent.map#x"]).said(2, &["does not exist"]);
    eval(&[TO_ORDER]).said(2, &["to_order also takes order (order)", "--input NAME=FILE"]);
    eval(&[TO_ORDER, "--input", "ordr=order.json"]).said(2, &["no parameter ordr", "did you mean order?"]);
    let three = ["--input", "order.json", "--input", "\"a\"", "--input", "1"];
    eval(&[&[TO_ORDER], &three[..]].concat()).said(2, &["takes 2 arguments, --input names 3"]);
    eval(&[TO_ORDER, "--input", "order=order.json", "--input", "order=1"]).said(2, &["`order` is given twice"]);
    eval(&["event", "--input", "absent.json"]).said(2, &["cannot read absent.json"]);
    eval(&[]).said(2, &["EXPR"]);
    eval(&["1", "--watch"]).said(2, &["nothing will change"]);
}

#[test]
fn an_input_that_is_no_json_is_shown_at_its_place() {
    let broken = eval(&["event.a", "--input", "{\"a\": 1,}"]);
    broken.said(1, &["F0604", "<input>:1:9", "{\"a\": 1,}"]);
    let json = eval(&["event.a", "--input", "[1", "--format", "json"]);
    assert_eq!(json.code, Some(1));
    let said: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(said["findings"][0]["code"], "F0604");
    assert_eq!(said["findings"][0]["column"], 3);
    assert_eq!(json.stderr, "");
}

#[test]
fn an_input_that_its_type_does_not_fit_is_warned_of_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("order.json");
    let text = std::fs::read_to_string(self::folder().join("order.json")).unwrap();
    std::fs::write(&path, text.replace("\"name\": \"Hat\"", "\"name\": 7").replace("12.00},", "\"12\"},")).unwrap();
    let finished = eval(&[TO_ORDER, "--input", path.to_str().unwrap()]);
    finished.said(1, &["F0605", "`order.items[2].name` is number 7, expected text", "order.json:5:27"]);
    // What is read is an error as well, at the mapping's place.
    finished.said(1, &["`order.items[1].price` is text \"12\", expected decimal", "F1002", "parts.map:4:7"]);
    std::fs::write(
        &path,
        text.replace("\"PP\"", "1").replace("\"Mug\", \"quantity\": \"0\"", "7, \"quantity\": \"0\""),
    )
    .unwrap();
    let finished = eval(&[TO_ORDER, "--input", path.to_str().unwrap()]);
    finished.said(0, &["F0605", "`order.items[0].name`", "an error only where the mapping reads it", "1 warning"]);
}

#[test]
fn errors_show_their_place() {
    let syntax = eval(&["1 +"]);
    syntax.said(1, &["F0120", "<expression>:1:4"]);
    eval(&["lin_total(1)", "--use", "project/parts.map"]).said(1, &["line_total"]);
    let run = eval(&["project/order.map#per_piece", "--input", "order.json", "--input", "0"]);
    run.said(1, &["F1004", "order.map:43:9", "division by zero"]);
    assert_eq!(run.stdout, "");
    eval(&["from_unix(0).in_zone(\"UTC\")"]).said(1, &["F0606", "local time"]);
}

#[test]
fn an_error_in_a_script_shows_the_scripts_own_place() {
    let joined = eval(&["project/tiers.map#tier", "--input", "10"]);
    joined.said(
        1,
        &["F1007", "tiers.rhai:7:11", "cannot calculate text + number", "\"blue \" + points", "tiers.map:5:32"],
    );
    let thrown = eval(&["project/tiers.map#tier", "--input", "points=-1"]);
    thrown.said(1, &["F1007", "tiers.rhai:5:5", "negative points", "tiers.map:5:32"]);
    let json = eval(&["project/tiers.map#tier", "--input", "10", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let finding = &said["findings"][0];
    assert_eq!((&finding["line"], &finding["column"]), (&7.into(), &11.into()), "{said:#}");
    gives(&["project/tiers.map#tier", "--input", "1000"], "gold\n");
}

#[test]
fn a_file_with_errors_shows_them_and_not_those_of_flows() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("flowctl.yaml", "project: trial\nversion: 1\n");
    write("a.map", "fn one() -> int = two\n");
    write("broken.flow.yaml", "flow: x\nstpes: []\n");
    let map = folder.path().join("a.map");
    let finished = eval(&[&format!("{}#one", map.display())]);
    finished.said(1, &["F0201", "a.map:1:19"]);
    assert!(!finished.stderr.contains("stpes"), "{}", finished.stderr);
}

#[test]
fn an_account_tells_where_every_field_is_from() {
    let text = eval(&[TO_ORDER, "--input", "order.json", "--explain"]);
    text.said(0, &[]);
    is_file(&text.stdout, "to_order.explained.txt");
    let json = eval(&[TO_ORDER, "--input", "order.json", "--explain", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    is_file(&format!("{said:#}\n"), "to_order.explained.json");
    let plain = eval(&[TO_ORDER, "--input", "order.json", "--format", "json"]);
    assert_eq!(said["value"], serde_json::from_str::<serde_json::Value>(&plain.stdout).unwrap());
}

#[test]
fn an_account_of_one_field() {
    let one = eval(&[TO_ORDER, "--input", "order.json", "--explain=Lines[1].Product"]);
    assert_eq!(
        one.stdout,
        "\
Lines[1].Product = \"Hat\"
  order.map:33:5  Product = product?.item ?? item.name
     from  order.items[2].name  \"Hat\"
       ??  product?.item        gave nothing: products[\"HAT\"] has no row, order.items[2].sku \"HAT\"
"
    );
    let line = eval(&[TO_ORDER, "--input", "order.json", "--explain=Lines[1]"]);
    assert_eq!(line.stdout.matches("\nLines[1].").count() + 1, 4, "{}", line.stdout);
    assert!(!line.stdout.contains("Lines[0]"), "{}", line.stdout);
    eval(&[TO_ORDER, "--input", "order.json", "--explain=Acount"])
        .said(2, &["no field Acount", "did you mean Account?"]);
}

#[test]
fn an_account_of_an_expression() {
    let finished = eval(&[
        "(event.a ?? 1) + line_total(event.items[1])",
        "--use",
        "project/parts.map",
        "--input",
        "order.json",
        "--explain",
    ]);
    assert_eq!(
        finished.stdout,
        "\
result = 25
  <expression>:1:1  (event.a ?? 1) + line_total(event.items[1])
     from  event.items[1].quantity  \"2\"
     from  event.items[1].price     12.00
       ??  event.a                  gave nothing: event.a missing
       fn  line_total               24  parts.map:2:1
     with  decimal
"
    );
}

#[test]
fn an_account_tells_what_a_condition_kept_out_of_a_list() {
    let dropped = |expression: &str| {
        let account = eval(&[expression, "--input", r#"{"xs": [3, 1, 2, 0, 0, 0]}"#, "--explain"]);
        account.said(0, &[]);
        account.stdout.lines().filter(|line| line.contains("dropped")).map(|line| line.trim().to_string()).collect()
    };
    let told: Vec<String> = dropped("for x in event.xs where x > 1 => x");
    assert_eq!(told, ["dropped  x > 1        false for 4 of 6: event.xs[1], event.xs[3], event.xs[4], …"]);
    // In the order in which they were asked, each of what the one before had left.
    let told: Vec<String> = dropped("for x in event.xs.filter(x => x > 0).sort_by(x => x) where x < 3 => { n = x }");
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].starts_with("dropped  x > 0")
            && told[0].ends_with("false for 3 of 6: event.xs[3], event.xs[4], event.xs[5]")
    );
    assert!(told[1].starts_with("dropped  x < 3") && told[1].ends_with("false for 1 of 3: event.xs[0]"), "{told:#?}");
    let told: Vec<String> = dropped("event.xs.filter(x => x > 9)");
    assert!(told[0].ends_with("false for 6 of 6: event.xs[0], event.xs[1], event.xs[2], …"), "{told:#?}");
    assert_eq!(dropped("event.xs.filter(x => x >= 0)"), [""; 0]);
    assert_eq!(dropped("event.xs.filter(x => x > 1).count()"), [""; 0]);
}

#[test]
fn an_account_of_an_error_tells_what_it_came_from() {
    let input = ["--input", "order.json", "--input", "0"];
    let text = eval(&[&["project/order.map#per_piece", "--explain"], &input[..]].concat());
    text.said(1, &["F1004"]);
    assert_eq!(
        text.stdout,
        "\
result failed
  order.map:43:9  order.items[0].price / pieces
     from  order.items[0].price  12.00
     from  pieces                0
"
    );
    let json = eval(&[&["project/order.map#per_piece", "--explain", "--format", "json"], &input[..]].concat());
    let said: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json.code, Some(1));
    assert_eq!(said["findings"][0]["code"], "F1004");
    assert_eq!(said["failed"]["reads"][1]["from"], "pieces");
    assert_eq!(said["value"], serde_json::Value::Null);
}

/// A `--watch` with what it says, line by line.
struct Watching {
    child: Child,
    said: Receiver<String>,
    all: Vec<String>,
}

impl Watching {
    fn start(args: &[&str]) -> Watching {
        let mut command = flowctl(&[&["eval", "--watch"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, said) = channel();
        let other = sender.clone();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|l| sender.send(l))
        });
        std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|l| other.send(l))
        });
        Watching { child, said, all: vec![] }
    }

    /// Waits for a line with this in it. Each is used up: stdout and stderr come in any order.
    #[track_caller]
    fn says(&mut self, part: &str) {
        loop {
            if let Some(at) = self.all.iter().position(|line| line.contains(part)) {
                self.all.remove(at);
                return;
            }
            match self.said.recv_timeout(Duration::from_secs(30)) {
                Ok(line) => self.all.push(line),
                Err(_) => panic!("{part:?} was not said:\n{}", self.all.join("\n")),
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_save_is_evaluated_again() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("p")).unwrap();
    write("p/flowctl.yaml", "project: trial\nversion: 1\n");
    write("p/used.map", "fn twice(n: int) -> int = n * 2\n");
    write("p/t.csv", "key,value\n1,one\n2,two\n3,three\n");
    let map = "use \"used.map\"\ntable t: int -> text from \"t.csv\" else \"many\"\n\
               mapping m(n: int) -> any { N = n  Twice = twice(n)  Name = t[n] }\n";
    write("p/m.map", map);
    write("n.json", "1");
    let input = folder.path().join("n.json");
    let mapping = format!("{}#m", folder.path().join("p/m.map").display());
    let mut watching = Watching::start(&[&mapping, "--input", input.to_str().unwrap()]);
    watching.says("\"Twice\": 2,");
    watching.says("watching");
    write("p/m.map", &map.replace("N = n", "N = n + 4"));
    watching.says("-   \"N\": 1,");
    watching.says("+   \"N\": 5,");
    write("p/used.map", "fn twice(n: int) -> int = n * 3\n");
    watching.says("+   \"Twice\": 3,");
    write("p/t.csv", "key,value\n1,uno\n2,two\n3,three\n");
    watching.says("+   \"Name\": \"uno\"");
    write("n.json", "2");
    watching.says("+   \"Name\": \"two\"");
    // A broken save says why and goes on.
    write("p/m.map", &map.replace("twice(n)", "twise(n)"));
    watching.says("twise");
    watching.says("1 error");
    write("p/m.map", &map.replace("N = n", "N = n + 4"));
    watching.says("the result is the same");
    write("n.json", "[");
    watching.says("F0604");
    write("n.json", "3");
    watching.says("+   \"N\": 7,");
    #[cfg(unix)]
    {
        let pid = watching.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert_eq!(watching.child.wait().unwrap().code(), Some(0));
    }
}

/// What the README shows is what is said: each `$ flowctl …` of a `console` block, a line `…` for any lines. Lines and
/// columns are not compared: whoever edits a bundled mapping does not have to edit the README.
#[test]
fn the_readme_shows_what_is_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut shown = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for part in block.split("$ flowctl ").skip(1) {
            let mut lines = part.lines();
            let mut command = lines.next().unwrap().to_string();
            while command.ends_with('\\') {
                command.pop();
                command.push_str(lines.next().unwrap().trim_start());
            }
            let expected = lines.collect::<Vec<_>>().join("\n");
            let run = ["-c".to_string(), format!("{} {command}", env!("CARGO_BIN_EXE_flowctl"))];
            let output = std::process::Command::new("sh").args(run).current_dir(root).env("NO_COLOR", "1").output();
            let output = output.unwrap();
            let said =
                format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            let (expected, said) = (without_places(&expected), without_places(&said));
            let (expected, said): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), said.lines().collect());
            assert!(fits(&expected, &said), "$ flowctl {command}\n{}", said.join("\n"));
            shown += 1;
        }
    }
    assert!(shown >= 2, "README shows eval");
}

/// `charge.map:12:3` as `charge.map:`, without trailing blanks.
fn without_places(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words = line.trim_end().split(' ').map(|word| match word.split_once(':') {
            Some((path, place)) if path.ends_with(".map") && place.starts_with(|c: char| c.is_ascii_digit()) => path,
            _ => word,
        });
        out.push_str(&words.collect::<Vec<_>>().join(" "));
        out.push('\n');
    }
    out
}

fn fits(expected: &[&str], said: &[&str]) -> bool {
    match expected.split_first() {
        None => said.is_empty(),
        Some((&"", [])) => fits(&[], said),
        Some((&"…", rest)) => (0..=said.len()).any(|skip| fits(rest, &said[skip..])),
        Some((line, rest)) => said.first() == Some(line) && fits(rest, &said[1..]),
    }
}

/// Values of a type, some of them unfit, by a small generator: the same ones every time.
struct Made(u64);

impl Made {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % below
    }

    fn value(&mut self, ty: &Type, depth: usize) -> Value {
        match self.next(40) {
            0 => return Value::Null,
            1 => return Value::Missing,
            2 => return Value::from("unfit"),
            _ => {}
        }
        if ty.missing && self.next(4) == 0 {
            return Value::Missing;
        }
        let pick = |made: &mut Made, texts: &[&str]| Value::from(texts[made.next(texts.len() as u64) as usize]);
        match &ty.kind {
            Kind::Text => match &ty.facts {
                Some(facts) if !facts.options.is_empty() => {
                    let at = self.next(facts.options.len() as u64) as usize;
                    Value::Text(facts.options[at].0.clone())
                }
                _ => pick(self, &["", "usd", "A:2:1.50, B:1:3", "Ada King", "NO", "12", "ch_1"]),
            },
            Kind::Decimal if ty.facts.as_ref().is_some_and(|facts| facts.form == Some(Form::DecimalText)) => {
                pick(self, &["1.50", "0", "12"])
            }
            Kind::Int | Kind::Decimal => Value::from([0, 1, 42, 4200, 1_772_406_000][self.next(5) as usize]),
            Kind::Bool => Value::from(self.next(2) == 0),
            Kind::Date => pick(self, &["2026-03-01", "1900-01-01T12:00:00Z"]),
            Kind::Time => pick(self, &["2026-03-01T09:00:00Z"]),
            Kind::Money => {
                let fields =
                    [("amount", Value::from(Exact::parse("12.50").unwrap())), ("currency", Value::from("USD"))];
                Value::Record(fields.into_iter().map(|(name, value)| (Text::from(name), value)).collect())
            }
            Kind::List(element) => {
                let count = if depth > 6 { 0 } else { self.next(4) };
                Value::from((0..count).map(|_| self.element(element, depth)).collect::<Vec<_>>())
            }
            Kind::Map(inner) => {
                let names = ["items", "sku", "quantity", "order_number", "d365_customer_account"];
                let some = names.into_iter().filter_map(|name| (self.next(2) == 0).then_some(Text::from(name)));
                let some: Vec<Text> = some.collect();
                Value::Record(some.into_iter().map(|name| (name, self.element(inner, depth))).collect())
            }
            Kind::Record(record) if depth <= 6 => {
                let fields = record.fields.iter().map(|(name, field)| (name.clone(), self.value(&field.ty, depth + 1)));
                Value::Record(fields.filter(|(_, value)| !matches!(value, Value::Missing)).collect())
            }
            Kind::Any => pick(self, &["any", "1"]),
            _ => Value::Record(Record::new()),
        }
    }

    fn element(&mut self, ty: &Type, depth: usize) -> Value {
        match self.value(ty, depth + 1) {
            Value::Missing => Value::Null,
            value => value,
        }
    }
}

/// Every mapping and fn of the repository, and those of the library, give the same value or the same error.
#[test]
fn an_explained_evaluation_is_the_same_evaluation() {
    let (mut values, mut errors) = (0, 0);
    for root in ["flows", "tests/eval/project"] {
        let (project, mut sources, _) = Project::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root));
        let effective = project.effective(None).unwrap();
        let own: Vec<_> = effective.files.iter().filter(|(path, _)| path.starts_with("types/")).collect();
        let own: Vec<_> = own.into_iter().map(|(_, file)| (*file, sources.get(*file))).collect();
        let (catalog, _) = Catalog::bundled().of_project(own.iter().map(|(file, source)| (*file, source)));
        let types = Types::bundled(&catalog);
        let inputs = Inputs { files: &effective.files, types: &types, settings: effective.settings_type.clone() };
        let (library, _) = Library::compile(&inputs, &mut sources);
        let scope = SlotScope { library: &library, inputs: &inputs, uses: &[], variables: &[], facts: &[] };
        let files: Vec<String> = files_of(&sources);
        let context = Context { settings: &effective.settings, limits: &Limits::default() };
        for file in files {
            for name in library.routines(&file) {
                let expression = scope.routine(&file, &name).unwrap_or_else(|| panic!("{file}#{name}"));
                let mut made = Made(7);
                for _ in 0..60 {
                    let args: Vec<Value> = expression.routine.params.iter().map(|(_, ty)| made.value(ty, 0)).collect();
                    let plain = expression.evaluate(&args, &context);
                    let account = explain(&expression, &args, &context);
                    let shown = |result: &Result<Value, _>| match result {
                        Ok(value) => json::write_tagged(value).map_err(|why| why.to_string()),
                        Err(error) => Err(format!("{error:?}")),
                    };
                    assert_eq!(shown(&plain), shown(&account.result), "{file}#{name}");
                    assert_eq!(plain.is_err(), account.failed.is_some(), "{file}#{name}");
                    match plain {
                        Ok(value) => {
                            values += 1;
                            told_whole(&value, &account, &format!("{file}#{name}"));
                        }
                        Err(_) => errors += 1,
                    }
                }
            }
        }
    }
    assert!(values > 500 && errors > 500, "{values} values, {errors} errors");
}

/// The fields that are told make up the whole result; a list whose elements are told as well says only what was kept out.
fn told_whole(value: &Value, account: &flowctl::language::explain::Account, what: &str) {
    let fields = &account.fields;
    let below = |path: &[Step]| fields.iter().any(|one| one.path.len() > path.len() && one.path.starts_with(path));
    let dropped = |facts: &[Fact]| !facts.is_empty() && facts.iter().all(|fact| matches!(fact, Fact::Dropped(_)));
    let leaves = fields.iter().filter(|field| !(dropped(&field.facts) && below(&field.path)));
    let leaves: usize = leaves.map(|field| count(&field.value)).sum();
    assert_eq!(leaves, count(value), "{what}: {}", json::write_tagged(value).unwrap_or_default());
}

fn count(value: &Value) -> usize {
    match value {
        Value::Missing => 0,
        Value::Record(record) => record.values().map(count).sum(),
        Value::List(items) if !items.is_empty() => items.iter().map(count).sum(),
        _ => 1,
    }
}

fn files_of(sources: &Sources) -> Vec<String> {
    let maps = sources.iter().map(|(_, source)| source.path.to_string());
    maps.filter(|path| path.ends_with(".map") || path.starts_with("std:")).collect()
}
