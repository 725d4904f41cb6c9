use comity_testkit::mint::{Authority, Ca, Leaf};
use comity_testkit::site::Site;

use super::*;

const CONFIG: &str = r#"
[domains]
xmpp = ["capulet.example"]
sip = ["montague.example"]
[xmpp]
dialback-secret-file = "secret"
[tls.inbound]
chain = "chain.pem"
key = "key.pem"
[[tls.domains]]
name = "montague.example"
direction = "outbound"
chain = "chain.pem"
key = "key.pem"
[trust.xmpp]
anchors = ["roots.pem"]
[trust.sip]
pins = [{ subjects = ["edge.example"], certificate = "pin.pem" }]
[policy]
file = "policy.toml"
[email]
file = "addresses"
"#;

fn root() -> Authority {
    Ca::new("Example CA", [1; 32]).self_signed()
}

/// A folder in which everything is right.
fn folder() -> Site {
    let folder = Site::new("load");
    let own = root().issue(&Leaf::new([2; 32]).dns("capulet.example"));
    let peer = root().issue(&Leaf::new([3; 32]).dns("edge.example"));
    folder.write("chain.pem", &own.chain_pem());
    folder.write("key.pem", &own.key_pem());
    folder.write("roots.pem", &root().certificate_pem());
    let pin = peer.chain_pem();
    let end = "-----END CERTIFICATE-----\n";
    let (own, _) = pin.split_once(end).unwrap();
    folder.write("pin.pem", &format!("{own}{end}"));
    folder.write("secret", "hunter2\r\n");
    folder.write(
        "policy.toml",
        "[xmpp]\nenabled = true\ndefault = \"allow\"\n",
    );
    folder.write(
        "addresses",
        "# users\nromeo@montague.example r.montague@mail.example # a comment\n\
         juliet@capulet.example\nnurse@capulet.example nurse\n\n",
    );
    folder
}

fn load(folder: &Site) -> Result<Loaded, ConfigErrors> {
    let config = Config::parse(CONFIG, folder.directory()).unwrap();
    Loaded::read(&config)
}

fn errors(folder: &Site) -> Vec<String> {
    let errors = load(folder).unwrap_err();
    let place = format!("{}/", folder.directory().display());
    let errors = errors.errors().iter();
    errors
        .map(|error| error.to_string().replace(&place, ""))
        .collect()
}

#[test]
fn every_file_is_read_and_put_where_it_belongs() {
    let folder = folder();
    let loaded = load(&folder).unwrap();
    assert_eq!(loaded.inbound.as_ref().unwrap().chain().len(), 1);
    assert!(loaded.outbound.is_none());
    let domains: Vec<_> = loaded
        .domains
        .iter()
        .map(|(name, usage, _)| (name.as_str(), *usage))
        .collect();
    assert_eq!(domains, [("montague.example", Usage::Outbound)]);
    assert_eq!(loaded.xmpp_trust.policy.store.anchor_count(), 1);
    assert_eq!(loaded.xmpp_trust.policy.store.pins().count(), 0);
    assert_eq!(loaded.sip_trust.policy.store.anchor_count(), 0);
    assert_eq!(loaded.sip_trust.policy.store.pins().count(), 1);
    let ours: Vec<_> = loaded
        .rules
        .local_domains
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(ours, ["capulet.example", "montague.example"]);
    let email: Vec<_> = loaded
        .rules
        .email
        .identities
        .iter()
        .map(|(user, email)| (user.to_string(), email.to_string()))
        .collect();
    assert_eq!(
        email,
        [(
            "romeo@montague.example".to_owned(),
            "r.montague@mail.example".to_owned()
        )]
    );
    assert!(loaded.dialback.is_some());
    assert!(!format!("{loaded:?}").contains("hunter2"));
    let place = format!("{}/", folder.directory().display());
    let notices: Vec<_> = loaded
        .notices
        .iter()
        .map(|one| one.replace(&place, ""))
        .collect();
    assert_eq!(
        notices,
        [
            "addresses line 4, \"nurse\": there is no @, as in user@example.com: nurse@capulet.example is known \
          by his own address"
        ]
    );
    let context = loaded.tls_context();
    assert!(context.server_config().is_ok());
    assert_eq!(context.inbound.domains.len(), 0);
    assert_eq!(context.outbound.domains.len(), 1);
}

#[test]
fn all_that_is_wrong_with_files_is_told_at_once() {
    let folder = folder();
    folder.write("key.pem", &root().issue(&Leaf::new([9; 32])).key_pem());
    folder.write("secret", "\n");
    folder.write("pin.pem", "no certificate");
    fs::remove_file(folder.directory().join("roots.pem")).unwrap();
    folder.write("policy.toml", "[xmpp]\nenabled = 5\n[sip]\nenable = true\n");
    folder.write("addresses", "a@b c@d e@f\nnobody n@mail.example\n");
    assert_eq!(
        errors(&folder),
        [
            "line 6, xmpp.dialback-secret-file: an empty secret protects nothing: write one of at \
             least 16 random characters",
            "line 9, tls.inbound.key: key.pem: the private key does not belong to the first \
             certificate",
            "line 14, tls.domains[0].key: key.pem: the private key does not belong to the first \
             certificate",
            "line 16, trust.xmpp.anchors[0]: roots.pem: entity not found: check the path and who \
             may read it",
            "line 18, trust.sip.pins[0].certificate: pin.pem: the file holds no certificate in PEM",
            "line 20, policy.file: policy.toml: line 2, xmpp.enabled: true or false is expected, \
             not a whole number",
            "line 20, policy.file: policy.toml: line 4, sip.enable: no such key; allowed are \
             blocked, default, domains, enabled",
            "line 22, email.file: addresses: line 1, there are more than two addresses",
            "line 22, email.file: addresses: line 2, \"nobody\": there is no @, as in user@example.com",
        ]
    );
}

#[test]
fn the_rules_name_the_same_domains_or_none() {
    let folder = folder();
    let rules = "local-domains = [\"capulet.example\", \"verona.example\"]\n";
    folder.write("policy.toml", rules);
    assert_eq!(
        errors(&folder),
        [
            "line 20, policy.file: verona.example is in local-domains of the rules: name it in \
             [domains] too, or delete it there",
            "line 20, policy.file: montague.example is not in local-domains of the rules: name it \
             there too, or delete the list",
        ]
    );
    let rules = "local-domains = [\"montague.example\", \"capulet.example\"]\n";
    folder.write("policy.toml", rules);
    assert_eq!(load(&folder).unwrap().rules.local_domains.len(), 2);
}

#[test]
fn rules_that_contradict_our_domains_are_errors() {
    let folder = folder();
    folder.write(
        "policy.toml",
        "[[sip.domains]]\nname = \"montague.example\"\n",
    );
    assert_eq!(
        errors(&folder),
        [
            "line 20, policy.file: policy.toml: montague.example is a local domain and cannot be \
          federated"
        ]
    );
    folder.write(
        "policy.toml",
        "[xmpp.exceptions]\nall = [\"a.example\", \"a.example\"]\n",
    );
    assert_eq!(
        errors(&folder),
        [
            "line 20, policy.file: policy.toml: line 2, xmpp.exceptions: there are two exceptions for \
          a.example"
        ]
    );
    folder.write(
        "addresses",
        "romeo@montague.example a@m.example\njuliet@capulet.example a@m.example\n",
    );
    folder.write("policy.toml", "");
    assert_eq!(
        errors(&folder),
        [
            "line 20, policy.file: policy.toml: juliet@capulet.example and romeo@montague.example \
          have the same email address a@m.example"
        ]
    );
}

#[test]
fn revocation_lists_are_of_the_anchors() {
    let folder = folder();
    let config = |lists: &str| {
        let text = CONFIG.replace(
            "anchors = [\"roots.pem\"]",
            &format!("anchors = [\"roots.pem\"]\nrevocation-lists = [{lists}]"),
        );
        Config::parse(&text, folder.directory()).unwrap()
    };
    folder.write("wrong", "no list");
    let errors = Loaded::read(&config("\"wrong\"")).unwrap_err();
    let place = format!("{}/", folder.directory().display());
    assert_eq!(
        errors.to_string().replace(&place, ""),
        "line 17, trust.xmpp.revocation-lists[0]: wrong: the revocation list is malformed"
    );
    fs::write(
        folder.directory().join("list"),
        root().crl(1, 1_600_000_000, 1_900_000_000, &[]),
    )
    .unwrap();
    let loaded = Loaded::read(&config("\"list\"")).unwrap();
    assert_eq!(loaded.xmpp_trust.revocation_lists.len(), 1);
    assert_eq!(loaded.sip_trust.revocation_lists.len(), 0);
}
