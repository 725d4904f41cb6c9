//! comity's own driver and endpoint, as a user of the callers' domain.

use std::collections::VecDeque;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use comity_rustls::default_provider;
use comity_sip::endpoint::{Endpoint, Event, Incoming, RequestId, Target};
use comity_sip::{
    Method, PublicationEvent, PublicationId, RequestBuilder, Response, SessionEvent, SessionId,
    StatusCode, SubscriptionEvent, SubscriptionId, Transport, Uri,
};
use comity_tokio::sip::{Application, Config, Listen, Notice, Server};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::certificates::Identity;
use crate::process::PATIENCE;
use comity_testkit::site::free_address;

/// Who it is.
pub(crate) const URI: &str = "sip:caller@peer.example";

pub(crate) struct Agent {
    address: SocketAddr,
    transport: Transport,
    works: Option<UnboundedSender<Work>>,
    told: mpsc::Receiver<Told>,
    /// Events that nobody has asked for yet.
    events: VecDeque<Event>,
    notices: Vec<Notice>,
    thread: Option<JoinHandle<()>>,
}

type Work = Box<dyn FnOnce(Instant, &mut Endpoint) + Send>;

/// What comes from the server.
enum Told {
    Event(Event),
    Notice(Notice),
}

struct Teller(mpsc::Sender<Told>);

impl Application for Teller {
    fn handle_event(&mut self, _now: Instant, _endpoint: &mut Endpoint, event: Event) {
        // Nobody listens any more when the test is over.
        let _ = self.0.send(Told::Event(event));
    }

    fn handle_notice(&mut self, notice: Notice) {
        let _ = self.0.send(Told::Notice(notice));
    }
}

impl Agent {
    /// Starts a server that has one transport.
    pub(crate) fn start(transport: Transport, identity: &Identity, dns: SocketAddr) -> Self {
        let address = free_address();
        let config = config(transport, address, identity, dns);
        let (tell, told) = mpsc::channel();
        let (works, mut ordered) = unbounded_channel::<Work>();
        let (ready, started) = mpsc::channel();
        let serve = async move {
            let server = Server::start(config, Teller(tell)).await.unwrap();
            ready.send(()).unwrap();
            while let Some(work) = ordered.recv().await {
                server
                    .call(|now, endpoint, _| work(now, endpoint))
                    .await
                    .unwrap();
            }
            server.shutdown().await;
        };
        let thread = thread::spawn(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build().unwrap().block_on(serve);
        });
        started.recv_timeout(PATIENCE).unwrap();
        Self {
            address,
            transport,
            works: Some(works),
            told,
            events: VecDeque::new(),
            notices: Vec::new(),
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// An address for a request, where `name` has to be proved over TLS.
    pub(crate) fn target(&self, address: SocketAddr, name: &str) -> Target {
        let target = Target::new(self.transport, address);
        match self.transport {
            Transport::Udp | Transport::Tcp => target,
            Transport::Tls => target.named(name.parse().unwrap()),
        }
    }

    /// A request from this user.
    pub(crate) fn request(&self, method: Method<'_>, uri: &str, to: &str) -> RequestBuilder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let uri = Uri::parse(uri).unwrap();
        let mut request = RequestBuilder::new(method, uri).unwrap();
        request
            .header("From", format!("<{URI}>;tag=agent-{count}"))
            .unwrap()
            .header("To", format!("<{to}>"))
            .unwrap()
            .header("Call-ID", format!("{count}@{}", self.address))
            .unwrap()
            .header("CSeq", format!("1 {method}"))
            .unwrap();
        request
    }

    /// Has the endpoint do something.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(Instant, &mut Endpoint) -> T + Send + 'static,
    ) -> T {
        let (done, result) = mpsc::channel();
        let work: Work = Box::new(move |now, endpoint| {
            // It fails only if the test has given up.
            let _ = done.send(work(now, endpoint));
        });
        assert!(self.works.as_ref().unwrap().send(work).is_ok());
        result.recv_timeout(PATIENCE).unwrap()
    }

    /// Sends a request, and returns its final response.
    pub(crate) fn ask(&mut self, request: RequestBuilder, targets: Vec<Target>) -> Box<Response> {
        let id = self.call(move |now, endpoint| endpoint.send(now, &request, targets).unwrap());
        self.response(id)
    }

    /// The final response to a request.
    pub(crate) fn response(&mut self, id: RequestId) -> Box<Response> {
        self.take("a response", |event| match event {
            Event::Response { request, response } if request == id => Ok(response),
            other => Err(other),
        })
    }

    /// The next request.
    pub(crate) fn incoming(&mut self) -> Box<Incoming> {
        self.take("a request", |event| match event {
            Event::Request(incoming) => Ok(incoming),
            other => Err(other),
        })
    }

    /// Answers a request.
    pub(crate) fn answer(&self, incoming: Box<Incoming>, status: StatusCode) {
        self.call(move |now, endpoint| {
            let response = incoming.response(status);
            endpoint.answer(now, &incoming, response).unwrap();
        });
    }

    /// What happens next to a session.
    pub(crate) fn session(&mut self, id: SessionId) -> SessionEvent {
        self.take("an event of a session", |event| match event {
            Event::Session { session, event } if session == id => Ok(event),
            other => Err(other),
        })
    }

    /// What happens next to a subscription.
    pub(crate) fn subscription(&mut self, id: SubscriptionId) -> SubscriptionEvent {
        self.take("an event of a subscription", |event| match event {
            Event::Subscription {
                subscription,
                event,
            } if subscription == id => Ok(event),
            other => Err(other),
        })
    }

    /// What happens next to a publication.
    pub(crate) fn publication(&mut self, id: PublicationId) -> PublicationEvent {
        self.take("an event of a publication", |event| match event {
            Event::Publication { publication, event } if publication == id => Ok(event),
            other => Err(other),
        })
    }

    /// Takes the first event that `pick` does not hand back.
    fn take<T>(
        &mut self,
        what: &'static str,
        mut pick: impl FnMut(Event) -> Result<T, Event>,
    ) -> T {
        for _ in 0..self.events.len() {
            let event = self.events.pop_front().unwrap();
            match pick(event) {
                Ok(found) => return found,
                Err(other) => self.events.push_back(other),
            }
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.told.recv_timeout(left) {
                Ok(Told::Event(event)) => match pick(event) {
                    Ok(found) => return found,
                    Err(other) => self.events.push_back(other),
                },
                Ok(Told::Notice(notice)) => self.notices.push(notice),
                Err(_) => panic!("{what} never comes"),
            }
        }
    }
}

impl Agent {
    /// Shows what came and was not asked for, as far as somebody may want to read it.
    fn complain(&mut self) {
        for told in self.told.try_iter() {
            match told {
                Told::Event(event) => self.events.push_back(event),
                Told::Notice(notice) => self.notices.push(notice),
            }
        }
        eprintln!("== agent");
        for notice in self.notices.iter().take(50) {
            eprintln!("{notice}");
        }
        for event in self.events.iter().take(20) {
            eprintln!("not asked for: {event:?}");
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.works = None;
        if let Some(thread) = self.thread.take() {
            // It has panicked if the test has.
            let _ = thread.join();
        }
        if thread::panicking() {
            self.complain();
        }
    }
}

fn config(
    transport: Transport,
    address: SocketAddr,
    identity: &Identity,
    dns: SocketAddr,
) -> Config {
    let provider = default_provider();
    let mut config = Config::new(&provider);
    config.listen = vec![Listen::new(transport, address)];
    config.discovery.servers = vec![dns];
    config.discovery.address_policy.danger_allow_loopback = true;
    if transport == Transport::Tls {
        let read = |path| fs::read(path).unwrap();
        let (certificate, key) = (read(&identity.certificate), read(&identity.key));
        let ours = comity_rustls::Identity::from_pem(&certificate, &key, &provider).unwrap();
        config = config.with_identity(ours);
        let store = &mut config.trust.store;
        store.add_anchors_from_pem(&read(&identity.trust)).unwrap();
    }
    config
}
