//! Nothing but a place for `tests/`: the whole path, and the rules of the house.
