use comity_identity::Diagnosis;

/// What the number in `ms-diagnostics` means (MS-OCER §2.2.1); `None` if it has nothing to do with
/// federation.
#[must_use]
pub fn of_diagnostics(code: u32) -> Option<&'static Diagnosis> {
    Some(match code {
        1000 => &MS_1000,
        1001 => &MS_1001,
        1002 => &MS_1002,
        1003 => &MS_1003,
        1004 => &MS_1004,
        1005 => &MS_1005,
        1006 => &MS_1006,
        1007 => &MS_1007,
        1008 => &MS_1008,
        1009 => &MS_1009,
        1010 => &MS_1010,
        1011 => &MS_1011,
        1012 => &MS_1012,
        1013 => &MS_1013,
        1014 => &MS_1014,
        1027 => &MS_1027,
        1034 => &MS_1034,
        4003 => &MS_4003,
        4005 => &MS_4005,
        _ => return None,
    })
}

comity_identity::diagnoses! {
    /// Everything that can be wrong with a peer's SIP, or with ours in its eyes.
    pub static DIAGNOSES;

    AUTHENTICATION: Error "sip-authentication-required" {
        means: "the peer asks for a password, as it does of its users: it does not know us as a federated server",
        remedy: "let the peer list our host and its address (incoming ACL or trusted peers), and take our certificate as proof",
        source: "RFC 3261 §22",
    }
    BUSY: Warning "sip-user-unavailable" {
        means: "the user is not there or does not want to be disturbed",
        remedy: "try with a user who is signed in and available",
        source: "RFC 3261 §21.4.18",
    }
    CLOCK_SKEW: Warning "clock-skew" {
        means: "certificates and stamps of one side are of the past or the future to the other",
        remedy: "synchronise the clocks of both sides (NTP), and look at their time zones",
        source: "RFC 3261 §20.17",
    }
    DECLINED: Warning "sip-declined" {
        means: "the user does not want it",
        remedy: "ask the user, or try with another one",
        source: "RFC 3261 §21.6.2",
    }
    EVENT: Error "sip-event-unsupported" {
        means: "the server does not have the presence of its users",
        remedy: "let the peer enable presence, and route SUBSCRIBE to its presence server",
        source: "RFC 6665 §7.3.2",
    }
    FORBIDDEN: Error "sip-forbidden" {
        means: "the peer does not permit it, and does not say why: our domain may not be allowed, or not for this user; Microsoft servers hide diagnostics from partners",
        remedy: "let the peer allow our domain, as an allowed domain or as a hosting provider but never both, and publish _sipfederationtls._tcp for it",
        source: "RFC 3261 §21.4.4",
    }
    GATEWAY_TIMEOUT: Error "sip-next-hop-unreachable" {
        means: "the peer's proxy does not reach the server behind it, or ours when it answers",
        remedy: "let the peer look at its routes; look whether our own records, ports and certificate let the peer reach us",
        source: "RFC 3261 §21.5.5",
    }
    LOOP: Error "sip-loop" {
        means: "servers send the request in a circle",
        remedy: "let the peer look at its static routes for our domain and its own",
        source: "RFC 3261 §16.3, RFC 5393",
    }
    MS_1000: Error "ms-diagnostics-1000" {
        means: "the final TLS handshake between the peer's edge and the next hop failed",
        remedy: "compare certificates, names and TLS versions of both sides",
        source: "MS-OCER §2.2.1",
    }
    MS_1001: Error "ms-diagnostics-1001" {
        means: "the sender may not use public instant messaging",
        remedy: "do not mark our domain as a public provider at the peer (New-CsHostingProvider, not New-CsPublicProvider)",
        source: "MS-OCER §2.2.1",
    }
    MS_1002: Error "ms-diagnostics-1002" {
        means: "the user at the peer may not talk to federated partners, or our domain is listed both as an allowed domain and as a provider",
        remedy: "let the peer's external access policy enable federation for the user (Set-CsExternalAccessPolicy -EnableFederationAccess), and list our domain once",
        source: "MS-OCER §2.2.1",
    }
    MS_1003: Error "ms-diagnostics-1003" {
        means: "the user does not exist at the peer",
        remedy: "check the address",
        source: "MS-OCER §2.2.1",
    }
    MS_1004: Warning "ms-diagnostics-1004" {
        means: "the route of the conversation is no longer valid",
        remedy: "begin a new conversation",
        source: "MS-OCER §2.2.1",
    }
    MS_1005: Error "ms-diagnostics-1005" {
        means: "the peer cannot route to the domain that was asked for",
        remedy: "let the peer enable federation (Set-CsAccessEdgeConfiguration -AllowFederatedUsers) and allow the domain, or add a static route for it",
        source: "MS-OCER §2.2.1",
    }
    MS_1006: Warning "ms-diagnostics-1006" {
        means: "the peer does not reach the user's client",
        remedy: "try again; the client may have gone",
        source: "MS-OCER §2.2.1",
    }
    MS_1007: Warning "ms-diagnostics-1007" {
        means: "the peer cannot route for the moment",
        remedy: "try again",
        source: "MS-OCER §2.2.1",
    }
    MS_1008: Error "ms-diagnostics-1008" {
        means: "the peer finds no SRV record for the domain",
        remedy: "publish _sipfederationtls._tcp of our domain where the peer's edge looks it up, or let the peer name our edge in its allowed domain (New-CsAllowedDomain -ProxyFqdn)",
        source: "MS-OCER §2.2.1",
    }
    MS_1009: Error "ms-diagnostics-1009" {
        means: "the SRV record of our domain names a host outside of the domain, which Microsoft servers do not believe",
        remedy: "let _sipfederationtls._tcp name a host inside of our domain, or let the peer name our edge itself",
        source: "MS-OCER §2.2.1",
    }
    MS_1010: Error "ms-diagnostics-1010" {
        means: "the peer does not trust the certificate of the next hop, which may be ours",
        remedy: "let our certificate name the host of the SRV record as common name and subjectAltName, with serverAuth and clientAuth, and let the peer's edge trust its CA",
        source: "MS-OCER §2.2.1",
    }
    MS_1011: Error "ms-diagnostics-1011" {
        means: "the hop before gave no reason",
        remedy: "look into the log of that server",
        source: "MS-OCER §2.2.1",
    }
    MS_1012: Error "ms-diagnostics-1012" {
        means: "the user at the peer may not be reached from outside of the enterprise",
        remedy: "let the peer's external access policy enable it for the user (Set-CsExternalAccessPolicy)",
        source: "MS-OCER §2.2.1",
    }
    MS_1013: Error "ms-diagnostics-1013" {
        means: "the clocks of both sides differ too much",
        remedy: "synchronise the clocks of both sides (NTP), and look at their time zones",
        source: "MS-OCER §2.2.1",
    }
    MS_1014: Error "ms-diagnostics-1014" {
        means: "the peer finds no address of the host that our SRV record names",
        remedy: "publish A or AAAA records for the target",
        source: "MS-OCER §2.2.1",
    }
    MS_1027: Error "ms-diagnostics-1027" {
        means: "the peer does not route such requests to or from our domain: federation is off there, or our domain is not allowed, or it is listed both as an allowed domain and as a provider",
        remedy: "let the peer enable federation and list our domain once, as an allowed domain or as a hosting provider that is not public; look whether _sipfederationtls._tcp of our domain can be found from outside",
        source: "MS-OCER §2.2.1",
    }
    MS_1034: Error "ms-diagnostics-1034" {
        means: "the federated partner before gave no reason; Microsoft servers hide it from partners by default",
        remedy: "let the peer look into its log, or show diagnostics to partners (EnableHeaderForFederatedUsers)",
        source: "MS-OCER §2.2.1",
    }
    MS_4003: Error "ms-diagnostics-4003" {
        means: "the sender is not enabled for access from outside",
        remedy: "let the peer's external access policy enable it for the user (Set-CsExternalAccessPolicy)",
        source: "MS-OCER §2.2.1",
    }
    MS_4005: Error "ms-diagnostics-4005" {
        means: "the user does not exist at the peer, or is not enabled for SIP",
        remedy: "check the address; let the peer enable the user",
        source: "MS-OCER §2.2.1",
    }
    MS_OTHER: Error "ms-diagnostics" {
        means: "the peer refused for a reason that has no remedy in our table",
        remedy: "look the number up in MS-OCER, and into the peer's log",
        source: "MS-OCER §2.2.1",
    }
    OPTIONS: Note "sip-options-refused" {
        means: "the peer speaks SIP, and answers no OPTIONS",
        remedy: "",
        source: "RFC 3261 §11",
    }
    PENDING: Note "sip-subscription-pending" {
        means: "the user has still to be asked",
        remedy: "let the user accept",
        source: "RFC 6665 §4.1.3",
    }
    RECORD_ROUTE: Warning "sip-record-route-without-transport" {
        means: "requests inside of the dialog may go back by UDP or TCP, where nobody listens, so that NOTIFY times out",
        remedy: "let the peer's proxy write transport=tls into its Record-Route",
        source: "RFC 3261 §16.6, §19.1.5",
    }
    REJECTED: Error "sip-subscription-rejected" {
        means: "the user or a rule does not let us see presence",
        remedy: "let the user allow the watcher",
        source: "RFC 6665 §4.1.3",
    }
    SERVER_ERROR: Warning "sip-server-error" {
        means: "the peer is overloaded or in trouble",
        remedy: "try again; the peer's log may say more",
        source: "RFC 3261 §21.5",
    }
    STATUS: Warning "sip-refused" {
        means: "the peer did not do what was asked",
        remedy: "the peer's log may say more",
        source: "RFC 3261 §21",
    }
    USER_UNKNOWN: Error "sip-user-unknown" {
        means: "the peer does not have that user",
        remedy: "check the address",
        source: "RFC 3261 §21.4.5",
    }
}
