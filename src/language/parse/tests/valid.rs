//! Every construct of the language, read.

use super::*;
use crate::language::ast::*;

/// One file with everything in it.
pub const ORDERS: &str = r#"// Orders of the shop.
use "std:shop"                         // who_pays
use 'shared/address.map'
/// score(order: shop.order, limit: decimal) -> bool
use "risk.rhai" as risk

/// How the shop pays, in our words.
///
/// A second paragraph.
table method: text -> text { "wallet", "purse" => "WALLET"   "card" => "CARD"   else => fail }
table flags: text -> { done: bool, code: int?, parts: list<text> } {
  "a" => { done = true, parts = ["x", 'y'] }
  'b''s' => { done = false, code = -1, parts = [] },
  else => missing,
}
table levels: int -> decimal { -1 => -0.5, 0 => 0, 1_000 => 12.50 else => 1 }
table rates: (text, text) -> decimal from "tables/rates.csv" else fail
table goods: text -> { item: text, tax: text? } from "tables/goods.csv" else missing

type line = { item: text, amount: money, "odd@name": text?, type: list<map<int?>> }
type key = shop.order.item

/// Each line's worth.
fn line_total(item: shop.order.item) -> decimal =
  let each = decimal(item.unit_price.value)
  each * decimal(item.quantity)

fn best(lines: list<line>, at_most: int) -> line? =
  lines
    .filter(l => l.amount > money(0, "EUR"))
    .sort_by((l, m) => l.amount)
    .first()

fn lines(order: shop.order, number: text) -> list<erp.Lines> =
  for item, n in order.parts[0].items ?? [] where decimal(item.quantity) > 0 and not item.gift {
    let good = goods[item.sku ?? item.name]
    Number = number
    Line   = n + 1
    Good   = good?.item ?? settings.unknown
    Price  = -decimal(item.unit_price.value)
  }

mapping to_order(capture: shop.capture, order: shop.order, customer: text,) -> erp.Orders {
  let part = order.parts[0]
  let gross: money = money(capture.amount.value, capture.amount.currency)

  require part.items.sum(i => line_total(i)) + shipping(part?.shipping?) == gross.amount
    else "lines and shipping of order {order.id} do not add up to {gross}"

  ...base(order)
  Customer          = customer
  Reference         = capture.id                 // one per capture
  Requisition       = capture.invoice ?? capture.custom ?? missing
  Method            = method[order.source.keys().first() ?? ""] catch "CARD"
  Day               = parse_time(capture.created).in_zone(settings.zone).date()
  Name              = present(part.shipping?.name?.full?) ?? "Order {order.id}: {if gross.amount > 0 then "due" else "free"}"
  "owner@odata.bind" = "/owners({owner("x")})"
  "from"            = null
  address.line.from = order["@etag"]?
  address."zip@x"   = rates["EUR", "USD"]
  type = if order.kind == 'gift' then match order.size { "S", "M" => 1, "L" => -2   missing, null => 3   else => 4 } else 0
  state = match {
    order.paid and given(order.id) => "paid"
    order.total in [0, 1]          => fail("nothing to pay")
    else                           => missing
  }
  Tags = (for tag in order.tags => tag.name).distinct()
  score = risk.score(order, 12.5) catch false

  if part.shipping? != missing {
    let to = address_of(part.shipping)
    City = to.city
  } else if order.pickup { City = "shop" } else {
    City = missing
  }
  empty = { }
}
"#;

fn value(text: &str) -> String {
    match slot(&source(text)) {
        Ok(body) => body.lets.iter().map(show::let_).chain([show::expr(&body.value)]).collect::<Vec<_>>().join("; "),
        Err(found) => panic!("{text:?}: {:?}", findings(text, found)),
    }
}

fn definition(tree: &File, name: &str) -> FunctionDef {
    let found = tree.definitions.iter().find_map(|definition| match definition {
        Definition::Function(f) if f.name.text.as_str() == name => Some(f.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_whole_file() {
    let (tree, found) = file(&source(ORDERS));
    assert_eq!(findings(ORDERS, found), [""; 0]);
    assert_eq!((tree.imports.len(), tree.definitions.len(), tree.unread.len()), (3, 11, 0));
    let imports: Vec<(&str, Option<&str>)> =
        tree.imports.iter().map(|i| (i.path.text.as_str(), i.alias.as_ref().map(|a| a.text.as_str()))).collect();
    assert_eq!(imports, [("std:shop", None), ("shared/address.map", None), ("risk.rhai", Some("risk"))]);
    let docs = |doc: &Doc| doc.0.iter().map(|line| line.text.to_string()).collect::<Vec<_>>();
    assert_eq!(tree.imports.iter().map(|i| docs(&i.doc).len()).collect::<Vec<_>>(), [0, 0, 1]);
    assert_eq!(docs(&definition(&tree, "line_total").doc), ["Each line's worth."]);
    let Some(Definition::Table(method)) = tree.definitions.first() else { panic!() };
    assert_eq!(docs(&method.doc), ["How the shop pays, in our words.", "", "A second paragraph."]);
    for line in &method.doc.0 {
        assert_eq!(&ORDERS[line.span.start as usize..line.span.end as usize], line.text.as_str());
    }
    let Rows::Inline { rows, otherwise: Outcome::Fail(place) } = &method.rows else { panic!() };
    assert_eq!(&ORDERS[place.start as usize..place.end as usize], "fail");
    assert_eq!(rows.iter().map(|row| row.keys.len()).collect::<Vec<_>>(), [2, 1]);
    let Some(Definition::Table(rates)) = tree.definitions.get(3) else { panic!() };
    assert_eq!(rates.keys.len(), 2);
    assert!(
        matches!(&rates.rows, Rows::Csv { path, otherwise: Outcome::Fail(_) } if path.text.as_str() == "tables/rates.csv")
    );
    let Some(Definition::Type(line)) = tree.definitions.get(5) else { panic!() };
    assert_eq!(show::type_(&line.ty), "{item: text, amount: money, odd@name: text?, type: list<map<int?>>}");
    assert_eq!(show::type_(&definition(&tree, "best").result), "line?");
    let order = definition(&tree, "to_order");
    assert!(order.is_mapping && order.body.lets.is_empty() && order.params.len() == 3);
    let ExprKind::Record(entries) = &order.body.value.kind else { panic!() };
    let shown: Vec<String> = entries.iter().map(show::entry).collect();
    let expected = [
        "let part = order.parts[0]",
        "let gross: money = money(capture.amount.value, capture.amount.currency)",
        "require ((part.items.sum((i) => line_total(i)) Add shipping(part?.shipping?)) Equal gross.amount) else <\"lines and shipping of order \" order.id \" do not add up to \" gross>",
        "...base(order)",
        "Customer = customer",
        "Reference = capture.id",
        "Requisition = ((capture.invoice Coalesce capture.custom) Coalesce missing)",
        "Method = (method[(order.source.keys().first() Coalesce \"\")] Catch \"CARD\")",
        "Day = parse_time(capture.created).in_zone(settings.zone).date()",
        "Name = (present(part.shipping?.name?.full?) Coalesce <\"Order \" order.id \": \" (if (gross.amount Greater 0) then \"due\" else \"free\")>)",
        "owner@odata.bind = <\"/owners(\" owner(\"x\") \")\">",
        "from = null",
        "address.line.from = order[\"@etag\"]?",
        "address.zip@x = rates[\"EUR\", \"USD\"]",
        "type = (if (order.kind Equal \"gift\") then (match order.size \"S\", \"M\" => 1; \"L\" => (-2); missing, null => 3; else => 4) else 0)",
        "state = (match  (order.paid And given(order.id)) => \"paid\"; (order.total In [0, 1]) => fail(\"nothing to pay\"); else => missing)",
        "Tags = paren(for tag in order.tags => tag.name).distinct()",
        "score = (risk.score(order, 12.5) Catch false)",
        "if (part.shipping? NotEqual missing) {let to = address_of(part.shipping); City = to.city} else {if order.pickup {City = \"shop\"} else {City = missing}}",
        "empty = {}",
    ];
    assert_eq!(shown, expected);
    show::assert_places(ORDERS, &tree);
}

#[test]
fn operators_bind_as_the_language_says() {
    for (text, tree) in [
        ("a or b and not c == d", "(a Or (b And (not (c Equal d))))"),
        ("not not a", "(not (not a))"),
        ("a ?? b + c * -d", "(a Coalesce (b Add (c Multiply (-d))))"),
        ("a == b ?? c", "(a Equal (b Coalesce c))"),
        ("a - b - c", "((a Subtract b) Subtract c)"),
        ("a / b % c", "((a Divide b) Remainder c)"),
        ("-a.b?", "(-a.b?)"),
        ("a catch b catch c", "((a Catch b) Catch c)"),
        ("a in [1] or b", "((a In [1]) Or b)"),
        ("if a then b else c catch d", "(if a then b else (c Catch d))"),
        ("if a then b catch c else d", "(if a then (b Catch c) else d)"),
        ("a catch if b then c else d", "(a Catch (if b then c else d))"),
        ("if a then if b then c else d else e", "(if a then (if b then c else d) else e)"),
        ("match a { 1 => 2 else => 3 } catch b", "((match a 1 => 2; else => 3) Catch b)"),
        ("for a in b => c catch d", "(for a in b => (c Catch d))"),
        ("f(x => x + 1 catch 2, 3)", "f((x) => ((x Add 1) Catch 2), 3)"),
        ("f((x, y) => x)", "f((x, y) => x)"),
        ("f((x), y)", "f(parenx, y)"),
        ("(a or b) and c", "(paren(a Or b) And c)"),
    ] {
        assert_eq!(value(text), tree, "{text}");
    }
}

#[test]
fn steps_and_question_marks() {
    for (text, tree) in [
        ("a.b?.c", "a.b?.c"),
        ("a?.b ?? c", "(a?.b Coalesce c)"),
        ("a.b?? c", "(a.b Coalesce c)"),
        ("a[0]?[1].c()?", "a[0]?[1].c()?"),
        ("f(a)?.b", "f(a)?.b"),
        ("a\n  .b\n  .c()", "a.b.c()"),
        ("a.match.if.fail", "a.match.if.fail"),
        ("a.type", "a.type"),
        ("type.table", "type.table"),
        ("1.round(2)", "1.round(2)"),
        ("\"{a}\".trim()", "<a>.trim()"),
        ("[1, 2,].sum()", "[1, 2].sum()"),
        ("iffy.orange", "iffy.orange"),
    ] {
        assert_eq!(value(text), tree, "{text}");
    }
}

#[test]
fn texts_and_numbers() {
    for (text, tree) in [
        (r#""a\"b\\c\n\t\r\{\}\u{1F600}\u{e9}""#, r#""a\"b\\c\n\t\r{}😀é""#),
        (r#"'a\n''{b}"'"#, r#""a\\n'{b}\"""#),
        (r#""""#, r#""""#),
        ("''", r#""""#),
        (r#""} {a}{ b } ö{"c {"d"}"}!""#, r#"<"} " a b " ö" <"c " "d"> "!">"#),
        ("\"http://{a}/b\" // c", "<\"http://\" a \"/b\">"),
        ("1_000_000.50", "1000000.50"),
        ("0.05", "0.05"),
    ] {
        assert_eq!(value(text), tree, "{text}");
    }
}

#[test]
fn white_space_means_nothing_else() {
    assert_eq!(value("let a = 1 let b = a\n b\n -a"), "let a = 1; let b = a; (b Subtract a)");
    assert_eq!(value("{ a = 1 b = 2, c = 3\n d = (-1) }"), "{a = 1; b = 2; c = 3; d = paren(-1)}");
    assert_eq!(value("\u{feff}// c\r\n  a\r\n + b // d"), "(a Add b)");
    assert_eq!(value("{ a = b\n ...c }"), "{a = b; ...c}");
    assert_eq!(value("match x { 1 => a, -1 => b else => c }"), "(match x 1 => a; (-1) => b; else => c)");
    let (tree, found) = file(&source("\u{feff}/// Doc\nfn f() -> int = 1"));
    assert!(found.is_empty());
    assert_eq!(definition(&tree, "f").doc.0.len(), 1);
    let (tree, _) = file(&source("/// not\n\n/// Doc\nfn f() -> int = 1 // a\n// b\nfn g() -> int = 1"));
    assert_eq!((definition(&tree, "f").doc.0.len(), definition(&tree, "g").doc.0.len()), (1, 0));
    assert_eq!(file(&source("")).1, []);
    assert_eq!(file(&source("// nothing")).1, []);
}

#[test]
fn text_slots() {
    for (text, tree) in [
        (
            "Order {order.id} is \"done\"\nand { n + 1 } \\{more\\}",
            r#"<"Order " order.id " is \"done\"\nand " (n Add 1) " {more}">"#,
        ),
        ("plain", r#""plain""#),
        ("", r#""""#),
        ("{a}", "<a>"),
        ("{if a then \"x {b}\" else 'y'}", "<(if a then <\"x \" b> else \"y\")>"),
    ] {
        let read = text_slot(&source(text)).map(|e| show::expr(&e));
        assert_eq!(read.as_deref(), Ok(tree), "{text}");
    }
}

#[test]
fn types() {
    let read = |text: &str| type_slot(&source(text)).map(|t| show::type_(&t));
    assert_eq!(read(" list<{ a: text?, b: map<x.y> }>? "), Ok("list<{a: text?, b: map<x.y>}>?".into()));
}

#[test]
fn places_are_those_of_the_real_file() {
    // A block in YAML: two lines, each indented by four.
    let yaml = "key: |\n    a +\n    (b\n";
    let text = SourceText { file: FileId(0), text: "a +\n(b\n".into(), runs: vec![(0, 11), (4, 19)] };
    let found = slot(&text).err().unwrap_or_default();
    assert_eq!(findings(yaml, found), ["F0108 3:7 expected `)` to close the `(` opened here"]);
    let text = SourceText { file: FileId(0), text: "a +\nb\n".into(), runs: vec![(0, 11), (4, 19)] };
    let span = slot(&text).map(|body| body.value.span);
    assert_eq!(span.map(|s| (s.start, s.end)), Ok((11, 20)));
}

#[test]
fn what_could_be_read_is_kept() {
    let text =
        "fn a() -> int = 1\nfn b() -> int = 1 +\nuse \"x\"\nmapping c() -> any {\n  a = \n}\nfn d() -> int = 2\n";
    let (tree, found) = file(&source(text));
    assert_eq!(found.len(), 2);
    assert_eq!((tree.imports.len(), tree.definitions.len()), (1, 2));
    assert_eq!(tree.unread.iter().map(|name| name.text.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}
