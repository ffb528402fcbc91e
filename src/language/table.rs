//! Lookup tables: rows of a CSV read and checked by the declared types.
