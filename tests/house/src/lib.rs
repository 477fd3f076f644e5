//! An empty library for the tests in `tests/`: the rules of the repository, the template and the
//! pages. They need no stack.
