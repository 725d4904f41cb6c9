use x509_cert::der::pem::{LineEnding, encode_string};

/// A certificate with what belongs to it: what one side of a TLS connection presents.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Identity {
    /// Certificates in DER: the leaf, then the intermediates up to but without the root.
    pub chain: Vec<Vec<u8>>,
    /// The private key of the leaf, PKCS#8 in DER.
    pub key: Vec<u8>,
}

impl Identity {
    /// The leaf in DER.
    #[must_use]
    pub fn leaf(&self) -> &[u8] {
        self.chain.first().map_or(&[], Vec::as_slice)
    }

    /// The chain as `CERTIFICATE` blocks of PEM.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|der| certificate_pem(der)).collect()
    }

    /// The key as a `PRIVATE KEY` block of PEM.
    #[must_use]
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }
}

pub(super) fn certificate_pem(der: &[u8]) -> String {
    pem("CERTIFICATE", der)
}

fn pem(label: &str, der: &[u8]) -> String {
    encode_string(label, LineEnding::LF, der).expect("PEM of a fitting size")
}
