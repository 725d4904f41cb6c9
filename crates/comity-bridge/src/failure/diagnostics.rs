use comity_sip::header::Diagnostics;
use comity_sip::{Field, Headers, Limits};

use super::line;

/// What a Microsoft server says about its refusal (header `ms-diagnostics`, MS-OCER §2.2.1).
///
/// ```
/// use comity_bridge::failure::MsDiagnostics;
///
/// let refusal = MsDiagnostics::read("1027;reason=\"Cannot route\";source=\"sip.example\"");
/// let refusal = refusal.expect("well-formed");
/// assert_eq!(refusal.id, 1027);
/// assert_eq!(refusal.reason.as_deref(), Some("Cannot route"));
/// assert!(refusal.cause().is_some());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MsDiagnostics {
    /// The number of the error.
    pub id: u32,
    /// The server's own words, one line.
    pub reason: Option<Box<str>>,
    /// The server that noticed it, one line.
    pub source: Option<Box<str>>,
}

impl MsDiagnostics {
    /// Longer words of the server are cut off.
    pub const MAX_TEXT_BYTES: usize = 256;

    /// Finds the first well-formed header of this kind.
    #[must_use]
    pub fn parse(headers: Headers<'_>) -> Option<Self> {
        // `ms-diagnostics-public` is what a server shows to partners that may not see the other.
        ["ms-diagnostics", "ms-diagnostics-public"]
            .iter()
            .find_map(|name| {
                headers
                    .find(name)
                    .find_map(|one| Self::read(one.text().ok()?))
            })
    }

    /// Reads the value of the header; `None` if it does not begin with a number.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let (header, _) = Diagnostics::read(value.as_bytes(), &Limits::default()).ok()?;
        let short = |text: &str| line(text, Self::MAX_TEXT_BYTES).into_boxed_str();
        Some(Self {
            id: header.code(),
            reason: header.reason().as_deref().map(short),
            source: header.source().as_deref().map(short),
        })
    }

    /// What lies behind it and where to look, for an operator; `None` for numbers that have nothing
    /// to do with federation.
    #[must_use]
    pub fn cause(&self) -> Option<&'static str> {
        Self::CAUSES
            .iter()
            .find_map(|(id, cause)| (*id == self.id).then_some(*cause))
    }

    /// Every number that has a known cause, in their order.
    pub const CAUSES: &[(u32, &str)] = &[
        (
            1000,
            "the final handshake failed; compare certificates and TLS versions of both sides",
        ),
        (
            1001,
            "the sender may not use public instant messaging; ask the partner to enable it",
        ),
        (
            1002,
            "the sender may not talk to federated partners; the partner's policy for its user forbids it",
        ),
        (
            1003,
            "the user does not exist at the partner; check the address",
        ),
        (
            1004,
            "the route of the conversation is no longer valid; begin a new one",
        ),
        (
            1005,
            "the partner cannot route to the destination domain; it must allow the domain for federation",
        ),
        (
            1006,
            "the partner failed to route to the user's client; the client may have gone",
        ),
        (1007, "the partner cannot route for the moment; try again"),
        (
            1008,
            "the partner found no SRV record for the domain; publish _sipfederationtls._tcp",
        ),
        (
            1009,
            "the SRV record leads to a host outside its domain; point it to a host inside the domain",
        ),
        (
            1010,
            "the partner does not trust the certificate of the next hop; check its names, chain and purposes",
        ),
        (
            1011,
            "the hop before sent no explanation; look into the log of that server",
        ),
        (
            1012,
            "the sender may not be reached from outside the enterprise; the partner's policy for its user forbids it",
        ),
        (
            1013,
            "the clocks of both servers differ too much; synchronise them",
        ),
        (
            1014,
            "the partner found no address record for the host; publish A or AAAA for the SRV target",
        ),
        (
            1027,
            "the partner does not route requests of this kind to or from federated domains; it must allow the domain",
        ),
        (
            1034,
            "the federated partner before sent no explanation; it hides diagnostics by default",
        ),
        (
            4003,
            "the sender is not enabled for access from outside; the partner's policy for its user forbids it",
        ),
        (
            4005,
            "the destination is not enabled for SIP or does not exist; check the address",
        ),
    ];
}
