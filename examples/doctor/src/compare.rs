//! The configurations of the nodes of a site, which must agree.

use std::path::Path;

use comity_command_line::NodeFile;
use comity_identity::{Diagnosis, DomainName, Finding};
use comity_policy::{Check, Node, SecretDigest, compare};
use comity_xmpp::DialbackSecret;
use serde_json::{Value, json};

use crate::findings;
use crate::report::{Length, Report};
use crate::site::{Site, SiteError};

pub(crate) fn run(files: &[NodeFile]) -> Result<Report, SiteError> {
    let sites = Site::read_all(files.iter().map(|file| Path::new(&file.path)))?;
    let nodes = files.iter().zip(&sites).map(|(file, site)| Node {
        name: &file.name,
        cluster: &file.cluster,
        config: &site.loaded.rules,
        dialback_secret: site.loaded.dialback.as_ref().and_then(digest),
    });
    let differences = compare(&nodes.collect::<Vec<_>>());
    let names = files.iter().map(|file| file.name.as_str());
    let mut report = Report::new("compare", names.collect::<Vec<_>>().join(", "));
    report.findings = differences.iter().map(finding).collect();
    let checks = Check::ALL.map(|check| {
        let differs = differences
            .iter()
            .any(|difference| difference.check == check);
        (check, if differs { "differs" } else { "same" })
    });
    let lines = checks
        .iter()
        .map(|(check, mark)| format!("{mark:7}  {check}"));
    report.section("Checks", Length::Whole, lines.collect());
    report.detail("nodes", files.iter().map(node).collect());
    report.detail("checks", checks.iter().map(document).collect());
    Ok(report)
}

/// Two secrets that make the same key are the same. The key of no stream is of no use to anybody.
fn digest(secret: &DialbackSecret) -> Option<SecretDigest> {
    let nobody = DomainName::parse("nobody.invalid").ok()?;
    let key = secret.key(&nobody, &nobody, "");
    Some(SecretDigest::of(key.as_bytes()))
}

fn finding(difference: &comity_policy::Finding) -> Finding {
    let comity_policy::Finding {
        nodes,
        expected,
        found,
        ..
    } = difference;
    let check = difference.check;
    let seen = format!("{check}: {found}; expected: {expected}");
    let finding = Finding::new(diagnosis(check), nodes.join(", "), seen);
    finding.with_remedy(difference.action)
}

fn diagnosis(check: Check) -> &'static Diagnosis {
    match check {
        Check::XmppEnabled => &findings::NODES_XMPP_ENABLED,
        Check::TlsMode => &findings::NODES_TLS_MODE,
        Check::Certificates => &findings::NODES_CERTIFICATES,
        Check::Sasl => &findings::NODES_SASL,
        Check::DialbackSecret => &findings::NODES_DIALBACK_SECRET,
        Check::DefaultVerdict => &findings::NODES_DEFAULT_VERDICT,
        Check::Exceptions => &findings::NODES_EXCEPTIONS,
        Check::SecurityRules => &findings::NODES_SECURITY_RULES,
        Check::Email => &findings::NODES_EMAIL,
        _ => &findings::NODES_DIFFER,
    }
}

fn node(file: &NodeFile) -> Value {
    json!({
        "name": file.name,
        "cluster": file.cluster,
        "file": file.path.display().to_string(),
    })
}

fn document((check, mark): &(Check, &str)) -> Value {
    json!({ "check": diagnosis(*check).id, "mark": mark })
}
