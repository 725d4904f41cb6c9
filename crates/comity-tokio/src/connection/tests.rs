use std::time::{Duration, Instant};

use comity_rustls::{Identity, TlsContext, default_provider};
use comity_testkit::mint::Leaf;
use comity_xmpp::router::Config;
use comity_xmpp::{Router, Transport};
use tokio::io::{DuplexStream, duplex};

use super::*;

/// A connection over `stream`, the end of its orders, and the other end of its reports.
struct Rig {
    connection: Connection,
    orders: mpsc::Sender<Order>,
    reports: mpsc::Receiver<(ConnectionId, Report)>,
}

fn rig(limits: Limits) -> Rig {
    let provider = default_provider();
    let own = Leaf::new([1; 32]).dns("a.example").self_signed();
    let (chain, key) = (own.chain_pem(), own.key_pem());
    let mut context = TlsContext::observing(provider.clone());
    let identity = Identity::from_pem(chain.as_bytes(), key.as_bytes(), &provider);
    context.identity = Some(identity.unwrap());
    let tls = TlsEndpoint::new(&context).unwrap();
    // Only a router makes the names of connections.
    let now = Instant::now();
    let id = Router::new(now, Config::default(), [0; 32]).accept(now, Transport::Tcp);
    let (orders, inbox) = mpsc::channel(8);
    let (outbox, reports) = mpsc::channel(8);
    let shared = Arc::new(Shared { limits, tls });
    Rig {
        connection: Connection::new(id.unwrap(), inbox, outbox, shared),
        orders,
        reports,
    }
}

async fn next(rig: &mut mpsc::Receiver<(ConnectionId, Report)>) -> Report {
    let report = timeout(Duration::from_secs(8), rig.recv()).await;
    report.expect("in time").expect("a report").1
}

fn start(
    rig: Rig,
) -> (
    mpsc::Sender<Order>,
    mpsc::Receiver<(ConnectionId, Report)>,
    DuplexStream,
) {
    let (ours, theirs) = duplex(16);
    let mut connection = rig.connection;
    tokio::spawn(async move {
        if let (_, Turn::Lost) = connection.exchange_over(ours).await {
            connection.report(Report::Ended).await;
        }
    });
    (rig.orders, rig.reports, theirs)
}

#[tokio::test]
async fn each_order_reads_once() {
    let (orders, mut reports, mut peer) = start(rig(Limits::default()));
    peer.write_all(b"one").await.unwrap();
    orders.send(Order::Read).await.unwrap();
    assert!(matches!(next(&mut reports).await, Report::Input(bytes) if bytes == b"one"));
    peer.write_all(b"two").await.unwrap();
    // What is written is reported, what came is not before it is asked for.
    orders.send(Order::Write(b"x".to_vec())).await.unwrap();
    assert!(matches!(
        next(&mut reports).await,
        Report::Written { bytes: 1 }
    ));
    assert!(reports.try_recv().is_err());
    orders.send(Order::Read).await.unwrap();
    assert!(matches!(next(&mut reports).await, Report::Input(bytes) if bytes == b"two"));
    drop(peer);
    orders.send(Order::Read).await.unwrap();
    assert!(matches!(next(&mut reports).await, Report::Ended));
}

#[tokio::test]
async fn bytes_go_out_in_order_and_are_reported_when_they_are_gone() {
    let (orders, mut reports, mut peer) = start(rig(Limits::default()));
    for chunk in [vec![b'a'; 40], vec![b'b'; 3]] {
        orders.send(Order::Write(chunk)).await.unwrap();
    }
    let mut received = vec![0; 43];
    peer.read_exact(&mut received).await.unwrap();
    assert_eq!(received, [vec![b'a'; 40], vec![b'b'; 3]].concat());
    assert!(matches!(
        next(&mut reports).await,
        Report::Written { bytes: 40 }
    ));
    assert!(matches!(
        next(&mut reports).await,
        Report::Written { bytes: 3 }
    ));
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_given_up() {
    let limits = Limits {
        write_timeout: Duration::from_millis(20),
        ..Limits::default()
    };
    let (orders, mut reports, peer) = start(rig(limits));
    orders.send(Order::Write(vec![b'a'; 40])).await.unwrap();
    assert!(matches!(next(&mut reports).await, Report::Ended));
    drop(peer);
}
