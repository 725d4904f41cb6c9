//! What the tests ask of another server.

use std::net::SocketAddr;

use crate::certificates::Identity;
use crate::client::Client;
use crate::dns::Target;
use crate::mode::{Proof, Reasons, Refusal, Terms, Whose};
use crate::process::Log;
use comity_testkit::site::Site;

/// A server of another make, with one domain and one account.
pub(crate) trait Peer {
    const DOMAIN: &'static str;
    /// How DNS has to name the host of a domain so that this server finds it.
    const TARGET: Target;

    /// Starts the server and waits until it serves clients and servers.
    fn start(setup: &Setup<'_>) -> Self;

    /// Where clients can connect to.
    fn clients(&self) -> SocketAddr;

    fn log(&self) -> &Log;

    /// Waits until the server has logged that a domain has proved its name, and fails if it logged
    /// another proof or other attempts than belong to this one.
    fn assert_proved(&self, whose: Whose, proof: Proof);

    /// The reasons that are for this server.
    fn reasons(refusal: &Refusal) -> Reasons;

    /// Logs [`USER`](crate::client::USER) in.
    fn login(&self) -> Client {
        Client::login(self.clients(), Self::DOMAIN)
    }
}

/// What a server needs to start.
#[derive(Clone, Copy)]
pub(crate) struct Setup<'a> {
    pub(crate) site: &'a Site,
    /// Where to listen for servers.
    pub(crate) listen: SocketAddr,
    pub(crate) dns: SocketAddr,
    pub(crate) identity: &'a Identity,
    pub(crate) terms: Terms,
}
