use super::*;

fn read(args: &[&str]) -> Result<Command, String> {
    let args = ["comity-tls-mux"].iter().chain(args);
    parse(Parser::from_iter(args)).map_err(|error| error.to_string())
}

fn run(args: &[&str]) -> Result<Options, String> {
    match read(args)? {
        Command::Run(options) => Ok(*options),
        other @ (Command::Help | Command::Version) => Err(format!("{other:?}")),
    }
}

fn files(certificate: &str, key: &str) -> Files {
    Files {
        certificate: certificate.into(),
        key: key.into(),
    }
}

fn named(name: &str) -> Result<Host, String> {
    host(name)
}

fn port() -> Options {
    Options {
        listen: DEFAULT_LISTEN,
        strict: false,
        identity: Some(files("m.pem", "m.key")),
        domains: Vec::new(),
        client_auth: Auth::Observe,
        peer_subjects: Vec::new(),
        target: None,
        trust: Vec::new(),
        pins: Vec::new(),
        crls: Vec::new(),
        forms: Forms::Host,
        eku: EkuPolicy::AnyTls,
        legacy_cn: false,
        ciphers: None,
        min_tls: TlsVersion::Tls12,
        max_tls: TlsVersion::Tls13,
    }
}

const REQUIRED: [&str; 2] = ["--cert=m.pem", "--key=m.key"];

#[test]
fn a_certificate_is_enough() {
    assert_eq!(run(&REQUIRED), Ok(port()));
    assert_eq!(port().listen.to_string(), "127.0.0.1:1533");
}

#[test]
fn certificates_of_single_domains_are_enough() {
    let mut expected = port();
    expected.identity = None;
    let domain = DomainName::parse("a.example").map_err(|error| error.to_string());
    expected.domains = domain
        .map(|domain| (domain, files("a.pem", "a.key")))
        .into_iter()
        .collect();
    assert_eq!(run(&["--sni=A.Example=a.pem,a.key"]), Ok(expected));
}

#[test]
fn every_option_of_the_port_is_read() -> Result<(), String> {
    let mut expected = port();
    expected.listen = ([192, 0, 2, 1], 1).into();
    expected.strict = true;
    expected.client_auth = Auth::Required;
    expected.peer_subjects = vec![named("proxy.example")?, named("192.0.2.7")?];
    expected.trust = vec!["a.pem".into(), "b.pem".into()];
    expected.crls = vec!["a.crl".into(), "b.crl".into()];
    expected.forms = Forms::Sip;
    expected.eku = EkuPolicy::Both;
    expected.legacy_cn = true;
    expected.ciphers = Some("HIGH:AES128-SHA".to_owned());
    expected.min_tls = TlsVersion::Tls13;
    expected.max_tls = TlsVersion::Tls12;
    let options = [
        "--listen=192.0.2.1:1",
        "--strict",
        "--client-auth=required",
        "--peer-subject=Proxy.Example",
        "--peer-subject=192.0.2.7",
        "--trust=a.pem",
        "--trust=b.pem",
        "--crl=a.crl",
        "--crl=b.crl",
        "--rule=sip",
        "--eku=both",
        "--legacy-cn",
        "--ciphers=HIGH:AES128-SHA",
        "--min-tls=1.3",
        "--max-tls=1.2",
    ];
    assert_eq!(run(&[&REQUIRED[..], &options].concat()), Ok(expected));
    Ok(())
}

#[test]
fn a_client_needs_no_certificate() -> Result<(), String> {
    let mut expected = port();
    expected.identity = None;
    expected.target = Some(Target {
        address: "mux.example:1533".to_owned(),
        name: named("a.example")?,
    });
    expected.forms = Forms::PeerSubject;
    let options = [
        "--connect=mux.example:1533",
        "--name=a.example",
        "--rule=peer",
    ];
    assert_eq!(run(&options), Ok(expected));
    Ok(())
}

#[test]
fn every_word_has_its_meaning() {
    for (word, meaning) in [
        ("none", Auth::None),
        ("observe", Auth::Observe),
        ("want", Auth::Want),
        ("required", Auth::Required),
    ] {
        assert_eq!(auth(word), Ok(meaning));
    }
    for (word, meaning) in [
        ("dns", Forms::Host),
        ("sip", Forms::Sip),
        ("xmpp", Forms::Xmpp(Service::XmppServer)),
        ("peer", Forms::PeerSubject),
    ] {
        assert_eq!(rule(word), Ok(meaning));
    }
    for (word, meaning) in [
        ("any-tls", EkuPolicy::AnyTls),
        ("role-strict", EkuPolicy::RoleStrict),
        ("both", EkuPolicy::Both),
        ("sip-domain", EkuPolicy::SipDomain),
        ("sip-domain-or-tls", EkuPolicy::SipDomainOrTls),
    ] {
        assert_eq!(eku(word), Ok(meaning));
    }
}

#[test]
fn help_and_version_need_nothing_else() {
    assert_eq!(read(&["--help"]), Ok(Command::Help));
    assert_eq!(read(&["--version"]), Ok(Command::Version));
}

#[test]
fn an_error_says_what_to_change() {
    for (options, error) in [
        (&[][..], "--cert is missing; see --help"),
        (&["--cert=m.pem"], "--key is missing; see --help"),
        (&["--key=m.key"], "--cert is missing; see --help"),
        (&["--connect=a:1"], "--name is missing; see --help"),
        (
            &["--name=a.example", "--cert=m.pem", "--key=m.key"],
            "--name is for a client; give --connect too",
        ),
        (
            &["--connect=a:1", "--name=a.example", "--strict"],
            "--strict is nothing for a client; leave it or --connect out",
        ),
        (
            &["--connect=a:1", "--name=a.example", "--client-auth=want"],
            "--client-auth is nothing for a client; leave it or --connect out",
        ),
        (
            &["--cert=m.pem", "--key=m.key", "--peer-subject=a.example"],
            "--peer-subject needs --client-auth want or required",
        ),
        (
            &["--client-auth=maybe"],
            "--client-auth \"maybe\": give none, observe, want or required",
        ),
        (
            &["--rule=http"],
            "--rule \"http\": give dns, sip, xmpp or peer",
        ),
        (
            &["--eku=none"],
            "--eku \"none\": give any-tls, role-strict, both, sip-domain or sip-domain-or-tls",
        ),
        (
            &["--min-tls=1.0"],
            "--min-tls \"1.0\": give 1.2 or 1.3; nothing older can be spoken",
        ),
        (
            &["--listen=1533"],
            "--listen \"1533\": give an IP address and a port, as in 192.0.2.1:1533",
        ),
        (
            &["--sni=a.example=a.pem"],
            "--sni \"a.example=a.pem\": give a domain and two files, as in \
             a.example=a.pem,a.key",
        ),
        (
            &["--sni=a..b=a.pem,a.key"],
            "--sni \"a..b=a.pem,a.key\": the domain name has an empty label",
        ),
        (
            &["--name=a..b"],
            "--name \"a..b\": the domain name has an empty label",
        ),
        (&["--cert=a", "--cert=b"], "--cert is given more than once"),
        (
            &["--rule=sip", "--rule=sip"],
            "--rule is given more than once",
        ),
        (&["--help=x"], "--help \"x\": it takes no value"),
        (&["--colour"], "invalid option '--colour'; see --help"),
        (&["file"], "unexpected argument \"file\"; see --help"),
    ] {
        assert_eq!(run(options), Err(error.to_owned()), "{options:?}");
    }
}
