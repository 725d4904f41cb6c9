//! Two domains, their names in DNS, and their certificates.

use std::net::SocketAddr;

use crate::certificates::{Identity, Root};
use crate::dns::{Dns, Service, Target};
use crate::echo::{self, Echo};
use crate::mode::Terms;
use crate::peer::{Peer, Setup};
use comity_testkit::site::{Site, free_address};

/// A server of another make that runs, and all that the echo domain needs to run beside it.
pub(crate) struct Scene<P> {
    pub(crate) peer: P,
    echo_address: SocketAddr,
    echo_identity: Identity,
    echo_terms: Terms,
    dns: Dns,
    site: Site,
}

impl<P: Peer> Scene<P> {
    pub(crate) fn new(ours: Terms, theirs: Terms) -> Self {
        let site = Site::new("xmpp-echo-interop");
        let (peer_address, echo_address) = (free_address(), free_address());
        let dns = Dns::start(
            &site,
            &[
                Service {
                    domain: P::DOMAIN,
                    address: peer_address,
                    target: Target::Name,
                    tls: theirs.tls,
                },
                Service {
                    domain: echo::DOMAIN,
                    address: echo_address,
                    target: P::TARGET,
                    tls: ours.tls,
                },
            ],
        );
        let (peer_root, echo_root) = (Root::new("Their Root", 1), Root::new("Our Root", 2));
        let peer_identity = peer_root.issue(&site, P::DOMAIN, theirs.trust, &echo_root);
        let echo_identity = echo_root.issue(&site, echo::DOMAIN, ours.trust, &peer_root);
        let peer = P::start(&Setup {
            site: &site,
            listen: peer_address,
            dns: dns.address(),
            identity: &peer_identity,
            terms: theirs,
        });
        Self {
            peer,
            echo_address,
            echo_identity,
            echo_terms: ours,
            dns,
            site,
        }
    }

    /// Starts the echo domain with further `options`, and waits until it listens.
    pub(crate) fn echo(&self, options: &[String]) -> Echo {
        let setup = Setup {
            site: &self.site,
            listen: self.echo_address,
            dns: self.dns.address(),
            identity: &self.echo_identity,
            terms: self.echo_terms,
        };
        Echo::start(&setup, options)
    }
}
