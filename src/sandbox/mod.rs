//! Local stand-ins of the systems.
