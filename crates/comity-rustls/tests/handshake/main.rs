//! Two rustls connections that talk in memory.
#![cfg(test)]

mod domains;
mod enforce;
mod garbage;
mod hello;
mod identity;
mod matrix;
mod observe;
mod offered;
mod problem;
mod resumption;
mod standing;
mod suites;

use std::sync::Arc;
use std::time::Duration;

use comity_identity::DomainName;
use comity_rustls::{
    Identity, TlsContext, TlsVersion, default_provider, peer_verdict, signature_algorithms,
};
use comity_testkit::mint::{self, Authority, Ca, Leaf};
use comity_trust::{Policy, Reason, Reference, RevocationLists, Role, Service, UnixTime, Verdict};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, ClientConnection, CommonState, Error, ProtocolVersion, ServerConfig,
    ServerConnection,
};

/// 2027-01-15T08:00:00Z
const NOW: u64 = 1_800_000_000;

const VERSIONS: [(TlsVersion, ProtocolVersion); 2] = [
    (TlsVersion::Tls12, ProtocolVersion::TLSv1_2),
    (TlsVersion::Tls13, ProtocolVersion::TLSv1_3),
];

fn root() -> Authority {
    Ca::new("Root", [1; 32]).self_signed()
}

fn leaf(seed: u8, domain: &str) -> Leaf {
    Leaf::new([seed; 32]).dns(domain)
}

fn identity(own: &mint::Identity) -> Identity {
    let (chain, key) = (own.chain_pem(), own.key_pem());
    Identity::from_pem(chain.as_bytes(), key.as_bytes(), &default_provider()).unwrap()
}

fn observing(own: Option<&mint::Identity>) -> TlsContext {
    let mut context = TlsContext::observing(default_provider());
    context.identity = own.map(identity);
    context
}

/// Makes the context speak one version only, as an old or a strict peer would.
fn limit(context: &mut TlsContext, version: TlsVersion) {
    let mut provider = (*context.provider).clone();
    let wanted = VERSIONS.into_iter().find(|(known, _)| *known == version);
    provider
        .cipher_suites
        .retain(|suite| Some(suite.version().version) == wanted.map(|(_, wanted)| wanted));
    context.min_version = version;
    context.provider = Arc::new(provider);
}

fn trusting(anchor: &Authority) -> Policy {
    let mut policy = Policy::new(signature_algorithms(&default_provider()));
    policy
        .store
        .add_anchor(&anchor.certificate().into())
        .unwrap();
    policy
}

fn add_list(lists: &mut RevocationLists, issuer: &Authority, list: &[u8]) {
    let issuers = [issuer.certificate().into()];
    let algorithms = signature_algorithms(&default_provider());
    lists.add(list, &issuers, algorithms).unwrap();
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn verdict(connection: &CommonState, role: Role, domain: &str, policy: &Policy) -> Verdict {
    let domain = DomainName::parse(domain).unwrap();
    let reference = Reference::service(domain, Service::XmppServer);
    let crls = RevocationLists::default();
    peer_verdict(connection, role, at(NOW), &reference, policy, &crls)
}

/// Why a verdict is no proof.
fn refused(verdict: &Verdict) -> Option<Reason> {
    verdict.reason().cloned()
}

#[derive(Debug)]
struct At(u64);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(at(self.0))
    }
}

/// Two connections, and what ended the handshake on either side.
struct Pair {
    client: ClientConnection,
    server: ServerConnection,
    client_error: Option<Error>,
    server_error: Option<Error>,
}

impl Pair {
    fn new(client: &TlsContext, server: &TlsContext, name: &str) -> Self {
        let client = Arc::new(client.client_config().unwrap());
        let server = Arc::new(server.server_config().unwrap());
        Self::of(&client, &server, name)
    }

    fn of(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, name: &str) -> Self {
        let name = name.to_owned().try_into().unwrap();
        Self {
            client: ClientConnection::new(Arc::clone(client), name).unwrap(),
            server: ServerConnection::new(Arc::clone(server)).unwrap(),
            client_error: None,
            server_error: None,
        }
    }

    /// Carries bytes until both sides have nothing more to say.
    fn run(mut self) -> Self {
        while self.client.wants_write() || self.server.wants_write() {
            let bytes = drain(&mut self.client);
            feed(&mut self.server, &bytes, &mut self.server_error);
            let bytes = drain(&mut self.server);
            feed(&mut self.client, &bytes, &mut self.client_error);
        }
        self
    }

    fn completed(&self) -> bool {
        !self.client.is_handshaking() && !self.server.is_handshaking()
    }

    fn errors(&self) -> (Option<Error>, Option<Error>) {
        (self.client_error.clone(), self.server_error.clone())
    }
}

/// All that a connection has to say.
fn drain<Data>(connection: &mut rustls::ConnectionCommon<Data>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Reads all bytes, and keeps the first error.
fn feed<Data>(
    connection: &mut rustls::ConnectionCommon<Data>,
    mut bytes: &[u8],
    error: &mut Option<Error>,
) {
    while !bytes.is_empty() && error.is_none() {
        connection.read_tls(&mut bytes).unwrap();
        *error = connection.process_new_packets().err();
    }
}
