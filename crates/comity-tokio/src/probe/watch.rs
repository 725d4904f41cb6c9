use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// What a check waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Activity {
    /// What kind of thing it is.
    pub kind: ActivityKind,
    /// The domain, or the host and port.
    pub subject: Box<str>,
}

/// What kind of thing a check waits for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ActivityKind {
    /// Answers of name servers.
    Resolve,
    /// A TCP connection.
    Connect,
    /// A TLS handshake.
    Handshake,
    /// What a peer says on an XMPP stream.
    Stream,
    /// The answer to a SIP request.
    Request,
}

/// Something that a check has waited for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Wait {
    /// What it was.
    pub activity: Activity,
    /// When it began, since the check began.
    pub began: Duration,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, subject } = self;
        match kind {
            ActivityKind::Resolve => write!(f, "looking up {subject}"),
            ActivityKind::Connect => write!(f, "connecting to {subject}"),
            ActivityKind::Handshake => write!(f, "TLS with {subject}"),
            ActivityKind::Stream => write!(f, "XMPP with {subject}"),
            ActivityKind::Request => write!(f, "SIP with {subject}"),
        }
    }
}

/// Notes what is waited for, and for how long.
#[derive(Debug)]
pub(super) struct Watch {
    started: Instant,
    activity: Option<mpsc::Sender<Activity>>,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    waits: Vec<Wait>,
    /// How many waits there are now, and since when there is one.
    waiting: usize,
    since: Duration,
    /// For how long there was one.
    waited: Duration,
}

impl Watch {
    pub(super) fn start(activity: Option<mpsc::Sender<Activity>>) -> Self {
        Self {
            started: Instant::now(),
            activity,
            noted: Mutex::default(),
        }
    }

    /// Waits for something.
    pub(super) async fn wait<T>(
        &self,
        kind: ActivityKind,
        subject: &str,
        awaited: impl Future<Output = T>,
    ) -> T {
        let subject = subject.into();
        let activity = Activity { kind, subject };
        if let Some(listener) = &self.activity {
            // Whoever reads slowly misses some.
            let _ = listener.try_send(activity.clone());
        }
        let _until_dropped = Waiting::begin(self, activity);
        awaited.await
    }

    /// What was waited for, how long all took, and for how much of that nothing was waited for.
    pub(super) fn finish(&self) -> (Vec<Wait>, Duration, Duration) {
        let took = self.started.elapsed();
        let mut noted = self.noted();
        let waits = std::mem::take(&mut noted.waits);
        (waits, took, took.saturating_sub(noted.waited))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait that lasts; it ends when it is dropped, as by a time limit.
struct Waiting<'a> {
    watch: &'a Watch,
    activity: Option<Activity>,
    began: Duration,
}

impl<'a> Waiting<'a> {
    fn begin(watch: &'a Watch, activity: Activity) -> Self {
        let began = watch.started.elapsed();
        let mut noted = watch.noted();
        if noted.waiting == 0 {
            noted.since = began;
        }
        noted.waiting = noted.waiting.saturating_add(1);
        Self {
            watch,
            activity: Some(activity),
            began,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let now = self.watch.started.elapsed();
        let mut noted = self.watch.noted();
        noted.waiting = noted.waiting.saturating_sub(1);
        if noted.waiting == 0 {
            let waited = now.saturating_sub(noted.since);
            noted.waited = noted.waited.saturating_add(waited);
        }
        if let Some(activity) = self.activity.take() {
            let took = now.saturating_sub(self.began);
            let began = self.began;
            noted.waits.push(Wait {
                activity,
                began,
                took,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_runs_side_by_side_is_waited_for_once() {
        let (listener, mut told) = mpsc::channel(1);
        let watch = Watch::start(Some(listener));
        tokio::join!(
            watch.wait(ActivityKind::Connect, "b.example", tokio::task::yield_now()),
            watch.wait(ActivityKind::Resolve, "b.example", std::future::ready(()))
        );
        let (waits, took, worked) = watch.finish();
        let [inner, outer] = waits.as_slice() else {
            panic!("{waits:?}");
        };
        assert_eq!(inner.activity.kind, ActivityKind::Resolve);
        assert_eq!(outer.activity.kind, ActivityKind::Connect);
        // The longer one alone counts.
        assert_eq!(took.saturating_sub(worked), outer.took);
        // The second found the channel full.
        let first = told.recv().await.unwrap();
        assert_eq!(first.to_string(), "connecting to b.example");
        assert_eq!(told.try_recv(), Err(mpsc::error::TryRecvError::Empty));
    }
}
