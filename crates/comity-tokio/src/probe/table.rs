comity_identity::diagnoses! {
    /// What the network itself says.
    pub(super) static DIAGNOSES;

    CLOSED: Error "sip-closed" {
        means: "the peer takes the connection and does not answer: it may not want us, and throttles those whom it does not know",
        remedy: "let the peer's operator look at the log, and list our host where the peer lists its partners",
        source: "RFC 3261 §18.2.2",
    }
    DNS_NOT_ASKED: Error "dns-not-asked" {
        means: "nothing is known of the domain",
        remedy: "configure name servers that can be reached",
        source: "RFC 1035 §7",
    }
    NOTIFY_MISSING: Warning "sip-notify-missing" {
        means: "the peer took the subscription, and its NOTIFY did not come on this connection: it may connect back to our host, or lose its way by a route without transport",
        remedy: "look whether the peer can reach our port by the name in our Contact, and whether its proxy writes transport=tls into Record-Route",
        source: "RFC 6665 §4.2.2",
    }
    NOT_SIP: Error "sip-not-spoken" {
        means: "another service answers at that port",
        remedy: "let the SRV record name the port of the SIP service",
        source: "RFC 3261 §7",
    }
    OFFLINE: Note "sip-user-looks-offline" {
        means: "the user is offline, or does not want us to see more: a polite refusal looks the same",
        remedy: "if the user is online, let the user or the peer's policy allow our watcher",
        source: "RFC 3856 §6.6.2",
    }
    SIP_TIMED_OUT: Error "sip-timed-out" {
        means: "the peer takes the request and does not answer",
        remedy: "look whether the port speaks SIP; let the peer's operator look at the log",
        source: "RFC 3261 §17.1.2",
    }
    SLOW: Note "sip-slow" {
        means: "presence and messages are delayed; where old software speaks CBC suites, empty TLS fragments do that",
        remedy: "look at the load of the peer, and at its cipher suites",
        source: "RFC 3261 §17.1.2",
    }
    TARGETS_LEFT_OUT: Note "targets-left-out" {
        means: "of those that were left out nothing is known",
        remedy: "",
        source: "RFC 2782",
    }
    TCP_FAILED: Error "tcp-failed" {
        means: "there is no way to that address from here",
        remedy: "look at our routes and firewalls; an address of a family that we do not have can be left to others",
        source: "RFC 9293 §3.10",
    }
    TCP_REFUSED: Error "tcp-refused" {
        means: "nothing listens at that port, or a firewall says so",
        remedy: "look whether the service runs, whether the SRV record names its port, and whether the address is still its own",
        source: "RFC 9293 §3.10.7.1",
    }
    TCP_TIMED_OUT: Error "tcp-timed-out" {
        means: "nothing answers at that address and port: the host is gone, or a firewall swallows the connection",
        remedy: "let both firewalls pass TCP to the port (5269 for XMPP, 5061 for SIP), and remove addresses that are dead",
        source: "RFC 9293 §3.8.3",
    }
    TLS_CONFIG: Error "tls-configuration" {
        means: "our own TLS cannot be used",
        remedy: "mend our configuration",
        source: "RFC 9325",
    }
}
