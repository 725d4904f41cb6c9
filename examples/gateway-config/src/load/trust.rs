use comity_identity::Host;
use comity_rustls::signature_algorithms;
use comity_trust::{CertificateDer, Policy, RevocationLists};
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;

use super::Reader;
use crate::{FileAt, PinKind, TrustFiles};

/// Whom a protocol believes.
#[derive(Clone, Debug)]
pub struct Trust {
    /// How a certificate is judged.
    pub policy: Policy,
    /// What has been revoked.
    pub revocation_lists: RevocationLists,
}

impl Reader {
    pub(super) fn trust(&mut self, files: &TrustFiles) -> Trust {
        let mut trust = Trust {
            policy: Policy::new(signature_algorithms(&self.provider)),
            revocation_lists: RevocationLists::new(),
        };
        let mut anchors = Vec::new();
        for file in &files.anchors {
            let Some(pem) = self.bytes(file) else {
                continue;
            };
            match trust.policy.store.add_anchors_from_pem(&pem) {
                Ok(_) => anchors.extend(CertificateDer::pem_slice_iter(&pem).flatten()),
                Err(error) => self.refuse(file, &chain(&error)),
            }
        }
        for file in &files.revocation_lists {
            self.revocation_lists(file, &anchors, &mut trust);
        }
        for pin in &files.pins {
            match &pin.kind {
                PinKind::Key(key) => trust.policy.store.add_key_pin(*key, pin.subjects.clone()),
                PinKind::Certificate(file) => self.pin(file, &pin.subjects, &mut trust.policy),
            }
        }
        trust
    }

    fn pin(&mut self, file: &FileAt, subjects: &[Host], policy: &mut Policy) {
        let Some(pem) = self.bytes(file) else { return };
        let mut certificates = CertificateDer::pem_slice_iter(&pem);
        match (certificates.next(), certificates.next()) {
            (Some(Ok(certificate)), None) => policy.store.add_pin(&certificate, subjects.to_vec()),
            (Some(Ok(_)), Some(_)) => self.refuse(
                file,
                &"there is more than one certificate: leave the peer's own alone",
            ),
            (Some(Err(_)), _) => self.refuse(file, &"the certificate is not well-formed PEM"),
            (None, _) => self.refuse(file, &"the file holds no certificate in PEM"),
        }
    }

    /// Adds the lists of a file, in PEM or in DER.
    fn revocation_lists(
        &mut self,
        file: &FileAt,
        anchors: &[CertificateDer<'_>],
        trust: &mut Trust,
    ) {
        let Some(bytes) = self.bytes(file) else {
            return;
        };
        let lists: Result<Vec<_>, _> =
            CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
        let lists = match lists {
            Ok(lists) if lists.is_empty() => vec![bytes.as_slice().into()],
            Ok(lists) => lists,
            Err(_pem) => return self.refuse(file, &"a list is not well-formed PEM"),
        };
        for list in lists {
            let algorithms = trust.policy.algorithms;
            let added = trust.revocation_lists.add(&list, anchors, algorithms);
            if let Err(error) = added {
                self.refuse(file, &error);
            }
        }
    }
}

/// An error and what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
