//! Times, dates, durations and the one pattern language.
