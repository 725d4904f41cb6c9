use comity_identity::{DomainName, Host};
use comity_xmpp::Jid;

/// Parses a text as an address, a domain name and a host, and what is written of each again.
pub fn jid_domain(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(name) = DomainName::parse(&text) {
        check_name(&name);
        let dotted = format!("{name}.");
        assert_eq!(DomainName::parse(&dotted).as_ref(), Ok(&name), "{dotted}");
        let upper = name.as_str().to_ascii_uppercase();
        assert_eq!(DomainName::parse(&upper).as_ref(), Ok(&name), "{upper}");
    }
    if let Ok(host) = Host::parse(&text) {
        assert_eq!(Host::parse(&host.to_string()).as_ref(), Ok(&host), "{host}");
    }
    if let Ok(jid) = Jid::parse(&text) {
        check_name(jid.domain());
        for part in [jid.local(), jid.resource()].into_iter().flatten() {
            assert!((1..=Jid::MAX_PART_BYTES).contains(&part.len()), "{part:?}");
        }
        for jid in [jid.to_bare(), jid] {
            let written = jid.to_string();
            assert_eq!(Jid::parse(&written).as_ref(), Ok(&jid), "{written:?}");
        }
    }
}

fn check_name(name: &DomainName) {
    let text = name.as_str();
    assert!(text.len() <= DomainName::MAX_BYTES, "{text}");
    for label in name.labels() {
        assert!(
            (1..=DomainName::MAX_LABEL_BYTES).contains(&label.len()),
            "{text}"
        );
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(label.bytes().all(plain), "{text}");
    }
    assert_eq!(DomainName::parse(text).as_ref(), Ok(name), "{text}");
    let unicode = name.to_unicode();
    assert_eq!(DomainName::parse(&unicode).as_ref(), Ok(name), "{unicode}");
    if let Some(parent) = name.parent() {
        assert!(name.is_below(&parent), "{text}");
        check_parent(&parent);
    }
    assert!(!name.is_below(name), "{text}");
}

/// What lies above a name is a name as well.
fn check_parent(parent: &DomainName) {
    assert_eq!(DomainName::parse(parent.as_str()).as_ref(), Ok(parent));
}
