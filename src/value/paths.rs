//! Places in data that a project names for its privacy: what is masked, what is dropped, who is meant.
//!
//! The part of JSONPath that says where something stands: names, `*`, positions, `..`, and names with an end left open
//! (`$..phone*`). Deliberately without filters: whether something is private must not depend on what it says, and a
//! type is asked about the same places ([`Paths::enter`]). All paths of a project are followed in one walk.

use super::{Record, Text, Value};

/// One path, as it was written and compiled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Name(Text),
    /// A name that begins so.
    Begins(Text),
    Position(usize),
    /// Every field and element.
    All,
    /// Any depth, none included.
    Deep,
}

/// No path is longer.
const LONGEST: usize = 64;

impl Path {
    /// Reads a path; else says what is wrong with it.
    pub fn parse(text: &str) -> Result<Path, String> {
        let mut rest = text.strip_prefix('$').ok_or("a path begins with `$`: `$..email`")?;
        let mut steps = vec![];
        while !rest.is_empty() {
            let after = match rest.strip_prefix("..") {
                Some(after) => {
                    steps.push(Step::Deep);
                    Some(after)
                }
                None => rest.strip_prefix('.'),
            };
            let (step, tail) = match after {
                Some(after) if !after.starts_with('[') => name(after)?,
                Some(bracketed) if rest.starts_with("..") => bracket(bracketed)?,
                Some(_) => return Err("a name stands behind a `.`".into()),
                None => bracket(rest)?,
            };
            steps.push(step);
            rest = tail;
        }
        match steps.len() {
            0 => Err("`$` alone is everything: name what is meant".into()),
            1..=LONGEST => Ok(Path { steps }),
            _ => Err(format!("a path has at most {LONGEST} steps")),
        }
    }

    /// Whether what it names may stand at any depth.
    pub fn is_anywhere(&self) -> bool {
        matches!(self.steps.first(), Some(Step::Deep))
    }

    /// What is left of the path below `prefix`, field by field; `None`: it stands elsewhere.
    pub fn below(&self, prefix: &[&str]) -> Option<Path> {
        let (head, tail) = self.steps.split_at_checked(prefix.len())?;
        let same = head.iter().zip(prefix).all(|(step, name)| matches!(step, Step::Name(own) if own.as_str() == *name));
        (same && !tail.is_empty()).then(|| Path { steps: tail.to_vec() })
    }
}

fn name(text: &str) -> Result<(Step, &str), String> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (name, tail) = text.split_at(end);
    if name == "*" {
        return Ok((Step::All, tail));
    }
    let (plain, open) = match name.strip_suffix('*') {
        Some(begin) => (begin, true),
        None => (name, false),
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "*?'\"()@,:]".contains(c);
    if plain.is_empty() {
        return Err("a name stands behind a `.`".into());
    }
    if plain.contains(odd) {
        return Err(format!("`{name}` is no plain name; write `['{name}']`"));
    }
    Ok((if open { Step::Begins(plain.into()) } else { Step::Name(plain.into()) }, tail))
}

fn bracket(text: &str) -> Result<(Step, &str), String> {
    let inside = text.strip_prefix('[').ok_or("behind a name stand `.NAME`, `..NAME`, `['NAME']`, `[*]` or `[0]`")?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, tail) = quoted.split_once(&format!("{quote}]")).ok_or("a name in `['…']` has no end")?;
            if name.is_empty() || name.contains(['\'', '"', '\\']) {
                return Err("a name in `['…']` has no quotes and no backslash".into());
            }
            return Ok((Step::Name(name.into()), tail));
        }
    }
    let (inside, tail) = inside.split_once(']').ok_or("a `[` has no `]`")?;
    match inside {
        "*" => Ok((Step::All, tail)),
        _ if inside.starts_with('?') => Err("no conditions: what is private does not depend on what it says".into()),
        digits => match digits.parse() {
            Ok(position) => Ok((Step::Position(position), tail)),
            Err(_) => Err(format!("`[{digits}]` is no place: write `['NAME']`, `[*]` or `[0]`")),
        },
    }
}

/// Several paths, followed together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths(Vec<Path>);

/// Where the paths are inside something: how far each has come.
#[derive(Clone, Debug)]
pub struct Place<'p> {
    paths: &'p Paths,
    /// Path and step that comes next.
    at: Vec<(usize, usize)>,
}

/// A way down.
#[derive(Clone, Copy, Debug)]
pub enum Down<'n> {
    Field(&'n str),
    /// An element of a list; `None`: any of them.
    Element(Option<usize>),
}

impl Paths {
    pub fn new(paths: Vec<Path>) -> Paths {
        Paths(paths)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.iter()
    }

    /// The place at the root of something.
    pub fn enter(&self) -> Place<'_> {
        let mut place = Place { paths: self, at: Vec::with_capacity(self.0.len()) };
        (0..self.0.len()).for_each(|path| place.reach(path, 0));
        place
    }

    /// The value with `change` in the place of what the paths name.
    pub fn change(&self, value: &Value, change: &impl Fn(&Value) -> Value) -> Value {
        if self.is_empty() { value.clone() } else { changed(&self.enter(), value, &|inner| Some(change(inner))) }
    }

    /// The value without what the paths name.
    pub fn without(&self, value: &Value) -> Value {
        if self.is_empty() { value.clone() } else { changed(&self.enter(), value, &|_| None) }
    }

    /// What the paths name, in document order.
    pub fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![];
        if !self.is_empty() {
            find(&self.enter(), value, &mut found);
        }
        found
    }
}

impl Place<'_> {
    /// One level down. `None`: no path leads there.
    pub fn down(&self, way: Down<'_>) -> Option<Self> {
        let mut below = Place { paths: self.paths, at: vec![] };
        for (path, step) in &self.at {
            let Some(next) = self.step(*path, *step) else { continue };
            let fits = match (next, way) {
                (Step::Deep, _) => {
                    // Stays, and lets what comes behind it try.
                    below.reach(*path, *step);
                    continue;
                }
                (Step::All, _) => true,
                (Step::Name(name), Down::Field(field)) => name.as_str() == field,
                (Step::Begins(begin), Down::Field(field)) => field.starts_with(begin.as_str()),
                (Step::Position(wanted), Down::Element(Some(position))) => *wanted == position,
                (Step::Position(_), Down::Element(None)) => true,
                _ => false,
            };
            if fits {
                below.reach(*path, step + 1);
            }
        }
        (!below.at.is_empty()).then_some(below)
    }

    /// Whether a path names this very place.
    pub fn is_named(&self) -> bool {
        self.at.iter().any(|(path, step)| self.step(*path, *step).is_none())
    }

    fn step(&self, path: usize, step: usize) -> Option<&Step> {
        self.paths.0.get(path)?.steps.get(step)
    }

    fn reach(&mut self, path: usize, step: usize) {
        if self.at.contains(&(path, step)) {
            return;
        }
        self.at.push((path, step));
        if let Some(Step::Deep) = self.step(path, step) {
            self.reach(path, step + 1);
        }
    }
}

fn changed(place: &Place<'_>, value: &Value, change: &impl Fn(&Value) -> Option<Value>) -> Value {
    let below = |way: Down<'_>, inner: &Value| match place.down(way) {
        None => Some(inner.clone()),
        Some(place) if place.is_named() => change(inner),
        Some(place) => Some(changed(&place, inner, change)),
    };
    match value {
        Value::Record(fields) => Value::Record(
            fields
                .iter()
                .filter_map(|(name, inner)| Some((name.clone(), below(Down::Field(name), inner)?)))
                .collect::<Record>(),
        ),
        Value::List(items) => {
            let items = items.iter().enumerate().filter_map(|(n, inner)| below(Down::Element(Some(n)), inner));
            items.collect()
        }
        other => other.clone(),
    }
}

fn find<'v>(place: &Place<'_>, value: &'v Value, found: &mut Vec<&'v Value>) {
    let mut below = |way: Down<'_>, inner: &'v Value| {
        if let Some(place) = place.down(way) {
            if place.is_named() {
                found.push(inner);
            }
            find(&place, inner, found);
        }
    };
    match value {
        Value::Record(fields) => fields.iter().for_each(|(name, inner)| below(Down::Field(name), inner)),
        Value::List(items) => items.iter().enumerate().for_each(|(n, inner)| below(Down::Element(Some(n)), inner)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::json;

    const DATA: &str = r#"{"email":"a","phone":"1","phones":["2"],"n":1.50,"data":{"email":"b","items":[{"sku":"x","phone_no":"3"},{"sku":"y"}]}}"#;

    fn paths(texts: &[&str]) -> Paths {
        Paths::new(texts.iter().map(|text| Path::parse(text).unwrap()).collect())
    }

    fn found(texts: &[&str]) -> Vec<String> {
        let data = json::parse(DATA.as_bytes()).unwrap();
        paths(texts).find(&data).into_iter().map(|value| json::write(value).unwrap()).collect()
    }

    fn without(texts: &[&str]) -> String {
        json::write(&paths(texts).without(&json::parse(DATA.as_bytes()).unwrap())).unwrap()
    }

    #[test]
    fn paths_name_places() {
        assert_eq!(found(&["$.email"]), [r#""a""#]);
        assert_eq!(found(&["$..email"]), [r#""a""#, r#""b""#]);
        assert_eq!(found(&["$..phone*"]), [r#""1""#, r#"["2"]"#, r#""3""#]);
        assert_eq!(found(&["$.data.items[*].sku"]), [r#""x""#, r#""y""#]);
        assert_eq!(found(&["$.data.items[1]['sku']", "$[\"email\"]"]), [r#""a""#, r#""y""#]);
        assert_eq!(found(&["$.data..sku"]), [r#""x""#, r#""y""#]);
        assert_eq!(found(&["$.data.*"]).len(), 2);
        assert_eq!(found(&["$..[0]"]).len(), 2);
        assert_eq!(found(&["$.none", "$.email.more", "$..nothing"]), Vec::<String>::new());
    }

    #[test]
    fn what_is_named_is_changed_or_taken_out_and_the_rest_is_verbatim() {
        let data = json::parse(DATA.as_bytes()).unwrap();
        let hidden = paths(&["$..email", "$.data.items[0]"]).change(&data, &|_| "-".into());
        assert_eq!(
            json::write(&hidden).unwrap(),
            r#"{"email":"-","phone":"1","phones":["2"],"n":1.50,"data":{"email":"-","items":["-",{"sku":"y"}]}}"#
        );
        assert_eq!(without(&["$.data", "$..phone*"]), r#"{"email":"a","n":1.50}"#);
        assert_eq!(without(&[]), DATA);
    }

    #[test]
    fn what_is_left_below_a_field() {
        let path = Path::parse("$.data.object.email").unwrap();
        assert_eq!(path.below(&["data", "object"]), Some(Path::parse("$.email").unwrap()));
        assert_eq!(path.below(&["data", "other"]), None);
        assert_eq!(path.below(&["data", "object", "email"]), None);
        assert_eq!(Path::parse("$..email").unwrap().below(&["data"]), None);
    }

    #[test]
    fn what_is_no_path_is_told_why() {
        for (text, part) in [
            ("email", "begins with `$`"),
            ("$", "everything"),
            ("$.", "behind a `.`"),
            ("$.a b", "['a b']"),
            ("$.[0]", "behind a `.`"),
            ("$[?@.a == 1]", "no conditions"),
            ("$['a", "no end"),
            ("$[a]", "is no place"),
            ("$[0", "no `]`"),
            ("$a", "stand `.NAME`"),
            ("$.*a", "no plain name"),
        ] {
            let why = Path::parse(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
        assert!(Path::parse(&format!("${}", ".a".repeat(65))).is_err());
    }
}
