//! Requests of ours over datagrams.

use super::Seeds;
use super::steps::{ACCEPTED, GIVEN_UP, NOT_HERE, NOTIFY, RINGING, TRYING, begin};

/// INVITEs of ours, over datagrams.
pub(super) fn invites_of_ours() -> Seeds {
    let invite = || begin().step(&[23, 0]);
    vec![
        ("invite-of-ours-unanswered", invite().jumps(8).end()),
        (
            "invite-of-ours-rings-out",
            invite().jumps(1).respond(RINGING, 0).jumps(14).end(),
        ),
        (
            "invite-of-ours-refused",
            invite()
                .respond(RINGING, 0)
                .respond(NOT_HERE, 0)
                .respond(NOT_HERE, 0)
                .jumps(1)
                .respond(NOT_HERE, 0)
                .end(),
        ),
        (
            "invite-of-ours-accepted",
            invite()
                .jumps(1)
                .respond(ACCEPTED, 0)
                .step(&[30, 0, 0])
                .respond(ACCEPTED, 0)
                .step(&[30, 0, 0])
                .respond(ACCEPTED, 1)
                .step(&[30, 0, 0])
                .step(&[30, 1, 0])
                .jumps(3)
                .end(),
        ),
        (
            "invite-of-ours-cancelled",
            invite()
                .respond(RINGING, 0)
                .step(&[25, 0])
                .respond(ACCEPTED, 0)
                .respond_to(1, GIVEN_UP, 0)
                .jumps(3)
                .end(),
        ),
        (
            "invite-of-ours-cancelled-early",
            invite().step(&[25, 0]).respond(RINGING, 0).end(),
        ),
        (
            "invite-of-ours-strange-responses",
            invite()
                .respond(RINGING, 0xE0)
                .respond(RINGING, 0xC0)
                .respond(NOT_HERE, 0xA0)
                .jumps(2)
                .respond(ACCEPTED, 0xC0)
                .jumps(2)
                .end(),
        ),
    ]
}

/// Other requests of ours, over datagrams.
pub(super) fn requests_of_ours() -> Seeds {
    let send = || begin().step(&[21, 0, 0]);
    vec![
        ("send-retransmitted", send().jumps(12).end()),
        (
            "send-answered-again",
            send()
                .jumps(3)
                .respond(ACCEPTED, 0)
                .respond(ACCEPTED, 0)
                .end(),
        ),
        (
            "send-put-off",
            send()
                .jumps(1)
                .respond(TRYING, 0)
                .jumps(5)
                .respond(ACCEPTED, 0)
                .end(),
        ),
        (
            "send-strange-responses",
            send()
                .respond(ACCEPTED, 0xE0)
                .respond(ACCEPTED, 0xC0)
                .respond(ACCEPTED, 0xA0)
                .jumps(3)
                .end(),
        ),
        (
            "send-unreachable",
            send().jumps(1).step(&[35, 0]).jumps(1).end(),
        ),
        (
            "subscribe-notified",
            begin()
                .step(&[26, 0, 0])
                .respond(ACCEPTED, 0)
                .datagram(NOTIFY.in_dialog(0))
                .again(0)
                .jumps(3)
                .end(),
        ),
        (
            "publish-refreshed",
            begin()
                .step(&[29, 0, 0, 0])
                .respond(ACCEPTED, 16)
                .jumps(4)
                .end(),
        ),
    ]
}
