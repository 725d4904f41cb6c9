//! Every state of the four machines with every input, in words.
//!
//! A row is `state: input -> next; what is sent; what is told; again; end`. What is left out is
//! nothing, and a timer that is left out stays as it is. With T1 500 ms, T2 4 s, T4 5 s, Timer D 32 s
//! and Timer C 181 s.

use std::fmt::Debug;
use std::time::Duration;

use super::client::{ClientInput, InviteClient, OtherClient};
use super::server::{InviteServer, OtherServer, ServerInput};
use super::step::{Class, Reliability, Send, Step, Tell, Wait};
use super::timing::Timing;

const CLIENT_INPUTS: [(&str, ClientInput); 8] = [
    ("100", ClientInput::Response(Class::Trying)),
    ("1xx", ClientInput::Response(Class::Provisional)),
    ("2xx", ClientInput::Response(Class::Success)),
    ("3xx-6xx", ClientInput::Response(Class::Failure)),
    ("again", ClientInput::Again(Duration::from_secs(2))),
    ("end", ClientInput::End),
    ("transport", ClientInput::TransportFailed),
    ("cancel", ClientInput::Cancel),
];

const SERVER_INPUTS: [(&str, ServerInput); 9] = [
    ("request", ServerInput::Request),
    ("ack", ServerInput::Ack),
    ("send 100", ServerInput::Respond(Class::Trying)),
    ("send 1xx", ServerInput::Respond(Class::Provisional)),
    ("send 2xx", ServerInput::Respond(Class::Success)),
    ("send 3xx-6xx", ServerInput::Respond(Class::Failure)),
    ("again", ServerInput::Again(Duration::from_secs(2))),
    ("end", ServerInput::End),
    ("transport", ServerInput::TransportFailed),
];

/// Timers A, B, C, D and M.
const INVITE_CLIENT: &str = "\
start -> Calling; sends again; again 500 ms; end 32000 ms
Calling: 100 -> Proceeding; tells message; again stop; end 181000 ms
Calling: 1xx -> Proceeding; tells message; again stop; end 181000 ms
Calling: 2xx -> Accepted; tells message; again stop; end 32000 ms
Calling: 3xx-6xx -> Completed; sends ack; tells message; again stop; end 32000 ms
Calling: again -> Calling; sends again; again 4000 ms
Calling: end -> over; tells timed out
Calling: transport -> over; tells transport failed
Calling: cancel -> Calling
Proceeding: 100 -> Proceeding; tells message
Proceeding: 1xx -> Proceeding; tells message; again stop; end 181000 ms
Proceeding: 2xx -> Accepted; tells message; again stop; end 32000 ms
Proceeding: 3xx-6xx -> Completed; sends ack; tells message; again stop; end 32000 ms
Proceeding: again -> Proceeding
Proceeding: end -> Proceeding; tells rang out
Proceeding: transport -> over; tells transport failed
Proceeding: cancel -> Cancelled; end 32000 ms
Cancelled: 100 -> Cancelled; tells message
Cancelled: 1xx -> Cancelled; tells message
Cancelled: 2xx -> Accepted; tells message; again stop; end 32000 ms
Cancelled: 3xx-6xx -> Completed; sends ack; tells message; again stop; end 32000 ms
Cancelled: again -> Cancelled
Cancelled: end -> over; tells timed out
Cancelled: transport -> over; tells transport failed
Cancelled: cancel -> Cancelled; end 32000 ms
Accepted: 100 -> Accepted
Accepted: 1xx -> Accepted
Accepted: 2xx -> Accepted; tells message
Accepted: 3xx-6xx -> Accepted
Accepted: again -> Accepted
Accepted: end -> over; tells ended
Accepted: transport -> Accepted
Accepted: cancel -> Accepted
Completed: 100 -> Completed
Completed: 1xx -> Completed
Completed: 2xx -> Completed
Completed: 3xx-6xx -> Completed; sends ack
Completed: again -> Completed
Completed: end -> over
Completed: transport -> over
Completed: cancel -> Completed
";

/// What differs where the transport is reliable.
const INVITE_CLIENT_RELIABLE: &str = "\
start -> Calling; sends again; again stop; end 32000 ms
Calling: 3xx-6xx -> over; sends ack; tells message
Proceeding: 3xx-6xx -> over; sends ack; tells message
Cancelled: 3xx-6xx -> over; sends ack; tells message
";

/// Timers E, F and K.
const OTHER_CLIENT: &str = "\
start -> Trying; sends again; again 500 ms; end 32000 ms
Trying: 100 -> Proceeding; tells message
Trying: 1xx -> Proceeding; tells message
Trying: 2xx -> Completed; tells message; again stop; end 5000 ms
Trying: 3xx-6xx -> Completed; tells message; again stop; end 5000 ms
Trying: again -> Trying; sends again; again 4000 ms
Trying: end -> over; tells timed out
Trying: transport -> over; tells transport failed
Trying: cancel -> Trying
Proceeding: 100 -> Proceeding; tells message
Proceeding: 1xx -> Proceeding; tells message
Proceeding: 2xx -> Completed; tells message; again stop; end 5000 ms
Proceeding: 3xx-6xx -> Completed; tells message; again stop; end 5000 ms
Proceeding: again -> Proceeding; sends again; again 4000 ms
Proceeding: end -> over; tells timed out
Proceeding: transport -> over; tells transport failed
Proceeding: cancel -> Proceeding
Completed: 100 -> Completed
Completed: 1xx -> Completed
Completed: 2xx -> Completed
Completed: 3xx-6xx -> Completed
Completed: again -> Completed
Completed: end -> over
Completed: transport -> over
Completed: cancel -> Completed
";

const OTHER_CLIENT_RELIABLE: &str = "\
start -> Trying; sends again; again stop; end 32000 ms
Trying: 2xx -> over; tells message
Trying: 3xx-6xx -> over; tells message
Proceeding: 2xx -> over; tells message
Proceeding: 3xx-6xx -> over; tells message
";

/// The wait for 100, Timers G, H, I and L.
const INVITE_SERVER: &str = "\
start -> Received; again 200 ms; end 181000 ms
Received: request -> Received
Received: ack -> Received
Received: send 100 -> Proceeding; sends response; again stop; end 181000 ms
Received: send 1xx -> Proceeding; sends response; again stop; end 181000 ms
Received: send 2xx -> Accepted; sends response; again stop; end 32000 ms
Received: send 3xx-6xx -> Completed; sends response; again 500 ms; end 32000 ms
Received: again -> Proceeding; sends trying; again stop
Received: end -> Completed; sends timeout; tells unanswered; again 500 ms; end 32000 ms
Received: transport -> over; tells transport failed
Proceeding: request -> Proceeding; sends again
Proceeding: ack -> Proceeding
Proceeding: send 100 -> Proceeding; sends response; again stop; end 181000 ms
Proceeding: send 1xx -> Proceeding; sends response; again stop; end 181000 ms
Proceeding: send 2xx -> Accepted; sends response; again stop; end 32000 ms
Proceeding: send 3xx-6xx -> Completed; sends response; again 500 ms; end 32000 ms
Proceeding: again -> Proceeding
Proceeding: end -> Completed; sends timeout; tells unanswered; again 500 ms; end 32000 ms
Proceeding: transport -> over; tells transport failed
Accepted: request -> Accepted
Accepted: ack -> Accepted; tells message
Accepted: send 100 -> Accepted
Accepted: send 1xx -> Accepted
Accepted: send 2xx -> Accepted; sends response
Accepted: send 3xx-6xx -> Accepted
Accepted: again -> Accepted
Accepted: end -> over
Accepted: transport -> Accepted
Completed: request -> Completed; sends again
Completed: ack -> Confirmed; again stop; end 5000 ms
Completed: send 100 -> Completed
Completed: send 1xx -> Completed
Completed: send 2xx -> Completed
Completed: send 3xx-6xx -> Completed
Completed: again -> Completed; sends again; again 4000 ms
Completed: end -> over; tells timed out
Completed: transport -> over; tells transport failed
Confirmed: request -> Confirmed
Confirmed: ack -> Confirmed
Confirmed: send 100 -> Confirmed
Confirmed: send 1xx -> Confirmed
Confirmed: send 2xx -> Confirmed
Confirmed: send 3xx-6xx -> Confirmed
Confirmed: again -> Confirmed
Confirmed: end -> over
Confirmed: transport -> Confirmed
";

const INVITE_SERVER_RELIABLE: &str = "\
Received: send 3xx-6xx -> Completed; sends response; again stop; end 32000 ms
Received: end -> Completed; sends timeout; tells unanswered; again stop; end 32000 ms
Proceeding: send 3xx-6xx -> Completed; sends response; again stop; end 32000 ms
Proceeding: end -> Completed; sends timeout; tells unanswered; again stop; end 32000 ms
Completed: ack -> over
";

/// The wait for 100 (RFC 4320) and Timer J.
const OTHER_SERVER: &str = "\
start -> Trying; again 3500 ms; end 32000 ms
Trying: request -> Trying
Trying: ack -> Trying
Trying: send 100 -> Trying
Trying: send 1xx -> Trying
Trying: send 2xx -> Completed; sends response; again stop; end 32000 ms
Trying: send 3xx-6xx -> Completed; sends response; again stop; end 32000 ms
Trying: again -> Proceeding; sends trying; again stop
Trying: end -> Completed; tells unanswered; again stop; end 5000 ms
Trying: transport -> over; tells transport failed
Proceeding: request -> Proceeding; sends again
Proceeding: ack -> Proceeding
Proceeding: send 100 -> Proceeding
Proceeding: send 1xx -> Proceeding
Proceeding: send 2xx -> Completed; sends response; again stop; end 32000 ms
Proceeding: send 3xx-6xx -> Completed; sends response; again stop; end 32000 ms
Proceeding: again -> Proceeding
Proceeding: end -> Completed; tells unanswered; again stop; end 5000 ms
Proceeding: transport -> over; tells transport failed
Completed: request -> Completed; sends again
Completed: ack -> Completed
Completed: send 100 -> Completed
Completed: send 1xx -> Completed
Completed: send 2xx -> Completed
Completed: send 3xx-6xx -> Completed
Completed: again -> Completed
Completed: end -> over
Completed: transport -> over; tells transport failed
";

const OTHER_SERVER_RELIABLE: &str = "\
Trying: send 2xx -> over; sends response
Trying: send 3xx-6xx -> over; sends response
Trying: end -> over; tells unanswered
Proceeding: send 2xx -> over; sends response
Proceeding: send 3xx-6xx -> over; sends response
Proceeding: end -> over; tells unanswered
";

#[test]
fn the_client_of_an_invite_follows_its_table() {
    let timing = Timing::default();
    let states = [
        InviteClient::Calling,
        InviteClient::Proceeding,
        InviteClient::Cancelled,
        InviteClient::Accepted,
        InviteClient::Completed,
    ];
    check(INVITE_CLIENT, INVITE_CLIENT_RELIABLE, |reliability| {
        let start = InviteClient::start(&timing, reliability);
        table(start, &states, &CLIENT_INPUTS, |state, input| {
            state.handle(input, &timing, reliability)
        })
    });
}

#[test]
fn the_client_of_another_request_follows_its_table() {
    let timing = Timing::default();
    let states = [
        OtherClient::Trying,
        OtherClient::Proceeding,
        OtherClient::Completed,
    ];
    check(OTHER_CLIENT, OTHER_CLIENT_RELIABLE, |reliability| {
        let start = OtherClient::start(&timing, reliability);
        table(start, &states, &CLIENT_INPUTS, |state, input| {
            state.handle(input, &timing, reliability)
        })
    });
}

#[test]
fn the_server_of_an_invite_follows_its_table() {
    let timing = Timing::default();
    let states = [
        InviteServer::Received,
        InviteServer::Proceeding,
        InviteServer::Accepted,
        InviteServer::Completed,
        InviteServer::Confirmed,
    ];
    check(INVITE_SERVER, INVITE_SERVER_RELIABLE, |reliability| {
        let start = InviteServer::start(&timing);
        table(start, &states, &SERVER_INPUTS, |state, input| {
            state.handle(input, &timing, reliability)
        })
    });
}

#[test]
fn the_server_of_another_request_follows_its_table() {
    let timing = Timing::default();
    let states = [
        OtherServer::Trying,
        OtherServer::Proceeding,
        OtherServer::Completed,
    ];
    check(OTHER_SERVER, OTHER_SERVER_RELIABLE, |reliability| {
        let start = OtherServer::start(&timing);
        table(start, &states, &SERVER_INPUTS, |state, input| {
            state.handle(input, &timing, reliability)
        })
    });
}

/// The rows of both kinds of transports: those of reliable ones are the same but for some.
fn check(unreliable: &str, differing: &str, rows: impl Fn(Reliability) -> Vec<String>) {
    let expected: Vec<_> = unreliable.lines().collect();
    let is = rows(Reliability::Unreliable);
    assert_eq!(is, expected);
    let key = |row: &str| row.split(" ->").next().map(ToOwned::to_owned);
    let expected = expected.into_iter().map(|row| {
        let mut others = differing.lines();
        others.find(|other| key(other) == key(row)).unwrap_or(row)
    });
    let is = rows(Reliability::Reliable);
    assert_eq!(is, expected.collect::<Vec<_>>(), "reliable");
}

fn table<S: Copy + Debug, I: Copy>(
    start: Step<S>,
    states: &[S],
    inputs: &[(&str, I)],
    handle: impl Fn(S, I) -> Step<S>,
) -> Vec<String> {
    let mut rows = vec![format!("start{}", outcome(&start))];
    for state in states {
        for (name, input) in inputs {
            let step = handle(*state, *input);
            rows.push(format!("{state:?}: {name}{}", outcome(&step)));
        }
    }
    rows
}

fn outcome<S: Debug>(step: &Step<S>) -> String {
    let mut text = match &step.next {
        Some(next) => format!(" -> {next:?}"),
        None => " -> over".to_owned(),
    };
    text += match step.send {
        Send::Nothing => "",
        Send::Again => "; sends again",
        Send::Ack => "; sends ack",
        Send::Response => "; sends response",
        Send::Trying => "; sends trying",
        Send::Timeout => "; sends timeout",
    };
    text += match step.tell {
        Tell::Nothing => "",
        Tell::Message => "; tells message",
        Tell::TimedOut => "; tells timed out",
        Tell::Unanswered => "; tells unanswered",
        Tell::TransportFailed => "; tells transport failed",
        Tell::RangOut => "; tells rang out",
        Tell::Ended => "; tells ended",
    };
    // The timers of what is over are gone anyway.
    if step.next.is_some() {
        for (name, wait) in [("again", step.again), ("end", step.end)] {
            match wait {
                Wait::Keep => {}
                Wait::Stop => text += &format!("; {name} stop"),
                Wait::For(wait) => text += &format!("; {name} {} ms", wait.as_millis()),
            }
        }
    }
    text
}
