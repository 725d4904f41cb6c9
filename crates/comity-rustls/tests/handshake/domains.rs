use comity_rustls::{ClientAuth, ConfigError, PresentCertificate};

use super::*;

/// Our certificates, told apart by their names.
fn own(name: &str) -> Identity {
    let seed = name.bytes().fold(0_u8, u8::wrapping_add);
    identity(&root().issue(&leaf(seed, name)))
}

fn presented(certificates: Option<&[rustls::pki_types::CertificateDer<'_>]>) -> Option<Vec<u8>> {
    certificates.map(|chain| chain[0].to_vec())
}

fn der(name: &str) -> Vec<u8> {
    own(name).chain()[0].to_vec()
}

/// What a server presents to a client that asks for `name`.
fn served(config: ServerConfig, name: &str) -> Option<Vec<u8>> {
    let client = Arc::new(observing(None).client_config().unwrap());
    let pair = Pair::of(&client, &Arc::new(config), name).run();
    presented(pair.client.peer_certificates())
}

fn domain(name: &str) -> DomainName {
    DomainName::parse(name).unwrap()
}

#[test]
fn a_server_presents_what_belongs_to_the_domain_asked_for() {
    let mut context = observing(None);
    context.identity = Some(own("both.example"));
    for name in ["a.example", "b.example"] {
        context.inbound.domains.insert(domain(name), own(name));
    }
    let by_sni = |context: &TlsContext, name| served(context.server_config().unwrap(), name);
    for (asked, expected) in [
        ("a.example", "a.example"),
        ("B.Example", "b.example"),
        ("c.example", "both.example"),
        ("im.a.example", "both.example"),
        ("192.0.2.1", "both.example"),
    ] {
        assert_eq!(by_sni(&context, asked), Some(der(expected)), "{asked}");
    }
    context.inbound.default = Some(own("default.example"));
    assert_eq!(by_sni(&context, "c.example"), Some(der("default.example")));
    context.inbound.default = None;
    context.identity = None;
    assert_eq!(by_sni(&context, "a.example"), Some(der("a.example")));
    assert_eq!(by_sni(&context, "c.example"), None);
}

#[test]
fn the_domain_of_the_stream_goes_before_sni() {
    let mut context = observing(None);
    context.identity = Some(own("both.example"));
    for name in ["a.example", "b.example"] {
        context.inbound.domains.insert(domain(name), own(name));
    }
    for (to, asked, expected) in [
        ("a.example", "a.example", "a.example"),
        ("a.example", "b.example", "a.example"),
        ("a.example", "192.0.2.1", "a.example"),
        ("c.example", "b.example", "b.example"),
        ("c.example", "c.example", "both.example"),
    ] {
        let config = context.server_config_for(&domain(to)).unwrap();
        let expected = Some(der(expected));
        assert_eq!(served(config, asked), expected, "{to}, {asked}");
    }
}

#[test]
fn a_client_presents_what_belongs_to_its_direction_and_domain() {
    let mut context = observing(None);
    context.identity = Some(own("both.example"));
    context.inbound.default = Some(own("server.example"));
    let server = Arc::new(context.server_config().unwrap());
    let shown = |config: ClientConfig| {
        let pair = Pair::of(&Arc::new(config), &server, "server.example").run();
        assert_eq!(pair.errors(), (None, None));
        assert_eq!(
            presented(pair.client.peer_certificates()),
            Some(der("server.example"))
        );
        presented(pair.server.peer_certificates())
    };
    let anyone = |context: &TlsContext| shown(context.client_config().unwrap());
    let a = |context: &TlsContext| {
        let config = context.client_config_for(&domain("a.example"));
        shown(config.unwrap())
    };
    assert_eq!(anyone(&context), Some(der("both.example")));
    assert_eq!(a(&context), Some(der("both.example")));
    context.outbound.default = Some(own("client.example"));
    assert_eq!(anyone(&context), Some(der("client.example")));
    assert_eq!(a(&context), Some(der("client.example")));
    let domains = &mut context.outbound.domains;
    domains.insert(domain("a.example"), own("a.example"));
    assert_eq!(anyone(&context), Some(der("client.example")));
    assert_eq!(a(&context), Some(der("a.example")));
    context.present_certificate = PresentCertificate::Never;
    assert_eq!((anyone(&context), a(&context)), (None, None));
}

#[test]
fn a_server_needs_an_identity_and_a_client_none() {
    let mut context = observing(None);
    context.client_auth = ClientAuth::None;
    context.outbound.default = Some(own("client.example"));
    let no_identity = Err(ConfigError::NoIdentity);
    let for_a = |context: &TlsContext| context.server_config_for(&domain("a.example")).map(drop);
    assert_eq!(context.server_config().map(drop), no_identity);
    assert_eq!(for_a(&context), no_identity);
    let domains = &mut context.inbound.domains;
    domains.insert(domain("a.example"), own("a.example"));
    assert_eq!(context.server_config().map(drop), Ok(()));
    assert_eq!(for_a(&context), Ok(()));
    let none = observing(None);
    assert_eq!(none.client_config().map(drop), Ok(()));
    assert_eq!(
        none.client_config_for(&domain("a.example")).map(drop),
        Ok(())
    );
}
