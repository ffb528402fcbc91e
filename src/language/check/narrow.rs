//! Narrowing: what conditions establish of names and of paths of fields and constant indexes from them.

use super::{Checker, Fact};
use crate::language::ast::{Expr, ExprKind};
use crate::language::types::Type;
use crate::value::Text;

/// The path that an expression is: `unit.shipping?.name` is `unit`, `shipping`, `name`. A `?` does not matter.
pub(super) fn path(expr: &Expr) -> Option<Vec<Text>> {
    match &expr.kind {
        ExprKind::Name(name) => Some(vec![name.clone()]),
        ExprKind::Paren(inner) | ExprKind::Maybe(inner) => path(inner),
        ExprKind::Field { base, name, .. } => {
            let mut path = path(base)?;
            path.push(name.text.clone());
            Some(path)
        }
        ExprKind::Index { base, index, .. } => {
            let mut path = path(base)?;
            let [index] = index.as_slice() else { return None };
            path.push(match &index.kind {
                ExprKind::Text(text) => text.clone(),
                ExprKind::Number(number) => number.canonical().into(),
                _ => return None,
            });
            Some(path)
        }
        _ => None,
    }
}

/// `path` is there: so is everything on the way to it.
pub(super) fn is_there(path: &[Text]) -> Vec<Fact> {
    let mut facts = leads_to(path);
    facts.push(Fact { path: path.to_vec(), not_missing: Some(true), not_null: None });
    facts
}

/// `path` is missing.
pub(super) fn is_missing(path: &[Text]) -> Vec<Fact> {
    vec![Fact { path: path.to_vec(), not_missing: Some(false), not_null: None }]
}

/// `path` is not null; it may be missing.
pub(super) fn is_not_null(path: &[Text]) -> Vec<Fact> {
    vec![Fact { path: path.to_vec(), not_missing: None, not_null: Some(true) }]
}

/// `path` is null, so everything on the way to it is there.
pub(super) fn is_null(path: &[Text]) -> Vec<Fact> {
    let mut facts = leads_to(path);
    facts.push(Fact { path: path.to_vec(), not_missing: Some(true), not_null: Some(false) });
    facts
}

/// `path` is neither missing nor null.
pub(super) fn is_given(path: &[Text]) -> Vec<Fact> {
    let mut facts = leads_to(path);
    facts.push(Fact { path: path.to_vec(), not_missing: Some(true), not_null: Some(true) });
    facts
}

fn leads_to(path: &[Text]) -> Vec<Fact> {
    let given = |end| Fact { path: path[..end].to_vec(), not_missing: Some(true), not_null: Some(true) };
    (1..path.len()).map(given).collect()
}

/// What holds where one or the other does.
pub(super) fn either(a: &[Fact], b: &[Fact]) -> Vec<Fact> {
    let weakest = |fact: &Fact| {
        let other = known(b, &fact.path);
        let both = |x: Option<bool>, y: Option<bool>| if x == y { x } else { None };
        let (not_missing, not_null) = (both(fact.not_missing, other.0), both(fact.not_null, other.1));
        let says = not_missing.is_some() || not_null.is_some();
        says.then(|| Fact { path: fact.path.clone(), not_missing, not_null })
    };
    a.iter().filter_map(weakest).collect()
}

/// All that `facts` say of a path; the last word counts.
fn known(facts: &[Fact], path: &[Text]) -> (Option<bool>, Option<bool>) {
    let mut all = (None, None);
    for fact in facts.iter().filter(|fact| fact.path == path) {
        all = (fact.not_missing.or(all.0), fact.not_null.or(all.1));
    }
    all
}

impl Checker<'_> {
    /// `ty` without what is known not to be.
    pub(super) fn narrowed(&self, expr: &Expr, mut ty: Type) -> Type {
        if !ty.missing && !ty.null || self.facts.is_empty() {
            return ty;
        }
        let Some(path) = path(expr) else { return ty };
        let (not_missing, not_null) = known(&self.facts, &path);
        ty.missing &= not_missing != Some(true);
        ty.null &= not_null != Some(true);
        ty
    }

    /// Whether it is established that `expr` is there.
    pub(super) fn known_there(&self, expr: &Expr) -> bool {
        !self.facts.is_empty() && path(expr).is_some_and(|path| known(&self.facts, &path).0 == Some(true))
    }

    /// Does `work` where `facts` hold.
    pub(super) fn given<T>(&mut self, facts: &[Fact], work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.facts.len();
        self.facts.extend_from_slice(facts);
        let result = work(self);
        self.facts.truncate(before);
        result
    }
}
