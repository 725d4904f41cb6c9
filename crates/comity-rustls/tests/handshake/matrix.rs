use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver};

use comity_identity::Host;
use comity_rustls::{ClientAuth, ConfigError, Enforce, ServerAuth};
use comity_trust::{Forms, PeerSubject};
use rustls::{AlertDescription, CertificateError};

use super::*;

/// What a peer presents.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    Nothing,
    Right,
    WrongName,
    WrongCa,
    Expired,
    SelfSigned,
    Pinned,
    MissingUsage,
}

const ALL: [Shown; 8] = [
    Shown::Nothing,
    Shown::Right,
    Shown::WrongName,
    Shown::WrongCa,
    Shown::Expired,
    Shown::SelfSigned,
    Shown::Pinned,
    Shown::MissingUsage,
];

impl Shown {
    fn identity(self, seed: u8, name: &str) -> Option<mint::Identity> {
        let good = leaf(seed, name);
        let stranger = Ca::new("Stranger", [4; 32]).self_signed();
        Some(match self {
            Self::Nothing => return None,
            Self::Right => root().issue(&good),
            Self::WrongName => root().issue(&leaf(seed, "wrong.example")),
            Self::WrongCa => stranger.issue(&good),
            Self::Expired => root().issue(&good.valid(0, NOW - 1)),
            Self::SelfSigned => good.self_signed(),
            Self::Pinned => leaf(seed + 100, name).self_signed(),
            Self::MissingUsage => root().issue(&good.purposes(&[mint::Purpose::EmailProtection])),
        })
    }

    /// What is to be said against it where `name` is expected of a peer in a role.
    fn reason(self, role: &str, name: &str) -> Option<String> {
        Some(match self {
            Self::Right | Self::Pinned => return None,
            Self::Nothing => "the peer presented no certificate".to_owned(),
            Self::WrongName => format!("the certificate names wrong.example, not {name}"),
            Self::WrongCa => "the certificate chain does not lead to a trusted CA".to_owned(),
            Self::Expired => "the certificate expired at 2027-01-15T07:59:59Z".to_owned(),
            Self::SelfSigned => "the certificate is self-signed and not pinned".to_owned(),
            Self::MissingUsage => format!(
                "the certificate lacks the extended key usage serverAuth or clientAuth \
                 that a TLS {role} needs (policy any-tls)"
            ),
        })
    }

    /// How the handshake ends where it is judged: the error, and the alert for the peer.
    fn end(self, server: Option<&str>) -> Option<(CertificateError, AlertDescription)> {
        Some(match self {
            Self::Nothing | Self::Right | Self::Pinned => return None,
            Self::WrongName => (
                match server {
                    Some(name) => CertificateError::NotValidForNameContext {
                        expected: name.to_owned().try_into().unwrap(),
                        presented: vec!["wrong.example".to_owned()],
                    },
                    None => CertificateError::NotValidForName,
                },
                AlertDescription::BadCertificate,
            ),
            Self::WrongCa | Self::SelfSigned => {
                (CertificateError::UnknownIssuer, AlertDescription::UnknownCA)
            }
            Self::Expired => (
                CertificateError::ExpiredContext {
                    time: at(NOW),
                    not_after: at(NOW - 1),
                },
                AlertDescription::CertificateExpired,
            ),
            Self::MissingUsage => (
                CertificateError::InvalidPurpose,
                AlertDescription::UnsupportedCertificate,
            ),
        })
    }
}

/// Everything that is presented by `a.example`, a client, and by `b.example`, a server.
static IDENTITIES: LazyLock<[Vec<Option<Identity>>; 2]> = LazyLock::new(|| {
    [(2, "a.example"), (3, "b.example")].map(|(seed, name)| {
        let minted = ALL.into_iter().map(|shown| shown.identity(seed, name));
        minted.map(|minted| minted.as_ref().map(identity)).collect()
    })
});

/// Trusts the root, and pins what `Shown::Pinned` presents.
static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let mut policy = trusting(&root());
    for (side, name) in [(0, "a.example"), (1, "b.example")] {
        let pinned = presented(Shown::Pinned, side).unwrap();
        let subject = DomainName::parse(name).unwrap();
        policy.store.add_pin(&pinned.chain()[0], [subject]);
    }
    Arc::new(policy)
});

fn presented(shown: Shown, side: usize) -> Option<Identity> {
    let index = ALL.iter().position(|known| *known == shown).unwrap();
    IDENTITIES[side][index].clone()
}

/// What was said in a handshake: `None` for trust.
type Heard = Receiver<Option<String>>;

/// Judges by that policy, and tells what was said.
fn enforce() -> (Enforce, Heard) {
    let (say, heard) = mpsc::channel();
    let mut enforce = Enforce::new(Arc::clone(&POLICY), Arc::new(At(NOW)));
    enforce.witness = Some(Arc::new(move |verdict: &Verdict| {
        let reason = verdict.reason().map(ToString::to_string);
        say.send(reason).unwrap();
    }));
    (enforce, heard)
}

/// The reason of a verdict after the handshake.
fn said_after(connection: &CommonState, role: Role, name: &str) -> Option<String> {
    let verdict = verdict(connection, role, name, &POLICY);
    verdict.reason().map(ToString::to_string)
}

fn client(shown: Shown, version: TlsVersion) -> TlsContext {
    context(presented(shown, 0), version)
}

fn server(shown: Shown, version: TlsVersion) -> TlsContext {
    context(presented(shown, 1), version)
}

fn context(identity: Option<Identity>, version: TlsVersion) -> TlsContext {
    let mut context = observing(None);
    context.identity = identity;
    (context.min_version, context.max_version) = (version, version);
    context
}

fn peer(name: &str) -> Vec<PeerSubject> {
    vec![PeerSubject::new(Host::parse(name).unwrap())]
}

/// How a handshake ended: what the refused side read, and why the other refused it.
fn ended(refused: Option<Error>, refusing: Option<Error>) -> Option<(Error, AlertDescription)> {
    match (refused, refusing) {
        (None, None) => None,
        (Some(Error::AlertReceived(alert)), Some(error)) => Some((error, alert)),
        other => panic!("{other:?}"),
    }
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    None,
    Observe,
    Present,
    Want,
    Required,
}

const MODES: [Mode; 5] = [
    Mode::None,
    Mode::Observe,
    Mode::Present,
    Mode::Want,
    Mode::Required,
];

/// What becomes of a client: how the handshake ends, and what is said after or in it.
fn expected(mode: Mode, shown: Shown) -> (Option<(Error, AlertDescription)>, Option<String>) {
    let missing = (
        Error::NoCertificatesPresented,
        AlertDescription::CertificateRequired,
    );
    let said = shown.reason("client", "a.example");
    match (mode, shown) {
        (Mode::None, _) => (None, Shown::Nothing.reason("client", "a.example")),
        (Mode::Present | Mode::Required, Shown::Nothing) => (Some(missing), said),
        (Mode::Observe | Mode::Present, _) | (Mode::Want, Shown::Nothing) => (None, said),
        (Mode::Want | Mode::Required, _) => {
            let end = shown.end(None);
            let end = end.map(|(error, alert)| (Error::InvalidCertificate(error), alert));
            (end, said)
        }
    }
}

fn client_auth(mode: Mode, enforce: Enforce) -> ClientAuth {
    match mode {
        Mode::None => ClientAuth::None,
        Mode::Observe => ClientAuth::Observe,
        Mode::Present => ClientAuth::Present,
        Mode::Want => ClientAuth::Want(enforce),
        Mode::Required => ClientAuth::Required(enforce),
    }
}

/// Whether the certificate is judged in the handshake.
fn is_judged(mode: Mode, shown: Shown) -> bool {
    matches!(mode, Mode::Want | Mode::Required) && shown != Shown::Nothing
}

#[test]
fn each_mode_of_client_authentication_with_each_certificate() {
    for (version, negotiated) in VERSIONS {
        for mode in MODES {
            for shown in ALL {
                for observes in [true, false] {
                    let case = format!("{version:?} {mode:?} {shown:?} {observes}");
                    let (enforced, heard) = enforce();
                    let mut server = server(Shown::Right, version);
                    server.client_auth = client_auth(mode, enforced);
                    if is_judged(mode, Shown::Right) {
                        server.peer_subjects = Some(peer("a.example"));
                    }
                    let mut client = client(shown, version);
                    let (judging, judged) = enforce();
                    if !observes {
                        client.server_auth = ServerAuth::Enforce(judging);
                    }
                    let pair = Pair::new(&client, &server, "b.example").run();

                    let (end, said) = expected(mode, shown);
                    let (client, server) = pair.errors();
                    assert_eq!(ended(client, server), end, "{case}");
                    assert_eq!(pair.completed(), end.is_none(), "{case}");
                    let mut heard: Vec<_> = heard.try_iter().collect();
                    if !is_judged(mode, shown) {
                        assert_eq!(heard, [], "{case}");
                        heard.push(said_after(&pair.server, Role::Client, "a.example"));
                    }
                    assert_eq!(heard, [said], "{case}");
                    let judged: Vec<_> = judged.try_iter().collect();
                    assert_eq!(judged, vec![None; usize::from(!observes)], "{case}");
                    if end.is_none() {
                        assert_eq!(pair.server.protocol_version(), Some(negotiated));
                    }
                }
            }
        }
    }
}

#[test]
fn each_certificate_of_a_server_with_each_way_to_judge_it() {
    for (version, negotiated) in VERSIONS {
        for shown in ALL.into_iter().filter(|shown| *shown != Shown::Nothing) {
            let server = server(shown, version);
            let said = shown.reason("server", "b.example");
            let case = format!("{version:?} {shown:?}");

            let mut client = client(Shown::Right, version);
            let pair = Pair::new(&client, &server, "b.example").run();
            assert_eq!(pair.errors(), (None, None), "{case}");
            let after = said_after(&pair.client, Role::Server, "b.example");
            assert_eq!(after, said, "{case}");

            let (enforced, heard) = enforce();
            client.server_auth = ServerAuth::Enforce(enforced);
            let pair = Pair::new(&client, &server, "b.example").run();
            let end = shown.end(Some("b.example"));
            let end = end.map(|(error, alert)| (Error::InvalidCertificate(error), alert));
            let (client, server) = pair.errors();
            assert_eq!(ended(server, client), end, "{case}");
            assert_eq!(heard.try_iter().collect::<Vec<_>>(), [said], "{case}");
            if end.is_none() {
                assert_eq!(pair.client.protocol_version(), Some(negotiated));
            }
        }
    }
}

#[test]
fn without_named_peers_everybody_may_connect_whom_the_policy_trusts() {
    for (shown, may) in [
        (Shown::Right, true),
        (Shown::WrongName, true),
        (Shown::Pinned, true),
        (Shown::WrongCa, false),
        (Shown::Expired, false),
    ] {
        for mode in [Mode::Want, Mode::Required] {
            let (enforced, heard) = enforce();
            let mut server = server(Shown::Right, TlsVersion::Tls13);
            server.client_auth = client_auth(mode, enforced);
            let client = client(shown, TlsVersion::Tls13);
            let pair = Pair::new(&client, &server, "b.example").run();
            assert_eq!(pair.completed(), may, "{shown:?} {mode:?}");
            assert_eq!(heard.try_iter().count(), 1);
        }
    }
}

#[test]
fn everybody_is_named_in_the_forms_that_count() {
    let own = root().issue(&Leaf::new([2; 32]).srv("_xmpp-server.a.example"));
    for (forms, may) in [
        (Forms::Xmpp(Service::XmppServer), true),
        (Forms::Host, false),
    ] {
        let (mut enforced, _heard) = enforce();
        enforced.forms = forms;
        let mut server = server(Shown::Right, TlsVersion::Tls13);
        server.client_auth = ClientAuth::Required(enforced);
        let pair = Pair::new(&observing(Some(&own)), &server, "b.example").run();
        assert_eq!(pair.completed(), may, "{forms:?}");
    }
}

#[test]
fn a_wildcard_is_no_peer() {
    let (enforced, heard) = enforce();
    let mut server = server(Shown::Right, TlsVersion::Tls13);
    server.client_auth = ClientAuth::Required(enforced);
    let client = observing(Some(&root().issue(&leaf(2, "*.a.example"))));
    for peers in [None, Some(peer("im.a.example"))] {
        server.peer_subjects = peers;
        let pair = Pair::new(&client, &server, "b.example").run();
        let (client, server) = pair.errors();
        let (error, alert) = Shown::WrongName.end(None).unwrap();
        let end = (Error::InvalidCertificate(error), alert);
        assert_eq!(ended(client, server), Some(end));
    }
    let heard: Vec<_> = heard.try_iter().flatten().collect();
    assert_eq!(
        heard,
        [
            "the certificate proves nobody: it names *.a.example",
            "the certificate names *.a.example, not im.a.example; a wildcard does not count here"
        ]
    );
}

#[test]
fn peers_cannot_be_named_where_clients_are_not_judged() {
    for mode in MODES {
        let mut server = server(Shown::Right, TlsVersion::Tls13);
        server.client_auth = client_auth(mode, enforce().0);
        server.peer_subjects = Some(peer("a.example"));
        let expected = if is_judged(mode, Shown::Right) {
            Ok(())
        } else {
            Err(ConfigError::UnjudgedSubjects)
        };
        assert_eq!(server.server_config().map(drop), expected, "{mode:?}");
    }
}

#[test]
fn an_empty_list_of_peers_lets_nobody_in() {
    for mode in [Mode::Want, Mode::Required] {
        let (enforced, heard) = enforce();
        let mut server = server(Shown::Right, TlsVersion::Tls13);
        server.client_auth = client_auth(mode, enforced);
        server.peer_subjects = Some(Vec::new());
        let client = client(Shown::Right, TlsVersion::Tls13);
        let pair = Pair::new(&client, &server, "b.example").run();
        assert!(!pair.completed(), "{mode:?}");
        let heard: Vec<_> = heard.try_iter().flatten().collect();
        assert_eq!(heard, ["the certificate names a.example, not nobody"]);
    }
}

#[test]
fn clients_cannot_be_required_to_be_trusted_where_nobody_is() {
    for mode in MODES {
        let (mut enforced, _heard) = enforce();
        let mut policy = Policy::clone(&enforced.policy);
        policy.store = comity_trust::TrustStore::new();
        enforced.policy = Arc::new(policy);
        let mut server = server(Shown::Right, TlsVersion::Tls13);
        server.client_auth = client_auth(mode, enforced);
        let expected = match mode {
            Mode::Required => Err(ConfigError::NobodyTrusted),
            Mode::None | Mode::Observe | Mode::Present | Mode::Want => Ok(()),
        };
        assert_eq!(server.server_config().map(drop), expected, "{mode:?}");
    }
}
