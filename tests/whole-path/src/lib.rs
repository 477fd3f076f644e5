//! An empty library for the tests in `tests/`: the whole path on a local stack.
