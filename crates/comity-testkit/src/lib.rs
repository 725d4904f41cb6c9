//! What the tests of comity share.
//!
//! * [`dns`]: a name server that answers from a table, and fails as scripted.
//! * [`mint`]: certificates, good and bad, reproducible from seeds.
//!
//! The crate opens no socket and reads no clock. It is for tests and demonstrations: where the
//! author of a test is the caller, misuse panics.

pub mod dns;
pub mod mint;
