//! A session, made of a response and shown.

use comity_secure_conversation::{
    Context, Impersonation, InboundSessions, KeyMaterial, Limits, OutboundSessions, Session,
    Timestamp, User, unique_service_url,
};

use crate::options::{Direction, Question};
use crate::{RunError, file};

pub(crate) fn run(question: &Question) -> Result<String, RunError> {
    let limits = Limits::default();
    let context = context(question, &limits)?;
    let source = source(&context.key);
    match &question.direction {
        Direction::Outbound(service) => outbound(question, service, context, source),
        Direction::Inbound(impersonation) => inbound(question, *impersonation, context, source),
    }
}

fn context(question: &Question, limits: &Limits) -> Result<Context, RunError> {
    let response = file::response(&question.file, limits)?;
    let entropy = match &question.entropy {
        Some(path) => Some(file::entropy(path, limits)?),
        None => None,
    };
    let mut context = response.into_context(entropy)?;
    context.user = question.user.clone().map(User::new);
    context.lifetime.maximum = question.maximum;
    context.lifetime.pre_expiry_age = question.pre_expiry_age;
    Ok(context)
}

fn outbound(
    question: &Question,
    service: &str,
    context: Context,
    source: &str,
) -> Result<String, RunError> {
    let url = match &question.user {
        Some(_) => service.to_owned(),
        None if service.is_empty() => String::new(),
        None => unique_service_url(service, context.identifier.as_str()),
    };
    let mut sessions = OutboundSessions::new(Limits::default());
    sessions.insert(question.now, &url, context)?;
    let found = sessions.lookup(question.now, question.user.as_ref(), &url);
    Ok(found.map_or_else(String::new, |session| {
        page(question, session, &format!("outbound, with {url}"), source)
    }))
}

fn inbound(
    question: &Question,
    impersonation: Impersonation,
    context: Context,
    source: &str,
) -> Result<String, RunError> {
    let identifier = context.identifier.clone();
    let mut sessions = InboundSessions::new(Limits::default(), impersonation);
    sessions.insert(question.now, context)?;
    let found = sessions.lookup(question.now, identifier.as_str());
    Ok(found.map_or_else(String::new, |session| {
        page(question, session, "inbound", source)
    }))
}

fn page<D>(question: &Question, session: &Session<D>, direction: &str, source: &str) -> String {
    let user = match &session.user {
        Some(user) => format!("{}:{}", user.id.provider, user.id.id),
        None => "nobody in particular".to_owned(),
    };
    let bits = session.secret().as_bytes().len() * 8;
    let left = session.expires.as_secs() - question.now.as_secs();
    format!(
        "Session {identifier}\n\
         \x20 direction: {direction}\n\
         \x20 user: {user}\n\
         \x20 namespace: {namespace}\n\
         \x20 token type: {token_type}\n\
         \x20 secret: {bits} bits, {source}\n\
         \x20 created: {created}\n\
         \x20 expires: {expires}, in {left} s\n",
        identifier = session.identifier,
        namespace = session.namespace,
        token_type = session.namespace.token_type(),
        created = Timestamp(session.created),
        expires = Timestamp(session.expires),
    )
}

/// Where a secret comes from, in words.
const fn source(key: &KeyMaterial) -> &'static str {
    match key {
        KeyMaterial::Shared(_) => "given by one side",
        KeyMaterial::Computed { .. } => "computed of the entropy of both sides",
    }
}
