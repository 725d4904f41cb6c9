use std::time::Duration;

use super::*;
use crate::{IdentifierError, KeySizeError, SecretError, TimestampError};

/// As a Microsoft server answers ([MS-LWSSP] §4.9), with a secret in the place of the dots.
const SAMPLE: &str = include_str!("../../tests/data/lwssp.xml");
const V200512: &str = include_str!("../../tests/data/collection.xml");

fn read(document: &str) -> Result<Response, ResponseError> {
    Response::parse(document.as_bytes(), &Limits::default())
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes()).unwrap()
}

/// A response of 2005/02 that has an identifier and something more.
fn with(more: &str) -> String {
    format!(
        r#"<RequestSecurityTokenResponse xmlns="http://schemas.xmlsoap.org/ws/2005/02/trust"
             xmlns:c="http://schemas.xmlsoap.org/ws/2005/02/sc"
             xmlns:t="http://docs.oasis-open.org/ws-sx/ws-trust/200512"
             xmlns:e="http://www.w3.org/2001/04/xmlenc#"
             xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
             ><RequestedSecurityToken><c:SecurityContextToken><c:Identifier>urn:1</c:Identifier
             ></c:SecurityContextToken></RequestedSecurityToken>{more}</RequestSecurityTokenResponse>"#
    )
}

/// `12345678`.
const SECRET: &str = "<BinarySecret>MTIzNDU2Nzg=</BinarySecret>";

fn proof(inner: &str) -> String {
    with(&format!(
        "<RequestedProofToken>{inner}</RequestedProofToken>"
    ))
}

#[test]
fn the_sample_of_microsoft_reads_whole() {
    let at = |seconds| Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
    assert_eq!(
        read(SAMPLE),
        Ok(Response {
            namespace: Namespace::V2005,
            identifier: "urn:uuid:8a63487c-662b-40bf-b2df-f3b536062f5e"
                .parse()
                .unwrap(),
            proof: Proof::Computed(secret("0123456789abcdef0123456789abcdef")),
            key_size: Some(KeySize::DEFAULT),
            created: at(1_218_764_888),
            expires: at(1_218_818_888),
        })
    );
}

#[test]
fn a_collection_of_one_response_of_the_standard_reads_whole() {
    assert_eq!(
        read(V200512),
        Ok(Response {
            namespace: Namespace::V200512,
            identifier: "urn:uuid:1".parse().unwrap(),
            proof: Proof::Key(secret("12345678")),
            key_size: Some(KeySize::from_bits(128).unwrap()),
            created: None,
            expires: None,
        })
    );
}

#[test]
fn each_way_to_a_key_has_its_material() {
    let key = |more: &str, client: Option<&str>| {
        let response = read(&with(more)).unwrap();
        let context = response.into_context(client.map(secret))?;
        assert_eq!(context.identifier.as_str(), "urn:1");
        Ok(context.key)
    };
    let issued = format!("<RequestedProofToken>{SECRET}</RequestedProofToken>");
    let entropy = format!("<Entropy>{SECRET}</Entropy>");
    let computed = "<RequestedProofToken><ComputedKey>\
                    http://schemas.xmlsoap.org/ws/2005/02/trust/CK/PSHA1\
                    </ComputedKey></RequestedProofToken>";
    let shared = |text| Ok(KeyMaterial::Shared(secret(text)));
    let both = |size| {
        Ok(KeyMaterial::Computed {
            client: secret("of the client"),
            server: secret("12345678"),
            size,
        })
    };
    let client = Some("of the client");
    assert_eq!(key(&issued, None), shared("12345678"));
    assert_eq!(key(&issued, client), shared("12345678"));
    assert_eq!(
        key(&format!("{issued}{entropy}"), client),
        shared("12345678")
    );
    assert_eq!(
        key(&format!("{computed}{entropy}"), client),
        both(KeySize::DEFAULT)
    );
    assert_eq!(
        key(
            &format!("<KeySize>128</KeySize>{entropy}{computed}"),
            client
        ),
        both(KeySize::from_bits(128).unwrap())
    );
    assert_eq!(
        key(
            &format!("<KeySize> 0 </KeySize>{entropy}{computed}"),
            client
        ),
        both(KeySize::DEFAULT)
    );
    assert_eq!(key("", client), shared("of the client"));
    assert_eq!(key("", None), Err(NoClientEntropy));
    assert_eq!(
        key(&format!("{computed}{entropy}"), None),
        Err(NoClientEntropy)
    );
}

#[test]
fn a_context_lasts_as_the_response_says() {
    let response = read(SAMPLE).unwrap();
    let (created, expires) = (response.created, response.expires);
    let context = response
        .into_context(Some(secret("of the client")))
        .unwrap();
    assert_eq!(context.lifetime, Lifetime::new(created, expires));
    assert_eq!(context.namespace, Namespace::V2005);
    assert_eq!(context.user, None);
}

#[test]
fn what_contradicts_itself_makes_no_key() {
    let computed =
        "<ComputedKey>http://schemas.xmlsoap.org/ws/2005/02/trust/CK/PSHA1</ComputedKey>";
    let missing = |element| ResponseError::Missing { element };
    for (document, error) in [
        (proof(computed), missing("BinarySecret")),
        (
            with(&format!(
                "<RequestedProofToken>{computed}</RequestedProofToken><Entropy/>"
            )),
            missing("BinarySecret"),
        ),
        (with("<Entropy/>"), missing("BinarySecret")),
        (proof(""), missing("BinarySecret")),
        (proof("<Reference/>"), missing("BinarySecret")),
        (
            proof(&format!("{SECRET}{computed}")),
            ResponseError::KeyAndComputedKey,
        ),
        (
            with(&format!("<Entropy>{SECRET}</Entropy>")),
            ResponseError::UnusedEntropy,
        ),
        (
            proof("<ComputedKey>http://schemas.xmlsoap.org/ws/2005/02/trust/CK/HASH</ComputedKey>"),
            ResponseError::ComputedKey,
        ),
        (
            proof(
                "<ComputedKey>http://docs.oasis-open.org/ws-sx/ws-trust/200512/CK/PSHA1\
                 </ComputedKey>",
            ),
            ResponseError::ComputedKey,
        ),
        (
            proof("<e:EncryptedKey/>"),
            ResponseError::Encrypted {
                element: "RequestedProofToken",
            },
        ),
        (
            with("<Entropy><e:EncryptedKey/></Entropy>"),
            ResponseError::Encrypted { element: "Entropy" },
        ),
    ] {
        assert_eq!(read(&document), Err(error), "{document}");
    }
}

#[test]
fn each_field_is_checked_as_such() {
    let repeated = |element| ResponseError::Repeated { element };
    let time = |element, error| ResponseError::Time { element, error };
    let in_proof = |error| ResponseError::Secret {
        element: "RequestedProofToken",
        error,
    };
    let lifetime = |inner: &str| with(&format!("<Lifetime>{inner}</Lifetime>"));
    let key_size = |bits: &str| with(&format!("<KeySize>{bits}</KeySize>"));
    for (document, error) in [
        (
            with("<TokenType>urn:oasis:names:tc:SAML:2.0:assertion</TokenType>"),
            ResponseError::TokenType,
        ),
        (with("<TokenType/>"), ResponseError::TokenType),
        (key_size(""), ResponseError::KeySizeSyntax),
        (key_size("-1"), ResponseError::KeySizeSyntax),
        (key_size("+256"), ResponseError::KeySizeSyntax),
        (key_size("2 56"), ResponseError::KeySizeSyntax),
        (key_size("4294967296"), ResponseError::KeySizeSyntax),
        (
            key_size("16"),
            KeySizeError::OutOfBounds { bits: 16 }.into(),
        ),
        (
            lifetime("<u:Created>now</u:Created>"),
            time("Created", TimestampError::Syntax),
        ),
        (
            lifetime("<u:Expires>2026-02-30T00:00:00Z</u:Expires>"),
            time("Expires", TimestampError::NoSuchTime),
        ),
        (
            proof("<BinarySecret>MTIzNDU2Nzg</BinarySecret>"),
            in_proof(SecretError::Base64),
        ),
        (
            proof("<BinarySecret/>"),
            in_proof(SecretError::TooShort { bytes: 0 }),
        ),
        (
            with("<Entropy><BinarySecret>MTIz</BinarySecret></Entropy>"),
            ResponseError::Secret {
                element: "Entropy",
                error: SecretError::TooShort { bytes: 3 },
            },
        ),
        (
            proof(&format!("{SECRET}{SECRET}")),
            repeated("BinarySecret"),
        ),
        (
            with("<RequestedSecurityToken/>"),
            repeated("RequestedSecurityToken"),
        ),
        (key_size("256</KeySize><KeySize>128"), repeated("KeySize")),
        (
            key_size("2<b/>56"),
            ResponseError::ElementInText { element: "KeySize" },
        ),
        (
            with("").replace("urn:1", "urn: 1"),
            IdentifierError::Character.into(),
        ),
        (
            with("").replace("urn:1", " "),
            IdentifierError::Empty.into(),
        ),
        (
            with("").replace("c:Identifier", "c:Instance"),
            ResponseError::Missing {
                element: "Identifier",
            },
        ),
    ] {
        assert_eq!(read(&document), Err(error), "{document}");
    }
}

#[test]
fn a_secret_is_a_symmetric_key_or_a_nonce_of_its_own_edition() {
    let of_type = |uri: &str| {
        let secret = SECRET.replace("<BinarySecret", &format!("<BinarySecret Type='{uri}'"));
        read(&proof(&secret)).map(|response| response.proof)
    };
    let refused = Err(ResponseError::SecretType {
        element: "RequestedProofToken",
    });
    let trust = Namespace::V2005.trust();
    for kind in ["SymmetricKey", "Nonce"] {
        let read = of_type(&format!("{trust}/{kind}"));
        assert_eq!(read, Ok(Proof::Key(secret("12345678"))));
        let other = Namespace::V200512.trust();
        assert_eq!(of_type(&format!("{other}/{kind}")), refused);
    }
    assert_eq!(of_type(&format!("{trust}/AsymmetricKey")), refused);
    assert_eq!(of_type(""), refused);
}

#[test]
fn other_names_are_passed_over_and_the_other_edition_is_not() {
    let entropy = "<x><Entropy/><Entropy/><t:Entropy/><KeySize>x</KeySize></x>";
    assert_eq!(
        read(&with(entropy)).map(|response| response.proof),
        Ok(Proof::Omitted)
    );
    let other = "<KeySize xmlns='urn:x'>x</KeySize><Entropy xmlns=''/><c:KeySize>x</c:KeySize>";
    assert_eq!(
        read(&with(other)).map(|response| response.key_size),
        Ok(None)
    );
    assert_eq!(
        read(&with("<t:KeySize>256</t:KeySize>")),
        Err(ResponseError::MixedNamespaces)
    );
    let token = with("").replace("2005/02/sc", "2004/04/sc");
    assert_eq!(
        read(&token),
        Err(ResponseError::Missing {
            element: "Identifier"
        })
    );
    let token = with("").replace(
        Namespace::V2005.secure_conversation(),
        Namespace::V200512.secure_conversation(),
    );
    assert_eq!(read(&token), Err(ResponseError::MixedNamespaces));
}

#[test]
fn a_document_is_one_response_in_utf_8_without_a_document_type() {
    let good = with("");
    let response = read(&good);
    let namespace = response.as_ref().map(|response| response.namespace);
    assert_eq!(namespace, Ok(Namespace::V2005));
    for same in [
        format!("\u{feff}{good}"),
        format!("<?xml version='1.0' encoding='UTF-8'?>\n<!-- a --> {good} <?pi?>\n"),
        good.replace("urn:1", "<![CDATA[urn]]>&#58;<!-- a -->&#x31;"),
        good.replace("urn:1", "\r\n urn:1\t"),
    ] {
        assert_eq!(read(&same), response, "{same}");
    }
    let bomb = "<!DOCTYPE r [<!ENTITY a 'b'><!ENTITY c '&a;&a;&a;&a;'>]>";
    for (document, error) in [
        (String::new(), ResponseError::Malformed),
        (" ".to_owned(), ResponseError::Malformed),
        ("urn:1".to_owned(), ResponseError::Malformed),
        (format!("{bomb}{good}"), ResponseError::DocumentType),
        (good.replace("urn:1", "&c;"), ResponseError::Malformed),
        (good.replace("urn:1", "&#0;"), ResponseError::Malformed),
        (
            good.replace("urn:1", "&#x110000;"),
            ResponseError::Malformed,
        ),
        (format!("{good}{good}"), ResponseError::Malformed),
        (format!("{good}x"), ResponseError::Malformed),
        (format!("{good}&#32;"), ResponseError::Malformed),
        (format!("x{good}"), ResponseError::Malformed),
        (good.replace("</Req", "</req"), ResponseError::Malformed),
        (good.replace("c:I", "d:I"), ResponseError::Malformed),
        (
            good.trim_end_matches('>').to_owned(),
            ResponseError::Malformed,
        ),
        (
            good.replace("</RequestSecurityTokenResponse>", ""),
            ResponseError::Malformed,
        ),
        (with("<x a='1' a='2'/>"), ResponseError::Malformed),
        (with("<x a='&b;'/>"), ResponseError::Malformed),
        (
            format!("<?xml version='1.0' encoding='iso-8859-1'?>{good}"),
            ResponseError::Encoding,
        ),
        ("<Envelope/>".to_owned(), ResponseError::NotAResponse),
        (
            good.replace("2005/02/trust", "2004/04/trust"),
            ResponseError::NotAResponse,
        ),
        (
            V200512.replace(
                "</t:RequestSecurityTokenResponse>",
                "</t:RequestSecurityTokenResponse><t:RequestSecurityTokenResponse/>",
            ),
            ResponseError::Repeated {
                element: "RequestSecurityTokenResponse",
            },
        ),
    ] {
        assert_eq!(read(&document), Err(error), "{document}");
    }
    let latin = b"<a>\xe9</a>";
    let read = Response::parse(latin, &Limits::default());
    assert_eq!(read, Err(ResponseError::Encoding));
}

#[test]
fn each_limit_names_itself() {
    let limits = Limits {
        max_document_bytes: 2000,
        max_depth: 5,
        max_elements: 8,
        max_attributes: 5,
        max_text_bytes: 12,
        ..Limits::default()
    };
    let read = |document: &str| {
        let read = Response::parse(document.as_bytes(), &limits);
        read.map(|response| response.identifier.to_string())
    };
    let padded = |bytes: usize| {
        let document = with("");
        let space = " ".repeat(bytes - document.len());
        document + &space
    };
    let fits = Ok("urn:1".to_owned());
    assert_eq!(read(&padded(1999)), fits);
    assert_eq!(read(&padded(2000)), fits);
    assert_eq!(
        read(&padded(2001)),
        Err(ResponseError::TooLong { limit: 2000 })
    );
    assert_eq!(read(&with("<a><b><c/></b></a>")), fits);
    assert_eq!(read(&with("<a><b><c><d/></c></b></a>")), fits);
    assert_eq!(
        read(&with("<a><b><c><d><e/></d></c></b></a>")),
        Err(ResponseError::TooDeep { limit: 5 })
    );
    assert_eq!(read(&with("<a/><a/><a/>")), fits);
    assert_eq!(read(&with("<a/><a/><a/><a/>")), fits);
    assert_eq!(
        read(&with("<a/><a/><a/><a/><a/>")),
        Err(ResponseError::TooManyElements { limit: 8 })
    );
    assert_eq!(read(&with("<a a='' b='' c='' d=''/>")), fits);
    assert_eq!(read(&with("<a a='' b='' c='' d='' e=''/>")), fits);
    assert_eq!(
        read(&with("<a a='' b='' c='' d='' e='' f=''/>")),
        Err(ResponseError::TooManyAttributes { limit: 5 })
    );
    let text = |text: &str| read(&with("").replace("urn:1", text));
    assert_eq!(text("urn:4567891"), Ok("urn:4567891".to_owned()));
    assert_eq!(text("urn:45678912"), Ok("urn:45678912".to_owned()));
    for long in [
        "urn:456789123",
        "urn:4567891&#50;3",
        "urn:<![CDATA[456789123]]>",
    ] {
        assert_eq!(
            text(long),
            Err(ResponseError::TextTooLong {
                element: "Identifier",
                limit: 12
            })
        );
    }
}

#[test]
fn the_longest_secret_fits_with_its_lines_broken() {
    let line = "A".repeat(76) + "\r\n";
    let digits = Secret::MAX_BYTES / 3 * 4;
    let text = line.repeat(digits / 76) + &"A".repeat(digits % 76) + "AA==";
    let document = proof(&format!("<BinarySecret>{text}</BinarySecret>"));
    let read = read(&document).map(|response| response.proof);
    assert_eq!(read, Ok(Proof::Key(Secret::new(&[0; 16_384]).unwrap())));
}

#[test]
fn no_error_and_no_debug_shows_a_secret() {
    let response = read(&proof(SECRET)).unwrap();
    let shown = format!("{response:?}");
    assert!(shown.contains("proof: Key(Secret { .. })"), "{shown}");
    let error = read(&proof("<BinarySecret>MTIzNDU2Nzg</BinarySecret>")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the secret in RequestedProofToken: the text is not base64"
    );
}
