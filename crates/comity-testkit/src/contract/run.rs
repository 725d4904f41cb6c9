use std::time::{Duration, Instant};

use super::Subject;
use super::breach::Breach;
use super::transcript::{Step, Transcript};
use crate::origin;

/// One life of a machine, driven as its crate page says.
pub(super) struct Run<S: Subject> {
    pub(super) subject: S,
    pub(super) now: Instant,
    pub(super) log: Log<S::Event>,
    pub(super) closed: bool,
    /// Leave the `StartTls` with this number unanswered, and stop there.
    hold_tls: Option<usize>,
    pub(super) held: bool,
}

/// What came out.
pub(super) struct Log<E> {
    pub(super) events: Vec<E>,
    pub(super) bytes: Vec<u8>,
    /// How many bytes had left at each `StartTls`.
    pub(super) tls_starts: Vec<usize>,
}

impl<S: Subject> Run<S> {
    pub(super) fn start(
        make: &impl Fn(Instant) -> S,
        hold_tls: Option<usize>,
    ) -> Result<Self, Breach> {
        let now = origin();
        let mut run = Self {
            subject: make(now),
            now,
            log: Log {
                events: Vec::new(),
                bytes: Vec::new(),
                tls_starts: Vec::new(),
            },
            closed: false,
            hold_tls,
            held: false,
        };
        run.drain()?;
        Ok(run)
    }

    /// A run up to one of the transcript's beginnings.
    pub(super) fn to(
        make: &impl Fn(Instant) -> S,
        transcript: &Transcript,
        (steps, point): (usize, usize),
    ) -> Result<Self, Breach> {
        let mut run = Self::start(make, None)?;
        for step in transcript.steps.iter().take(steps) {
            run.step(step, |bytes| vec![bytes])?;
        }
        if let Some(Step::Input(bytes)) = transcript.steps.get(steps) {
            run.input(bytes.get(..point).unwrap_or(bytes))?;
        }
        Ok(run)
    }

    /// Takes one step, a flight in the pieces that `cut` makes of it.
    pub(super) fn step<'a>(
        &mut self,
        step: &'a Step,
        cut: impl FnOnce(&'a [u8]) -> Vec<&'a [u8]>,
    ) -> Result<(), Breach> {
        match step {
            Step::Input(bytes) => cut(bytes)
                .into_iter()
                .try_for_each(|piece| self.input(piece)),
            Step::Eof => self.eof(),
            Step::Wait(time) => self.wait(*time),
        }
    }

    /// Gives the machine a piece once it wants input; loses it if it never does.
    pub(super) fn input(&mut self, piece: &[u8]) -> Result<(), Breach> {
        for _ in 0..MAX_FIRINGS {
            if piece.is_empty() || self.over() {
                return Ok(());
            }
            if self.subject.wants_input() {
                self.subject.handle_input(self.now, piece);
                return self.drain();
            }
            let Some(due) = self.subject.poll_timeout() else {
                break;
            };
            self.fire(due)?;
        }
        Ok(())
    }

    pub(super) fn eof(&mut self) -> Result<(), Breach> {
        if self.over() {
            return Ok(());
        }
        self.subject.handle_eof(self.now);
        self.drain()
    }

    /// Lets `time` pass.
    fn wait(&mut self, time: Duration) -> Result<(), Breach> {
        let end = self.now + time;
        for _ in 0..MAX_ROUNDS {
            let due = self.subject.poll_timeout().filter(|&due| due <= end);
            let Some(due) = due.filter(|_| !self.over()) else {
                self.now = end;
                return Ok(());
            };
            self.fire(due)?;
        }
        Err(Breach::NeverQuiet)
    }

    /// Jumps from timer to timer until the machine has closed or none is armed.
    pub(super) fn wait_for_close(&mut self) -> Result<(), Breach> {
        for _ in 0..MAX_FIRINGS {
            let due = self.subject.poll_timeout().filter(|_| !self.over());
            let Some(due) = due else {
                break;
            };
            self.fire(due)?;
        }
        Ok(())
    }

    /// Calls `handle_timeout` at `due` and tests promise 1.
    pub(super) fn fire(&mut self, due: Instant) -> Result<(), Breach> {
        self.now = self.now.max(due);
        self.subject.handle_timeout(self.now);
        let events = self.drain_once()?;
        if let Some(next) = self.subject.poll_timeout().filter(|&next| next <= self.now) {
            let overdue = self.now - next;
            return Err(Breach::TimeoutNotAfterNow { overdue });
        }
        self.answer(events);
        self.drain()
    }

    /// Drains all outputs and answers the events, until nothing comes out.
    fn drain(&mut self) -> Result<(), Breach> {
        for _ in 0..MAX_ROUNDS {
            let events = self.drain_once()?;
            if events.is_empty() {
                return Ok(());
            }
            self.answer(events);
        }
        Err(Breach::NeverQuiet)
    }

    /// Drains the bytes, then the events, and tests that no bytes follow an event.
    pub(super) fn drain_once(&mut self) -> Result<Vec<S::Event>, Breach> {
        let was_closed = self.subject.is_closed();
        let bytes = self.transmits()?;
        if was_closed && !bytes.is_empty() {
            let output = printed(&bytes);
            return Err(Breach::OutputAfterClosed { output });
        }
        self.log.bytes.extend(bytes);
        let mut events = Vec::new();
        while let Some(event) = self.subject.poll_event() {
            if was_closed || self.closed {
                let output = format!("the event {event:?}");
                return Err(Breach::OutputAfterClosed { output });
            }
            self.closed = S::is_closed_event(&event);
            let late = self.transmits()?;
            if !late.is_empty() {
                return Err(self.late(&event, &late));
            }
            if S::is_start_tls(&event) {
                self.held = self.hold_tls == Some(self.log.tls_starts.len());
                self.log.tls_starts.push(self.log.bytes.len());
            }
            events.push(event);
            if events.len() > MAX_ROUNDS {
                return Err(Breach::NeverQuiet);
            }
        }
        self.check_closed()?;
        Ok(events)
    }

    fn late(&self, event: &S::Event, bytes: &[u8]) -> Breach {
        let bytes = printed(bytes);
        if self.closed {
            Breach::OutputAfterClosed { output: bytes }
        } else if S::is_start_tls(event) {
            Breach::BytesDuringTls { bytes }
        } else {
            let event = format!("{event:?}");
            Breach::BytesAfterEvent { event, bytes }
        }
    }

    fn check_closed(&self) -> Result<(), Breach> {
        if !self.closed {
            return Ok(());
        }
        if !self.subject.is_closed() {
            return Err(Breach::NotClosedAfterClosedEvent);
        }
        match self.subject.poll_timeout() {
            None => Ok(()),
            Some(_) => Err(Breach::OutputAfterClosed {
                output: "a timeout".to_owned(),
            }),
        }
    }

    fn transmits(&mut self) -> Result<Vec<u8>, Breach> {
        let mut bytes = Vec::new();
        for _ in 0..MAX_ROUNDS {
            if !self.subject.poll_transmit(&mut bytes) {
                return Ok(bytes);
            }
        }
        Err(Breach::NeverQuiet)
    }

    fn answer(&mut self, events: Vec<S::Event>) {
        for event in events {
            if !self.over() {
                self.subject.answer(self.now, &event);
            }
            self.log.events.push(event);
        }
    }

    /// Whether the run ends here.
    pub(super) fn over(&self) -> bool {
        self.closed || self.held
    }
}

/// Bytes as a person reads them.
pub(super) fn printed(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii())
}

/// More rounds than this without an end are taken to be endless.
const MAX_ROUNDS: usize = 10_000;

/// How often a timer fires before a machine is taken to be one that lives on.
pub(super) const MAX_FIRINGS: usize = 64;
