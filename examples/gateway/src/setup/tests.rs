use comity_identity::Host;
use comity_policy::{FederatedDomain, PeerKind};
use comity_rustls::{PortMode, TlsVersion};
use comity_testkit::mint::{Ca, Leaf};
use comity_testkit::site::Site;
use comity_tokio::Source;
use comity_trust::{CommonName, PeerSubject};

use super::*;

const CONFIG: &str = r#"
[domains]
xmpp = ["capulet.example"]
sip = ["montague.example"]
[[xmpp.listeners]]
address = "127.0.0.1:5269"
[[xmpp.listeners]]
address = "127.0.0.1:5270"
begins-with = "direct-tls"
[sip]
federation-host = "sip.capulet.example"
[[sip.listeners]]
address = "127.0.0.1:5062"
port = 5061
shared = true
[sip.listeners.tls]
peer-subjects = ["edge.contoso.example"]
legacy-peer-subjects = ["lync.contoso.example"]
ciphers = "ECDHE-RSA-AES256-GCM-SHA384"
max-version = "1.2"
[[sip.listeners]]
address = "127.0.0.1:5060"
transport = "udp"
host = "127.0.0.1"
[[sip.peers]]
domains = ["contoso.example", "fabrikam.example"]
subjects = ["edge.contoso.example"]
[tls.inbound]
chain = "chain.pem"
key = "key.pem"
[dns]
servers = ["192.0.2.53"]
validating = true
danger-allow-private = true
[policy]
file = "policy.toml"
[[routes.sip]]
pattern = "contoso.example"
next-hop = "edge.contoso.example"
"#;

fn world(config: &str) -> (Config, Loaded, Site) {
    let folder = Site::new("setup");
    let root = Ca::new("Example CA", [1; 32]).self_signed();
    let own = root.issue(&Leaf::new([2; 32]).dns("capulet.example"));
    folder.write("chain.pem", &own.chain_pem());
    folder.write("key.pem", &own.key_pem());
    folder.write(
        "policy.toml",
        "[[sip.domains]]\nname = \"contoso.example\"\n",
    );
    let config = Config::parse(config, folder.directory()).unwrap();
    let loaded = Loaded::read(&config).unwrap();
    (config, loaded, folder)
}

#[tokio::test]
async fn a_sip_listener_gets_its_transport_names_and_tls() {
    let (config, loaded, _folder) = world(CONFIG);
    let server = sip_config(&config, &loaded, &locator(&config, &loaded).unwrap());
    let [tls, udp] = server.listen.as_slice() else {
        panic!("{:?}", server.listen);
    };
    assert_eq!(tls.transport, Transport::Tls);
    assert_eq!(tls.host, Some("sip.capulet.example".parse().unwrap()));
    assert_eq!(tls.port, Some(5061));
    assert_eq!(tls.mode, PortMode::LegacyAndTls);
    let context = tls.tls.as_ref().unwrap();
    assert_eq!(context.max_version, TlsVersion::Tls12);
    assert_eq!(context.cipher_suites.as_ref().unwrap().len(), 1);
    assert_eq!(
        context.peer_subjects,
        Some(vec![
            PeerSubject::new("edge.contoso.example".parse::<Host>().unwrap()),
            PeerSubject::with_common_name(
                "lync.contoso.example".parse::<DomainName>().unwrap(),
                CommonName::Always
            ),
        ])
    );
    assert_eq!(udp.transport, Transport::Udp);
    assert_eq!(udp.host, Some("127.0.0.1".parse().unwrap()));
    assert!(udp.tls.is_none());
    assert_eq!(server.discovery.servers, ["192.0.2.53:53".parse().unwrap()]);
    assert!(server.discovery.servers_validate);
    assert!(server.discovery.address_policy.danger_allow_private);
}

#[test]
fn each_xmpp_listener_begins_as_it_says() {
    let (config, loaded, _folder) = world(CONFIG);
    let federation = xmpp_config(&config, &loaded, loaded.rules.clone()).unwrap();
    assert_eq!(federation.listen, ["127.0.0.1:5269".parse().unwrap()]);
    assert_eq!(federation.listen_tls, ["127.0.0.1:5270".parse().unwrap()]);
    assert_eq!(federation.policy, loaded.rules);
    let shared = CONFIG.replace("\"direct-tls\"", "\"both\"");
    let (config, loaded, _folder) = world(&shared);
    let federation = xmpp_config(&config, &loaded, loaded.rules.clone()).unwrap();
    assert_eq!(federation.listen_tls, []);
    assert_eq!(
        federation.listen_shared,
        ["127.0.0.1:5270".parse().unwrap()]
    );
}

#[test]
fn streams_have_a_dialback_secret_and_the_routes_of_the_configuration() {
    let route =
        "[[routes.xmpp]]\npattern = \"capulet.example\"\nnext-hop = \"10.0.0.2\"\nport = 5269\n";
    let (config, loaded, _folder) = world(&format!("{CONFIG}{route}"));
    assert!(loaded.dialback.is_none());
    let federation = xmpp_config(&config, &loaded, loaded.rules.clone()).unwrap();
    // One is drawn.
    assert!(federation.router.stream.dialback.is_some());
    let hops: Vec<_> = federation
        .routes
        .iter()
        .map(|(_, route)| route.next_hop.to_string())
        .collect();
    assert_eq!(hops, ["10.0.0.2"]);
}

#[test]
fn each_domain_that_a_local_server_gives_is_a_component_of_it() {
    let listeners = CONFIG.split("[[xmpp.listeners]]").next().unwrap();
    let (_, rest) = CONFIG.split_once("[sip]\n").unwrap();
    let xmpp = "[xmpp]\nmode = \"component\"\n[xmpp.component]\nserver = \"127.0.0.1\"\n\
                [[xmpp.component.domains]]\nname = \"montague.example\"\nsecret = \"s3cret\"\n";
    let (config, loaded, _folder) = world(&format!("{listeners}{xmpp}[sip]\n{rest}"));
    let [link] = components(&config, &loaded, None).try_into().unwrap();
    assert_eq!(
        (link.host.to_string(), link.port),
        ("127.0.0.1".to_owned(), 5347)
    );
    assert_eq!(link.component.domain.as_str(), "montague.example");
    assert!(!format!("{link:?}").contains("s3cret"));
}

#[test]
fn the_streams_speak_for_all_domains_on_sip_and_let_ours_on_xmpp_in() {
    let (config, loaded, _folder) = world(CONFIG);
    let rules = xmpp_rules(&config, &loaded.rules);
    let local: Vec<_> = rules.local_domains.iter().map(DomainName::as_str).collect();
    assert_eq!(local, ["contoso.example", "montague.example"]);
    let exceptions: Vec<_> = rules
        .xmpp
        .exceptions
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(exceptions, ["exception capulet.example (all packets)"]);
    assert!(comity_policy::Policy::new(rules).is_ok());
}

#[tokio::test]
async fn a_locator_knows_routes_peers_and_listed_domains() {
    let (config, mut loaded, _folder) = world(CONFIG);
    let name = "fabrikam.example".parse().unwrap();
    loaded
        .rules
        .sip
        .domains
        .push(FederatedDomain::new(name, PeerKind::Microsoft));
    let locator = locator(&config, &loaded).unwrap();
    let sources: Vec<_> = {
        let mut sources = Vec::new();
        for name in ["contoso.example", "fabrikam.example"] {
            let found = locator.discover(&name.parse().unwrap()).await.unwrap();
            sources.push((found.messaging, found.source));
        }
        sources
    };
    assert_eq!(
        sources,
        [
            (Messaging::Sip, Source::Route),
            (Messaging::Sip, Source::Configured),
        ]
    );
    let subjects = config.sip.subjects();
    assert_eq!(subjects.len(), 2);
    assert_eq!(
        subjects[&"fabrikam.example".parse::<DomainName>().unwrap()],
        [PeerSubject::new(
            "edge.contoso.example".parse::<Host>().unwrap()
        )]
    );
}
