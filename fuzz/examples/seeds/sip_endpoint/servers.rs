//! Requests of peers, and the sessions that they begin.

use super::Seeds;
use super::steps::{
    ACK, BUSY, BYE, CANCEL, INVITE, MESSAGE, OK, OLD, OPTIONS, RPORT, Steps, begin,
};

/// INVITEs of peers that are refused, over datagrams.
pub(super) fn invites() -> Seeds {
    let invite = || begin().datagram(INVITE);
    vec![
        (
            "invite-refused-repeated-acked",
            invite()
                .answer(BUSY)
                .jumps(3)
                .again(0)
                .datagram(ACK)
                .again(1)
                .jumps(3)
                .end(),
        ),
        (
            "invite-refused-no-ack",
            invite().answer(BUSY).jumps(14).end(),
        ),
        (
            "invite-of-old-client-acked",
            begin()
                .datagram(INVITE.by(OLD))
                .answer(BUSY)
                .jumps(2)
                .datagram(ACK.by(OLD))
                .datagram(ACK.by(OLD).in_dialog(0))
                .jumps(4)
                .end(),
        ),
        (
            "invite-again-before-its-answer",
            invite()
                .again(0)
                .jumps(1)
                .again(0)
                .inform()
                .again(0)
                .answer(BUSY)
                .again(0)
                .datagram(ACK)
                .again(1)
                .end(),
        ),
        (
            "invite-rings-out",
            invite().jumps(1).inform().jumps(14).end(),
        ),
        (
            "invite-cancelled-at-once",
            invite().datagram(CANCEL).again(0).jumps(4).end(),
        ),
        (
            "invite-cancelled-when-it-rings",
            invite()
                .jumps(1)
                .inform()
                .datagram(CANCEL)
                .again(0)
                .jumps(2)
                .datagram(ACK)
                .jumps(4)
                .end(),
        ),
        (
            "invite-cancelled-too-late",
            invite().answer(BUSY).datagram(CANCEL).jumps(4).end(),
        ),
    ]
}

/// Other requests of peers, over datagrams.
pub(super) fn requests() -> Seeds {
    let message = || begin().datagram(MESSAGE);
    vec![
        (
            "cancel-of-nothing",
            begin().datagram(CANCEL).again(0).jumps(2).end(),
        ),
        (
            "message-answered-again",
            message()
                .again(0)
                .answer(OK)
                .again(0)
                .jumps(1)
                .again(0)
                .jumps(1)
                .end(),
        ),
        (
            "message-unanswered",
            message().jumps(1).again(0).jumps(2).again(0).end(),
        ),
        (
            "options-again",
            begin()
                .datagram(OPTIONS)
                .again(0)
                .jumps(2)
                .again(0)
                .jumps(2)
                .end(),
        ),
        (
            "invite-on-two-ways",
            begin()
                .datagram(INVITE)
                .datagram(INVITE.by(1))
                .answer(BUSY)
                .jumps(1)
                .end(),
        ),
        (
            "message-again-from-another-port",
            begin()
                .datagram(MESSAGE.by(RPORT))
                .jumps(1)
                .datagram_from(1, MESSAGE.by(RPORT))
                .answer(OK)
                .datagram_from(0, MESSAGE.by(RPORT))
                .jumps(1)
                .end(),
        ),
        (
            "too-many",
            (1..6)
                .fold(Steps(vec![1]), |steps, who| {
                    steps.datagram(MESSAGE.by(who).in_call(who)).again(0)
                })
                .jumps(4)
                .end(),
        ),
    ]
}

/// Sessions that a peer begins.
pub(super) fn sessions() -> Seeds {
    let accepted = || begin().datagram(INVITE).accept();
    vec![
        (
            "invite-accepted-acked",
            accepted()
                .jumps(3)
                .datagram(ACK.in_dialog(0))
                .jumps(5)
                .end(),
        ),
        ("invite-accepted-no-ack", accepted().jumps(14).end()),
        (
            "invite-accepted-again",
            accepted()
                .jumps(1)
                .again(0)
                .jumps(2)
                .again(0)
                .jumps(12)
                .end(),
        ),
        (
            "invite-accepted-other-ack",
            accepted()
                .datagram(ACK)
                .jumps(2)
                .datagram(ACK.in_dialog(0).later(3))
                .jumps(2)
                .end(),
        ),
        (
            "session-of-theirs",
            accepted()
                .datagram(ACK.in_dialog(0))
                .datagram(MESSAGE.by(1).in_dialog(0).later(1))
                .again(0)
                .answer(OK)
                .again(0)
                .datagram(BYE.by(2).in_dialog(0).later(1))
                .again(0)
                .jumps(4)
                .end(),
        ),
        (
            "session-ended-before-its-ack",
            accepted()
                .jumps(1)
                .datagram(BYE.by(2).in_dialog(0).later(1))
                .jumps(4)
                .end(),
        ),
        (
            "session-left-before-its-ack",
            accepted().step(&[25, 0]).jumps(14).end(),
        ),
        (
            "session-over-tcp",
            begin()
                .connection(0)
                .say(INVITE)
                .accept()
                .jumps(3)
                .say(ACK.in_dialog(0))
                .jumps(3)
                .end(),
        ),
        (
            "session-invited-again",
            accepted()
                .datagram(ACK.in_dialog(0))
                .datagram(INVITE.by(1).in_dialog(0).later(1))
                .accept()
                .jumps(2)
                .datagram(ACK.by(1).in_dialog(0))
                .jumps(2)
                .end(),
        ),
    ]
}
