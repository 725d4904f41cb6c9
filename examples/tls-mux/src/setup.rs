//! From options to what is needed for each connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use comity_command_line::note;
use comity_rustls::{
    CipherList, ClientAuth, ConfigError, Enforce, Identity, IdentityError, PortMode, TlsContext,
    default_provider, signature_algorithms,
};
use comity_trust::{
    AnchorFileError, CommonName, ImportError, PeerSubject, Policy, Reference, RevocationListError,
    RevocationLists,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::time_provider::DefaultTimeProvider;

use crate::options::{Auth, Files, Options};

/// What every connection is handled by.
pub(crate) struct Setup {
    pub(crate) client_auth: Auth,
    /// Judges by the policy and the lists, and does not tell anybody.
    pub(crate) enforce: Enforce,
    pub(crate) mode: PortMode,
    /// How TLS is used, except who is judged in the handshake.
    pub(crate) tls: TlsContext,
}

impl Setup {
    /// How TLS is used by a server that judges its clients so.
    pub(crate) fn judging(&self, enforce: Enforce) -> TlsContext {
        let mut tls = self.tls.clone();
        tls.client_auth = match self.client_auth {
            Auth::None => ClientAuth::None,
            Auth::Observe => ClientAuth::Observe,
            Auth::Required => ClientAuth::Required(enforce),
            Auth::Want => ClientAuth::Want(enforce),
        };
        tls
    }

    /// Whom clients have to be.
    pub(crate) fn clients(&self) -> Reference {
        match &self.tls.peer_subjects {
            Some(peers) => Reference::peers(peers.iter().cloned()),
            None => Reference::anyone(self.enforce.forms),
        }
    }
}

/// Why a file or a list is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("{}: {error}", path.display())]
    Anchors {
        path: PathBuf,
        error: AnchorFileError,
    },
    #[error("no cipher suite of the list is supported")]
    Ciphers,
    #[error("{}: {error}", path.display())]
    File {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{}: {error} (key: {})", files.certificate.display(), files.key.display())]
    Identity { files: Pair, error: IdentityError },
    #[error("{}: {error}", path.display())]
    Pin { path: PathBuf, error: ImportError },
    #[error("{}: {error}", path.display())]
    RevocationList {
        path: PathBuf,
        error: RevocationListError,
    },
    #[error("TLS: {0}")]
    Tls(#[from] ConfigError),
}

/// The two files of an identity.
#[derive(Debug)]
pub(crate) struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

pub(crate) fn load(options: &Options) -> Result<Setup, SetupError> {
    let provider = default_provider();
    let mut policy = Policy::new(signature_algorithms(&provider));
    policy.eku = options.eku;
    if options.legacy_cn {
        policy.common_name = CommonName::Rfc6125;
    }
    for path in &options.trust {
        let added = policy.store.add_anchors_from_pem(&read(path)?);
        added.map_err(|error| SetupError::Anchors {
            path: path.clone(),
            error,
        })?;
    }
    for path in &options.pins {
        pin(path, &mut policy)?;
    }
    let mut enforce = Enforce::new(Arc::new(policy), Arc::new(DefaultTimeProvider));
    enforce.crls = Arc::new(revocation_lists(options, &provider)?);
    enforce.forms = options.forms;
    let setup = Setup {
        client_auth: options.client_auth,
        enforce,
        mode: match options.strict {
            true => PortMode::TlsOnly,
            false => PortMode::LegacyAndTls,
        },
        tls: context(options, &provider)?,
    };
    // What cannot work is told before the first connection.
    match options.target {
        Some(_) => drop(setup.tls.client_config()?),
        None => drop(setup.judging(setup.enforce.clone()).server_config()?),
    }
    Ok(setup)
}

/// Trusts the certificates of a file for those whom they name, and says who that is.
fn pin(path: &Path, policy: &mut Policy) -> Result<(), SetupError> {
    let refused = |error| SetupError::Pin {
        path: path.to_owned(),
        error,
    };
    let certificates = certificates(&read(path)?);
    if certificates.is_empty() {
        return Err(refused(ImportError::Malformed));
    }
    for certificate in certificates {
        let limits = policy.limits;
        let import = policy
            .store
            .import(&certificate, &limits)
            .map_err(refused)?;
        for peer in &import.peers {
            note(&format!("--pin: {peer}"));
        }
        for warning in &import.warnings {
            note(&format!("--pin: warning: {warning}"));
        }
    }
    Ok(())
}

fn context(options: &Options, provider: &Arc<CryptoProvider>) -> Result<TlsContext, SetupError> {
    let mut tls = TlsContext::observing(Arc::clone(provider));
    (tls.min_version, tls.max_version) = (options.min_tls, options.max_tls);
    if let Some(list) = &options.ciphers {
        let list = CipherList::parse(list, provider);
        for entry in list.entries() {
            note(&format!("--ciphers: {entry}"));
        }
        for warning in list.warnings() {
            note(&format!("--ciphers: warning: {warning}"));
        }
        let supported = list.supported();
        if supported.is_empty() {
            return Err(SetupError::Ciphers);
        }
        tls.cipher_suites = Some(supported);
    }
    if let Some(files) = &options.identity {
        tls.identity = Some(identity(files, provider)?);
    }
    for (domain, files) in &options.domains {
        let identity = identity(files, provider)?;
        tls.inbound.domains.insert(domain.clone(), identity);
    }
    if !options.peer_subjects.is_empty() {
        let subjects = options.peer_subjects.iter().cloned();
        tls.peer_subjects = Some(subjects.map(PeerSubject::new).collect());
    }
    Ok(tls)
}

fn identity(files: &Files, provider: &CryptoProvider) -> Result<Identity, SetupError> {
    let (chain, key) = (read(&files.certificate)?, read(&files.key)?);
    Identity::from_pem(&chain, &key, provider).map_err(|error| SetupError::Identity {
        files: Pair {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
        },
        error,
    })
}

/// Reads the lists, which CAs that are trusted or stand in the same file have signed.
fn revocation_lists(
    options: &Options,
    provider: &CryptoProvider,
) -> Result<RevocationLists, SetupError> {
    let mut trusted = Vec::new();
    for path in &options.trust {
        trusted.extend(certificates(&read(path)?));
    }
    let mut lists = RevocationLists::default();
    for path in &options.crls {
        let file = read(path)?;
        let issuers = [certificates(&file), trusted.clone()].concat();
        let mut add = |der: &[u8]| {
            let added = lists.add(der, &issuers, signature_algorithms(provider));
            added.map_err(|error| SetupError::RevocationList {
                path: path.clone(),
                error,
            })
        };
        let mut in_pem = CertificateRevocationListDer::pem_slice_iter(&file)
            .filter_map(Result::ok)
            .peekable();
        if in_pem.peek().is_none() {
            add(&file)?;
        }
        for der in in_pem {
            add(&der)?;
        }
    }
    Ok(lists)
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    let certificates = CertificateDer::pem_slice_iter(pem);
    certificates.filter_map(Result::ok).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, SetupError> {
    std::fs::read(path).map_err(|error| SetupError::File {
        path: path.to_owned(),
        error,
    })
}
