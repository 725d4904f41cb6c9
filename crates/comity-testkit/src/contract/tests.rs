use std::time::Duration;

use super::breach::{Breach, Cut};
use super::*;

/// A toy that answers lines. It keeps all promises but the one of its flaw.
///
/// `ping` is answered with `pong`, `ask` with whatever the application says, `tls` with `go` and
/// `StartTls`, `quit` with `bye` and `Closed`. After `rest` it takes no input for 5 seconds. Silence for 30 seconds is answered with `?`, once,
/// and then with `Closed`.
struct Toy {
    flaw: Flaw,
    state: State,
    line: Vec<u8>,
    /// Lines that came while a question was open.
    waiting: Vec<u8>,
    out: Vec<u8>,
    events: Vec<Said>,
    deadline: Option<Instant>,
    warned: bool,
    /// Whether the line began in an earlier input.
    cut: bool,
    /// What `GoAfterHandshake` holds back.
    owed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flaw {
    None,
    TimerStands,
    TimerStandsIfLate,
    EarlyCallArms,
    SpeaksAfterClosed,
    ReportsAfterClosed,
    TimerAfterClosed,
    EndsTwice,
    TimesOutAfterClosed,
    NeverSaysClosed,
    LateAnswerHeard,
    BytesAfterEvent,
    BytesAfterStartTls,
    GoodbyeDuringTls,
    GoodbyeAtEndDuringTls,
    ClearTextHeardDuringTls,
    LinePerInput,
    ForgetsAtCut,
    PongPerInput,
    GoAfterHandshake,
    NeverQuiet,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Open,
    Resting,
    Asking,
    Handshaking,
    Closing,
    Closed,
}

#[derive(Debug, Eq, PartialEq)]
enum Said {
    Line(String),
    Ask,
    StartTls,
    Closed,
}

impl Toy {
    fn new(now: Instant, flaw: Flaw) -> Self {
        Self {
            flaw,
            state: State::Open,
            line: Vec::new(),
            waiting: Vec::new(),
            out: b"hello\n".to_vec(),
            events: Vec::new(),
            deadline: Some(now + IDLE),
            warned: false,
            cut: false,
            owed: false,
        }
    }

    fn take(&mut self, now: Instant, input: &[u8]) {
        for (index, &byte) in input.iter().enumerate() {
            match self.state {
                State::Open if byte == b'\n' => self.line(now),
                State::Open => self.line.push(byte),
                State::Asking | State::Resting => {
                    self.waiting.extend_from_slice(&input[index..]);
                    return;
                }
                State::Handshaking => return self.close(),
                State::Closing | State::Closed => return,
            }
        }
    }

    fn line(&mut self, now: Instant) {
        let line = String::from_utf8(std::mem::take(&mut self.line)).unwrap();
        self.deadline = Some(now + IDLE);
        match line.as_str() {
            "ping" => self.out.extend(b"pong\n"),
            "ask" => {
                self.state = State::Asking;
                self.events.push(Said::Ask);
                return;
            }
            "rest" => {
                self.state = State::Resting;
                self.deadline = Some(now + Duration::from_secs(5));
            }
            "tls" => {
                self.owed = self.cut && self.is(Flaw::GoAfterHandshake);
                if !self.owed {
                    self.out.extend(b"go\n");
                }
                self.state = State::Handshaking;
                self.events.push(Said::StartTls);
                return;
            }
            "quit" => {
                self.out.extend(b"bye\n");
                return self.close();
            }
            _ => {}
        }
        self.events.push(Said::Line(line));
    }

    fn close(&mut self) {
        self.state = State::Closing;
        self.deadline = None;
        self.events.push(Said::Closed);
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }
}

impl Subject for Toy {
    type Event = Said;

    fn handle_input(&mut self, now: Instant, input: &[u8]) {
        if self.state == State::Closed {
            if self.is(Flaw::SpeaksAfterClosed) {
                self.out.extend(b"go away\n");
            }
            if self.is(Flaw::ReportsAfterClosed) {
                self.events.push(Said::Closed);
            }
            return;
        }
        assert!(self.state != State::Resting, "input that is not wanted");
        self.cut = !self.line.is_empty();
        if self.is(Flaw::LinePerInput) {
            let line = format!("{} bytes", input.len());
            self.events.push(Said::Line(line));
        }
        if self.is(Flaw::ForgetsAtCut) {
            self.line.clear();
        }
        if self.is(Flaw::PongPerInput) {
            self.out.extend(b".");
        }
        if self.is(Flaw::ClearTextHeardDuringTls) && self.state == State::Handshaking {
            self.out.extend(b"what?\n");
        }
        self.take(now, input);
    }

    fn handle_eof(&mut self, _: Instant) {
        if self.is(Flaw::GoodbyeAtEndDuringTls) && self.state == State::Handshaking {
            self.out.extend(b"bye\n");
        }
        if !matches!(self.state, State::Closing | State::Closed) || self.is(Flaw::EndsTwice) {
            self.close();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let Some(deadline) = self.deadline.filter(|&deadline| deadline <= now) else {
            if self.is(Flaw::EarlyCallArms) {
                self.deadline = Some(now);
            }
            if self.is(Flaw::TimesOutAfterClosed) && self.state == State::Closed {
                self.events.push(Said::Closed);
            }
            return;
        };
        if self.is(Flaw::TimerStands) {
            self.out.extend(b"?");
        } else if self.state == State::Resting {
            self.state = State::Open;
            self.deadline = Some(now + IDLE);
            let waiting = std::mem::take(&mut self.waiting);
            self.take(now, &waiting);
        } else if self.warned || self.state != State::Open {
            if self.is(Flaw::GoodbyeDuringTls) {
                self.out.extend(b"bye\n");
            }
            self.close();
        } else {
            self.warned = true;
            self.out.extend(b"?");
            let from = if self.is(Flaw::TimerStandsIfLate) {
                deadline
            } else {
                now
            };
            self.deadline = Some(from + IDLE);
        }
    }

    fn answer(&mut self, now: Instant, event: &Said) {
        match (event, self.state) {
            (Said::Ask, State::Asking) => {
                self.out.extend(b"answer\n");
                self.state = State::Open;
                let waiting = std::mem::take(&mut self.waiting);
                self.take(now, &waiting);
            }
            (Said::StartTls, State::Handshaking) => {
                self.state = State::Open;
                if self.owed {
                    self.out.extend(b"go\n");
                }
            }
            (Said::Ask, State::Closed) if self.is(Flaw::LateAnswerHeard) => {
                self.out.extend(b"answer\n");
            }
            (Said::Line(_) | Said::Ask | Said::StartTls | Said::Closed, _) => {}
        }
    }

    fn poll_transmit(&mut self, buf: &mut Vec<u8>) -> bool {
        let any = !self.out.is_empty();
        buf.append(&mut self.out);
        any || self.is(Flaw::NeverQuiet)
    }

    fn poll_event(&mut self) -> Option<Said> {
        if self.events.is_empty() {
            return None;
        }
        let event = self.events.remove(0);
        match event {
            Said::Line(_) if self.is(Flaw::BytesAfterEvent) => self.out.extend(b"late\n"),
            Said::StartTls if self.is(Flaw::BytesAfterStartTls) => self.out.extend(b"late\n"),
            Said::Closed if !self.is(Flaw::NeverSaysClosed) => self.state = State::Closed,
            Said::Line(_) | Said::Ask | Said::StartTls | Said::Closed => {}
        }
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.state == State::Closed && self.is(Flaw::TimerAfterClosed) {
            return Some(crate::origin());
        }
        self.deadline
    }

    fn wants_input(&self) -> bool {
        self.state == State::Open
    }

    fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    fn is_closed_event(event: &Said) -> bool {
        *event == Said::Closed
    }

    fn is_start_tls(event: &Said) -> bool {
        *event == Said::StartTls
    }
}

const IDLE: Duration = Duration::from_secs(30);

fn transcript() -> Transcript {
    Transcript::new()
        .input("ping\nask\nhi\nping\n")
        .input("rest\nping\n")
        .input("tls\n")
        .wait(Duration::from_secs(45))
        .input("ping\nquit\n")
}

fn toy(flaw: Flaw) -> impl Fn(Instant) -> Toy {
    move |now| Toy::new(now, flaw)
}

#[test]
fn a_machine_that_keeps_its_promises_passes() {
    keeps_promises(toy(Flaw::None), &transcript());
    keeps_promises(
        toy(Flaw::None),
        &Transcript::new().input("ask\nquit\nmore").eof(),
    );
}

#[test]
#[should_panic(expected = "after Closed came b\"go away\\n\"")]
fn a_breach_panics() {
    keeps_promises(toy(Flaw::SpeaksAfterClosed), &transcript());
}

#[test]
fn a_timer_that_does_not_move_is_found() {
    let check = |flaw| check::timeouts_advance(&toy(flaw), &transcript());
    let stands = |overdue| Err(Breach::TimeoutNotAfterNow { overdue });
    assert_eq!(check(Flaw::None), Ok(()));
    assert_eq!(check(Flaw::TimerStands), stands(Duration::ZERO));
    assert_eq!(check(Flaw::EarlyCallArms), stands(Duration::ZERO));
    let overdue = Duration::from_secs(3600 - 30);
    assert_eq!(check(Flaw::TimerStandsIfLate), stands(overdue));
}

#[test]
fn whatever_comes_after_closed_is_found() {
    let check = |flaw| check::nothing_after_closed(&toy(flaw), &transcript());
    let after = |output: &str| {
        let output = output.to_owned();
        Err(Breach::OutputAfterClosed { output })
    };
    assert_eq!(check(Flaw::None), Ok(()));
    assert_eq!(check(Flaw::SpeaksAfterClosed), after("b\"go away\\n\""));
    assert_eq!(check(Flaw::ReportsAfterClosed), after("the event Closed"));
    assert_eq!(check(Flaw::EndsTwice), after("the event Closed"));
    assert_eq!(check(Flaw::TimesOutAfterClosed), after("the event Closed"));
    assert_eq!(check(Flaw::TimerAfterClosed), after("a timeout"));
    assert_eq!(check(Flaw::LateAnswerHeard), after("b\"answer\\n\""));
    assert_eq!(
        check(Flaw::NeverSaysClosed),
        Err(Breach::NotClosedAfterClosedEvent)
    );
}

#[test]
fn bytes_that_come_late_are_found() {
    let check = |flaw| check::bytes_leave_before_events(&toy(flaw), &transcript());
    assert_eq!(check(Flaw::None), Ok(()));
    assert_eq!(
        check(Flaw::BytesAfterEvent),
        Err(Breach::BytesAfterEvent {
            event: "Line(\"ping\")".to_owned(),
            bytes: "b\"late\\n\"".to_owned(),
        })
    );
    let during = |bytes: &str| {
        let bytes = bytes.to_owned();
        Err(Breach::BytesDuringTls { bytes })
    };
    assert_eq!(check(Flaw::BytesAfterStartTls), during("b\"late\\n\""));
    for flaw in [Flaw::GoodbyeDuringTls, Flaw::GoodbyeAtEndDuringTls] {
        assert_eq!(check(flaw), during("b\"bye\\n\""));
    }
    assert_eq!(
        check(Flaw::ClearTextHeardDuringTls),
        during("b\"what?\\n\"")
    );
}

#[test]
fn what_depends_on_the_cut_is_found() {
    let check = |flaw| check::same_events_for_every_split(&toy(flaw), &transcript());
    let first = Cut::At { step: 0, point: 1 };
    assert_eq!(check(Flaw::None), Ok(()));
    let Err(Breach::EventsDiffer { cut, .. }) = check(Flaw::LinePerInput) else {
        panic!("{:?}", check(Flaw::LinePerInput));
    };
    assert_eq!(cut, first);
    let Err(Breach::EventsDiffer { cut, .. }) = check(Flaw::ForgetsAtCut) else {
        panic!("{:?}", check(Flaw::ForgetsAtCut));
    };
    assert_eq!(cut, first);
    let Err(Breach::BytesDiffer { cut, whole, parts }) = check(Flaw::PongPerInput) else {
        panic!("{:?}", check(Flaw::PongPerInput));
    };
    assert_eq!(cut, first);
    assert_ne!(whole, parts);
    let cut = Cut::At { step: 2, point: 1 };
    assert_eq!(
        check(Flaw::GoAfterHandshake),
        Err(Breach::TlsStartsDiffer { cut })
    );
}

#[test]
fn a_machine_that_never_rests_is_found() {
    let outcome = check::timeouts_advance(&toy(Flaw::NeverQuiet), &transcript());
    assert_eq!(outcome, Err(Breach::NeverQuiet));
}

#[test]
fn a_transcript_that_shows_nothing_is_refused() {
    struct Mute;

    impl Subject for Mute {
        type Event = ();

        fn handle_input(&mut self, _: Instant, _: &[u8]) {}
        fn handle_eof(&mut self, _: Instant) {}
        fn handle_timeout(&mut self, _: Instant) {}
        fn answer(&mut self, _: Instant, (): &()) {}
        fn poll_transmit(&mut self, _: &mut Vec<u8>) -> bool {
            false
        }
        fn poll_event(&mut self) -> Option<()> {
            None
        }
        fn poll_timeout(&self) -> Option<Instant> {
            None
        }
        fn wants_input(&self) -> bool {
            true
        }
        fn is_closed(&self) -> bool {
            false
        }
        fn is_closed_event((): &()) -> bool {
            false
        }
    }

    let make = |_| Mute;
    let talk = Transcript::new().input("hello").eof();
    assert_eq!(
        check::timeouts_advance(&make, &talk),
        Err(Breach::NoTimeoutArmed)
    );
    assert_eq!(
        check::nothing_after_closed(&make, &talk),
        Err(Breach::NeverClosed)
    );
    assert_eq!(
        check::bytes_leave_before_events(&make, &talk),
        Err(Breach::NoEvent)
    );
    assert_eq!(
        check::same_events_for_every_split(&make, &Transcript::new().input("x")),
        Err(Breach::NothingToCut)
    );
}
