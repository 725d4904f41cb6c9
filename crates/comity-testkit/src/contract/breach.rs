use std::fmt;
use std::time::Duration;

/// How a machine broke a promise, or why a transcript could not tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Breach {
    TimeoutNotAfterNow {
        overdue: Duration,
    },
    NoTimeoutArmed,
    OutputAfterClosed {
        output: String,
    },
    NotClosedAfterClosedEvent,
    NeverClosed,
    BytesAfterEvent {
        event: String,
        bytes: String,
    },
    BytesDuringTls {
        bytes: String,
    },
    NoEvent,
    EventsDiffer {
        cut: Cut,
        whole: String,
        parts: String,
    },
    BytesDiffer {
        cut: Cut,
        whole: String,
        parts: String,
    },
    TlsStartsDiffer {
        cut: Cut,
    },
    NothingToCut,
    NeverQuiet,
}

/// How the input was cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cut {
    /// One flight, the steps of the transcript counted from 0, before its byte `point`.
    At {
        step: usize,
        point: usize,
    },
    Bytewise,
    /// The random cut of this number.
    Random {
        number: u8,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeoutNotAfterNow { overdue } => write!(
                f,
                "after handle_timeout(now) the next timeout lies {overdue:?} before now, \
                 or at now if that is 0"
            ),
            Self::NoTimeoutArmed => f.write_str("the transcript never arms a timeout"),
            Self::OutputAfterClosed { output } => write!(f, "after Closed came {output}"),
            Self::NotClosedAfterClosedEvent => f.write_str("is_closed() is false after Closed"),
            Self::NeverClosed => f.write_str("the machine closes nowhere in the transcript"),
            Self::BytesAfterEvent { event, bytes } => {
                write!(f, "bytes left after the event {event}: {bytes}")
            }
            Self::BytesDuringTls { bytes } => {
                write!(f, "bytes left between StartTls and the handshake: {bytes}")
            }
            Self::NoEvent => f.write_str("the transcript gives no event"),
            Self::EventsDiffer { cut, whole, parts } => {
                write!(f, "{cut} the events differ\nwhole: {whole}\nparts: {parts}")
            }
            Self::BytesDiffer { cut, whole, parts } => {
                write!(f, "{cut} the bytes differ\nwhole: {whole}\nparts: {parts}")
            }
            Self::TlsStartsDiffer { cut } => {
                write!(f, "{cut} TLS starts at another point of the bytes")
            }
            Self::NothingToCut => f.write_str("the transcript has no flight of two bytes"),
            Self::NeverQuiet => f.write_str("the machine's outputs never end"),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { step, point } => write!(f, "cut in step {step} before byte {point}"),
            Self::Bytewise => f.write_str("cut byte by byte"),
            Self::Random { number } => write!(f, "cut at random ({number})"),
        }
    }
}
