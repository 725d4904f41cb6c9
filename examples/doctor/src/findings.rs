//! What only the doctor finds: in our rules and configuration, and of nodes that differ.

use comity_identity::diagnoses;

diagnoses! {
    /// All of them.
    pub(crate) static DIAGNOSES;

    POLICY_DENIES: Error "policy-denies" {
        means: "our own rules keep these packets out",
        remedy: "change the rule if they are to write to each other",
        source: "our rules",
    }
    POLICY_REFUSES_POLITELY: Error "policy-refuses-politely" {
        means: "the other side is shown that the user is offline, and not told that it is refused",
        remedy: "change the rule if they are to write to each other",
        source: "RFC 3856 §6.6.2",
    }
    NODES_XMPP_ENABLED: Error "nodes-xmpp-enabled" {
        means: "a cluster without XMPP does not reach federated contacts",
        remedy: "switch XMPP on for a node of this cluster, or off everywhere",
        source: "our configuration",
    }
    NODES_TLS_MODE: Error "nodes-tls-mode" {
        means: "peers are taken by one node and refused by another",
        remedy: "set the same TLS mode on all nodes",
        source: "our configuration",
    }
    NODES_CERTIFICATES: Error "nodes-certificates" {
        means: "peers are taken by one node and refused by another",
        remedy: "require certificates on all nodes, or on none",
        source: "our configuration",
    }
    NODES_SASL: Error "nodes-sasl" {
        means: "peers are taken by one node and refused by another",
        remedy: "set the same SASL switches on all nodes",
        source: "our configuration",
    }
    NODES_DIALBACK_SECRET: Error "nodes-dialback-secret" {
        means: "one node does not confirm the dialback keys that another has sent",
        remedy: "copy the dialback secret to this node",
        source: "XEP-0185 §4",
    }
    NODES_DEFAULT_VERDICT: Error "nodes-default-policy" {
        means: "domains are let in by one node and kept out by another",
        remedy: "set the same default on all nodes",
        source: "our configuration",
    }
    NODES_EXCEPTIONS: Error "nodes-exceptions" {
        means: "domains are let in by one node and kept out by another",
        remedy: "copy the exceptions to this node",
        source: "our configuration",
    }
    NODES_SECURITY_RULES: Error "nodes-security-rules" {
        means: "peers are taken by one node and refused by another",
        remedy: "set the same rules on all nodes",
        source: "our configuration",
    }
    NODES_EMAIL: Warning "nodes-email" {
        means: "contacts know a user by one address here and by another there",
        remedy: "switch email addresses on or off alike, with the same domains and identities",
        source: "our configuration",
    }
    NODES_DIFFER: Error "nodes-differ" {
        means: "the nodes do not do the same",
        remedy: "configure the nodes alike",
        source: "our configuration",
    }
    OWN_CONFIGURATION: Note "own-configuration" {
        means: "it is allowed and perhaps not meant",
        remedy: "change it, or leave it if it is meant",
        source: "our configuration",
    }
    CERTIFICATE_REPLACED: Warning "certificate-replaced" {
        means: "peers that trust the former certificate by itself refuse us",
        remedy: "give them the new one; who trusts the CA that issued both needs nothing",
        source: "our certificates",
    }
    REQUEST_SUBJECT: Error "request-subject" {
        means: "the CA refuses the request",
        remedy: "give the subject by --subject, or another kind of CA by --ca",
        source: "RFC 5280 §4.1.2.6",
    }
    ROUTE_SUSPICIOUS: Warning "route-suspicious" {
        means: "the static routes do not do what they seem to",
        remedy: "change the route that is named",
        source: "our routes",
    }
    ROUTE_BLOCKED: Error "route-blocked" {
        means: "our own configuration keeps us from the domain",
        remedy: "unblock the route, or take it out of service",
        source: "our routes",
    }
    ROUTE_MISSING: Error "route-missing" {
        means: "nothing leads to the domain",
        remedy: "make a static route for it, or have its operator publish records",
        source: "RFC 3263 §4, RFC 6120 §3.2",
    }
    ROUTE_UNKNOWN: Error "route-unknown" {
        means: "no static route is for the domain, and it is not known what it publishes",
        remedy: "look whether our name servers answer, and whether those of the domain do",
        source: "RFC 1035 §7",
    }
}

#[cfg(test)]
mod tests {
    use comity_identity::Diagnosis;
    use comity_tokio::probe;

    use super::*;

    fn all() -> impl Iterator<Item = &'static Diagnosis> {
        DIAGNOSES.iter().copied().chain(probe::diagnoses())
    }

    #[test]
    fn every_finding_has_a_word_of_its_own() {
        assert_eq!(Diagnosis::misnamed(all()), None);
    }

    #[test]
    fn every_finding_is_documented() {
        let (_, documented) = DOCTOR.split_once("## Findings\n\n").unwrap();
        let mut rows: Vec<_> = all().map(row).collect();
        rows.sort();
        assert_eq!(documented, format!("{HEAD}{}", rows.concat()));
    }

    fn row(diagnosis: &Diagnosis) -> String {
        let Diagnosis {
            id,
            severity,
            means,
            remedy,
            source,
        } = diagnosis;
        format!("| `{id}` | {severity} | {means} | {remedy} | {source} |\n")
    }

    const DOCTOR: &str = include_str!("../../../docs/DOCTOR.md");
    const HEAD: &str = "\
The severity is the usual one; it may be another where a finding matters more or less.\n\n\
| id | severity | what it means | what to do | source |\n|---|---|---|---|---|\n";
}
