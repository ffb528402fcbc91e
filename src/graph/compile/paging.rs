//! How a list comes page by page, where the flow says it: the catalogue's own words, checked where they stand.

use super::Work;
use crate::catalog::{Link, Paging, Path, Place};
use crate::diagnostics::{Code, Diagnostic, did_you_mean};
use crate::model::yaml::{Core, Node, NodeKind};
use crate::value::{Value, json};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

impl Work<'_> {
    /// What stands under `paging`, as the connector reads it.
    pub(super) fn paging_param(&mut self, node: &Node) -> Option<Value> {
        let mut sound = true;
        for (key, value) in node.entries() {
            let wrong = match &*key.text {
                "rows" | "total" | "count" | "more" => refusal::<Path>(value),
                "next" => refusal::<Link>(value),
                "page" | "offset" => refusal::<Place>(value),
                "from" => refusal::<u32>(value),
                "size" => refusal::<indexmap::IndexMap<Place, u32>>(value),
                "token" => refusal::<indexmap::IndexMap<Place, Path>>(value),
                "after" => refusal::<indexmap::IndexMap<Place, String>>(value),
                unknown => {
                    let message = format!("`paging` has no key `{unknown}`");
                    let finding = Diagnostic::error(Code::F0615, message, key.span);
                    self.say(match did_you_mean(unknown, Paging::KEYS) {
                        Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(key.span, meant),
                        None => finding.help(format!("its keys: {}", Paging::KEYS.join(", "))),
                    });
                    sound = false;
                    continue;
                }
            };
            if let Some(why) = wrong {
                self.say(Diagnostic::error(Code::F0615, format!("`{}`: {why}", key.text), value.span));
                sound = false;
            }
        }
        if !sound {
            return None;
        }
        let written = plain(node);
        match serde_json::from_value::<Paging>(written.clone()) {
            Ok(_) => json::parse(written.to_string().as_bytes()).ok(),
            Err(why) => {
                self.say(Diagnostic::error(Code::F0615, why.to_string(), node.span).help(
                    "for example `{ rows: $.data, next: $.links.next }` or `{ rows: $.data, page: query.page }`",
                ));
                None
            }
        }
    }
}

/// Why this is no `T`.
fn refusal<T: DeserializeOwned>(node: &Node) -> Option<String> {
    serde_json::from_value::<T>(plain(node)).err().map(|why| why.to_string())
}

fn plain(node: &Node) -> Json {
    match &node.kind {
        NodeKind::Scalar(scalar) => match (scalar.core(), scalar.text.parse::<u64>()) {
            (Core::Number, Ok(number)) => Json::from(number),
            _ => Json::from(&*scalar.text),
        },
        NodeKind::Sequence(items) => items.iter().map(plain).collect(),
        NodeKind::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| (key.text.to_string(), plain(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
