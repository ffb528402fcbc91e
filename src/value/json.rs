//! JSON in and out. Reads strictly (a body with a name twice in one object, half a surrogate pair or too much nesting
//! is not JSON), keeps every number's text, and writes compact UTF-8.
