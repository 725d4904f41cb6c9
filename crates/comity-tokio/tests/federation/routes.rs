//! Static routes, which go before DNS, and domains that become ours while federating.

use std::net::SocketAddr;
use std::time::Duration;

use comity_identity::Host;
use comity_srv::routes::{Route, Routes};
use comity_srv::{Messaging, Transport};
use comity_tokio::{ReplaceError, SendError, StartError};
use comity_xmpp::router::{self, Failure, Unresolved};
use comity_xmpp::stream::Method;

use crate::dns::silent;
use crate::site::{Authorities, Proof, Site, message};

fn route(pattern: &str, to: SocketAddr) -> Route {
    let host = Host::Ip(to.ip());
    Route::new(
        pattern.parse().unwrap(),
        host,
        to.port(),
        Transport::StartTls,
    )
}

fn routes(routes: Vec<Route>) -> Routes {
    Routes::new(Messaging::Xmpp, routes).unwrap()
}

#[tokio::test]
async fn a_static_route_leads_to_a_domain_of_which_dns_says_nothing() {
    let start = Site::start_with_zone(Authorities::Common, Proof::Certificate, |_| {}, silent);
    let mut site = start.await;
    let nobody = ([127, 0, 0, 1], 1).into();
    let mut first = route("b.example", nobody);
    let mut second = route("b.example", site.b.federation.addresses()[0]);
    (first.priority, second.priority) = (1, 2);
    let replaced = site
        .a
        .federation
        .replace_routes(routes(vec![first, second]));
    replaced.await.unwrap();
    // The certificate proves the domain, which is not the name of the next hop.
    site.exchange("a", "b", Method::Certificate).await;
    site.end().await;
}

#[tokio::test]
async fn routes_to_hosts_that_nobody_finds_do_not_keep_the_others_back() {
    let limits = |config: &mut comity_tokio::Config| {
        config.discovery.limits.resolution_timeout = Duration::from_millis(500);
        config.router.limits.answer_timeout = Duration::from_secs(2);
    };
    let start = Site::start_with_zone(Authorities::Common, Proof::Certificate, limits, silent);
    let mut site = start.await;
    let first = route("b.example", site.b.federation.addresses()[0]);
    let backup = |priority: u16| {
        let mut backup = first.clone();
        backup.next_hop = Host::Domain(format!("{priority}.invalid").parse().unwrap());
        backup.priority = priority;
        backup
    };
    let all = std::iter::once(first.clone()).chain((1..=5).map(backup));
    let replaced = site.a.federation.replace_routes(routes(all.collect()));
    replaced.await.unwrap();
    site.exchange("a", "b", Method::Certificate).await;
    site.end().await;
}

#[tokio::test]
async fn a_blocked_route_keeps_a_domain_out_whatever_dns_says() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |config| {
        let mut blocked = route("*.example", ([127, 0, 0, 1], 1).into());
        blocked.blocked = true;
        config.routes = routes(vec![blocked]);
    })
    .await;
    site.a
        .federation
        .send(message("a", "b", "x"))
        .await
        .unwrap();
    let (_, failure) = site.a.next_undelivered().await;
    let blocked = "the static route 0 blocks the domain".into();
    assert_eq!(
        failure,
        Failure::Unresolved(Unresolved::NotOffered(blocked))
    );
    site.end().await;
}

#[tokio::test]
async fn routes_for_sip_are_refused() {
    let site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    let of_sip = || Routes::none(Messaging::Sip);
    let replaced = site.a.federation.replace_routes(of_sip()).await;
    assert_eq!(replaced, Err(ReplaceError::Routes));
    let mut config = site.config_of("a", Vec::new());
    config.routes = of_sip();
    let started = comity_tokio::Federation::start(config).await;
    assert_eq!(started.map(|_| ()).unwrap_err(), StartError::Routes);
    site.end().await;
}

#[tokio::test]
async fn other_domains_become_ours_by_other_rules() {
    let mut site = Site::start(Authorities::Common, Proof::Certificate, |_| {}).await;
    let a = site.a.federation.clone();
    let mut rules = site.config_of("a", Vec::new()).policy;
    let sent = a.send(message("c", "b", "x")).await.unwrap_err();
    let not_local = SendError::Router(router::SendError::NotLocal);
    assert_eq!(sent.reason, not_local);
    rules.local_domains = ["c.example".parse().unwrap()].into();
    a.replace_policy(rules).await.unwrap();
    let sent = a.send(message("a", "b", "x")).await.unwrap_err();
    assert_eq!(sent.reason, not_local);
    a.send(message("c", "b", "x")).await.unwrap();
    let (stanza, _) = site.a.next_undelivered().await;
    // Nobody has a certificate for it.
    assert_eq!(stanza.from().to_string(), "user@c.example");
    site.end().await;
}
