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
    F0101 F0102 F0103 F0104 F0105 F0106 F0107 F0108 F0109
    F0110 F0111 F0112 F0113 F0114 F0115 F0116 F0117 F0118 F0119
    F0120
    F0130
    F0201 F0202 F0203 F0204 F0205 F0206 F0207 F0208 F0209
    F0210 F0211 F0212 F0213 F0214 F0215 F0216 F0217 F0218 F0219
    F0220 F0221 F0223 F0224 F0225 F0226 F0227 F0228
    F0230 F0231 F0232 F0233 F0234 F0235 F0236 F0237 F0238 F0239
    F0240 F0241 F0242 F0243 F0244 F0245 F0246
    F0250 F0251 F0252
    F0260
    F0270 F0271 F0272 F0274
    F0300 F0301 F0302 F0303 F0304 F0305 F0306 F0307
    F0310 F0311 F0312 F0313 F0314 F0315 F0316
    F0330 F0331 F0332 F0333 F0334 F0335
    F0350 F0351 F0352 F0353 F0354 F0355 F0356 F0357 F0358 F0359
    F0360 F0361 F0362 F0363 F0364 F0365 F0366 F0367 F0368 F0369
    F0371 F0372 F0374 F0375 F0376 F0377
    F0380 F0381 F0382 F0383
    F0400 F0401 F0402 F0403 F0404 F0406 F0407
    F0420 F0421 F0422 F0423 F0424 F0425 F0426 F0427 F0428 F0429
    F0440 F0441 F0442 F0443 F0444
    F0451 F0452 F0453 F0454 F0455 F0456 F0457 F0458 F0459
    F0460 F0461 F0462 F0463 F0464 F0465 F0466 F0467
    F0468 F0469 F0470 F0471 F0472
    F0477
    F0480 F0481 F0482 F0483 F0484 F0485 F0486 F0487 F0488 F0489
    F0490 F0491
    F0500 F0501 F0502 F0503 F0504 F0505 F0506 F0507 F0508 F0509
    F0510 F0511
    F0520 F0521 F0522 F0523
    F0600 F0601 F0602 F0603 F0604 F0605 F0606
    F0615 F0616 F0617
    F0610 F0611 F0612
    F0620 F0621
    F0640 F0641 F0642
    F0680 F0681
    F1001 F1002 F1003 F1004 F1005 F1006 F1007 F1008
    F1100 F1101 F1102 F1103 F1104 F1105 F1106 F1107 F1108
    F1110 F1111
    F1120 F1121
    F1130 F1131
    F1140 F1141 F1142 F1143
}

/// The page that explains `code` (any case), or `None` where there is no such code.
pub fn explain(code: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| known.0.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}
