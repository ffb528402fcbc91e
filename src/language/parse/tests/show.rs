//! Trees as short texts, and walks over them.

use super::*;
use crate::language::ast::*;

/// An expression with every pair of parentheses written out.
pub fn expr(e: &Expr) -> String {
    let list = |all: &[Expr]| all.iter().map(expr).collect::<Vec<_>>().join(", ");
    let mark = |maybe: bool| if maybe { "?" } else { "" };
    match &e.kind {
        ExprKind::Number(n) => n.written().to_string(),
        ExprKind::Text(t) => format!("{:?}", t.as_str()),
        ExprKind::Template(pieces) => {
            let pieces: Vec<String> = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Plain(t) => format!("{:?}", t.as_str()),
                    Piece::Hole(e) => expr(e),
                })
                .collect();
            format!("<{}>", pieces.join(" "))
        }
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Null => "null".into(),
        ExprKind::Missing => "missing".into(),
        ExprKind::Name(n) => n.to_string(),
        ExprKind::List(items) => format!("[{}]", list(items)),
        ExprKind::Record(entries) => format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join("; ")),
        ExprKind::Paren(e) => format!("paren{}", expr(e)),
        ExprKind::Call { name, args } => format!("{}({})", name.text, self::args(args)),
        ExprKind::MethodCall { base, name, args, maybe } => {
            format!("{}.{}({}){}", expr(base), name.text, self::args(args), mark(*maybe))
        }
        ExprKind::Field { base, name, maybe } => format!("{}.{}{}", expr(base), name.text, mark(*maybe)),
        ExprKind::Index { base, index, maybe } => format!("{}[{}]{}", expr(base), list(index), mark(*maybe)),
        ExprKind::Maybe(e) => format!("{}?", expr(e)),
        ExprKind::Negate(e) => format!("(-{})", expr(e)),
        ExprKind::Not(e) => format!("(not {})", expr(e)),
        ExprKind::Binary { op, left, right, .. } => format!("({} {op:?} {})", expr(left), expr(right)),
        ExprKind::If { condition, then, otherwise } => {
            format!("(if {} then {} else {})", expr(condition), expr(then), expr(otherwise))
        }
        ExprKind::Match { subject, arms, otherwise } => {
            let arms: Vec<String> =
                arms.iter().map(|arm| format!("{} => {}", list(&arm.values), expr(&arm.result))).collect();
            let subject = subject.as_ref().map(|s| expr(s)).unwrap_or_default();
            let otherwise = otherwise.as_ref().map(|o| format!("; else => {}", expr(o))).unwrap_or_default();
            format!("(match {subject} {}{otherwise})", arms.join("; "))
        }
        ExprKind::For { item, index, list, condition, body } => {
            let index = index.as_ref().map(|i| format!(", {}", i.text)).unwrap_or_default();
            let condition = condition.as_ref().map(|c| format!(" where {}", expr(c))).unwrap_or_default();
            format!("(for {}{index} in {}{condition} => {})", item.text, expr(list), expr(body))
        }
        ExprKind::Fail(e) => format!("fail({})", expr(e)),
    }
}

fn args(args: &[Arg]) -> String {
    let args: Vec<String> = args
        .iter()
        .map(|arg| match arg {
            Arg::Value(e) => expr(e),
            Arg::Lambda(l) => {
                let params: Vec<&str> = l.params.iter().map(|p| p.text.as_str()).collect();
                format!("({}) => {}", params.join(", "), expr(&l.body))
            }
        })
        .collect();
    args.join(", ")
}

pub fn entry(e: &Entry) -> String {
    let entries = |all: &[Entry]| all.iter().map(entry).collect::<Vec<_>>().join("; ");
    match e {
        Entry::Let(l) => let_(l),
        Entry::Assign { target, value, .. } => {
            let target: Vec<&str> = target.iter().map(|t| t.text.as_str()).collect();
            format!("{} = {}", target.join("."), expr(value))
        }
        Entry::Spread { value, .. } => format!("...{}", expr(value)),
        Entry::If { condition, then, otherwise, .. } => {
            format!("if {} {{{}}} else {{{}}}", expr(condition), entries(then), entries(otherwise))
        }
        Entry::Require { condition, message, .. } => format!("require {} else {}", expr(condition), expr(message)),
    }
}

pub fn let_(l: &Let) -> String {
    let ty = l.ty.as_ref().map(|t| format!(": {}", type_(t))).unwrap_or_default();
    format!("let {}{ty} = {}", l.name.text, expr(&l.value))
}

pub fn type_(t: &TypeExpr) -> String {
    let kind = match &t.kind {
        TypeExprKind::Named(name) => name.to_string(),
        TypeExprKind::Generic(name, of) => format!("{}<{}>", name.text, type_(of)),
        TypeExprKind::Shape(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, ty)| format!("{}: {}", name.text, type_(ty))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    };
    format!("{kind}{}", if t.optional { "?" } else { "" })
}

/// Every expression under one, itself included.
pub fn each<'e>(e: &'e Expr, see: &mut dyn FnMut(&'e Expr)) {
    see(e);
    match &e.kind {
        ExprKind::List(items) => items.iter().for_each(|e| each(e, see)),
        ExprKind::Record(entries) => entries.iter().for_each(|e| each_in_entry(e, see)),
        ExprKind::Template(pieces) => pieces.iter().for_each(|piece| match piece {
            Piece::Hole(e) => each(e, see),
            Piece::Plain(_) => {}
        }),
        ExprKind::Paren(e) | ExprKind::Maybe(e) | ExprKind::Negate(e) | ExprKind::Not(e) | ExprKind::Fail(e) => {
            each(e, see)
        }
        ExprKind::Field { base, .. } => each(base, see),
        ExprKind::Index { base, index, .. } => {
            each(base, see);
            index.iter().for_each(|e| each(e, see));
        }
        ExprKind::Call { args, .. } => each_arg(args, see),
        ExprKind::MethodCall { base, args, .. } => {
            each(base, see);
            each_arg(args, see);
        }
        ExprKind::Binary { left, right, .. } => [left, right].into_iter().for_each(|e| each(e, see)),
        ExprKind::If { condition, then, otherwise } => {
            [condition, then, otherwise].into_iter().for_each(|e| each(e, see))
        }
        ExprKind::Match { subject, arms, otherwise } => {
            subject.iter().chain(otherwise).for_each(|e| each(e, see));
            arms.iter().for_each(|arm| arm.values.iter().chain([&arm.result]).for_each(|e| each(e, see)));
        }
        ExprKind::For { list, condition, body, .. } => {
            [list, body].into_iter().chain(condition).for_each(|e| each(e, see));
        }
        _ => {}
    }
}

fn each_arg<'e>(args: &'e [Arg], see: &mut dyn FnMut(&'e Expr)) {
    args.iter().for_each(|arg| match arg {
        Arg::Value(e) => each(e, see),
        Arg::Lambda(lambda) => each(&lambda.body, see),
    });
}

fn each_in_entry<'e>(entry: &'e Entry, see: &mut dyn FnMut(&'e Expr)) {
    match entry {
        Entry::Let(Let { value, .. }) | Entry::Assign { value, .. } | Entry::Spread { value, .. } => each(value, see),
        Entry::If { condition, then, otherwise, .. } => {
            each(condition, see);
            then.iter().chain(otherwise).for_each(|e| each_in_entry(e, see));
        }
        Entry::Require { condition, message, .. } => [condition, message].into_iter().for_each(|e| each(e, see)),
    }
}

/// Every expression's and definition's place cuts out a text that reads as the same thing.
pub fn assert_places(text: &str, tree: &File) {
    let cut = |span: crate::diagnostics::Span| {
        text.get(span.start as usize..span.end as usize).unwrap_or("outside of the text")
    };
    for import in &tree.imports {
        assert!(cut(import.span).starts_with("use"));
    }
    for definition in &tree.definitions {
        let mut roots: Vec<&Expr> = vec![];
        let (name, span) = match definition {
            Definition::Type(t) => (&t.name, t.span),
            Definition::Table(t) => {
                let (rows, otherwise) = match &t.rows {
                    Rows::Inline { rows, otherwise } => (rows.as_slice(), otherwise),
                    Rows::Csv { otherwise, .. } => ([].as_slice(), otherwise),
                };
                for row in rows {
                    roots.extend(&row.keys);
                    if let Outcome::Value(value) = &row.value {
                        roots.push(value);
                    }
                }
                if let Outcome::Value(value) = otherwise {
                    roots.push(value);
                }
                (&t.name, t.span)
            }
            Definition::Function(f) => {
                roots.extend(f.body.lets.iter().map(|l| &l.value).chain([&f.body.value]));
                (&f.name, f.span)
            }
        };
        assert_eq!(name.text.as_str(), cut(name.span));
        assert_eq!(file(&source(cut(span))).0.definitions.len(), 1, "{:?}", cut(span));
        for root in roots {
            each(root, &mut |e| {
                let again = slot(&source(cut(e.span))).map(|body| expr(&body.value));
                assert_eq!(again.as_deref(), Ok(expr(e).as_str()), "{:?}", cut(e.span));
            });
        }
    }
}
