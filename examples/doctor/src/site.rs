//! A configuration of the gateway, and the files that it names.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use comity_gateway_config::{Config, ConfigErrors, Loaded, Report};
use comity_trust::UnixTime;

/// What an operator has written.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) file: PathBuf,
    pub(crate) config: Config,
    pub(crate) loaded: Loaded,
}

/// Everything that is wrong with some files, one thing in each line.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub(crate) struct SiteError(Vec<String>);

impl Site {
    pub(crate) fn read(file: &Path) -> Result<Self, SiteError> {
        let wrong = |errors: ConfigErrors| {
            let name = file.display();
            let lines = errors.errors().iter();
            SiteError(lines.map(|error| format!("{name}: {error}")).collect())
        };
        let config = Config::read(file).map_err(wrong)?;
        let loaded = Loaded::read(&config).map_err(wrong)?;
        Ok(Self {
            file: file.to_owned(),
            config,
            loaded,
        })
    }

    /// Reads files, and tells what is wrong with all of them.
    pub(crate) fn read_all<'p>(
        files: impl Iterator<Item = &'p Path>,
    ) -> Result<Vec<Self>, SiteError> {
        let mut sites = Vec::new();
        let mut errors = Vec::new();
        for file in files {
            match Self::read(file) {
                Ok(site) => sites.push(site),
                Err(SiteError(lines)) => errors.extend(lines),
            }
        }
        match errors.is_empty() {
            true => Ok(sites),
            false => Err(SiteError(errors)),
        }
    }

    /// The file, as it was given.
    pub(crate) fn name(&self) -> String {
        self.file.display().to_string()
    }

    /// What there is to say about it today.
    pub(crate) fn report(&self) -> Report {
        Report::new(&self.config, &self.loaded, now())
    }

    /// Where the rules are written.
    pub(crate) fn rules(&self) -> String {
        self.config.policy.path.display().to_string()
    }
}

/// The time of day.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime::since_unix_epoch(since.unwrap_or(Duration::ZERO))
}
