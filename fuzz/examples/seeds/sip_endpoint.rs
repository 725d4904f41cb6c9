//! Programs for an endpoint: at least one for each rule of the transaction layer.

mod clients;
mod servers;
mod steps;

use self::steps::{ACCEPTED, ACK, BUSY, INVITE, MESSAGE, NOT_HERE, OK, RINGING, begin};

type Seeds = Vec<(&'static str, Vec<u8>)>;

pub(crate) fn programs() -> Seeds {
    [
        servers::invites(),
        servers::requests(),
        servers::sessions(),
        clients::invites_of_ours(),
        clients::requests_of_ours(),
        ways(),
    ]
    .concat()
}

/// Requests on connections.
fn ways() -> Seeds {
    vec![
        (
            "invite-over-tcp-refused",
            begin()
                .connection(0)
                .say(INVITE)
                .jumps(1)
                .answer(BUSY)
                .say(INVITE)
                .say(ACK)
                .jumps(1)
                .end(),
        ),
        (
            "message-over-another-connection",
            begin()
                .connection(0)
                .say(MESSAGE)
                .step(&[13, 0])
                .connection(0)
                .say(MESSAGE)
                .jumps(1)
                .say(MESSAGE)
                .answer(OK)
                .jumps(1)
                .end(),
        ),
        (
            "message-over-tls-and-not",
            begin()
                .connection(2)
                .say(MESSAGE)
                .connection(1)
                .say(MESSAGE)
                .datagram(MESSAGE)
                .answer(OK)
                .end(),
        ),
        (
            "send-over-tls",
            begin()
                .step(&[21, 3, 0])
                .step(&[32, 0, 2])
                .connection(2)
                .respond(ACCEPTED, 0)
                .end(),
        ),
        (
            "invite-of-ours-over-tcp",
            begin()
                .step(&[23, 2])
                .step(&[32, 0, 1])
                .respond(RINGING, 0)
                .respond(NOT_HERE, 0)
                .respond(NOT_HERE, 0)
                .end(),
        ),
        (
            "send-answered-by-somebody-else",
            begin()
                .step(&[21, 2, 0])
                .step(&[32, 0, 1])
                .connection(0)
                .elsewhere(0, ACCEPTED)
                .connection(2)
                .elsewhere(0, ACCEPTED)
                .jumps(1)
                .end(),
        ),
        (
            "datagram-answered-on-a-connection",
            begin()
                .step(&[23, 0])
                .connection(2)
                .elsewhere(0, RINGING)
                .jumps(2)
                .end(),
        ),
        (
            "invite-accepted-before-its-connection-is-lost",
            begin()
                .step(&[21, 3, 1])
                .step(&[38, 2])
                .step(&[23, 3])
                .step(&[32, 0, 2])
                .jumps(1)
                .respond(ACCEPTED, 0)
                .step(&[32, 0, 0])
                .end(),
        ),
    ]
}
