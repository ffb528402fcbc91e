//! The library that is written in the language itself and lies in the binary: `std:NAME`. One line each.

/// Name (as in `use "std:NAME"`) and text.
pub(in crate::language) const ALL: &[(&str, &str)] = &[
    ("address", include_str!("../std/address.map")),
    ("contact", include_str!("../std/contact.map")),
    ("dataverse", include_str!("../std/dataverse.map")),
    ("finops", include_str!("../std/finops.map")),
    ("paypal", include_str!("../std/paypal.map")),
    ("stripe", include_str!("../std/stripe.map")),
];
