//! Nothing but a place for `tests/`: the rules of the house, the template and the pages. They need no stack.
