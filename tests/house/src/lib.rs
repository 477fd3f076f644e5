//! Nothing but a place for `tests/`: the rules of the house and of the template. They need no stack.
