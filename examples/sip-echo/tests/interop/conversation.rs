//! What a caller of SIPp's says.

use crate::sipp::Scenario;

/// A message outside of a session, which comes back.
pub(crate) fn page() -> Scenario {
    Scenario::new("page_caller").beside("page_echo")
}

/// A session in which a text comes back.
pub(crate) fn session() -> Scenario {
    Scenario::new("session_caller").fill("retrans", " retrans=\"500\"")
}

/// The same where the text may come back before it is answered.
pub(crate) fn relayed_session() -> Scenario {
    Scenario::new("session_caller").fill("retrans", "")
}

/// A subscription to the presence of a user of this domain.
pub(crate) fn presence(domain: &str) -> Scenario {
    Scenario::new("presence_caller").fill("domain", domain)
}
