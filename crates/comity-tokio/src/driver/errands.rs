use std::collections::BTreeMap;
use std::future::pending;

use comity_machine::QueryId;
use tokio::task::{AbortHandle, JoinSet};

/// Tasks that work out answers for the router, until it withdraws the question.
///
/// There are no more of them than the router has questions.
#[derive(Debug)]
pub(super) struct Errands<A> {
    tasks: JoinSet<(QueryId, A)>,
    /// Those whose answer is still wanted.
    wanted: BTreeMap<QueryId, AbortHandle>,
}

impl<A: Send + 'static> Errands<A> {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            wanted: BTreeMap::new(),
        }
    }

    pub(super) fn begin(
        &mut self,
        query: QueryId,
        answer: impl Future<Output = A> + Send + 'static,
    ) {
        let task = self.tasks.spawn(async move { (query, answer.await) });
        self.wanted.insert(query, task);
    }

    /// Stops to work on an answer that nobody needs.
    pub(super) fn withdraw(&mut self, query: QueryId) {
        if let Some(task) = self.wanted.remove(&query) {
            task.abort();
        }
    }

    /// The next answer that is wanted. Nothing is lost if this is dropped before it is ready.
    pub(super) async fn next(&mut self) -> (QueryId, A) {
        loop {
            match self.tasks.join_next().await {
                Some(Ok((query, answer))) => {
                    if self.wanted.remove(&query).is_some() {
                        return (query, answer);
                    }
                }
                Some(Err(error)) if error.is_panic() => {
                    // The question dies by the router's own timer.
                    self.wanted.retain(|_, task| !task.is_finished());
                }
                Some(Err(_withdrawn)) => {}
                None => pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use comity_machine::QueryIds;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn withdrawn_questions_leave_nothing_behind() {
        let mut ids = QueryIds::default();
        let mut errands = Errands::new();
        for _ in 0..800 {
            let query = ids.next_id();
            errands.begin(query, pending::<&str>());
            errands.withdraw(query);
        }
        let last = ids.next_id();
        errands.begin(last, async { "known" });
        assert_eq!(errands.next().await, (last, "known"));
        yield_now().await;
        while errands.tasks.try_join_next().is_some() {}
        assert_eq!((errands.tasks.len(), errands.wanted.len()), (0, 0));
    }

    #[tokio::test]
    async fn an_answer_that_was_ready_when_its_question_was_withdrawn_is_not_given() {
        let mut ids = QueryIds::default();
        let mut errands = Errands::new();
        let (first, second) = (ids.next_id(), ids.next_id());
        errands.begin(first, async { 1 });
        yield_now().await;
        errands.withdraw(first);
        errands.begin(second, async { 2 });
        assert_eq!(errands.next().await, (second, 2));
    }

    #[tokio::test]
    async fn an_errand_that_fails_is_forgotten() {
        let mut ids = QueryIds::default();
        let mut errands = Errands::new();
        let (first, second) = (ids.next_id(), ids.next_id());
        errands.begin(first, async { panic!("a fault of ours") });
        yield_now().await;
        errands.begin(second, async { 2 });
        assert_eq!(errands.next().await, (second, 2));
        assert_eq!(errands.wanted.len(), 0);
    }
}
