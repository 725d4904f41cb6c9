use rustls::CipherSuite;

use super::*;
use crate::default_provider;

fn parse(text: &str) -> CipherList {
    CipherList::parse(text, &default_provider())
}

/// The objections to one name; none to what is supported.
fn objections(name: &str) -> Vec<Objection> {
    let list = parse(name);
    let [entry] = list.entries() else {
        panic!("{name}: {list:?}");
    };
    match &entry.answer {
        CipherAnswer::Refused(objections) => objections.clone(),
        CipherAnswer::Supported(_) => Vec::new(),
        CipherAnswer::NoEffect => panic!("{name}"),
    }
}

#[test]
fn of_the_whole_registry_only_the_suites_of_the_provider_are_supported() {
    let provider = default_provider();
    for code in 0..=u16::MAX {
        let Some(name) = CipherSuite::from(code).as_str() else {
            continue;
        };
        let name = name.replace("TLS13_", "TLS_");
        let list = CipherList::parse(&name, &provider);
        let known = provider.cipher_suites.iter();
        let known: Vec<_> = known
            .filter(|suite| u16::from(suite.suite()) == code)
            .copied()
            .collect();
        assert_eq!(list.supported(), known, "{name}");
        let refused = matches!(list.entries()[0].answer, CipherAnswer::Refused(_));
        assert_eq!(refused, known.is_empty(), "{name}");
    }
}

#[test]
fn each_refusal_has_its_reasons_the_gravest_first() {
    use Objection as O;
    for (name, expected) in [
        ("TLS_AES_128_GCM_SHA256", &[][..]),
        ("ECDHE-RSA-AES128-GCM-SHA256", &[]),
        ("ecdhe-ecdsa-chacha20-poly1305", &[]),
        ("TLS_RSA_WITH_AES_128_CBC_SHA", &[O::RsaKeyExchange, O::Cbc]),
        ("AES128-SHA", &[O::RsaKeyExchange, O::Cbc]),
        ("AES128-GCM-SHA256", &[O::RsaKeyExchange]),
        (
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            &[O::TripleDes, O::RsaKeyExchange],
        ),
        ("TLS_RSA_WITH_RC4_128_MD5", &[O::Rc4, O::RsaKeyExchange]),
        ("TLS_RSA_WITH_DES_CBC_SHA", &[O::Des, O::RsaKeyExchange]),
        ("TLS_RSA_WITH_IDEA_CBC_SHA", &[O::Idea, O::RsaKeyExchange]),
        ("TLS_RSA_WITH_SEED_CBC_SHA", &[O::RsaKeyExchange, O::Cbc]),
        (
            "TLS_RSA_WITH_NULL_SHA256",
            &[O::NullCipher, O::RsaKeyExchange],
        ),
        ("TLS_NULL_WITH_NULL_NULL", &[O::NullCipher]),
        ("TLS_SHA256_SHA256", &[O::NullCipher]),
        (
            "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5",
            &[O::Export, O::Rc2, O::RsaKeyExchange],
        ),
        ("TLS_DH_anon_WITH_AES_128_GCM_SHA256", &[O::Anonymous]),
        ("AECDH-AES256-SHA", &[O::Anonymous, O::Cbc]),
        ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", &[O::FiniteFieldDhe]),
        (
            "TLS_DHE_DSS_WITH_AES_256_CBC_SHA",
            &[O::FiniteFieldDhe, O::Dss, O::Cbc],
        ),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", &[O::Cbc]),
        (
            "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256",
            &[O::StaticDiffieHellman],
        ),
        ("TLS_PSK_WITH_AES_128_GCM_SHA256", &[O::Psk]),
        ("TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA", &[O::Srp, O::Cbc]),
        (
            "TLS_KRB5_WITH_3DES_EDE_CBC_SHA",
            &[O::TripleDes, O::Kerberos],
        ),
        ("TLS_ECCPWD_WITH_AES_128_GCM_SHA256", &[O::Password]),
        ("TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC", &[O::Gost]),
        ("TLS_AES_128_CCM_SHA256", &[O::NotInProvider]),
        ("TLS_SM4_GCM_SM3", &[O::NotInProvider]),
        ("TLS_AEGIS_128L_SHA256", &[O::NotInProvider]),
        (
            "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256",
            &[O::NotInProvider],
        ),
        ("TLS_FALLBACK_SCSV", &[O::Signal]),
        ("TLS_EMPTY_RENEGOTIATION_INFO_SCSV", &[O::Signal]),
        ("HIGH", &[O::Keyword]),
        ("!aNULL", &[O::Keyword]),
        ("kRSA+AES", &[O::Keyword]),
        ("@STRENGTH", &[O::Keyword]),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM", &[O::UnknownName]),
        ("RSA_WITH_AES_128_CBC_SHA", &[O::UnknownName]),
    ] {
        assert_eq!(objections(name), expected, "{name}");
    }
}

#[test]
fn a_list_is_separated_as_operators_do_it_and_keeps_its_order() {
    let list = parse(" :ECDHE-RSA-AES256-GCM-SHA384,, NULL-SHA;\r\n\tTLS_AES_128_GCM_SHA256 ");
    let names: Vec<_> = list.entries().iter().map(|entry| &*entry.name).collect();
    assert_eq!(
        names,
        [
            "ECDHE-RSA-AES256-GCM-SHA384",
            "NULL-SHA",
            "TLS_AES_128_GCM_SHA256"
        ]
    );
    let supported = list.supported();
    let codes: Vec<_> = supported.iter().map(SupportedCipherSuite::suite).collect();
    assert_eq!(
        codes,
        [
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS13_AES_128_GCM_SHA256
        ]
    );
}

#[test]
fn a_suite_that_is_named_twice_counts_once() {
    let list = parse("ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_eq!(list.entries().len(), 2);
    assert_eq!(list.supported().len(), 1);
}

#[test]
fn the_setting_about_empty_fragments_is_taken_without_effect() {
    for name in [
        "disable_empty_fragments",
        "Disable-Empty-TLS-Fragments",
        "DONT_INSERT_EMPTY_FRAGMENTS",
        "SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS",
    ] {
        let list = parse(name);
        assert_eq!(
            list.entries()[0].to_string(),
            format!(
                "{name}: accepted without effect: \
                 it works round a weakness of TLS 1.0, which is never spoken"
            )
        );
        assert_eq!(list.supported(), []);
    }
}

#[test]
fn the_operator_reads_what_to_do() {
    for (name, text) in [
        (
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            "TLS_RSA_WITH_AES_128_CBC_SHA: refused (RSA key exchange, CBC): RFC 6120 §13.8 \
             requires it, but it has no forward secrecy and RFC 9325 §4.1 advises against it: \
             let the peer offer ECDHE with AES-GCM or ChaCha20, or put a TLS proxy in front that \
             can do both",
        ),
        (
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            "TLS_RSA_WITH_3DES_EDE_CBC_SHA: refused (triple DES, RSA key exchange): \
             let the peer offer ECDHE with AES-GCM or ChaCha20, or put a TLS proxy in front that \
             can do both",
        ),
        (
            "NULL-SHA",
            "NULL-SHA: refused (no encryption, RSA key exchange): \
             take it off the list, and upgrade the peer that needs it",
        ),
        (
            "TLS_AES_128_GCM_SHA265",
            "TLS_AES_128_GCM_SHA265: refused (not the name of a cipher suite): \
             compare the spelling with the TLS registry of IANA",
        ),
    ] {
        assert_eq!(parse(name).entries()[0].to_string(), text);
    }
}

#[test]
fn a_list_warns_of_whom_it_locks_out() {
    use CipherWarning as W;
    for (list, expected) in [
        ("", vec![W::NothingSupported]),
        ("AES128-SHA", vec![W::NothingSupported]),
        (
            "TLS_AES_128_GCM_SHA256",
            vec![
                W::EllipticCurvesOnly,
                W::VersionWithoutSuite(TlsVersion::Tls12),
            ],
        ),
        (
            "ECDHE-RSA-AES128-GCM-SHA256",
            vec![
                W::EllipticCurvesOnly,
                W::VersionWithoutSuite(TlsVersion::Tls13),
            ],
        ),
        (
            "ECDHE-RSA-AES128-GCM-SHA256 TLS_AES_128_GCM_SHA256",
            vec![W::EllipticCurvesOnly],
        ),
    ] {
        assert_eq!(parse(list).warnings(), expected, "{list}");
    }
    assert_eq!(
        W::VersionWithoutSuite(TlsVersion::Tls13).to_string(),
        "the list has no suite for TLS 1.3: name one, or leave that version out"
    );
}
