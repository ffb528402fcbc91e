//! What steps do.
