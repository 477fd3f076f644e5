//! An empty library for the tests in `tests/`: the rules of the repository and of the template.
//! They need no stack.
