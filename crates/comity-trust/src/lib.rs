//! Decides from a certificate chain who is on the other end, with reasons.
