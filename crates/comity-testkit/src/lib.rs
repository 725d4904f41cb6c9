//! What the tests of comity share.
