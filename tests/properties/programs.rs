//! Programs whose types fit, made of choices.

use super::choices::Choices;
use super::kinds::{SIGNATURES, Ty, any_type};

/// Definitions that every program has.
pub const TABLES: &str = r#"
table codes: text -> int { "a", "b" => 1  "" => -2  else => fail }
table units: int -> text { 1 => "one"  else => missing }
table shapes: bool -> { n: decimal, tags: list<text> } { true => { n = 1.10, tags = ["x"] }  else => { n = 0, tags = [] } }
table days: date -> text { "2026-03-01" => "spring"  else => "" }
"#;

pub struct Generator<'c, 'b> {
    pub choices: &'c mut Choices<'b>,
    /// Names, or paths, and their types.
    variables: Vec<(String, Ty)>,
    functions: Vec<(String, Vec<Ty>, Ty)>,
    names: usize,
    /// Expressions that may still be made.
    fuel: usize,
}

impl<'c, 'b> Generator<'c, 'b> {
    pub fn new(choices: &'c mut Choices<'b>) -> Self {
        Generator { choices, variables: vec![], functions: vec![], names: 0, fuel: 0 }
    }

    /// Tables, and a few functions and mappings of any types.
    pub fn definitions(&mut self) -> String {
        let mut text = TABLES.to_string();
        for n in 0..self.choices.below(4) {
            let count = self.choices.below(3);
            let params: Vec<(String, Ty)> = (0..count).map(|n| (format!("p{n}"), any_type(self.choices, 2))).collect();
            let written: Vec<String> = params.iter().map(|(name, ty)| format!("{name}: {}", ty.shown())).collect();
            let types = params.iter().map(|(_, ty)| ty.clone()).collect();
            self.variables = params;
            self.fuel = 30;
            let result = any_type(self.choices, 2);
            let (written, shown) = (written.join(", "), result.shown());
            match &result {
                Ty::Record(fields) => {
                    let body = self.entries(&fields.clone(), 2);
                    text += &format!("mapping f{n}({written}) -> {shown} {{\n{body}}}\n");
                }
                _ => {
                    let body = self.body(&result, 3);
                    text += &format!("fn f{n}({written}) -> {shown} =\n{body}\n");
                }
            }
            self.functions.push((format!("f{n}"), types, result));
        }
        text
    }

    /// A slot's expression over these variables.
    pub fn slot(&mut self, variables: &[(String, Ty)]) -> String {
        self.variables = variables.to_vec();
        self.fuel = 40;
        let ty = any_type(self.choices, 2);
        let ty = if self.choices.chance(20) { ty.maybe() } else { ty };
        self.body(&ty, 4)
    }

    fn body(&mut self, ty: &Ty, depth: usize) -> String {
        let mut text = String::new();
        for _ in 0..self.choices.below(3) {
            text += &self.bind(depth);
        }
        text + &self.expr(ty, depth)
    }

    fn bind(&mut self, depth: usize) -> String {
        let ty = any_type(self.choices, 1);
        let value = self.expr(&ty, depth.saturating_sub(1));
        let name = self.name();
        let told = self.choices.chance(50);
        let written = if told { format!(": {}", ty.shown()) } else { String::new() };
        // Without a written type the value's own one holds, which is not always the one it was made for.
        if told || matches!(ty, Ty::Bool | Ty::Date | Ty::Time | Ty::Money | Ty::Text | Ty::Int) {
            self.variables.push((name.clone(), ty));
        }
        format!("let {name}{written} = {value}\n")
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    /// An expression of that type. In parentheses where it needs them anywhere.
    fn expr(&mut self, ty: &Ty, depth: usize) -> String {
        if depth == 0 || self.fuel == 0 || self.choices.is_over() {
            return self.leaf(ty);
        }
        self.fuel -= 1;
        let below = depth - 1;
        match self.choices.below(16) {
            0 => self.leaf(ty),
            1 | 2 => self.variable(ty),
            3 => {
                let (condition, then, other) =
                    (self.expr(&Ty::Bool, below), self.expr(ty, below), self.expr(ty, below));
                format!("(if {condition} then {then} else {other})")
            }
            4 => self.choose(ty, below),
            5 => {
                let optional = ty.clone().maybe();
                format!("({} ?? {})", self.expr(&optional, below), self.expr(ty, below))
            }
            6 => {
                let tried = self.expr(ty, below);
                let known = self.variables.len();
                self.variables.push(("error.message".into(), Ty::Text));
                let other = self.expr(ty, below);
                self.variables.truncate(known);
                format!("({tried} catch {other})")
            }
            7 => self.call(ty, below),
            8 => {
                let index = if self.choices.chance(70) { "0".into() } else { self.expr(&Ty::Int, below) };
                format!("{}[{index}]", self.list(ty, below))
            }
            9 => {
                let other = any_type(self.choices, 1);
                let (a, b) = (self.expr(&other, below), self.expr(ty, below));
                match self.choices.below(2) {
                    _ if matches!(ty, Ty::Maybe(_)) => b,
                    0 => format!("{{ a = {a}, b = {b} }}.b"),
                    _ => format!("{{ a = {a}, b = {b} }}[\"b\"]"),
                }
            }
            10..=12 => self.operator(ty, below),
            _ => self.builtin(ty, below),
        }
    }

    fn list(&mut self, ty: &Ty, depth: usize) -> String {
        let items: Vec<String> = (0..1 + self.choices.below(3)).map(|_| self.expr(ty, depth)).collect();
        format!("[{}]", items.join(", "))
    }

    fn choose(&mut self, ty: &Ty, depth: usize) -> String {
        match self.choices.below(3) {
            0 => {
                let subject = self.expr(&Ty::Text, depth);
                let (a, b) = (self.expr(ty, depth), self.expr(ty, depth));
                format!("(match {subject} {{ \"a\", \"\" => {a}, else => {b} }})")
            }
            1 => {
                let subject = self.expr(&Ty::Int.maybe(), depth);
                let (a, b, c) = (self.expr(ty, depth), self.expr(ty, depth), self.expr(ty, depth));
                format!("(match {subject} {{ missing => {a}, 1 => {b}, else => {c} }})")
            }
            _ => {
                let (condition, a, b) = (self.expr(&Ty::Bool, depth), self.expr(ty, depth), self.expr(ty, depth));
                format!("(match {{ {condition} => {a}, else => {b} }})")
            }
        }
    }

    fn variable(&mut self, ty: &Ty) -> String {
        let mut found = vec![];
        for (name, own) in &self.variables {
            if own.fits(ty) {
                found.push(name.clone());
            }
            if let Ty::Record(fields) = own {
                for (field, inner) in fields {
                    match inner {
                        Ty::Maybe(inside) if inside.fits(ty) => {
                            found.push(format!("{name}.{field}"));
                            if matches!(ty, Ty::Maybe(_)) {
                                found.push(format!("{name}.{field}?"));
                            }
                        }
                        inner if inner.fits(ty) => found.push(format!("{name}.{field}")),
                        _ => {}
                    }
                }
            }
            // What has no type is looked at when it runs.
            if *own == Ty::Any && matches!(ty, Ty::Int | Ty::Decimal | Ty::Text | Ty::Bool | Ty::Any) {
                found.extend([
                    format!("{name}.a"),
                    format!("{name}.b.c"),
                    format!("{name}[0]"),
                    format!("{name}[\"k\"]"),
                ]);
            }
        }
        if found.is_empty() { self.leaf(ty) } else { self.choices.one_of(&found) }
    }

    fn call(&mut self, ty: &Ty, depth: usize) -> String {
        let able: Vec<usize> = (0..self.functions.len()).filter(|n| self.functions[*n].2.fits(ty)).collect();
        if able.is_empty() {
            return self.lookup(ty, depth);
        }
        let (name, params, _) = self.functions[self.choices.one_of(&able)].clone();
        let args: Vec<String> = params.iter().map(|ty| self.expr(ty, depth)).collect();
        format!("{name}({})", args.join(", "))
    }

    fn lookup(&mut self, ty: &Ty, depth: usize) -> String {
        match ty {
            Ty::Int => format!("codes[{}]", self.expr(&Ty::Text, depth)),
            Ty::Maybe(of) if **of == Ty::Text => format!("units[{}]", self.expr(&Ty::Int, depth)),
            Ty::Decimal => format!("shapes[{}].n", self.expr(&Ty::Bool, depth)),
            Ty::List(of) if **of == Ty::Text => format!("shapes[{}].tags", self.expr(&Ty::Bool, depth)),
            Ty::Text => format!("days[{}]", self.expr(&Ty::Date, depth)),
            _ => self.expr(ty, depth),
        }
    }

    fn operator(&mut self, ty: &Ty, depth: usize) -> String {
        match ty {
            Ty::Int => {
                let sign = self.choices.one_of(&["+", "-", "*", "%"]);
                format!("({} {sign} {})", self.expr(ty, depth), self.expr(ty, depth))
            }
            Ty::Decimal => {
                let sign = self.choices.one_of(&["+", "-", "*", "/", "%"]);
                match self.choices.below(4) {
                    0 => format!("(-{})", self.expr(ty, depth)),
                    1 => format!("round({} / {}, 2, \"half_even\")", self.expr(ty, depth), self.expr(ty, depth)),
                    _ => format!("({} {sign} {})", self.expr(ty, depth), self.expr(ty, depth)),
                }
            }
            Ty::Text => match self.choices.below(2) {
                0 => format!("({} + {})", self.expr(ty, depth), self.expr(ty, depth)),
                _ => {
                    const HOLES: &[Ty] = &[Ty::Int, Ty::Decimal, Ty::Text, Ty::Bool, Ty::Date, Ty::Time, Ty::Money];
                    let (first, second) = (self.choices.one_of(HOLES), self.choices.one_of(HOLES));
                    format!("\"x{{{}}} \\{{ {{{}}}\"", self.expr(&first, depth), self.expr(&second, depth))
                }
            },
            Ty::Bool => self.condition(depth),
            Ty::Money => match self.choices.below(4) {
                0 => format!("({} + {})", self.expr(ty, depth), self.expr(ty, depth)),
                1 => format!("({} - {})", self.expr(ty, depth), self.expr(ty, depth)),
                2 => format!("({} * {})", self.expr(ty, depth), self.expr(&Ty::Decimal, depth)),
                _ => format!("(-{})", self.expr(ty, depth)),
            },
            Ty::List(of) => self.each(of, depth),
            Ty::Record(fields) => {
                let known = self.variables.len();
                let body = self.entries(fields, depth);
                self.variables.truncate(known);
                format!("{{\n{body}}}")
            }
            Ty::Maybe(of) => match self.choices.below(3) {
                0 => self.variable(ty),
                _ => self.operator(of, depth),
            },
            Ty::Any => {
                let other = any_type(self.choices, 1);
                if other == Ty::Any { self.variable(ty) } else { self.expr(&other, depth) }
            }
            _ => self.leaf(ty),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.choices.below(6) {
            0 => {
                let sign = self.choices.one_of(&["and", "or"]);
                format!("({} {sign} {})", self.expr(&Ty::Bool, depth), self.expr(&Ty::Bool, depth))
            }
            1 => format!("(not {})", self.expr(&Ty::Bool, depth)),
            2 => {
                let ty = self.choices.one_of(&[Ty::Int, Ty::Decimal, Ty::Text, Ty::Date, Ty::Time, Ty::Money]);
                let sign = self.choices.one_of(&["<", "<=", ">", ">="]);
                format!("({} {sign} {})", self.expr(&ty, depth), self.expr(&ty, depth))
            }
            3 => {
                let ty = self.choices.one_of(&[Ty::Int, Ty::Text, Ty::Money]);
                format!("({} in {})", self.expr(&ty, depth), self.list(&ty, depth))
            }
            4 => {
                let ty = any_type(self.choices, 1).maybe();
                let sign = self.choices.one_of(&["==", "!="]);
                let word = if ty == Ty::Any { "null" } else { "missing" };
                format!("({} {sign} {word})", self.expr(&ty, depth))
            }
            _ => {
                let ty = any_type(self.choices, 1);
                let sign = self.choices.one_of(&["==", "!="]);
                format!("({} {sign} {})", self.expr(&ty, depth), self.expr(&ty, depth))
            }
        }
    }

    fn each(&mut self, of: &Ty, depth: usize) -> String {
        let item = any_type(self.choices, 1);
        let items = self.expr(&Ty::list(item.clone()), depth);
        let known = self.variables.len();
        let (name, count) = (self.name(), self.name());
        self.variables.push((name.clone(), item));
        let condition = match self.choices.chance(40) {
            true => format!(" where {}", self.expr(&Ty::Bool, depth)),
            false => String::new(),
        };
        self.variables.push((count.clone(), Ty::Int));
        let counted = if self.choices.chance(50) { format!(", {count}") } else { String::new() };
        if counted.is_empty() {
            self.variables.pop();
        }
        let body = match of {
            Ty::Record(fields) if self.choices.chance(60) => format!(" {{\n{}}}", self.entries(fields, depth)),
            _ => format!(" => {}", self.expr(of, depth)),
        };
        self.variables.truncate(known);
        format!("(for {name}{counted} in {items}{condition}{body})")
    }

    /// The lines of a record of these fields.
    fn entries(&mut self, fields: &[(String, Ty)], depth: usize) -> String {
        let below = depth.saturating_sub(1);
        let mut text = String::new();
        let known = self.variables.len();
        if self.choices.chance(30) {
            text += &self.bind(below);
        }
        if self.choices.chance(15) {
            text += &format!("require {} else {}\n", self.expr(&Ty::Bool, below), self.expr(&Ty::Text, below));
        }
        if self.choices.chance(20) {
            let whole = Ty::Record(fields.to_vec());
            text += &format!("...{}\n", self.expr(&whole, below));
        }
        for (name, ty) in fields {
            if self.choices.chance(15) {
                let condition = self.expr(&Ty::Bool, below);
                let (then, other) = (self.expr(ty, below), self.expr(ty, below));
                text += &format!("if {condition} {{ {name} = {then} }} else {{ {name} = {other} }}\n");
            } else {
                text += &format!("{name} = {}\n", self.expr(ty, below));
            }
        }
        self.variables.truncate(known);
        text
    }

    fn builtin(&mut self, ty: &Ty, depth: usize) -> String {
        let start = self.choices.below(SIGNATURES.len());
        for n in 0..SIGNATURES.len() {
            let signature = &SIGNATURES[(start + n) % SIGNATURES.len()];
            let mut known = vec![];
            if !signature.result.unify(ty, &mut known) {
                continue;
            }
            let literals = literals(signature.function.examples.iter().map(|example| example.source));
            let params: Vec<Ty> =
                signature.params.iter().map(|param| param.settled(&mut known, self.choices)).collect();
            let args: Vec<String> = params.iter().map(|param| self.argument(param, &literals, depth)).collect();
            let name = signature.function.name;
            return match args.split_first() {
                Some((first, rest)) if self.choices.chance(50) => format!("({first}).{name}({})", rest.join(", ")),
                _ => format!("{name}({})", args.join(", ")),
            };
        }
        self.leaf(ty)
    }

    fn argument(&mut self, ty: &Ty, literals: &[String], depth: usize) -> String {
        match ty {
            Ty::Lambda(params, result) => {
                let known = self.variables.len();
                let names: Vec<String> = params.iter().map(|_| self.name()).collect();
                self.variables.extend(names.iter().cloned().zip(params.iter().cloned()));
                let body = self.expr(result, depth);
                self.variables.truncate(known);
                match names.as_slice() {
                    [one] => format!("{one} => {body}"),
                    many => format!("({}) => {body}", many.join(", ")),
                }
            }
            Ty::Choice(these) => format!("\"{}\"", self.choices.one_of(these)),
            Ty::Constant if literals.is_empty() => "\"a\"".into(),
            Ty::Constant => self.choices.one_of(literals),
            // The function's own examples know the codes, zones and patterns that it takes.
            Ty::Text if !literals.is_empty() && self.choices.chance(40) => self.choices.one_of(literals),
            other => self.expr(other, depth),
        }
    }

    fn leaf(&mut self, ty: &Ty) -> String {
        const INTS: &[&str] = &["0", "1", "2", "7", "(-3)", "1_000", "9999999999999999999999999999", "10"];
        const DECIMALS: &[&str] =
            &["0", "1.10", "2.50", "(-0.5)", "3", "0.0000000000000000000000000001", "99999999999999.99", "100"];
        const TEXTS: &[&str] = &[
            "\"\"",
            "\"a\"",
            "\"b c\"",
            "\"12.50\"",
            "\"2026-03-01\"",
            "\"é🦀\"",
            "'it''s'",
            "\" \\t\"",
            "\"usd\"",
            "\"7\"",
        ];
        const MONEYS: &[&str] =
            &["money(12.50, \"USD\")", "money(0, \"USD\")", "money(500, \"JPY\")", "from_minor(1999, \"usd\")"];
        const TIMES: &[&str] =
            &["parse_time(\"2026-03-01T09:00:00Z\")", "from_unix(0)", "parse_time(\"2026-10-25T01:30:00.25+01:00\")"];
        match ty {
            Ty::Int => (self.choices.one_of(INTS)).into(),
            Ty::Decimal => (self.choices.one_of(DECIMALS)).into(),
            Ty::Text => (self.choices.one_of(TEXTS)).into(),
            Ty::Bool => (self.choices.one_of(&["true", "false"])).into(),
            Ty::Date => (self.choices.one_of(&["date(\"2026-03-01\")", "date(\"2024-02-29\")"])).into(),
            Ty::Time => (self.choices.one_of(TIMES)).into(),
            Ty::Money => (self.choices.one_of(MONEYS)).into(),
            Ty::Local => format!("{}.in_zone(\"Europe/Berlin\")", self.choices.one_of(TIMES)),
            Ty::List(of) => match self.choices.below(3) {
                0 => "[]".into(),
                1 => format!("[{}]", self.leaf(of)),
                _ => format!("[{}, {}]", self.leaf(of), self.leaf(of)),
            },
            Ty::Map(of) => match self.choices.below(2) {
                0 if !matches!(**of, Ty::Maybe(_)) => format!("{{ k = {}, a = {} }}", self.leaf(of), self.leaf(of)),
                _ => "{ }".into(),
            },
            Ty::Record(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, ty)| format!("{name} = {}", self.leaf(ty))).collect();
                format!("{{ {} }}", fields.join(", "))
            }
            Ty::Maybe(of) => match self.choices.below(2) {
                0 => self.leaf(of),
                _ => "missing".into(),
            },
            _ => (self.choices.one_of(&["1", "\"a\"", "null", "[1, \"a\"]", "{ a = 1, b = { c = null } }", "true"]))
                .into(),
        }
    }
}

/// The texts in quotes that stand in these sources.
fn literals(sources: impl Iterator<Item = &'static str>) -> Vec<String> {
    let mut found = vec![];
    for source in sources {
        let mut rest = source;
        while let Some(at) = rest.find(['"', '\'']) {
            let quote = &rest[at..=at];
            let Some(end) = rest[at + 1..].find(quote) else { break };
            let literal = &rest[at..at + end + 2];
            if !literal.contains(['{', '\\']) {
                found.push(literal.to_string());
            }
            rest = &rest[at + end + 2..];
        }
    }
    found
}
