//! The bundled files are held to the format; what the format can say beyond them is shown on small systems here.

use super::*;
use crate::language::types::{Form, Kind, Type, TypeSource};

#[test]
fn everything_bundled_loads() {
    Catalog::load(SYSTEMS, TYPES).unwrap();
}
