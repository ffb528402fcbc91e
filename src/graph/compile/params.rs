//! Values that may be written or taken from a setting, and the small checks around them.

use super::{ConnectionFacts, Work, text};
use crate::diagnostics::{Code, Diagnostic, Span, did_you_mean};
use crate::model::read::Spanned;
use crate::model::slot::Configurable;
use crate::model::values::{Count, Decimal, Flag, Word};
use crate::value::{Exact, Text, Value, time};
use std::time::Duration;

impl<'a> Work<'a> {
    /// Says that something is understood and not done by this version.
    pub(super) fn unsupported(&mut self, what: &str, span: Span) {
        let message = format!("{what} is not supported by this version");
        self.say(Diagnostic::error(Code::F0353, message, span).help("`flowctl --help` and the README say what is"));
    }

    /// The connection with that name.
    pub(super) fn connection(&mut self, name: &str, span: Span) -> Option<&'a ConnectionFacts> {
        let known = self.compiler.connections;
        let found = known.get(name);
        if found.is_none() {
            let finding = Diagnostic::error(Code::F0354, format!("there is no connection `{name}`"), span);
            let meant = did_you_mean(name, known.keys().map(String::as_str));
            self.say(match meant {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(span, meant),
                None => finding.help(format!("connections.yaml has: {}", list(known.keys()))),
            });
        }
        found
    }

    /// The setting's value, where it is there.
    fn setting(&mut self, name: &Spanned<Word>) -> Option<&'a Value> {
        let settings = self.compiler.settings.as_record();
        let found = settings.and_then(|settings| settings.get(&name.value.0));
        if found.is_none() && self.compiler.inputs.settings.fields.contains_key(&*name.value.0) {
            // Said where settings are read: fine for `validate`, but nothing that could run.
            self.incomplete = true;
            return None;
        }
        if found.is_none() {
            let known = settings.map(|settings| settings.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>());
            let known = known.unwrap_or_default();
            let finding = Diagnostic::error(Code::F0368, format!("there is no setting `{}`", name.value.0), name.span);
            let meant = did_you_mean(&name.value.0, known.iter().map(String::as_str)).map(str::to_string);
            self.say(match meant {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding.help("flowctl.yaml declares settings below `settings:`"),
            });
        }
        found
    }

    fn unfit_setting(&mut self, name: &Spanned<Word>, expected: &str, got: &Value) {
        let message = format!("setting `{}` is {}, {expected} is needed here", name.value.0, got.kind());
        self.say(Diagnostic::error(Code::F0368, message, name.span));
    }

    pub(super) fn word(&mut self, value: &Configurable<Word>) -> Option<Text> {
        match value {
            Configurable::Given(word) => Some(text(word)),
            Configurable::Setting(name) => match self.setting(name)? {
                Value::Text(text) => Some(text.clone()),
                other => {
                    let other = other.clone();
                    self.unfit_setting(name, "text", &other);
                    None
                }
            },
        }
    }

    pub(super) fn count(&mut self, value: &Configurable<Count>) -> Option<usize> {
        match value {
            Configurable::Given(count) => Some(count.value.0 as usize),
            Configurable::Setting(name) => {
                let value = self.setting(name)?.clone();
                let count = value.as_number().and_then(|n| n.exact().ok()).and_then(|n| n.to_i64());
                let count = count.and_then(|n| usize::try_from(n).ok());
                if count.is_none() {
                    self.unfit_setting(name, "a whole number", &value);
                }
                count
            }
        }
    }

    pub(super) fn flag(&mut self, value: &Configurable<Flag>) -> Option<bool> {
        match value {
            Configurable::Given(flag) => Some(flag.value.0),
            Configurable::Setting(name) => {
                let value = self.setting(name)?.clone();
                if value.as_bool().is_none() {
                    self.unfit_setting(name, "true or false", &value);
                }
                value.as_bool()
            }
        }
    }

    pub(super) fn duration(&mut self, value: &Configurable<crate::model::values::Duration>) -> Option<Duration> {
        match value {
            Configurable::Given(duration) => Some(duration.value.0),
            Configurable::Setting(name) => {
                let value = self.setting(name)?.clone();
                let duration = value.as_text().and_then(|text| time::parse_duration(text).ok());
                if duration.is_none() {
                    self.unfit_setting(name, "a duration such as `15m`", &value);
                }
                duration
            }
        }
    }

    /// A plain ratio between `least` and `most`. It shapes waiting times and never meets data.
    pub(super) fn share(&mut self, value: &Configurable<Decimal>, least: &str, most: &str) -> Option<f64> {
        let (written, span) = match value {
            Configurable::Given(decimal) => (decimal.value.0.to_string(), decimal.span),
            Configurable::Setting(name) => {
                let value = self.setting(name)?.clone();
                let Some(number) = value.as_number() else {
                    self.unfit_setting(name, "a number", &value);
                    return None;
                };
                (number.canonical(), name.span)
            }
        };
        let bound = |text: &str| Exact::parse(text).ok();
        let exact = Exact::parse(&written).ok().filter(|n| Some(*n) >= bound(least) && Some(*n) <= bound(most));
        if exact.is_none() {
            self.say(Diagnostic::error(
                Code::F0360,
                format!("a number from {least} to {most} is needed, got {written}"),
                span,
            ));
        }
        exact.and_then(|_| written.parse().ok())
    }

    /// A value that stands in the flow itself and is never a setting.
    pub(super) fn given<T: Copy>(&mut self, value: &Configurable<T>, why: &str) -> Option<T> {
        match value {
            Configurable::Given(value) => Some(value.value),
            Configurable::Setting(name) => {
                self.say(Diagnostic::error(Code::F0368, why.to_string(), name.span));
                None
            }
        }
    }
}

/// `a, b, c`; nothing: "none".
pub(super) fn list<'t>(names: impl Iterator<Item = &'t String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
