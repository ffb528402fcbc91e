//! What conditions establish, and where it ends.

use super::expect_all;

const CASES: &[(&str, &str)] = &[
    ("fn f(t: text?) -> text = if t != missing then t else \"\"", "ok"),
    ("fn f(t: text?) -> text = if t == missing then \"\" else t", "ok"),
    ("fn f(t: text?) -> text = if t == missing then t else \"\"", "F0206 1:47"),
    ("fn f(t: text?) -> text = if given(t) then t else \"\"", "ok"),
    ("fn f(t: text?) -> text = if t.given() then t else \"\"", "ok"),
    ("fn f(t: text?) -> text = if not given(t) then \"\" else t", "ok"),
    ("fn f(t: text?, a: bool) -> text = if a and t != missing then t else \"\"", "ok"),
    ("fn f(t: text?, a: bool) -> text = if a or t != missing then t else \"\"", "F0206 1:61"),
    ("fn f(t: text?, a: bool) -> text = if t == missing or a then \"\" else t", "ok"),
    ("fn f(t: text?) -> bool = t != missing and t.length() > 2", "ok"),
    ("fn f(t: text?) -> bool = t == missing or t.length() > 2", "ok"),
    ("fn f(t: text?) -> bool = t != missing or t.length() > 2", "F0206 1:42"),
    ("fn f(t: text?, u: text?) -> text = if t != missing and u != missing then t + u else \"\"", "ok"),
    ("fn f(t: text?, u: text?) -> text = if t == missing or u == missing then \"\" else t + u", "ok"),
    // paths, a `?` in the test or in the value
    ("fn f(c: stripe.charge) -> text = if c.invoice? != missing then c.invoice? else \"\"", "ok"),
    ("fn f(c: stripe.charge) -> text = if c.address?.city? != missing then c.address.city else \"\"", "ok"),
    ("fn f(c: { a: { b: text? }? }) -> text = if c.a?.b? != missing then c.a?.b? else \"\"", "ok"),
    ("fn f(c: { xs: list<text?> }) -> text = if c.xs[0]? != missing then c.xs[0]? else \"\"", "ok"),
    ("fn f(c: { xs: list<text> }) -> text = if c.xs[0]? != missing then c.xs[1]? else \"\"", "F0206 1:67"),
    ("fn f(m: map<text>) -> text = if m[\"k\"]? != missing then m[\"k\"]? else \"\"", "ok"),
    // null
    ("mapping m(c: stripe.charge) -> finops.Orders {\n  if c.description != null { Email = c.description }\n}", "ok"),
    ("mapping m(c: stripe.charge) -> finops.Orders {\n  if given(c.description) { Email = c.description }\n}", "ok"),
    (
        "mapping m(c: stripe.charge) -> finops.Orders {\n  if c.description != missing { Email = c.description }\n}",
        "wF0239 2:6, F0235 2:41",
    ),
    // after require, to the end of its `{ }`
    ("mapping m(t: text?) -> finops.Orders {\n  require t != missing else \"no\"\n  Email = t.trim()\n}", "ok"),
    (
        "mapping m(t: text?, a: bool) -> finops.Orders {\n  if a { require t != missing else \"no\" }\n  Email = t.trim()\n}",
        "F0206 3:11",
    ),
    // for … where, filter
    ("fn f(xs: list<{ a: text? }>) -> list<text> = for x in xs where x.a? != missing => x.a?", "ok"),
    ("fn f(xs: list<text?>) -> list<text> = for x in xs where x != missing => x", "ok"),
    ("fn f(xs: list<text?>) -> list<text> = for x in xs => x", "F0206 1:54"),
    ("fn f(xs: list<int>) -> list<int> = for x, n in xs where n > 1 => x + n", "F0201 1:57"),
    // arms above
    ("fn f(t: text?) -> int = match { t == missing => 0  else => t.length() }", "ok"),
    ("fn f(t: text?) -> int = match t { missing => 0  else => t.length() }", "ok"),
    ("fn f(t: text?) -> int = match t { \"a\" => t.length()  else => 0 }", "ok"),
    ("fn f(t: text?, a: bool) -> int = match { a => t.length()  t == missing => 1  else => 0 }", "F0206 1:47"),
    // a let is narrowed itself
    ("fn f(c: stripe.charge) -> int =\n  let i = c.invoice?\n  if i != missing then i.length() else 0", "ok"),
    // and not beyond
    ("fn f(t: text?) -> int = (if t != missing then 1 else 0) + t.length()", "F0206 1:59"),
];

#[test]
fn conditions_narrow() {
    expect_all(CASES);
}
