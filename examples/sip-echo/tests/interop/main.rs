//! The echo domain and the endpoint under it against SIPp, Kamailio and linphonec, on loopback
//! addresses.
//!
//! The tests need sip-tester, stunnel4, kamailio with its TLS and presence modules, linphone-cli and
//! dnsmasq, so they run on request only: `cargo test -p comity-sip-echo --test interop -- --ignored`.
#![cfg(test)]
#![expect(
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by a panic, shows what the servers said, and waits for one kind of event"
)]

/// Makes three tests of each function: one for each transport.
macro_rules! over_each_transport {
    ($($test:ident: $function:ident;)*) => { $(
        mod $test {
            use comity_sip::Transport;

            use super::$function;

            #[test]
            #[ignore = "needs sip-tester, stunnel4, kamailio, linphone-cli and dnsmasq"]
            fn udp() {
                $function(Transport::Udp);
            }

            #[test]
            #[ignore = "needs sip-tester, stunnel4, kamailio, linphone-cli and dnsmasq"]
            fn tcp() {
                $function(Transport::Tcp);
            }

            #[test]
            #[ignore = "needs sip-tester, stunnel4, kamailio, linphone-cli and dnsmasq"]
            fn tls() {
                $function(Transport::Tls);
            }
        }
    )* };
}

mod agent;
mod callers;
mod certificates;
mod clients;
mod conversation;
mod dns;
mod echo;
mod kamailio;
mod linphone;
mod process;
mod proofs;
mod request;
mod scene;
mod sipp;
mod site;
mod stunnel;
