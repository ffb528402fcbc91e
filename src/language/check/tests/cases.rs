//! One source, one finding. Lines and columns count from 1.

use super::{compile, expect, expect_all, shown};
use crate::diagnostics::ALL;
use crate::language::check::signature;
use crate::language::functions;

/// (source, expected findings).
const CASES: &[(&str, &str)] = &[
    // what a small file looks like
    ("fn f(a: int) -> int = a + 1", "ok"),
    ("fn f(c: stripe.charge) -> text = c.id.upper()", "ok"),
    ("fn f(c: stripe.charge) -> decimal = decimal(c.amount) / 100", "ok"),
    ("fn f() -> text = settings.zone", "ok"),
    (
        "mapping m(c: stripe.charge) -> finops.Orders {\n  CurrencyCode = c.currency.upper()\n  Amount = c.amount / 100\n}",
        "ok",
    ),
    // names
    ("fn f(amount: int) -> int = amonut + 1", "F0201 1:28"),
    ("fn f() -> text = settings.zome", "F0204 1:27"),
    ("fn f(t: text) -> text = t.uper()", "F0202 1:27"),
    ("fn f(t: txet) -> text = t", "F0203 1:9"),
    ("fn f(t: stripe.chrage) -> text = t.id", "F0203 1:9"),
    ("fn f(t: set<int>) -> int = 1", "F0203 1:9"),
    ("fn f(c: stripe.charge) -> text = c.idd", "F0204 1:36"),
    ("fn f(m: map<text>) -> text = m.k", "F0204 1:32"),
    ("fn f(xs: list<text>) -> text = xs.k", "F0204 1:35"),
    ("fn f(t: text) -> text = t.length", "F0204 1:27"),
    ("fn f(t: text) -> text = upper", "F0223 1:25"),
    ("fn g(t: text) -> text = t\nfn f() -> text = g(x => x)", "F0223 2:20"),
    ("table t: text -> int { \"a\" => 1  else => 2 }\nfn f() -> int = t", "F0223 2:17"),
    ("fn f(a: int) -> int = 1", "wF0224 1:6"),
    ("fn f() -> int =\n  let a = 1\n  2", "wF0224 2:7"),
    ("fn f(a: int) -> int =\n  let a = 2\n  a", "F0211 2:7"),
    ("fn f() -> int = 1\nfn f() -> int = 2", "F0211 2:4"),
    ("fn f(xs: list<int>, x: int) -> list<int> = xs.map(x => x)", "F0211 1:51"),
    ("fn upper(t: text) -> text = t", "wF0210 1:4"),
    ("fn f() -> int = g()\nfn g() -> int = f()", "F0213 2:17"),
    ("fn f() -> int = f()", "F0213 1:17"),
    ("type a = { b: list<a> }", "F0214 1:6"),
    ("type a = { b: c }\ntype c = { d: a? }\nfn f(x: a) -> int = 1", "F0214 1:6"),
    // types
    ("fn f(t: text) -> int = t", "F0205 1:24"),
    ("fn f(t: text?) -> text = t", "F0206 1:26"),
    ("fn f(t: text?) -> text = t.trim()", "F0206 1:26"),
    ("fn f(t: text?) -> text? = t?.trim()", "ok"),
    ("fn f(t: text?) -> text = t ?? \"\"", "ok"),
    ("fn f(t: text?) -> text = \"a {t}\"", "F0206 1:30"),
    ("fn f(x: any) -> text = x", "ok"),
    ("fn f(x: any) -> int = x.a.b[0]", "ok"),
    ("fn f(x: any) -> text = x.a?", "F0206 1:24"),
    ("fn f(a: bool) -> any = if a then 1 else \"b\"", "ok"),
    ("fn f(a: bool) -> int =\n  let x = if a then 1 else \"b\"\n  2", "F0207 2:28"),
    ("fn f() -> list<int> = [1, \"a\"]", "F0205 1:27"),
    ("fn f() -> int =\n  let x = [1, \"a\"]\n  x.count()", "F0207 2:15"),
    ("fn f(a: int) -> bool = a == \"1\"", "F0208 1:24"),
    ("fn f(a: int, b: decimal) -> bool = a == b and a < b", "ok"),
    ("fn f(a: date, b: time) -> bool = a < b", "F0208 1:34"),
    ("fn f(a: bool, b: bool) -> bool = a < b", "F0208 1:34"),
    ("fn f(a: int) -> bool = a in [\"x\"]", "F0208 1:24"),
    ("fn f(a: int) -> bool = a in 3", "F0209 1:29"),
    ("fn f(a: text, b: int) -> text = a + b", "F0209 1:35"),
    ("fn f(a: money, b: money) -> money = a * b", "F0209 1:39"),
    ("fn f(a: money, b: money) -> decimal = a / b", "ok"),
    ("fn f(a: text) -> text = -a", "F0209 1:26"),
    ("fn f(a: list<int>) -> text = \"{a}\"", "F0209 1:32"),
    ("fn f(a: int?) -> int = a + 1", "F0206 1:24"),
    ("fn f(a: int) -> int = if a then 1 else 2", "F0205 1:26"),
    ("fn f(a: decimal) -> int = a", "F0205 1:27"),
    ("fn f(a: { x: int, y: int }) -> { x: int } = a", "ok"),
    ("fn f(a: { x: int }) -> { x: int, y: int } = a", "F0205 1:45"),
    ("fn f(a: { x: int }) -> { x: int, y: int? } = a", "ok"),
    ("fn f(a: { x: int, y: int }) -> map<int> = a", "ok"),
    ("fn f(a: stripe.charge) -> { id: text, invoice: text } = a", "F0206 1:57"),
    // calls
    ("fn f(t: text) -> text = t.replace(\"a\")", "F0215 1:27"),
    ("fn g(a: int) -> int = a\nfn f() -> int = g(1, 2)", "F0215 2:17"),
    ("fn g(a: int) -> int = a\nfn f() -> int = g(\"1\")", "F0205 2:19"),
    ("fn g(a: int) -> int = a\nfn f() -> int = 1.g()", "ok"),
    ("fn f(t: text) -> money = money(t, 1)", "F0216 1:35"),
    ("fn f(t: bool) -> money = money(t, \"USD\")", "F0216 1:32"),
    ("fn f(x: decimal) -> decimal = round(x, 2, \"half_evn\")", "F0217 1:43"),
    ("fn f(x: decimal, m: text) -> decimal = round(x, 2, m)", "F0270 1:52"),
    ("fn f(t: text) -> bool = t.matches('[a-')", "F0271 1:35"),
    ("fn f(xs: list<text>) -> list<text> = xs.filter(x => x)", "F0205 1:53"),
    ("fn f(xs: list<text>) -> list<int> = xs.map(x => x.length())", "ok"),
    ("fn f(xs: list<int>) -> int = xs.sum(x => x * 2)", "ok"),
    ("fn f(xs: list<text>) -> int = xs.sum(x => x)", "F0216 1:43"),
    ("fn f(xs: list<text?>) -> text = xs.join(\",\")", "F0206 1:33"),
    ("fn f(xs: list<text?>) -> text = xs.present().join(\",\")", "ok"),
    ("fn f(xs: list<money>) -> money = xs.sum()", "ok"),
    ("fn f(c: stripe.charge) -> text = c.created.from_unix().in_zone(settings.zone).date()", "F0205 1:34"),
    ("fn f(xs: list<stripe.charge>) -> list<text> = xs.group_by(c => c.currency).map(g => g.key)", "ok"),
    ("fn f(t: time) -> any = t.in_zone(\"UTC\")", "F0205 1:24"),
    ("fn f(t: int) -> time = t", "F0205 1:24"),
    // match
    ("fn f(c: stripe.charge) -> int = match c.status { \"succeeded\" => 1 }", "F0220 1:33"),
    ("fn f(c: stripe.charge) -> int = match c.status { \"succeeded\" => 1  \"pending\", \"failed\" => 2 }", "ok"),
    ("fn f(c: stripe.charge) -> int = match c.id { \"a\" => 1 }", "F0220 1:33"),
    ("fn f(a: bool) -> int = match a { true => 1  false => 2 }", "ok"),
    ("fn f(a: bool) -> int = match { a => 1 }", "F0220 1:24"),
    ("fn f(t: text) -> int = match t { \"a\" => 1  \"a\" => 2  else => 3 }", "F0221 1:44"),
    ("fn f(t: text) -> int = match t { 1 => 1  else => 3 }", "F0208 1:34"),
    ("fn f(c: stripe.charge) -> int = match c.status { \"succeded\" => 1  else => 2 }", "F0217 1:50"),
    ("fn f(t: text) -> int = match t { missing => 1  else => 3 }", "wF0239 1:34"),
    ("fn f(c: stripe.charge) -> bool = c.invoice == missing", "wF0239 1:34"),
    ("fn f(c: stripe.charge) -> bool = c.invoice? == missing", "ok"),
    // ??
    ("fn f(c: stripe.charge) -> int = 1 + c.amount ?? 0", "F0238 1:33"),
    ("fn f(c: stripe.charge) -> int = 1 + (c.amount ?? 0)", "ok"),
    ("fn f(c: stripe.charge) -> text = c.invoice ?? c.description ?? c.id", "ok"),
    ("fn f(c: stripe.charge) -> text? = c.address?.city?", "ok"),
    ("fn f(c: stripe.charge) -> text = c.id catch error.message", "ok"),
    // bodies
    ("mapping m() -> finops.Orders {\n  Emial = \"a\"\n}", "F0204 2:3"),
    ("mapping m() -> finops.Orders {\n  Email = \"a\"\n  Email = \"b\"\n}", "F0230 3:3"),
    ("mapping m(a: bool) -> finops.Orders {\n  if a { Email = \"a\" } else { Email = \"b\" }\n}", "ok"),
    ("mapping m(a: bool) -> finops.Orders {\n  if a { Email = \"a\" }\n  Email = \"b\"\n}", "F0230 3:3"),
    ("mapping m() -> finops.Orders {\n  Address.city = \"a\"\n  Address = { city = \"b\" }\n}", "F0231 3:3"),
    ("mapping m() -> finops.Orders {\n  Address.city = \"a\"\n  Address.line1 = \"b\"\n}", "ok"),
    ("mapping m() -> finops.Orders {\n  Address.citty = \"a\"\n}", "F0204 2:11"),
    ("mapping m(o: finops.Orders) -> finops.Orders {\n  Email = \"a\"\n  ...o\n}", "F0231 3:3"),
    ("mapping m(o: finops.Orders) -> finops.Orders {\n  ...o\n  Email = \"a\"\n}", "ok"),
    ("mapping m(o: finops.Orders) -> finops.Orders {\n  ...o\n  Address.city = \"a\"\n}", "F0231 3:3"),
    ("mapping m(o: finops.Orders) -> finops.Orders {\n  SalesOrderNumber = \"1\"\n  Email = o.Email\n}", "F0233 2:3"),
    ("fn f(a: dataverse.accounts) -> text? = a[\"owner@odata.bind\"]?", "F0234 1:42"),
    ("mapping m() -> finops.Orders {\n  Email = null\n}", "F0235 2:11"),
    ("mapping m(c: stripe.charge) -> finops.Orders {\n  Email = c.description\n}", "F0235 2:11"),
    ("mapping m(c: stripe.charge) -> finops.Orders {\n  Email = c.description ?? missing\n}", "ok"),
    ("mapping m(c: stripe.charge) -> dataverse.accounts {\n  name = c.description\n}", "wF0236 2:10"),
    ("mapping m(c: stripe.charge) -> dataverse.accounts {\n  name = c.description ?? null\n}", "ok"),
    ("mapping m() -> dataverse.accounts {\n  name = null\n}", "ok"),
    ("mapping m(c: stripe.charge) -> finops.Orders {\n  Email = c.invoice?\n}", "ok"),
    ("mapping m(xs: list<text?>) -> finops.Orders {\n  Lines = xs\n}", "F0237 2:11"),
    ("mapping m() -> finops.Orders {\n  Origin = \"Wep\"\n}", "F0217 2:12"),
    ("mapping m(a: bool) -> finops.Orders {\n  Origin = if a then \"Web\" else \"Shoop\"\n}", "F0217 2:33"),
    ("mapping m() -> dataverse.accounts {\n  status = 2\n}", "F0217 2:12"),
    ("mapping m() -> finops.Orders {\n  CustomersOrderReference = \"123456789012345678901\"\n}", "F0218 2:29"),
    ("mapping m() -> finops.Orders {\n  OrderDate = \"2026-03-01\"\n}", "ok"),
    ("mapping m() -> finops.Orders {\n  OrderDate = \"2026-3-1\"\n}", "F0219 2:15"),
    ("mapping m(t: text) -> finops.Orders {\n  OrderDate = t\n}", "F0205 2:15"),
    ("mapping m() -> text { }", "F0274 1:16"),
    ("fn f(a: bool) -> { x: int, y: int } = {\n  if a { x = 1 }\n}", "F0232 1:39, F0232 1:39"),
    ("type p = { x: int, y: int? }\nfn f() -> p = { x = 1 }", "ok"),
    ("type p = { x: int, y: int? }\nfn f() -> p = { x = 1  z = 2 }", "F0204 2:24"),
    ("mapping m() -> finops.Orders {\n  require 1 else \"no\"\n}", "F0205 2:11"),
    // tables
    ("table t: text -> int { \"a\" => 1  else => fail }\nfn f(k: text) -> int = t[k]", "ok"),
    ("table t: text -> int { \"a\" => 1  else => missing }\nfn f(k: text) -> int = t[k]", "F0206 2:24"),
    ("table t: text -> int { \"a\" => 1  else => missing }\nfn f(k: text) -> int = t[k] ?? 2", "ok"),
    ("table t: text -> int { \"a\" => 1  else => fail }\nfn f(k: text) -> int = t[k] ?? 2", "wF0246 2:24"),
    ("table t: text -> int { \"a\" => 1  else => fail }\nfn f() -> int = t[1]", "F0205 2:19"),
    ("table t: text -> int { \"a\" => 1  else => fail }\nfn f(k: text) -> int = t[k, k]", "F0215 2:24"),
    ("table t: text -> int { \"a\" => 1  \"a\" => 2  else => fail }\nfn f(k: text) -> int = t[k]", "F0242 1:34"),
    ("table t: decimal -> text { 1 => \"a\"  1.0 => \"b\"  else => fail }\nfn f(k: int) -> text = t[k]", "F0242 1:38"),
    ("table t: text -> int { \"a\" => \"b\"  else => 1 }", "F0205 1:31"),
    ("table t: money -> int { else => 1 }", "F0240 1:10"),
    ("fn g() -> int = 1\ntable t: text -> int { \"a\" => g()  else => 1 }", "F0241 2:31"),
    (
        "table t: text -> text { \"a\" => \"Web\"  \"b\" => \"Wob\"  else => fail }\nmapping m(k: text) -> finops.Orders {\n  Origin = t[k]\n}",
        "F0217 3:12",
    ),
    (
        "table t: date -> date { \"2026-01-01\" => \"2026-01-02\"  else => missing }\nfn f(d: date) -> date? = t[d]",
        "ok",
    ),
    // indexes
    ("fn f(a: { x: int }, k: text) -> int = a[k]", "F0272 1:41"),
    ("fn f(t: text) -> text = t[0]", "F0272 1:25"),
    ("fn f(xs: list<int>) -> int = xs[\"a\"]", "F0205 1:33"),
    ("fn f(m: map<text>) -> text = m[\"k\"] ?? \"\"", "ok"),
    // files
    ("use \"b.map\"", "F0227 1:5"),
    ("use \"../b.map\"", "F0227 1:5"),
    ("use \"a.map\"", "F0227 1:5"),
    ("table t: text -> int from \"t.csv\" else fail", "F0227 1:27"),
];

#[test]
fn each_mistake_has_one_finding() {
    expect_all(CASES);
}

#[test]
fn one_mistake_gives_one_message() {
    // `x` has no type: nothing that is built on it says more.
    expect(
        "fn f(c: stripe.charge) -> int =\n  let x = c.amuont\n  let y = x + 1\n  if y > 2 then x else y * x",
        "F0204 2:13",
    );
    expect("fn g(a: txt) -> txt = a\nfn f() -> int = g(1) + g(\"a\")", "F0203 1:9, F0203 1:17");
}

#[test]
fn what_could_not_be_read_has_no_second_finding() {
    // The names of a file that is not there, or of a definition with a syntax error, are nobody's typo.
    expect("use \"b.map\"\nfn f(p: pair) -> int = two() + rates[\"a\"]", "F0227 1:5");
    let (_, findings, sources) = compile(&[
        ("b.map", "fn two( -> int = 2\nfn three() -> int = 3"),
        ("a.map", "use \"b.map\"\nfn f() -> int = two() + three()"),
    ]);
    let got = shown(&findings, &sources);
    assert!(got.len() == 1 && got[0].starts_with("F01"), "{findings:#?}");
}

#[test]
fn scripts_are_typed_by_their_comment() {
    let case = |map: &str, script: &str| {
        let (_, findings, sources) = compile(&[("a.map", map), ("risk.rhai", script)]);
        shown(&findings, &sources).join(", ")
    };
    let score = "fn score(c, limit) { c.amount > limit }";
    let one = "/// (c: stripe.charge, limit: decimal) -> bool\nuse \"risk.rhai\" as risk\n";
    assert_eq!(case(&format!("{one}fn f(c: stripe.charge) -> bool = risk.score(c, settings.limit)"), score), "");
    assert_eq!(case(&format!("{one}fn f(c: stripe.charge) -> bool = risk.scroe(c, 1)"), score), "F0252 3:39");
    assert_eq!(case(&format!("{one}fn f(c: stripe.charge) -> bool = risk.score(c, \"1\")"), score), "F0205 3:48");
    assert_eq!(case(&format!("{one}fn f(c: stripe.charge) -> bool = risk.score(c)"), score), "F0215 3:39");
    assert_eq!(case(&format!("{one}fn f(c: stripe.charge) -> int = risk.score(c, 1)"), score), "F0205 3:33");
    assert_eq!(case(one, score), "wF0225 2:1");
    assert_eq!(case("use \"risk.rhai\" as risk", score), "F0250 1:1");
    assert_eq!(case("/// (c: stripe.chrage) -> bool\nuse \"risk.rhai\" as risk", "fn score(c) { true }"), "F0203 1:9");
    assert_eq!(case("/// (c: text) -> bool\nuse \"risk.rhai\" as risk", score), "F0250 1:5");
    assert_eq!(case(one, "fn score(c, limit) { let = 1 }"), "F0251 1:26");
    let two = "/// a(x: list<{ n: int, m: text }>) -> int\n/// b() -> text\nuse \"risk.rhai\" as risk\nfn f() -> text = risk.b()";
    assert_eq!(case(two, "fn a(x) { 1 }\nfn b() { \"b\" }"), "");
}

#[test]
fn names_of_several_files() {
    let (_, findings, sources) = compile(&[
        ("lib/b.map", "fn two() -> int = 2\ntype pair = { a: int }"),
        ("c.map", "fn two() -> int = 22"),
        ("a.map", "use \"lib/b.map\"\nfn f() -> int = two()\nfn g(p: pair) -> int = p.a"),
        ("clash.map", "use \"lib/b.map\"\nuse \"c.map\"\nfn f() -> int = two()"),
        ("own.map", "use \"lib/b.map\"\nfn two() -> int = 3\nfn f(p: pair) -> int = two() + p.a"),
        ("unused.map", "use \"lib/b.map\"\nfn f() -> int = 1"),
        ("far.map", "use \"a.map\"\nfn h() -> int = two() + f()"),
    ]);
    let got = shown(&findings, &sources);
    assert_eq!(got, ["wF0225 1:1", "wF0210 2:4", "F0202 2:17", "F0212 3:17"], "{findings:#?}");
}

#[test]
fn what_uses_a_broken_file_is_not_run() {
    let (library, findings, _) = compile(&[
        ("b.map", "fn two() -> int = \"2\""),
        ("a.map", "use \"b.map\"\nfn f() -> int = two()"),
        ("c.map", "fn g() -> int = 1"),
    ]);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let broken: Vec<bool> = ["a.map", "b.map", "c.map"].iter().map(|path| library.scopes[*path].broken).collect();
    assert_eq!(broken, [true, true, false]);
}

#[test]
fn tables_from_csv() {
    let declared =
        "table t: text -> { n: int, d: date?, label: text } from \"t.csv\" else fail\nfn f(k: text) -> int = t[k].n";
    let case = |csv: &str| {
        let (_, findings, sources) = compile(&[("a.map", declared), ("t.csv", csv)]);
        shown(&findings, &sources).join(", ")
    };
    assert_eq!(case("\u{feff}key,n,d,label\r\na,1,,\"x, y\"\r\nb,1_000,2026-03-01,\r\n"), "");
    assert_eq!(case("key,n,d,label\na,x,,\n"), "F0244 2:3");
    assert_eq!(case("key,n,d,label\na,,,\n"), "F0244 2:3");
    assert_eq!(case("key,n,d,label\na,007,,\n"), "F0244 2:3");
    assert_eq!(case("key,n,d,label\na,1,01.03.2026,\n"), "F0244 2:5");
    assert_eq!(case("key,n,d,label\na,1,,\nb,1,,\na,2,,\n"), "F0242 4:1");
    assert_eq!(case("key,n,day,label\na,1,,\n"), "F0243 1:1, F0243 1:7");
    assert_eq!(case("key,n,d,label\na,1,\n"), "F0245 2:1");
    assert_eq!(case(""), "F0245 1:1");
}

#[test]
fn unused_tables_are_told_once_all_flows_are_known() {
    let (library, findings, sources) = compile(&[("a.map", "table t: text -> int { \"a\" => 1  else => 2 }")]);
    assert!(findings.is_empty());
    assert_eq!(shown(&library.unused_tables(), &sources), ["wF0226 1:7"]);
}

#[test]
fn every_built_in_has_signatures_that_can_be_read() {
    for function in functions::ALL {
        assert!(!function.signatures.is_empty(), "{}", function.name);
        for text in function.signatures {
            assert!(signature::parse(text).is_some(), "{}{text}", function.name);
        }
    }
}

#[test]
fn every_code_of_the_checker_has_its_page() {
    let own = ALL.iter().filter(|(code, _)| code.0.starts_with("F02"));
    for (code, page) in own {
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        assert!(page.contains("```map\n"), "{code} has an example");
    }
}
