use std::time::Duration;

/// What a peer sends, flight by flight.
///
/// A flight is what may arrive in one read. The machine's outputs are drained and its questions
/// answered before the next flight, as if the peer had waited for that: start a new flight where a
/// real peer waits, such as after `<starttls/>`.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Input(Vec<u8>),
    Eof,
    Wait(Duration),
}

impl Transcript {
    /// A peer that does nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a flight.
    #[must_use]
    pub fn input(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::Input(bytes.as_ref().to_vec()))
    }

    /// Ends the peer's bytes.
    #[must_use]
    pub fn eof(self) -> Self {
        self.step(Step::Eof)
    }

    /// Lets the time pass, and the timers that fall into it.
    #[must_use]
    pub fn wait(self, time: Duration) -> Self {
        self.step(Step::Wait(time))
    }

    /// Every beginning of the transcript, whole steps and part of a flight: the number of whole
    /// steps, and the number of bytes of the flight after them.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = (usize, usize)> {
        self.steps
            .iter()
            .enumerate()
            .flat_map(|(step, what)| {
                let points = match what {
                    Step::Input(bytes) => bytes.len().max(1),
                    Step::Eof | Step::Wait(_) => 1,
                };
                (0..points).map(move |point| (step, point))
            })
            .chain([(self.steps.len(), 0)])
    }

    /// All bytes of all flights.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let flights = self.steps.iter().map(|step| match step {
            Step::Input(bytes) => bytes.as_slice(),
            Step::Eof | Step::Wait(_) => &[],
        });
        flights.collect::<Vec<_>>().concat()
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}
