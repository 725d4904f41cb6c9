//! What is wrong with a configuration, and what the world around it has to be like, as people and
//! programs read it.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use comity_command_line::{complain, note, say};
use comity_gateway_config::Report;
use comity_trust::UnixTime;
use serde_json::{Map, Value};

use crate::options::Format;
use crate::{BAD, NAME, WRONG};

/// Reads a configuration and prints what there is to say about it.
pub(crate) fn run(file: &Path, format: Format) -> ExitCode {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = UnixTime::since_unix_epoch(since.unwrap_or(Duration::ZERO));
    let name = file.display().to_string();
    let report = Report::read(file, now);
    let code = match &report {
        Ok(report) if report.is_good() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(BAD),
        Err(_) => ExitCode::from(WRONG),
    };
    let text = match (report, format) {
        (Ok(report), Format::People) => format!("{name}: no errors\n\n{report}"),
        (Ok(report), Format::Json) => document(&name, report.to_json()),
        (Err(errors), Format::People) => {
            let errors = errors.errors().iter();
            errors.for_each(|error| note(&format_args!("{name}: {error}")));
            return code;
        }
        (Err(errors), Format::Json) => document(&name, errors.to_json()),
    };
    match say(&text) {
        Ok(()) => code,
        Err(error) => complain(NAME, &error, BAD),
    }
}

fn document(file: &str, mut members: Map<String, Value>) -> String {
    members.insert("task".to_owned(), "check".into());
    members.insert("file".to_owned(), file.into());
    format!("{:#}\n", Value::Object(members))
}
