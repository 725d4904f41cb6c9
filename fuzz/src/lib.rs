//! What the fuzz targets of comity do, as plain functions of bytes.
//!
//! Each function panics if the code under test breaks a promise. The binaries in `fuzz_targets`
//! give them to libFuzzer, and `tests/replay.rs` gives them every file of `corpus` and
//! `regressions`, without a fuzzer.

#![forbid(unsafe_code)]

mod bridge_address;
mod bridge_bodies;
mod bridge_stanza;
mod certificate_names;
mod client_hello;
mod dns_answer;
mod doctor_answers;
mod gateway_config;
mod jid_domain;
// The reference models of the sequence test of comity-xmpp.
#[allow(
    dead_code,
    unused_imports,
    reason = "the sequence test uses more of it"
)]
#[path = "../../crates/comity-xmpp/tests/sequence/oracle/mod.rs"]
mod oracle;
mod policy_rules;
pub mod program;
mod revocation_list;
pub mod script;
mod secure_conversation_response;
mod sip;
mod srv_select;
mod stanza_forward;
mod wire;
mod xml;
mod xml_cuts;
mod xml_differential;
mod xmpp_pair;
mod xmpp_router;
mod xmpp_session;
mod xmpp_stream;

pub use bridge_address::bridge_address;
pub use bridge_bodies::bridge_bodies;
pub use bridge_stanza::bridge_stanza;
pub use certificate_names::{certificate_names, seed_chains};
pub use client_hello::{client_hello, seed_hellos};
pub use dns_answer::dns_answer;
pub use doctor_answers::doctor_answers;
pub use gateway_config::gateway_config;
pub use jid_domain::jid_domain;
pub use policy_rules::policy_rules;
pub use revocation_list::{revocation_list, seed_lists};
pub use secure_conversation_response::secure_conversation_response;
pub use sip::{
    sip_build, sip_differential, sip_edit, sip_endpoint, sip_message, sip_multipart, sip_pair,
    sip_stream, sip_uri,
};
pub use srv_select::srv_select;
pub use stanza_forward::stanza_forward;
pub use xml_cuts::xml_cuts;
pub use xml_differential::xml_differential;
pub use xmpp_pair::xmpp_pair;
pub use xmpp_router::xmpp_router;
pub use xmpp_session::xmpp_session;
pub use xmpp_stream::xmpp_stream;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its binary and of its folders.
pub const TARGETS: [(&str, Target); 29] = [
    ("bridge_address", bridge_address),
    ("bridge_bodies", bridge_bodies),
    ("bridge_stanza", bridge_stanza),
    ("certificate_names", certificate_names),
    ("client_hello", client_hello),
    ("dns_answer", dns_answer),
    ("doctor_answers", doctor_answers),
    ("gateway_config", gateway_config),
    ("jid_domain", jid_domain),
    ("policy_rules", policy_rules),
    ("revocation_list", revocation_list),
    ("secure_conversation_response", secure_conversation_response),
    ("sip_build", sip_build),
    ("sip_differential", sip_differential),
    ("sip_edit", sip_edit),
    ("sip_endpoint", sip_endpoint),
    ("sip_message", sip_message),
    ("sip_multipart", sip_multipart),
    ("sip_pair", sip_pair),
    ("sip_stream", sip_stream),
    ("sip_uri", sip_uri),
    ("srv_select", srv_select),
    ("stanza_forward", stanza_forward),
    ("xml_cuts", xml_cuts),
    ("xml_differential", xml_differential),
    ("xmpp_pair", xmpp_pair),
    ("xmpp_router", xmpp_router),
    ("xmpp_session", xmpp_session),
    ("xmpp_stream", xmpp_stream),
];
