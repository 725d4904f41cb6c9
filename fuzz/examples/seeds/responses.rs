//! Responses of WS-SecureConversation that are refused, each for a reason of its own.

/// Responses, by what is wrong with them.
pub(crate) fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let inside = INSIDE.iter().map(|(name, more)| (*name, response(more)));
    let deep = format!("{}{}", "<x>".repeat(16), "</x>".repeat(16));
    let long = format!("<x>{}</x>", "x".repeat(1100));
    let whole = [
        ("deep", response(&deep)),
        ("many-elements", response(&"<x/>".repeat(257))),
        ("long", response(&long)),
        ("no-namespace", "<RequestSecurityTokenResponse/>".to_owned()),
        ("unbound", "<t:RequestSecurityTokenResponse/>".to_owned()),
        ("two-roots", format!("{}<x/>", response(""))),
        ("text-behind", format!("{} x", response(""))),
        ("closed-twice", format!("{}</x>", response(""))),
        ("nothing", "<!-- -->".to_owned()),
        (
            "utf-16",
            format!("<?xml version='1.0' encoding='UTF-16'?>{}", response("")),
        ),
        (
            "no-encoding",
            format!("<?xml version='1.0' encoding?>{}", response("")),
        ),
        (
            "no-identifier",
            format!("<RequestSecurityTokenResponse xmlns='{TRUST}'/>"),
        ),
    ];
    let whole = whole.into_iter().chain(inside);
    whole
        .map(|(name, text)| (name, text.into_bytes()))
        .collect()
}

/// A response with a token and something more.
fn response(more: &str) -> String {
    format!(
        "<RequestSecurityTokenResponse xmlns='{TRUST}' xmlns:c='{CONVERSATION}'>\
         <RequestedSecurityToken><c:SecurityContextToken><c:Identifier>urn:1</c:Identifier>\
         </c:SecurityContextToken></RequestedSecurityToken>{more}</RequestSecurityTokenResponse>"
    )
}

/// What a response has besides its token.
const INSIDE: [(&str, &str); 17] = [
    ("repeated", "<KeySize>256</KeySize><KeySize>256</KeySize>"),
    ("element-in-text", "<KeySize><x/></KeySize>"),
    (
        "mixed-namespaces",
        "<x xmlns='http://docs.oasis-open.org/ws-sx/ws-trust/200512'/>",
    ),
    ("unprefixed", "<x xmlns=''/><KeySize>&#50;5&#x36;</KeySize>"),
    ("attribute-twice", "<x a='' a=''/>"),
    ("attribute-open", "<x a=&b;/>"),
    ("unknown-entity", "<KeySize>&x;</KeySize>"),
    (
        "asymmetric",
        "<Entropy><BinarySecret Type='http://schemas.xmlsoap.org/ws/2005/02/trust/AsymmetricKey'/></Entropy>",
    ),
    ("other-token", "<TokenType>x</TokenType>"),
    (
        "key-and-computed-key",
        "<RequestedProofToken><BinarySecret>MTIzNDU2Nzg=</BinarySecret><ComputedKey>\
         http://schemas.xmlsoap.org/ws/2005/02/trust/CK/PSHA1</ComputedKey></RequestedProofToken>",
    ),
    (
        "computed-without-entropy",
        "<RequestedProofToken><ComputedKey>\
         http://schemas.xmlsoap.org/ws/2005/02/trust/CK/PSHA1</ComputedKey></RequestedProofToken>",
    ),
    ("proof-without-secret", "<RequestedProofToken/>"),
    ("entropy-without-secret", "<Entropy/>"),
    (
        "entropy-for-nothing",
        "<Entropy><BinarySecret>MTIzNDU2Nzg=</BinarySecret></Entropy>",
    ),
    ("key-size-in-words", "<KeySize>many</KeySize>"),
    (
        "key-size-too-large",
        "<KeySize>99999999999999999999</KeySize>",
    ),
    (
        "bad-time",
        "<Lifetime><Created xmlns='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'>x</Created></Lifetime>",
    ),
];

const TRUST: &str = "http://schemas.xmlsoap.org/ws/2005/02/trust";
const CONVERSATION: &str = "http://schemas.xmlsoap.org/ws/2005/02/sc";
