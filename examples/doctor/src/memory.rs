//! Which certificates we had when the doctor looked last.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use comity_gateway_config::Certificate;
use comity_identity::Finding;

use crate::findings::CERTIFICATE_REPLACED;

/// A file of fingerprints, by the table of the configuration that names the certificate.
#[derive(Debug)]
pub(crate) struct Memory {
    file: PathBuf,
    former: BTreeMap<String, String>,
}

/// Why nothing can be remembered.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .file.display())]
pub(crate) struct MemoryError {
    file: PathBuf,
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error("it is longer than {MAX_BYTES} bytes, and not what was written")]
    TooLong,
    #[error("it holds no fingerprints: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl Memory {
    /// Reads what was kept; no file means that nothing was.
    pub(crate) fn read(file: &Path) -> Result<Self, MemoryError> {
        let former = match File::open(file) {
            Ok(open) => parse(open),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error.into()),
        };
        Ok(Self {
            file: file.to_owned(),
            former: former.map_err(|reason| MemoryError::new(file, reason))?,
        })
    }

    /// Tells which certificates have been replaced since, and keeps those of now.
    pub(crate) fn replace(self, certificates: &[Certificate]) -> Result<Vec<Finding>, MemoryError> {
        let now: BTreeMap<_, _> = certificates
            .iter()
            .filter_map(|own| Some((own.key.clone(), own.fingerprint.as_ref()?.to_string())))
            .collect();
        let findings = certificates
            .iter()
            .filter_map(|own| {
                let (now, former) = (now.get(&own.key)?, self.former.get(&own.key)?);
                (now != former).then(|| {
                    let subject = format!("{} ({})", own.key, own.file);
                    let seen = format!("its SHA-256 is {now}, and was {former}");
                    Finding::new(&CERTIFICATE_REPLACED, subject, seen)
                })
            })
            .collect();
        if now != self.former {
            write(&self.file, &now).map_err(|reason| MemoryError::new(&self.file, reason))?;
        }
        Ok(findings)
    }
}

impl MemoryError {
    fn new(file: &Path, reason: Reason) -> Self {
        Self {
            file: file.to_owned(),
            reason,
        }
    }
}

fn parse(file: File) -> Result<BTreeMap<String, String>, Reason> {
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Reason::TooLong);
    }
    Ok(serde_json::from_str(&text)?)
}

/// Writes beside the file first, so that it is never there by half.
fn write(file: &Path, fingerprints: &BTreeMap<String, String>) -> Result<(), Reason> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let text = serde_json::to_string_pretty(fingerprints)?;
    fs::write(&beside, format!("{text}\n"))?;
    fs::rename(&beside, file)?;
    Ok(())
}

/// Of some thousand certificates.
const MAX_BYTES: u64 = 256 * 1024;
