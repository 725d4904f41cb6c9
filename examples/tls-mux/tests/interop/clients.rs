//! `openssl s_client` at the port.

use comity_testkit::mint::{Ca, Identity, Leaf, NOT_AFTER, Purpose};
use comity_testkit::site::Site;

use crate::mux::{Mux, ended, program};
use crate::openssl::{client, list_pem};
use crate::people::{Files, files, leaf, root, stranger, trust};

const SESSION: &str = "TLS 1.3 TLS_AES_256_GCM_SHA384, client certificate: ";

/// What the port says about a client with this certificate, and whether the client read it.
fn said(mux: &Mux, own: Option<&Identity>, options: &[&str]) -> (String, bool) {
    let own = own.map(|own| files(mux.site(), "client", own));
    let printed = client(mux.address(), own.as_ref(), options);
    let line = mux.line();
    let was_told = printed.contains(&line);
    (line, was_told)
}

fn served(client: &str) -> (String, bool) {
    (format!("{SESSION}{client}"), true)
}

fn refused(reason: &str) -> (String, bool) {
    (format!("refused: {reason}"), false)
}

fn refused_certificate(reason: &str) -> (String, bool) {
    refused(&format!("client certificate: not trusted: {reason}"))
}

fn good() -> Identity {
    root().issue(&leaf().dns("a.example"))
}

const TRUSTED: &str = "a.example proved by a.example, vouched for by a CA";

#[test]
#[ignore = "needs openssl"]
fn each_mode_of_client_authentication_meets_no_certificate_and_a_good_one() {
    for (mode, without, with) in [
        ("none", served("not asked for"), served("not asked for")),
        ("observe", served("none"), served(TRUSTED)),
        ("want", served("none"), served(TRUSTED)),
        (
            "required",
            refused("peer sent no certificates"),
            served(TRUSTED),
        ),
    ] {
        let mux = Mux::start(&["--strict", "--client-auth", mode]);
        assert_eq!(said(&mux, None, &[]), without, "{mode}");
        assert_eq!(said(&mux, Some(&good()), &[]), with, "{mode}");
    }
}

#[test]
#[ignore = "needs openssl"]
fn each_bad_certificate_is_observed_or_refused() {
    let subject = "--peer-subject=a.example";
    for (own, reason) in [
        (
            root().issue(&leaf().dns("b.example")),
            "the certificate names b.example, not a.example [name-mismatch]",
        ),
        (
            root().issue(&leaf().common_name("a.example")),
            "the certificate names nothing, not a.example; its common name does not count \
             (policy on common names) [name-mismatch]",
        ),
        (
            stranger().issue(&leaf().dns("a.example")),
            "the certificate chain does not lead to a trusted CA [unknown-issuer]",
        ),
        (
            leaf().dns("a.example").self_signed(),
            "the certificate is self-signed and not pinned [self-signed]",
        ),
        (
            root().issue(&leaf().dns("a.example").valid(0, 1)),
            "the certificate expired at 1970-01-01T00:00:01Z [expired]",
        ),
        (
            root().issue(
                &leaf()
                    .dns("a.example")
                    .purposes(&[Purpose::EmailProtection]),
            ),
            "the certificate lacks the extended key usage serverAuth or clientAuth that a TLS \
             client needs (policy any-tls) [extended-key-usage]",
        ),
    ] {
        for mode in ["want", "required"] {
            let mux = Mux::start(&["--client-auth", mode, subject]);
            let expected = refused_certificate(reason);
            assert_eq!(said(&mux, Some(&own), &[]), expected, "{mode}");
            assert_eq!(said(&mux, Some(&good()), &[]), served(TRUSTED));
        }
    }
    let mux = Mux::start(&[]);
    let expired = root().issue(&leaf().dns("a.example").valid(0, 1));
    let observed = "not trusted: the certificate expired at 1970-01-01T00:00:01Z [expired]";
    assert_eq!(said(&mux, Some(&expired), &[]), served(observed));
}

#[test]
#[ignore = "needs openssl"]
fn a_wildcard_names_no_peer() {
    let own = root().issue(&leaf().dns("*.a.example"));
    let options = ["--client-auth=required", "--peer-subject=im.a.example"];
    let reason = "the certificate names *.a.example, not im.a.example; \
                  a wildcard does not count here [name-mismatch]";
    let mux = Mux::start(&options);
    assert_eq!(said(&mux, Some(&own), &[]), refused_certificate(reason));
}

#[test]
#[ignore = "needs openssl"]
fn a_common_name_counts_by_the_legacy_switch_alone() {
    let own = root().issue(&leaf().common_name("a.example"));
    let options = [
        "--client-auth=required",
        "--peer-subject=a.example",
        "--legacy-cn",
    ];
    let mux = Mux::start(&options);
    let (line, was_told) = said(&mux, Some(&own), &[]);
    assert!(
        line.starts_with(&format!("{SESSION}a.example proved by ")),
        "{line}"
    );
    assert!(was_told);
}

#[test]
#[ignore = "needs openssl"]
fn the_usages_are_those_of_the_policy() {
    let only = |purpose| root().issue(&leaf().dns("a.example").purposes(&[purpose]));
    for (policy, own, lacking) in [
        ("role-strict", only(Purpose::ServerAuth), "clientAuth"),
        ("both", only(Purpose::ServerAuth), "clientAuth"),
        ("both", only(Purpose::ClientAuth), "serverAuth"),
        ("sip-domain", only(Purpose::ServerAuth), "sipDomain"),
    ] {
        let mux = Mux::start(&["--client-auth=required", "--eku", policy]);
        let reason = format!(
            "the certificate lacks the extended key usage {lacking} that a TLS client needs \
             (policy {policy}) [extended-key-usage]"
        );
        assert_eq!(said(&mux, Some(&own), &[]), refused_certificate(&reason));
    }
}

#[test]
#[ignore = "needs openssl"]
fn a_revoked_certificate_is_refused() {
    let own = good();
    let (crl, empty) = (
        root().crl(2, 0, NOT_AFTER, &[own.leaf()]),
        root().crl(1, 0, NOT_AFTER, &[]),
    );
    let mux = Mux::start(&[]);
    let write = |name, der: &[u8]| {
        let path = mux.site().directory().join(name);
        std::fs::write(&path, der).unwrap();
        path.display().to_string()
    };
    let (crl, empty) = (write("new.crl", &crl), write("old.crl", &empty));
    for lists in [[&crl, &empty], [&empty, &crl]] {
        let options = ["--client-auth=want", "--crl", lists[0], "--crl", lists[1]];
        let reason = "the certificate has been revoked [revoked]";
        let expected = refused_certificate(reason);
        assert_eq!(said(&Mux::start(&options), Some(&own), &[]), expected);
    }
}

#[test]
#[ignore = "needs openssl"]
fn every_list_of_a_file_counts_and_needs_the_certificate_of_its_issuer() {
    let site = Site::new("tls-mux");
    let sub = root().delegate(&Ca::new("Sub", [5; 32]));
    let own = sub.issue(&leaf().dns("a.example"));
    let lists = [
        root().crl(1, 0, NOT_AFTER, &[]),
        sub.crl(1, 0, NOT_AFTER, &[own.leaf()]),
    ];
    let lists: String = lists.iter().map(|list| list_pem(&site, list)).collect();
    let crl = site.write("both.pem", &(sub.certificate_pem() + &lists));
    let mux = Mux::start(&["--client-auth=want", "--crl", crl.to_str().unwrap()]);
    let revoked = refused_certificate("the certificate has been revoked [revoked]");
    assert_eq!(said(&mux, Some(&own), &[]), revoked);

    let crl = site.write("alone.pem", &lists);
    let Files { certificate, key } = files(&site, "mux", &good());
    let mut command = program();
    command.arg("--cert").arg(certificate).arg("--key").arg(key);
    command
        .arg("--trust")
        .arg(trust(&site))
        .arg("--crl")
        .arg(&crl);
    let output = command.output().unwrap();
    let missing = "the certificate of the issuer of the revocation list is missing";
    let line = format!("comity-tls-mux: {}: {missing}", crl.display());
    assert_eq!(ended(&output), (Some(2), String::new(), line));
}

#[test]
#[ignore = "needs openssl"]
fn old_clients_are_diagnosed() {
    const UPGRADE: &str = "upgrade the peer, or put a TLS proxy between";
    let mux = Mux::start(&["--strict"]);
    for (options, reason) in [
        (
            &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
            format!("TLS 1.1 and older only: {UPGRADE}"),
        ),
        (
            &["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
            format!("TLS 1.0 and older only: {UPGRADE}"),
        ),
        (
            &["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA256"],
            format!(
                "offers no cipher suite for TLS 1.2 that we have, only RSA key exchange, CBC \
                 (TLS_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_AES_256_CBC_SHA256): {UPGRADE}"
            ),
        ),
        (
            &["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"],
            format!(
                "offers no cipher suite for TLS 1.2 that we have, only Diffie-Hellman without \
                 elliptic curves (TLS_DHE_RSA_WITH_AES_128_GCM_SHA256): {UPGRADE}"
            ),
        ),
        (
            &["-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0"],
            "offers only anonymous suites (TLS_ECDH_anon_WITH_AES_128_CBC_SHA): \
             let the peer demand a certificate of us"
                .to_owned(),
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
            "the suites in common (TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) do not fit our ECDSA \
             key: use another certificate, or let the peer offer suites for it"
                .to_owned(),
        ),
        (
            &["-groups", "secp521r1"],
            "no common key exchange group (offered: secp521r1): \
             let the peer enable secp256r1 or x25519"
                .to_owned(),
        ),
        (
            &["-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"],
            "no common signature scheme for our ECDSA key (offered: RSA_PSS_SHA256, \
             RSA_PKCS1_SHA256): upgrade the peer, or use another certificate"
                .to_owned(),
        ),
    ] {
        assert_eq!(said(&mux, None, options), refused(&reason));
    }
}

#[test]
#[ignore = "needs openssl"]
fn the_port_keeps_to_its_list_of_suites() {
    let mux = Mux::start(&[
        "--ciphers=ECDHE-ECDSA-AES256-GCM-SHA384",
        "--max-tls=1.2",
        "--client-auth=none",
    ]);
    let answer = "--ciphers: ECDHE-ECDSA-AES256-GCM-SHA384: supported";
    assert_eq!(format!("--ciphers: {}", mux.line()), answer);
    // The two warnings: elliptic curves only, and no suite for TLS 1.3.
    mux.line();
    mux.line();
    assert_eq!(
        said(&mux, None, &[]),
        (
            "TLS 1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, client certificate: not asked for"
                .to_owned(),
            true
        )
    );
    let options = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"];
    assert_eq!(
        said(&mux, None, &options),
        refused(
            "offers no cipher suite for TLS 1.2 that we have, only left out by our own list \
             (TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256): put it on the list of cipher suites"
        )
    );
}

#[test]
#[ignore = "needs openssl"]
fn a_client_gets_the_certificate_of_the_domain_that_it_asks_for() {
    let first = Mux::start(&[]);
    let own = root().issue(&Leaf::new([4; 32]).dns("im.example"));
    let own = files(first.site(), "im", &own);
    let sni = format!(
        "--sni=im.example={},{}",
        own.certificate.display(),
        own.key.display()
    );
    let mux = Mux::start(&[&sni]);
    let trust = mux.site().directory().join("root.pem");
    let trust = trust.to_str().unwrap();
    for (asked, named) in [
        ("im.example", "im.example"),
        ("mux.example", "mux.example"),
        ("other.example", "mux.example"),
    ] {
        let options = ["-servername", asked, "-verify_hostname", named];
        let verify = ["-CAfile", trust, "-verify_return_error"];
        let options = [&options[..], &verify].concat();
        assert_eq!(said(&mux, None, &options), served("none"), "{asked}");
    }
}
