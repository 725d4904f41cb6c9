//! What is said about a TLS session.

use std::io;
use std::sync::{Arc, OnceLock};

use comity_rustls::{Enforce, Witness};
use comity_trust::Verdict;
use rustls::{CommonState, Error, ProtocolVersion};

/// The version and cipher suite of a session.
pub(crate) fn describe(connection: &CommonState) -> String {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        // rustls has no other.
        Some(_) | None => "TLS",
    };
    let suite = connection.negotiated_cipher_suite();
    let suite = suite.and_then(|suite| suite.suite().as_str());
    // rustls tells the suites of TLS 1.3 apart by the prefix, the registry does not.
    let suite = suite
        .unwrap_or("an unknown suite")
        .replace("TLS13_", "TLS_");
    format!("{version} {suite}")
}

/// The verdict of one handshake.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<OnceLock<Verdict>>);

impl Heard {
    /// Judges as before, and keeps the verdict here.
    pub(crate) fn by(&self, enforce: &Enforce) -> Enforce {
        let place = Arc::clone(&self.0);
        let witness: Witness = Arc::new(move |verdict| {
            // A handshake has one verdict.
            let _ = place.set(verdict.clone());
        });
        let mut enforce = enforce.clone();
        enforce.witness = Some(witness);
        enforce
    }

    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.0.get()
    }
}

/// What a verdict says about a certificate, in one line.
pub(crate) fn explain(verdict: &Verdict) -> String {
    match verdict.outcome() {
        Ok(trusted) => trusted.to_string(),
        Err(reason) => format!("not trusted: {reason} [{}]", reason.code()),
    }
}

/// The words of rustls in an error of the connection, if they are its own.
pub(crate) fn rustls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}
