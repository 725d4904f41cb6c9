comity_identity::diagnoses! {
    /// Everything that can be wrong with a peer's XMPP, or with ours in its eyes.
    pub static DIAGNOSES;

    CERTIFICATE: Error "xmpp-certificate" {
        means: "the rules for the domain require a certificate that proves it",
        remedy: "trust the CA of the peer's certificate, which has to name the peer's domain",
        source: "RFC 6120 §13.7.2",
    }
    CLOSED_BY_PEER: Error "xmpp-closed-by-peer" {
        means: "the peer ended the stream without a reason",
        remedy: "the peer's log may say more",
        source: "RFC 6120 §4.4",
    }
    CONNECTION_LOST: Error "xmpp-connection-lost" {
        means: "the peer, or a firewall on the way, ended the connection without the end of the stream",
        remedy: "look whether another service or a filter answers at that port; the peer's log may say more",
        source: "RFC 6120 §4.4",
    }
    DIALBACK_ERROR: Error "xmpp-dialback-error" {
        means: "the peer could not ask the server of our domain about our key",
        remedy: "the peer's log may say more",
        source: "XEP-0220 §2.4",
    }
    DIALBACK_INVALID: Error "xmpp-dialback-invalid" {
        means: "the server that DNS names for our domain does not know our key: it is another one, or it has another dialback secret",
        remedy: "let all nodes of our domain have the same dialback secret, and DNS lead to them",
        source: "XEP-0220 §2.4, XEP-0185",
    }
    DIALBACK_NOT_FOUND: Error "xmpp-dialback-not-found" {
        means: "the peer finds no server for our domain",
        remedy: "publish the SRV record of our domain",
        source: "XEP-0220 §2.4",
    }
    DIALBACK_NOT_OFFERED: Note "xmpp-dialback-not-offered" {
        means: "only those whose certificate it trusts can speak with it",
        remedy: "",
        source: "XEP-0220 §2.6",
    }
    DIALBACK_TIMED_OUT: Error "xmpp-dialback-timed-out" {
        means: "the peer does not say what it makes of our key; it may wait for an answer from our domain's port that a firewall swallows",
        remedy: "look whether the peer can reach the server of our domain",
        source: "XEP-0220 §2.4",
    }
    DIALBACK_UNREACHABLE: Error "xmpp-dialback-unreachable" {
        means: "the peer cannot connect to the server of our domain",
        remedy: "look whether a firewall keeps the peer from our port, and whether our SRV record has the right one",
        source: "XEP-0220 §2.4",
    }
    EXTERNAL_NOT_OFFERED: Note "xmpp-external-not-offered" {
        means: "the peer does not take our certificate as a proof of our domain: it does not trust it, does not ask for it, or was shown none; dialback has to prove it",
        remedy: "where certificates are agreed, let the peer trust the CA of ours",
        source: "XEP-0178 §3",
    }
    EXTERNAL_REFUSED: Error "xmpp-external-refused" {
        means: "the peer had offered to take our certificate as a proof, and does not",
        remedy: "let our certificate name our domain and allow use as a client, and let the peer trust its CA",
        source: "XEP-0178 §3",
    }
    HOST_UNKNOWN: Error "xmpp-host-unknown" {
        means: "the server that DNS names does not serve the domain",
        remedy: "let the SRV record name the right server, or let that server serve the domain",
        source: "RFC 6120 §4.9.3.6",
    }
    LIMIT_SMALL: Warning "xmpp-limit-small" {
        means: "longer stanzas end the stream, where every server must take 10,000 bytes",
        remedy: "let the peer raise its limit",
        source: "RFC 6120 §13.12",
    }
    NO_METHOD: Error "xmpp-no-method" {
        means: "there is no way left to prove our domain to the peer",
        remedy: "set a dialback secret, or have a certificate that the peer trusts",
        source: "RFC 6120 §13.7.2, XEP-0220",
    }
    NOT_AUTHORIZED: Error "xmpp-not-authorized" {
        means: "to the peer we have not proved our domain",
        remedy: "let our certificate name our domain, and let the peer trust its CA",
        source: "RFC 6120 §4.9.3.12",
    }
    OTHER_HOST: Warning "xmpp-see-other-host" {
        means: "the domain is served at another host",
        remedy: "let the SRV record name that host",
        source: "RFC 6120 §4.9.3.19",
    }
    POLICY: Error "xmpp-policy-violation" {
        means: "the peer's policy does not let our domain in, or not in this way",
        remedy: "let the peer's operator permit our domain; the peer may require TLS or a trusted certificate",
        source: "RFC 6120 §4.9.3.14",
    }
    PROTOCOL: Error "xmpp-protocol" {
        means: "what answers at that port does not keep to XMPP between servers",
        remedy: "look whether the SRV record names the port for servers, usually 5269; the peer's software may be at fault",
        source: "RFC 6120 §4",
    }
    RESTARTING: Warning "xmpp-restarting" {
        means: "the peer's server stops or starts again",
        remedy: "try again in some minutes",
        source: "RFC 6120 §4.9.3.16, §4.9.3.20",
    }
    STARTTLS_OPTIONAL: Note "xmpp-starttls-optional" {
        means: "others may speak with it in clear text, and somebody in the middle can make them",
        remedy: "",
        source: "RFC 7590 §3.1",
    }
    STREAM_ERROR: Error "xmpp-stream-error" {
        means: "the peer ended the stream with an error",
        remedy: "the peer's log may say more",
        source: "RFC 6120 §4.9",
    }
    TIMED_OUT: Error "xmpp-timed-out" {
        means: "the peer or something on the way does not answer",
        remedy: "look whether the port speaks XMPP between servers, and for firewalls that inspect it",
        source: "RFC 6120 §4",
    }
    TLS_FAILED: Error "xmpp-tls-failed" {
        means: "there is no encryption, without which nothing is sent",
        remedy: "look at the findings about TLS",
        source: "RFC 6120 §5.4.3.2",
    }
    TLS_NOT_OFFERED: Error "xmpp-tls-not-offered" {
        means: "the peer does not encrypt, and nothing is sent in clear text",
        remedy: "let the peer switch on TLS; where it cannot, do not require TLS of this domain",
        source: "RFC 6120 §5.3.1",
    }
    VERSION: Warning "xmpp-version" {
        means: "the peer's software is older than XMPP 1.0, and offers no features",
        remedy: "let the peer be upgraded",
        source: "RFC 6120 §4.7.5",
    }
}
