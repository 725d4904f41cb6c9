//! Faults of a domain on XMPP.

use comity_testkit::mint::{Leaf, NOT_BEFORE, Purpose};
use comity_testkit::site::free_address;

use crate::bench::{Bench, Issuer, THEIRS, Visit};
use crate::dns::{Dns, host, srv};
use crate::xmpp_server::{Make, Server, Terms};

/// Makes a test of each function for each server.
macro_rules! with_each_server {
    ($($function:ident;)*) => { $(
        mod $function {
            use crate::xmpp_server::Make;

            #[test]
            #[ignore = "needs prosody and dnsmasq"]
            fn prosody() {
                super::Plan::default().$function(Make::Prosody);
            }

            #[test]
            #[ignore = "needs ejabberd and dnsmasq"]
            fn ejabberd() {
                super::Plan::default().$function(Make::Ejabberd);
            }
        }
    )* };
}

with_each_server! {
    a_healthy_domain_has_no_finding;
    the_doctor_itself_takes_less_than_200_ms;
    a_missing_record_is_found;
    a_wrong_port_is_found;
    a_dangling_target_is_found;
    a_dead_address_beside_a_live_one_is_found;
    a_certificate_without_the_domain_is_found;
    a_certificate_without_a_full_name_is_found;
    a_certificate_that_is_no_servers_is_found;
    a_certificate_that_is_no_clients_is_noted;
    an_unknown_ca_is_found;
    an_expired_certificate_is_found;
    a_clock_that_is_slow_is_found;
    a_server_with_nothing_newer_than_tls_1_1_is_found;
    a_server_with_rsa_key_exchange_alone_is_found;
    a_server_that_does_not_trust_us_is_found;
    a_server_of_other_domains_is_found;
}

#[test]
#[ignore = "needs ejabberd and dnsmasq"]
fn a_server_that_refuses_us_is_found() {
    Plan::default().a_server_that_refuses_us_is_found();
}

/// A healthy domain, of which a test breaks one thing.
struct Plan {
    leaf: Leaf,
    issuer: Issuer,
    terms: Terms,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            leaf: Leaf::new([4; 32]).dns(THEIRS),
            issuer: Issuer::Known,
            terms: Terms::Modern,
        }
    }
}

impl Plan {
    fn start(&self, make: Make) -> (Bench, Server) {
        let bench = Bench::new();
        let files = bench.issue("theirs", self.issuer, &self.leaf);
        let server = Server::start(&bench, make, &files, self.terms);
        (bench, server)
    }

    /// With records that lead to the server.
    fn visit(&self, make: Make) -> Visit {
        let (bench, server) = self.start(make);
        let dns = Dns::start(
            &bench.site,
            &[service(server.address.port()), host(HOST, server.address)],
        );
        bench.check(&dns, "xmpp")
    }

    fn a_healthy_domain_has_no_finding(self, make: Make) {
        let visit = self.visit(make);
        visit.assert_healthy();
        let server = &visit.document["servers"][0];
        assert_eq!(server["tls"]["version"], "TLS 1.3", "{server:#}");
        assert_eq!(
            server["streams"][0]["features"][0], "starttls",
            "{server:#}"
        );
        assert_eq!(
            server["streams"][1]["mechanisms"][0], "EXTERNAL",
            "{server:#}"
        );
    }

    /// What is not waiting for the network, in the best of a few runs: others may have the processor.
    fn the_doctor_itself_takes_less_than_200_ms(self, make: Make) {
        let (bench, server) = self.start(make);
        let records = [service(server.address.port()), host(HOST, server.address)];
        let dns = Dns::start(&bench.site, &records);
        let runs = (0..5).map(|_| bench.check(&dns, "all").own_ms());
        let best = runs.min();
        assert!(best < Some(200), "{best:?} ms");
    }

    fn a_missing_record_is_found(self, make: Make) {
        let (bench, _server) = self.start(make);
        let dns = Dns::start(&bench.site, &[]);
        let remedy = "publish the SRV record";
        bench
            .check(&dns, "xmpp")
            .assert_found(&[("srv-missing", remedy)]);
    }

    fn a_wrong_port_is_found(self, make: Make) {
        let (bench, server) = self.start(make);
        let wrong = free_address().port();
        let dns = Dns::start(&bench.site, &[service(wrong), host(HOST, server.address)]);
        bench
            .check(&dns, "xmpp")
            .assert_found(&[("tcp-refused", "port")]);
    }

    fn a_dangling_target_is_found(self, make: Make) {
        let (bench, server) = self.start(make);
        let dns = Dns::start(&bench.site, &[service(server.address.port())]);
        let visit = bench.check(&dns, "xmpp");
        visit.assert_found(&[("srv-target-without-address", "A")]);
    }

    fn a_dead_address_beside_a_live_one_is_found(self, make: Make) {
        let (bench, server) = self.start(make);
        let mut dead = free_address();
        dead.set_ip(std::net::Ipv4Addr::new(127, 127, 0, 1).into());
        let port = server.address.port();
        let records = [service(port), host(HOST, server.address), host(HOST, dead)];
        let dns = Dns::start(&bench.site, &records);
        let visit = bench.check(&dns, "xmpp");
        visit.assert_found(&[("tcp-refused", "")]);
        assert!(visit.page.contains("127.127.0.1"), "{}", visit.page);
    }

    fn a_certificate_without_the_domain_is_found(mut self, make: Make) {
        self.leaf = Leaf::new([4; 32]).dns("xmpp.theirs.test");
        let expected = [("certificate-name-mismatch", "subjectAltName")];
        self.visit(make).assert_found(&expected);
    }

    fn a_certificate_without_a_full_name_is_found(mut self, make: Make) {
        self.leaf = Leaf::new([4; 32]).common_name("xmpp1");
        let expected = [("certificate-no-fqdn", "fully qualified domain name")];
        self.visit(make).assert_found(&expected);
    }

    fn a_certificate_that_is_no_servers_is_found(mut self, make: Make) {
        self.leaf = self.leaf.purposes(&[Purpose::ClientAuth]);
        let expected = [("certificate-no-server-auth", "serverAuth")];
        self.visit(make).assert_found(&expected);
    }

    fn a_certificate_that_is_no_clients_is_noted(mut self, make: Make) {
        self.leaf = self.leaf.purposes(&[Purpose::ServerAuth]);
        let visit = self.visit(make);
        visit.assert_healthy();
        let noted = visit.remedy("certificate-no-client-auth");
        assert!(noted.contains("clientAuth"), "{noted}");
    }

    fn an_unknown_ca_is_found(mut self, make: Make) {
        self.issuer = Issuer::Stranger;
        let expected = [("certificate-unknown-issuer", "root certificate")];
        self.visit(make).assert_found(&expected);
    }

    fn an_expired_certificate_is_found(mut self, make: Make) {
        self.leaf = self.leaf.valid(NOT_BEFORE, NOT_BEFORE + 86_400);
        self.visit(make)
            .assert_found(&[("certificate-expired", "renew it")]);
    }

    fn a_clock_that_is_slow_is_found(self, make: Make) {
        let (bench, server) = self.start(make);
        let records = [service(server.address.port()), host(HOST, server.address)];
        let dns = Dns::start(&bench.site, &records);
        // By a clock of 2011 the certificate is of the future.
        let visit = bench.check_at(&dns, "xmpp", "2011-01-01 00:00:00");
        visit.assert_found(&[("certificate-not-yet-valid", "clocks of both sides")]);
    }

    fn a_server_with_nothing_newer_than_tls_1_1_is_found(mut self, make: Make) {
        self.terms = Terms::OldVersion;
        self.visit(make)
            .assert_found(&[("tls-old-versions-only", "TLS 1.2")]);
    }

    fn a_server_with_rsa_key_exchange_alone_is_found(mut self, make: Make) {
        self.terms = Terms::RsaKeyExchange;
        self.issuer = Issuer::RsaItself;
        self.visit(make)
            .assert_found(&[("tls-rsa-key-exchange-only", "ECDHE")]);
    }

    fn a_server_that_does_not_trust_us_is_found(mut self, make: Make) {
        self.terms = Terms::DistrustsUs;
        let (id, remedy) = match make {
            Make::Prosody => ("xmpp-not-authorized", "a certificate that it trusts"),
            Make::Ejabberd => ("xmpp-external-refused", "trust the CA of our certificate"),
        };
        self.visit(make).assert_found(&[(id, remedy)]);
    }

    fn a_server_of_other_domains_is_found(mut self, make: Make) {
        self.terms = Terms::ServesOthers;
        self.visit(make).assert_found(&[("xmpp-host-unknown", "")]);
    }

    fn a_server_that_refuses_us_is_found(mut self) {
        self.terms = Terms::RefusesUs;
        let visit = self.visit(Make::Ejabberd);
        visit.assert_found(&[("xmpp-policy-violation", "")]);
    }
}

fn service(port: u16) -> String {
    srv(&format!("_xmpp-server._tcp.{THEIRS}"), HOST, port)
}

const HOST: &str = "xmpp.theirs.test";
