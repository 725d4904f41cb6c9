//! Seeds for what servers publish and answer.

/// Records: a mode, a quarter of a seed, and two or four bytes for each.
pub(crate) fn records() -> Vec<(&'static str, Vec<u8>)> {
    let program =
        |mode: u8, records: &[[u8; 2]]| [&[mode, 1, 2, 3, 4], &*records.concat()].concat();
    let equal = [[0x10, 4], [0x11, 4], [0x12, 4]];
    let mixed = [[0x10, 0], [0x11, 40], [0x32, 8], [0x33, 0], [0x0c, 9]];
    let two_sets = [[0x10, 4], [0x50, 4], [0x71, 0], [0x31, 80], [0x0f, 0]];
    let repeated = [[0x10, 4], [0x10, 4], [0x10, 8], [0x30, 4], [0x08, 4]];
    vec![
        ("nothing", program(0, &[])),
        ("fallback", program(1, &[])),
        ("equal", program(0, &equal)),
        ("mixed", program(0, &mixed)),
        ("literal", program(4, &mixed)),
        ("two-sets", program(2, &two_sets)),
        ("repeated", program(6, &repeated)),
        ("refused", program(3, &[[0x07, 0], [0x4f, 0]])),
        ("unusable", program(0, &[[0x00, 1], [0x07, 0]])),
        ("gone", program(0, &[[0x15, 1]])),
        (
            "heavy",
            program(0, &[[0x10, 0xff], [0xff, 0xff], [0x11, 0xc0], [0, 1]]),
        ),
    ]
}

/// What servers ans