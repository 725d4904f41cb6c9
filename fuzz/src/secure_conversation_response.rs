use std::time::Duration;

use base64ct::{Base64, Encoding};
use comity_secure_conversation::{
    Identifier, KeyMaterial, KeySize, Limits, Namespace, OutboundSessions, Proof, Response, Secret,
    SessionError, Timestamp, UnixTime, unique_service_url,
};

/// Reads a response and makes a session of it.
///
/// What is read is within the limits, and the same when it is written again in either form. Smaller
/// limits refuse it or change nothing. No secret shows. The session has the secret that both sides
/// would compute, and is found until it expires.
pub fn secure_conversation_response(data: &[u8]) {
    let limits = Limits::default();
    let small_response = Response::parse(data, &small());
    let response = match Response::parse(data, &limits) {
        Ok(response) => response,
        Err(error) => {
            assert!(error.to_string().len() < MAX_ERROR_BYTES, "{error}");
            assert!(small_response.is_err(), "{small_response:?}");
            return;
        }
    };
    let identifier = response.identifier.as_str();
    assert_eq!(identifier.parse().as_ref(), Ok(&response.identifier));
    assert!(identifier.len() <= Identifier::MAX_BYTES);
    check_shape(data, &limits);
    if let Ok(small_response) = small_response {
        assert_eq!(small_response, response);
        check_shape(data, &small());
    }
    check_shown(&response);
    for form in [Form::Plain, Form::Collection] {
        if let Some(written) = write(&response, form) {
            let again = Response::parse(written.as_bytes(), &limits);
            assert_eq!(again.as_ref(), Ok(&response), "{written}");
        }
    }
    check_session(response, limits);
}

/// A plain count finds no more than the limits allow.
fn check_shape(data: &[u8], limits: &Limits) {
    assert!(data.len() <= limits.max_document_bytes);
    let text = String::from_utf8_lossy(data);
    let (mut depth, mut elements) = (0_usize, 0_usize);
    let mut rest = &*text;
    while let Some((_, behind)) = rest.split_once('<') {
        let ends = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")];
        let skipped = ends
            .into_iter()
            .find(|(begin, _)| behind.starts_with(begin));
        if let Some((begin, end)) = skipped {
            let inside = &behind[begin.len()..];
            rest = inside.split_once(end).expect("it is closed").1;
            continue;
        }
        let (tag, behind) = behind.split_at(end_of_tag(behind));
        rest = behind;
        if tag.starts_with('/') {
            depth -= 1;
            continue;
        }
        elements += 1;
        assert!(depth < limits.max_depth && elements <= limits.max_elements);
        depth += usize::from(!tag.ends_with('/'));
    }
    assert_eq!(depth, 0);
}

/// Where the `>` of a tag is, which is none of those in quotes.
fn end_of_tag(tag: &str) -> usize {
    let mut quote = None;
    let mut characters = tag.char_indices();
    let end = characters.find(|(_, character)| match (quote, character) {
        (None, '>') => true,
        (None, '"' | '\'') => {
            quote = Some(*character);
            false
        }
        (Some(open), close) => {
            quote = (open != *close).then_some(open);
            false
        }
        (None, _) => false,
    });
    end.expect("it is closed").0
}

/// Limits that are reached by small responses.
fn small() -> Limits {
    let mut limits = Limits::default();
    limits.max_document_bytes = 1024;
    limits.max_depth = 6;
    limits.max_elements = 12;
    limits.max_attributes = 2;
    limits.max_text_bytes = 64;
    limits
}

fn check_shown(response: &Response) {
    let shown = format!("{:?}", response.proof);
    let expected = match response.proof {
        Proof::Key(_) => "Key(Secret { .. })",
        Proof::Computed(_) => "Computed(Secret { .. })",
        Proof::Omitted => "Omitted",
    };
    assert_eq!(shown, expected);
}

/// How a document is written.
#[derive(Clone, Copy)]
enum Form {
    /// One response, without prefixes for its own names.
    Plain,
    /// A collection of one, with prefixes and in another order.
    Collection,
}

/// A response as text, unless its times are beyond what can be written.
fn write(response: &Response, form: Form) -> Option<String> {
    let namespace = response.namespace;
    let name = |local: &str| match form {
        Form::Plain => local.to_owned(),
        Form::Collection => format!("t:{local}"),
    };
    let element = |local: &str, inner: &str| {
        let name = name(local);
        format!("<{name}>{inner}</{name}>\n")
    };
    let identifier = escape(response.identifier.as_str());
    let token = element(
        "RequestedSecurityToken",
        &format!(
            "<c:SecurityContextToken><c:Identifier>{identifier}</c:Identifier></c:SecurityContextToken>"
        ),
    );
    let secret = |secret: &Secret| {
        let text = Base64::encode_string(secret.as_bytes());
        element("BinarySecret", &text)
    };
    let proof = match &response.proof {
        Proof::Key(key) => element("RequestedProofToken", &secret(key)),
        Proof::Computed(entropy) => {
            let algorithm = element("ComputedKey", namespace.computed_key());
            element("RequestedProofToken", &algorithm) + &element("Entropy", &secret(entropy))
        }
        Proof::Omitted => String::new(),
    };
    let size = response.key_size.map_or_else(String::new, |size| {
        element("KeySize", &size.bits().to_string())
    });
    let created = time("Created", response.created)?;
    let expires = time("Expires", response.expires)?;
    let lifetime = element("Lifetime", &(created + &expires));
    let inner = match form {
        Form::Plain => [token, proof, size, lifetime],
        Form::Collection => [lifetime, size, proof, token],
    };
    Some(document(namespace, form, &inner.concat()))
}

fn document(namespace: Namespace, form: Form, inner: &str) -> String {
    let (trust, conversation) = (namespace.trust(), namespace.secure_conversation());
    let others = format!("xmlns:c='{conversation}' xmlns:u='{UTILITY}'");
    let root = "RequestSecurityTokenResponse";
    match form {
        Form::Plain => format!("<{root} xmlns='{trust}' {others}>{inner}</{root}>"),
        Form::Collection => format!(
            "<t:{root}Collection xmlns:t='{trust}' {others}><t:{root}>{inner}</t:{root}>\
             </t:{root}Collection>"
        ),
    }
}

fn time(name: &str, time: Option<UnixTime>) -> Option<String> {
    match time {
        None => Some(String::new()),
        Some(time) => {
            let text = Timestamp(time).to_string();
            let is_written = text.ends_with('Z');
            is_written.then(|| format!("<u:{name}>{text}</u:{name}>"))
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn check_session(response: Response, limits: Limits) {
    let client = || Secret::new(CLIENT).expect("a secret");
    let size = response.key_size.unwrap_or_default();
    let expected = match &response.proof {
        Proof::Key(key) => copy(key),
        Proof::Computed(server) => KeyMaterial::Computed {
            client: client(),
            server: copy(server),
            size,
        }
        .into_secret(),
        Proof::Omitted => client(),
    };
    if let Proof::Computed(_) = response.proof {
        assert_eq!(expected.as_bytes().len(), size.bytes());
        assert!((KeySize::MIN_BITS..=KeySize::MAX_BITS).contains(&size.bits()));
    }
    let context = response.into_context(Some(client())).expect("entropy");
    let lifetime = context.lifetime;
    let now = lifetime.created.unwrap_or(UnixTime::since_unix_epoch(NOW));
    let url = unique_service_url("https://service.example/", context.identifier.as_str());
    let mut sessions = OutboundSessions::new(limits);
    match sessions.insert(now, &url, context) {
        Ok(replaced) => assert!(replaced.is_none()),
        Err(error) => {
            // The longest identifier, percent-encoded, is beyond the limit for a URL.
            let is_long = url.len() > limits.max_service_url_bytes;
            assert!(is_long || error == SessionError::Expired.into(), "{error}");
            return;
        }
    }
    let session = sessions.lookup(now, None, &url).expect("it is kept");
    assert_eq!(session.secret(), &expected);
    let (begin, end) = (session.created.as_secs(), session.expires.as_secs());
    assert!(begin <= now.as_secs() && now.as_secs() < end);
    assert!(end - begin <= lifetime.maximum.as_secs());
    assert_eq!(sessions.poll_timeout(), Some(session.expires));
    let end = UnixTime::since_unix_epoch(Duration::from_secs(end));
    assert!(sessions.lookup(end, None, &url).is_none());
    sessions.handle_timeout(end);
    assert!(sessions.is_empty());
}

fn copy(secret: &Secret) -> Secret {
    Secret::new(secret.as_bytes()).expect("a secret")
}

const CLIENT: &[u8] = b"entropy of the client";
const NOW: Duration = Duration::from_secs(1_767_323_045);
/// Errors are sentences, whatever a document holds.
const MAX_ERROR_BYTES: usize = 160;
const UTILITY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
