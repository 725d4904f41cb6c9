//! The certificate that our domains need, as a request to a CA.

mod key;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use base64ct::{Base64, Encoding};
use comity_identity::Finding;
use comity_trust::issue::{Request, WriteError};
use comity_trust::{Identifier, Servers};
use serde_json::json;

use crate::findings::REQUEST_SUBJECT;
use crate::options::Csr;
use crate::report::{Length, Report};
use crate::site::Site;
use key::PrivateKey;

/// Why there is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CsrError {
    #[error("no private key: make one, and give it by --key or tls.inbound.key")]
    NoKey,
    #[error("{}: {error}", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("{}: it is not a private key that can sign a request", .0.display())]
    Key(PathBuf),
    #[error("{0}")]
    Write(WriteError),
}

pub(crate) fn run(site: &Site, asked: &Csr) -> Result<Report, CsrError> {
    let names = names(site);
    let mut subject = asked.subject.clone();
    if subject.common_name.is_none() {
        subject.common_name = site.config.edge().map(ToString::to_string);
    }
    let mut report = Report::new("csr", site.name());
    let faults = subject.validate(asked.ca).err().unwrap_or_default();
    let finding =
        |fault: &dyn ToString| Finding::new(&REQUEST_SUBJECT, "subject", fault.to_string());
    report.findings = faults.iter().map(|fault| finding(fault)).collect();
    let lines: Vec<_> = names.iter().map(ToString::to_string).collect();
    report.detail("names", json!(lines));
    report.section("Names", Length::Whole, lines);
    let purposes = ["serverAuth", "clientAuth"];
    report.detail("extended_key_usage", json!(purposes));
    report.section(
        "Extended key usage",
        Length::Whole,
        vec![purposes.join(", ")],
    );
    let key = read_key(site, asked.key.as_deref())?;
    let request = Request::new(subject, names);
    let request = request.csr(&key).map_err(CsrError::Write)?;
    let request = pem(&request);
    report.detail("request", json!(request));
    report.attachment = request;
    Ok(report)
}

/// What a certificate has to name, for all protocols.
fn names(site: &Site) -> Vec<Identifier> {
    let inventories = site.report().inventories;
    let all = inventories
        .iter()
        .flat_map(|inventory| inventory.names(Servers::All));
    let mut seen = BTreeSet::new();
    all.filter(|name| seen.insert(name.clone())).collect()
}

fn read_key(site: &Site, given: Option<&Path>) -> Result<PrivateKey, CsrError> {
    let configured = site.config.tls.inbound.as_ref();
    let configured = configured.map(|files| files.key.path.as_path());
    let path = given.or(configured).ok_or(CsrError::NoKey)?;
    let file = || path.to_owned();
    let pem = fs::read(path).map_err(|error| CsrError::Unreadable {
        file: file(),
        error,
    })?;
    let key = PrivateKey::from_pem(&pem, &site.loaded.provider);
    key.ok_or_else(|| CsrError::Key(file()))
}

/// RFC 7468 §7.
fn pem(request: &[u8]) -> String {
    let mut text = "-----BEGIN CERTIFICATE REQUEST-----\n".to_owned();
    for (index, digit) in Base64::encode_string(request).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(digit);
    }
    text + "\n-----END CERTIFICATE REQUEST-----\n"
}
