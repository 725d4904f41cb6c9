//! Who has proved what, by whose word.

use std::collections::BTreeMap;
use std::time::Instant;

use comity_machine::QueryId;
use comity_xmpp::stream::{Config, Method, Pair, PeerCertificate, VerifyRequest};
use comity_xmpp::{CertificateRule, Stanza, Terms, TlsMode, ns};

use super::{Asked, Part};
use crate::oracle::wire::Said;

/// What was asked, answered, said and heard on one connection.
pub(crate) struct Facts {
    part: Part,
    /// Every question so far, answered or not.
    pub(crate) questions: Vec<Question>,
    /// The question that is being answered.
    pub(crate) answering: Option<usize>,
    pub(super) session: Session,
    sessions: usize,
    certificate: PeerCertificate,
    tls: TlsMode,
    /// What holds for the pair that we opened the stream for.
    terms: Terms,
    /// The application has asked for a redirection itself.
    pub(super) may_redirect: bool,
    /// Pairs that we were asked to add, on which terms.
    added: Vec<(Pair, Terms)>,
}

/// A question to the composer.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) query: QueryId,
    pub(crate) asked: Asked,
    /// The TLS session that it was asked in; 0 is clear text.
    session: usize,
    /// The question whose answer led to it.
    cause: Option<usize>,
    answer: Option<Answer>,
    /// No answer is wanted any more.
    pub(crate) over: bool,
    /// Nothing was read until it was answered: it was about the domains of the header.
    of_header: bool,
    /// Its answer has been used for an authorisation.
    spent: bool,
}

impl Question {
    pub(crate) fn is_open(&self) -> bool {
        self.answer.is_none() && !self.over
    }
}

/// The first answer to a question.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Allowed(Terms),
    Confirmed(Pair, Box<str>),
    Denied,
    Trusted(Option<Instant>),
    Untrusted,
}

/// What began with the last handshake.
#[derive(Default)]
pub(super) struct Session {
    /// How, and until when the certificate that says so is valid.
    pub(super) authorized: BTreeMap<Pair, (Method, Option<Instant>)>,
    established: BTreeMap<Pair, Method>,
    /// The id of our last header.
    id: Option<String>,
    /// Keys that the peer has sent.
    keys_heard: Vec<(Pair, String)>,
    /// Keys of ours that were written and not answered.
    keys: Vec<Pair>,
    /// Keys of ours that the peer called valid.
    valid: Vec<Pair>,
    /// The peer has sent a header.
    header_heard: bool,
    auth_written: bool,
    auth_heard: bool,
    success_written: bool,
    success_heard: bool,
    bidi_written: bool,
    bidi_offered: bool,
    bidi_heard: bool,
    /// Answers about keys of others: local, remote and id.
    answers: Vec<(String, String, String)>,
    /// The longest element that the peer takes.
    pub(super) max_bytes: Option<u64>,
}

impl Facts {
    pub(super) fn new(part: Part, config: &Config) -> Self {
        Self {
            part,
            questions: Vec::new(),
            answering: None,
            session: Session::default(),
            sessions: 0,
            certificate: PeerCertificate::Absent,
            tls: config.security.tls,
            terms: config.security.into(),
            may_redirect: false,
            added: Vec::new(),
        }
    }

    pub(super) fn receives(&self) -> bool {
        self.part == Part::Receiving
    }

    pub(super) fn goes_both_ways(&self) -> bool {
        self.session.bidi_heard || self.session.bidi_written
    }

    pub(super) fn in_tls(&self) -> bool {
        self.sessions > 0 && self.certificate == PeerCertificate::Presented
    }

    /// Everything that came before the handshake is forgotten.
    pub(super) fn enter_tls(&mut self, certificate: PeerCertificate) {
        self.session = Session::default();
        self.sessions += 1;
        self.certificate = certificate;
    }

    pub(super) fn ask(&mut self, query: QueryId, asked: Asked) {
        let known = self.questions.iter().any(|known| known.query == query);
        assert!(!known, "{query} was asked before");
        self.questions.push(Question {
            query,
            asked,
            session: self.sessions,
            cause: self.answering,
            answer: None,
            over: false,
            of_header: false,
            spent: false,
        });
    }

    /// What the peer says counts where it says it: not in clear text before a handshake.
    pub(super) fn check_heard(&self) {
        assert!(self.session.header_heard, "nothing was said since TLS");
    }

    /// A key that is to be verified came in this session.
    pub(super) fn check_key(&self, request: &VerifyRequest) {
        let mut keys = self.session.keys_heard.iter();
        let heard = keys.any(|(pair, key)| *pair == request.pair && **key == *request.key);
        assert!(heard, "no such key came: {request:?}");
    }

    pub(super) fn withdraw(&mut self, query: QueryId) {
        let mut questions = self.questions.iter_mut();
        let question = questions.find(|question| question.query == query);
        question.expect("a question that was asked").over = true;
    }

    /// Notes whether the stream reads nothing until its last question is answered.
    pub(super) fn note_wait(&mut self, waits: bool) {
        if let Some(question) = self.questions.last_mut()
            && waits
            && question.is_open()
        {
            question.of_header = true;
        }
    }

    /// Notes an answer; only the first one of the right kind counts.
    pub(super) fn answer(
        &mut self,
        index: usize,
        answer: Answer,
        is_kind: impl Fn(&Asked) -> bool,
    ) -> QueryId {
        let question = &mut self.questions[index];
        if question.is_open() && is_kind(&question.asked) {
            if let Answer::Allowed(terms) = &answer
                && question.of_header
                && self.part == Part::Receiving
            {
                self.tls = terms.security.tls;
            }
            question.answer = Some(answer);
            self.answering = Some(index);
        }
        question.query
    }

    /// A pair is proved by what we said, about that pair and this stream.
    pub(super) fn authorize(&mut self, pair: &Pair, method: Method, blocked: bool) {
        let by_key = self.proof_by_key(pair, method, blocked);
        let by_header = || self.proof_by_header(pair, method, blocked);
        let (question, expiry) = by_key
            .or_else(by_header)
            .unwrap_or_else(|| panic!("{pair} by {method} without a proof"));
        self.questions[question].spent = true;
        let authorized = &mut self.session.authorized;
        authorized.insert(pair.clone(), (method, expiry));
    }

    /// The question whose answer now proves a dialback key.
    fn proof_by_key(
        &self,
        pair: &Pair,
        method: Method,
        blocked: bool,
    ) -> Option<(usize, Option<Instant>)> {
        let last = self.answering?;
        let mut question = self.current(last)?;
        let mut expiry = None;
        match (&question.asked, question.answer.as_ref()?, method) {
            (Asked::Verify(request), Answer::Confirmed(proved, id), Method::Dialback) => {
                let is_current = blocked || self.session.id.as_deref() == Some(&**id);
                if request.pair != *pair || proved != pair || request.id != *id || !is_current {
                    return None;
                }
                question = self.current(question.cause?)?;
                // A certificate that does not prove the domain may have been asked before.
                if let Asked::Authenticate(domain) = &question.asked {
                    let Answer::Untrusted = question.answer.as_ref()? else {
                        return None;
                    };
                    if *domain != pair.remote {
                        return None;
                    }
                    question = self.current(question.cause?)?;
                }
                if !self.receives() {
                    return None;
                }
            }
            (Asked::Authenticate(domain), Answer::Trusted(until), Method::Certificate) => {
                if *domain != pair.remote || !self.in_tls() {
                    return None;
                }
                expiry = *until;
                question = self.current(question.cause?)?;
            }
            _ => return None,
        }
        let is_about_key = !question.of_header && question.asked == Asked::Authorize(pair.clone());
        let meets = self.allows(question, method)?;
        (is_about_key && meets && !self.questions[last].spent).then_some((last, expiry))
    }

    /// The question about a header whose answer proves its domain.
    fn proof_by_header(
        &self,
        pair: &Pair,
        method: Method,
        blocked: bool,
    ) -> Option<(usize, Option<Instant>)> {
        let session = &self.session;
        let taken = match &self.part {
            Part::Receiving => session.auth_heard && (blocked || session.success_written),
            Part::Initiating(own, _) => {
                let (bidi, own) = (blocked || session.bidi_written, own == pair);
                bidi && own && session.established.contains_key(pair)
            }
        };
        if !taken || method != Method::Certificate || !self.in_tls() {
            return None;
        }
        let mut indexes = (0..self.questions.len()).rev();
        indexes.find_map(|index| {
            let question = self.current(index)?;
            let Asked::Authenticate(domain) = &question.asked else {
                return None;
            };
            let Answer::Trusted(until) = question.answer.as_ref()? else {
                return None;
            };
            let fits = *domain == pair.remote && question.of_header && !question.spent;
            let allowed = match self.part {
                Part::Receiving => self.allows(self.current(question.cause?)?, method)?,
                Part::Initiating(..) => self.allows_back(pair),
            };
            (fits && allowed && self.is_of(pair, question)).then_some((index, *until))
        })
    }

    /// Whether the question about a certificate followed the one about the header's pair.
    fn is_of(&self, pair: &Pair, question: &Question) -> bool {
        let Some(cause) = question.cause else {
            return !self.receives();
        };
        let cause = &self.questions[cause];
        cause.of_header && cause.asked == Asked::Authorize(pair.clone())
    }

    /// Whether stanzas may come back on a stream that we initiated.
    fn allows_back(&self, pair: &Pair) -> bool {
        let allowed = |question: &Question| {
            question.session == self.sessions
                && question.of_header
                && question.asked == Asked::Authorize(pair.clone())
                && matches!(question.answer, Some(Answer::Allowed(_)))
        };
        self.questions.iter().any(allowed)
    }

    fn current(&self, index: usize) -> Option<&Question> {
        let question = self.questions.get(index)?;
        (question.session == self.sessions).then_some(question)
    }

    /// Whether the answer allows a pair, and on terms that are met.
    fn allows(&self, question: &Question, method: Method) -> Option<bool> {
        let Answer::Allowed(terms) = question.answer.as_ref()? else {
            return None;
        };
        let tls = self.sessions > 0 || terms.security.tls != TlsMode::Required;
        let certificate = match terms.security.certificate {
            CertificateRule::Optional => true,
            CertificateRule::Required => method == Method::Certificate,
        };
        Some(tls && certificate)
    }

    /// We may send what the peer accepted after we had asked for it.
    pub(super) fn establish(&mut self, pair: &Pair, method: Method, unknown: bool) {
        let session = &mut self.session;
        match (&self.part, method) {
            (Part::Receiving, _) => {
                let bidi = unknown || session.bidi_heard && session.bidi_offered;
                let proved = session.authorized.get(pair).map(|(method, _)| *method);
                assert!(bidi && proved == Some(method), "{pair} by {method}");
            }
            (Part::Initiating(own, _), Method::Certificate) => {
                let accepted = unknown || session.auth_written && session.success_heard;
                assert!(accepted && own == pair, "{pair} by {method}");
            }
            (Part::Initiating(..), _) => {
                let valid = session.valid.iter().position(|valid| valid == pair);
                assert!(valid.is_some() || unknown, "{pair} by {method}");
                session.valid.remove(valid.unwrap_or_default());
            }
        }
        if let Part::Initiating(own, purpose) = &self.part {
            assert_eq!(*purpose, comity_xmpp::stream::Purpose::Stanzas);
            let added = self.added.iter().any(|(added, _)| added == pair);
            assert!(own == pair || added, "{pair} was never asked for");
            self.check_terms(pair);
        }
        let session = &mut self.session;
        session.established.insert(pair.clone(), method);
    }

    pub(super) fn is_established(&self, pair: &Pair) -> bool {
        self.session.established.contains_key(pair)
    }

    pub(super) fn add_pair(&mut self, pair: &Pair, terms: Terms) {
        self.added.push((pair.clone(), terms));
    }

    pub(super) fn refuse(&mut self, pair: &Pair) {
        self.session.keys.retain(|known| known != pair);
        let own = matches!(&self.part, Part::Initiating(own, _) if own == pair);
        let added = self.added.iter().any(|(added, _)| added == pair);
        assert!(own || added, "{pair} was never asked for");
    }

    /// A stanza comes of a pair that was proved, by that method.
    pub(super) fn take_stanza(&mut self, stanza: &Stanza, method: Method) {
        let (remote, local) = stanza.domains();
        let pair = Pair {
            local: local.clone(),
            remote: remote.clone(),
        };
        let proved = self.session.authorized.get(&pair);
        assert_eq!(proved.map(|(method, _)| *method), Some(method), "{pair}");
    }

    /// Nothing stands that an expired certificate has proved.
    pub(super) fn check_expiry(&self, now: Instant) {
        for (pair, (_, expiry)) in &self.session.authorized {
            let valid = expiry.is_none_or(|expiry| now < expiry);
            assert!(valid, "the certificate behind {pair} has expired");
        }
    }

    /// The stream will look at the clock before a certificate expires that it relies on.
    pub(super) fn check_deadline(&self, deadline: Option<Instant>) {
        let proved = self.session.authorized.values();
        let first = proved.filter_map(|(_, expiry)| *expiry).min();
        let in_time = first.is_none_or(|first| deadline.is_some_and(|at| at <= first));
        assert!(in_time, "a certificate expires unnoticed");
    }

    /// A key is confirmed by whom we asked.
    pub(super) fn check_verified(&self, request: &VerifyRequest, unknown: bool) {
        let Pair { local, remote } = &request.pair;
        let heard = |(to, from, id): &(String, String, String)| {
            let domains = (to.parse().as_ref(), from.parse().as_ref()) == (Ok(local), Ok(remote));
            domains && *id == *request.id
        };
        let known = unknown || self.session.answers.iter().any(heard);
        assert!(known, "nobody confirmed {request:?}");
    }

    pub(super) fn wrote(&mut self, said: &Said, id: Option<&str>) {
        self.session.id = id.map(Into::into);
        self.check_clear(said);
        let session = &mut self.session;
        match (said.namespace.as_str(), said.name.as_str()) {
            (ns::SASL, "auth") => session.auth_written = true,
            (ns::SASL, "success") => session.success_written = true,
            (ns::BIDI, "bidi") => session.bidi_written = true,
            (ns::STREAM, "features") => {
                session.bidi_offered |= said.has(ns::BIDI_FEATURE, "bidi");
            }
            (ns::DIALBACK, "result") if said.attribute("type").is_none() => {
                let pair = pair_of(said, "from", "to");
                let pair = pair.expect("domains of ours");
                self.check_terms(&pair);
                self.session.keys.push(pair);
            }
            _ => {}
        }
    }

    /// Where TLS is required nothing but STARTTLS goes in clear text.
    fn check_clear(&self, said: &Said) {
        if self.sessions > 0 {
            return;
        }
        let redirects =
            said.is(ns::STREAM, "error") && said.has(ns::STREAM_ERRORS, "see-other-host");
        let may = self.may_redirect || self.tls == TlsMode::Disabled;
        assert!(!redirects || may, "a redirection in clear text");
        if self.tls != TlsMode::Required {
            return;
        }
        let fine = match (said.namespace.as_str(), said.name.as_str()) {
            (ns::STREAM, "stream" | "error") | (ns::TLS, _) | (_, "/stream") => true,
            (ns::STREAM, "features") => said.inside.iter().all(|(space, ..)| space == ns::TLS),
            _ => false,
        };
        assert!(fine, "in clear text: {said:?}");
    }

    /// A pair of ours is shown or used on terms that are met.
    fn check_terms(&self, pair: &Pair) {
        let added = self.added.iter().rev().find(|(added, _)| added == pair);
        let terms = match (&self.part, added) {
            (_, Some((_, terms))) => terms,
            (Part::Initiating(own, _), None) if own == pair => &self.terms,
            (part, None) => panic!("{pair} on the stream of {part:?}"),
        };
        let tls = self.sessions > 0 || terms.security.tls != TlsMode::Required;
        let trusted = |question: &Question| {
            question.session == self.sessions
                && question.asked == Asked::Authenticate(pair.remote.clone())
                && matches!(question.answer, Some(Answer::Trusted(_)))
        };
        let certificate = match terms.security.certificate {
            CertificateRule::Optional => true,
            CertificateRule::Required => self.questions.iter().any(trusted),
        };
        assert!(tls && certificate, "{pair} on other terms");
    }

    pub(super) fn hear(&mut self, said: &Said, unknown: bool) {
        let session = &mut self.session;
        match (said.namespace.as_str(), said.name.as_str()) {
            (ns::STREAM, "stream") => session.header_heard = true,
            (ns::SASL, "auth") => session.auth_heard = true,
            (ns::SASL, "success") => session.success_heard = true,
            (ns::BIDI, "bidi") => {
                session.bidi_heard = true;
                session.max_bytes = max_bytes(said);
            }
            (ns::STREAM, "features") if self.part != Part::Receiving => {
                session.max_bytes = max_bytes(said);
            }
            (ns::DIALBACK, "result") if said.attribute("type").is_none() => {
                let pair = pair_of(said, "to", "from");
                let key = said.text.trim().to_owned();
                session.keys_heard.extend(pair.map(|pair| (pair, key)));
            }
            (ns::DIALBACK, "result") if said.attribute("type") == Some("valid") => {
                let pair = pair_of(said, "to", "from");
                let mut keys = session.keys.iter();
                let asked = keys.position(|key| Some(key) == pair.as_ref());
                if let Some(asked) = asked {
                    session.keys.remove(asked);
                }
                if asked.is_some() || unknown {
                    session.valid.extend(pair);
                }
            }
            (ns::DIALBACK, "verify") if said.attribute("type") == Some("valid") => {
                let text = |name| said.attribute(name).unwrap_or_default().to_owned();
                let answer = (text("to"), text("from"), text("id"));
                session.answers.push(answer);
            }
            _ => {}
        }
    }
}

fn pair_of(said: &Said, local: &str, remote: &str) -> Option<Pair> {
    Some(Pair {
        local: said.attribute(local)?.parse().ok()?,
        remote: said.attribute(remote)?.parse().ok()?,
    })
}

fn max_bytes(said: &Said) -> Option<u64> {
    said.text_of(ns::LIMITS, "max-bytes")?.trim().parse().ok()
}
