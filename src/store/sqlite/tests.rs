//! What only this implementation promises.
