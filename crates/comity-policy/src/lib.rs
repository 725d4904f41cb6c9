//! Which domains may federate, in which direction, and which rule says so.
