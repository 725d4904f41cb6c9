//! rustls configurations and verifiers that decide by comity-trust.
