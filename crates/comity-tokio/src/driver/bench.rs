use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Where work is done that would keep a thread of the runtime from its sockets.
#[derive(Clone, Debug)]
pub(super) struct Bench {
    seats: Arc<Semaphore>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(SEATS)),
        }
    }

    /// Does `work` on a thread for it, in its turn; `None` if it panics.
    ///
    /// Work whose turn has not come is not begun if this is dropped. What has begun keeps its seat
    /// to the end.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let seat = Arc::clone(&self.seats).acquire_owned().await.ok()?;
        let work = spawn_blocking(move || {
            let done = work();
            drop(seat);
            done
        });
        work.await.ok()
    }
}

/// Pieces of work at a time.
const SEATS: usize = 4;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn work_leaves_the_runtime_free_and_waits_for_a_seat() {
        let bench = Bench::new();
        let begun = Arc::new(AtomicUsize::new(0));
        let (began, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let mut ends = Vec::new();
        let mut tasks = JoinSet::new();
        for _ in 0..3 * SEATS {
            let (bench, begun, began) = (bench.clone(), Arc::clone(&begun), began.clone());
            let (end, ended) = mpsc::channel::<()>();
            ends.push(end);
            tasks.spawn(async move {
                let work = move || {
                    let number = begun.fetch_add(1, Ordering::SeqCst);
                    began.send(number).unwrap();
                    // Until the test lets it go.
                    assert!(ended.recv().is_err());
                    number
                };
                bench.run(work).await
            });
        }
        for _ in 0..SEATS {
            assert!(begins.recv().await.is_some());
        }
        assert_eq!(begun.load(Ordering::SeqCst), SEATS);
        assert_eq!(bench.seats.available_permits(), 0);
        drop(ends);
        let mut done = tasks.join_all().await;
        done.sort_unstable();
        assert_eq!(done, (0..3 * SEATS).map(Some).collect::<Vec<_>>());
    }
}
