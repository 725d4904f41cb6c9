//! Programs for two that talk to each other over a network.

/// Two endpoints: the network, a seed, and steps.
pub(crate) fn endpoints() -> Vec<(&'static str, Vec<u8>)> {
    // A writes and B writes, over UDP, TCP and TLS; time passes.
    let texts = [
        0x00, 0, 0x40, 1, 0xe0, 2, 0x80, 5, 0x4e, 9, 11, 0x8b, 0x4e, 9,
    ];
    // A calls, waits, both write within, and one ends it.
    let calls = |transport: u8| {
        let invite = [transport | 3, 0, 0x4e, 9];
        let within = [5, 0, 0, 0x85, 0, 0, 0x4e, 9];
        [&invite[..], &within, &[0x87, 0, 0x4e, 9]].concat()
    };
    // A watches, B's state changes twice, and A has seen enough.
    let watches = [0x48, 0x6e, 9, 0x8a, 0x8a, 0x6e, 60, 0x8a, 0x6e, 9, 9, 0];
    let breaks = [
        0x48, 0x0c, 0x6e, 9, 0x43, 0, 0x0c, 0x8a, 0x6e, 9, 13, 0x40, 0, 0x6e, 9, 13,
    ];
    let program = |network: u8, steps: &[u8]| [&[network, 1], steps].concat();
    vec![
        ("texts", program(1, &texts)),
        ("texts-lost", program(0xa5, &texts)),
        ("calls", program(1, &calls(0))),
        ("calls-lost", program(0x65, &calls(0))),
        ("calls-tls", program(1, &calls(0x60))),
        (
            "calls-refused",
            program(1, &[3, 3, 0x4e, 9, 3, 7, 0x4e, 9, 7, 0]),
        ),
        ("watches", program(1, &watches)),
        ("watches-lost", program(0x65, &watches)),
        ("breaks", program(1, &breaks)),
    ]
}

/// Two routers: rules, the network, a seed, and steps.
pub(crate) fn routers() -> Vec<(&'static str, Vec<u8>)> {
    // Both write, time passes, both write again.
    let texts = [0, 1, 0, 1, 0x0c, 20, 0, 1, 0x14, 60, 0, 1];
    let program = |rules: &[u8], steps: &[u8]| [rules, steps].concat();
    let breaks = |bits: u8| program(&[bits, 0xe8, 62, 1], &texts.repeat(4));
    vec![
        ("certified", program(&[0x06, 0x04, 1], &texts)),
        ("dialback", program(&[0x01, 0x24, 1], &texts)),
        ("one-way", program(&[0x08, 0x38, 1], &texts)),
        ("certificate-required", program(&[0x03, 0x04, 1], &texts)),
        ("impostor", program(&[0x41, 0x04, 1], &[6, 0, 1, 6, 6])),
        ("dead-targets", program(&[0x00, 0x03, 1], &texts)),
        ("breaks", breaks(0x08)),
        ("breaks-unacknowledged", breaks(0x18)),
        ("breaks-sent-again", breaks(0x28)),
    ]
}
