//! The registry of diagnostic codes. A code is a Markdown page in `codes/` and a line here.
//!
//! Areas: F01xx syntax, F02xx names and types, F03xx flow, F04xx connections and catalogue, F05xx tests, F06xx
//! command line and runtime, F1xxx when a mapping runs. A number is never reused: someone's notes, scripts and
//! suppressions refer to it.

/// The number of a kind of finding, as in `F0201`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! codes {
    ($($name:ident)*) => {
        impl Code {
            $(pub const $name: Code = Code(stringify!($name));)*
        }
        /// Every code with its page, in order.
        pub const ALL: &[(Code, &str)] = &[$((Code::$name, include_str!(concat!("codes/", stringify!($name), ".md")))),*];
    };
}

codes! {
    F0101
    F0420 F0421 F0422
    F0300 F0301 F0302 F0303 F0304 F0305 F0306 F0307
    F0310 F0311 F0312 F0313 F0314 F0315 F0316
    F0330 F0331 F0332 F0333 F0334 F0335
    F0400 F0401 F0402 F0403 F0404 F0406
    F0450 F0451 F0452 F0453 F0454 F0455 F0456
    F0600 F0601 F0602 F0603
}

/// The page that explains `code` (any case), or `None` where there is no such code.
pub fn explain(code: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| known.0.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}
