use comity_rustls::{CipherList, ConfigError};
use rustls::{AlertDescription, CipherSuite, PeerIncompatible};

use super::*;

const OLD: &str = "ECDHE-ECDSA-CHACHA20-POLY1305";
const NEW: &str = "TLS_AES_256_GCM_SHA384";

fn with(names: &str) -> TlsContext {
    let mut context = observing(Some(&leaf(2, "a.example").self_signed()));
    let list = CipherList::parse(names, &context.provider);
    context.cipher_suites = Some(list.supported());
    context
}

#[test]
fn only_named_suites_are_negotiated() {
    let both = with(&format!("{OLD}:{NEW}"));
    for (version, suite) in [
        (
            TlsVersion::Tls12,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ),
        (TlsVersion::Tls13, CipherSuite::TLS13_AES_256_GCM_SHA384),
    ] {
        let mut one = both.clone();
        (one.min_version, one.max_version) = (version, version);
        for (client, server) in [(&one, &both), (&both, &one)] {
            let pair = Pair::new(client, server, "a.example").run();
            assert_eq!(pair.errors(), (None, None));
            for side in [
                pair.client.negotiated_cipher_suite(),
                pair.server.negotiated_cipher_suite(),
            ] {
                assert_eq!(side.map(|side| side.suite()), Some(suite));
            }
        }
    }
}

#[test]
fn whoever_has_none_of_the_named_suites_is_refused() {
    let mut client = with("ECDHE-ECDSA-AES128-GCM-SHA256 TLS_AES_128_GCM_SHA256");
    let server = with(&format!("{OLD} {NEW}"));
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        (client.min_version, client.max_version) = (version, version);
        let pair = Pair::new(&client, &server, "a.example").run();
        assert_eq!(
            pair.errors(),
            (
                Some(Error::AlertReceived(AlertDescription::HandshakeFailure)),
                Some(PeerIncompatible::NoCipherSuitesInCommon.into())
            )
        );
    }
}

#[test]
fn versions_and_suites_have_to_fit_together() {
    use TlsVersion::{Tls12, Tls13};
    let without = |version| Err(ConfigError::VersionWithoutSuite { version });
    for (names, min, max, expected) in [
        (OLD, Tls12, Tls13, without(Tls13)),
        (NEW, Tls12, Tls13, without(Tls12)),
        (OLD, Tls12, Tls12, Ok(())),
        (NEW, Tls13, Tls13, Ok(())),
        (OLD, Tls13, Tls13, without(Tls13)),
        (NEW, Tls12, Tls12, without(Tls12)),
        ("", Tls13, Tls12, Err(ConfigError::NoVersion)),
        ("", Tls12, Tls12, without(Tls12)),
        ("AES128-SHA", Tls12, Tls13, without(Tls13)),
    ] {
        let mut context = with(names);
        (context.min_version, context.max_version) = (min, max);
        assert_eq!(context.client_config().map(drop), expected, "{names}");
        assert_eq!(context.server_config().map(drop), expected, "{names}");
    }
}

#[test]
fn a_suite_of_another_provider_does_not_count() {
    let mut context = with(NEW);
    let mut provider = (*context.provider).clone();
    let unknown = CipherSuite::TLS13_AES_256_GCM_SHA384;
    provider
        .cipher_suites
        .retain(|suite| suite.suite() != unknown);
    context.provider = Arc::new(provider);
    context.min_version = TlsVersion::Tls13;
    let expected = Err(ConfigError::VersionWithoutSuite {
        version: TlsVersion::Tls13,
    });
    assert_eq!(context.client_config().map(drop), expected);
}
