//! Name servers that validate, and what comes of their word.

use comity_srv::{Config, Dnssec, Failure, Outcome};
use comity_testkit::dns::{self, FakeDns, Fault, RecordType, ResponseCode, When};

use crate::world::{ONE_HOST, SRV, World, failed, one_host, shown};

fn validating(servers: Vec<FakeDns>) -> World {
    World::with(servers, |config: &mut Config| {
        config.servers_validate = true;
    })
}

fn servfail() -> Fault {
    Fault::Code(ResponseCode::ServFail)
}

fn states(outcome: &Outcome) -> Vec<Dnssec> {
    let Outcome::Candidates(list) = outcome else {
        panic!("{outcome:?}");
    };
    list.iter().map(|one| one.dnssec).collect()
}

#[test]
fn the_ad_bit_counts_where_the_way_to_the_server_is_trusted() {
    let signed = || one_host().authentic();
    let trusted = validating(vec![signed()]).outcome("b.example");
    assert_eq!(states(&trusted), [Dnssec::Secure]);
    let untrusted = World::new(vec![signed()]).outcome("b.example");
    assert_eq!(states(&untrusted), [Dnssec::Unchecked]);
    let unsigned = validating(vec![one_host()]).outcome("b.example");
    assert_eq!(states(&unsigned), [Dnssec::Insecure]);
}

/// A server that answers the first question only without validation: the first and the third query.
fn bogus(dns: FakeDns) -> FakeDns {
    dns.fault(When::nth(1), servfail())
        .fault(When::nth(3), servfail())
}

#[test]
fn an_answer_that_comes_only_without_validation_is_bogus() {
    let mut world = validating(vec![bogus(one_host())]);
    let (outcome, trace) = world.resolve("b.example");
    assert_eq!(outcome, Outcome::Bogus);
    assert_eq!(
        trace.to_string(),
        format!(
            "asked 192.0.2.53:53 over UDP: {SRV} SRV\n\
             192.0.2.53:53 on {SRV} SRV: the name server answered with SERVFAIL, asking without \
             validation\n\
             asked 192.0.2.53:53 over UDP: {SRV} SRV\n\
             192.0.2.53:53 on {SRV} SRV: it has an answer without validation, asking with it again\n\
             asked 192.0.2.53:53 over UDP: {SRV} SRV\n\
             192.0.2.53:53 on {SRV} SRV: the answer is bogus: its signatures do not hold\n\
             {SRV} SRV: the answer is bogus: its signatures do not hold\n"
        )
    );
    // Another server is not asked: one that validates nothing would give the forged answer.
    let mut world = validating(vec![bogus(one_host()), one_host()]);
    assert_eq!(world.outcome("b.example"), Outcome::Bogus);
    assert!(world.servers[1].questions().is_empty());
    // Who does not trust the server's word learns of its failure, and asks the next.
    let mut world = World::new(vec![bogus(one_host()), one_host()]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
}

#[test]
fn a_server_that_has_recovered_is_believed() {
    let once = one_host().authentic().fault(When::nth(1), servfail());
    let mut world = validating(vec![once]);
    let (outcome, trace) = world.resolve("b.example");
    assert_eq!(states(&outcome), [Dnssec::Secure], "{trace}");
}

#[test]
fn a_server_that_fails_without_validation_too_has_failed() {
    let broken = one_host().fault(When::asked(SRV, RecordType::SRV), servfail());
    let mut world = validating(vec![broken.clone()]);
    assert_eq!(
        world.outcome("b.example"),
        failed(Failure::Server { code: 2 })
    );
    let mut world = validating(vec![broken, one_host()]);
    assert_eq!(shown(&world.outcome("b.example")), ONE_HOST);
    let asked: Vec<_> = world
        .servers
        .iter()
        .map(|one| one.questions().len())
        .collect();
    assert_eq!(asked, [2, 3], "each server once with validation");
}

#[test]
fn absence_without_validation_is_bogus_too() {
    let mut world = validating(vec![bogus(FakeDns::new())]);
    assert_eq!(world.outcome("b.example"), Outcome::Bogus);
}

#[test]
fn a_bogus_answer_that_is_cut_is_bogus() {
    let over_udp = When::asked(SRV, RecordType::SRV).over(dns::Transport::Udp);
    let cut = one_host()
        .fault(When::nth(1), servfail())
        .fault(When::nth(4), servfail())
        .fault(over_udp.times(1), Fault::Truncated);
    let mut world = validating(vec![cut]);
    assert_eq!(world.outcome("b.example"), Outcome::Bogus);
    assert_eq!(world.questions().len(), 4, "SERVFAIL, cut, whole, SERVFAIL");
}
