//! What hostile answers make a resolver hold.
#![cfg(test)]

mod hostile;

use std::time::Instant;

use comity_machine::Random;
use comity_srv::RecordKind;
use comity_testkit::heap;
use hostile::{ANSWERS, Answer, Begin, RESOLUTIONS, asked_over_tcp, resolve_twice, stream};

#[global_allocator]
static ALLOCATOR: heap::Counting = heap::Counting;

#[test]
fn the_memory_held_for_hostile_servers_is_bounded() {
    let now = comity_testkit::origin();
    no_message_takes_more_than_its_bound(now);
    no_mutated_message_takes_more_than_its_bound(now);
    a_stream_is_kept_as_far_as_a_message_can_reach(now);
    a_hundred_large_answers_fill_the_cache_and_no_more(now);
}

fn no_message_takes_more_than_its_bound(now: Instant) {
    for (resolution, begin) in RESOLUTIONS {
        for (shape, answer) in ANSWERS {
            resolve_twice(now, begin, answer, |input| {
                let protocol = input.protocol;
                let ((), stats) = heap::measure(|| input.hand_over());
                let bytes = stats.peak_bytes;
                assert!(
                    bytes <= BOUND,
                    "{resolution}, {shape} over {protocol}: {bytes} bytes"
                );
            });
        }
    }
}

fn no_mutated_message_takes_more_than_its_bound(now: Instant) {
    let random = &mut Random::from_seed([1; 32]);
    for (_, begin) in RESOLUTIONS {
        for (_, answer) in ANSWERS {
            mutate(now, begin, answer, random);
        }
    }
}

/// Every resolver of one seed asks the same, so that one message answers all of them.
fn mutate(now: Instant, begin: Begin, answer: Answer, random: &mut Random) {
    let (_, _, query) = asked_over_tcp(now, begin);
    let message = stream(&query, answer);
    let times = MUTATED / RESOLUTIONS.len() / ANSWERS.len();
    for _ in 0..times {
        let (mut resolver, socket, _) = asked_over_tcp(now, begin);
        let mut bytes = message.clone();
        for _ in 0..=random.below(8) {
            // Behind the length, most often near to the start, where more is said.
            let reach = 1 << (4 + random.below(11));
            let place = 2 + usize::try_from(random.below(reach)).unwrap();
            if let Some(byte) = bytes.get_mut(place) {
                [*byte] = random.bytes();
            }
        }
        let ((), stats) = heap::measure(|| resolver.handle_input(now, socket, &bytes));
        assert!(stats.peak_bytes <= BOUND, "{stats:?}: {bytes:?}");
    }
}

fn a_stream_is_kept_as_far_as_a_message_can_reach(now: Instant) {
    let [(_, begin), ..] = RESOLUTIONS;
    for (first, piece) in [(0x40, 64 * 1024), (0xff, 64 * 1024), (0x40, 1), (0, 1)] {
        let (mut resolver, socket, _) = asked_over_tcp(now, begin);
        // 16 KiB, more than there may be, or no byte at all, and then whatever comes.
        let bytes = [&[first, 0][..], &[0; 64 * 1024 - 2]].concat();
        let ((), stats) = heap::measure(|| {
            for piece in bytes.chunks(piece) {
                resolver.handle_input(now, socket, piece);
            }
        });
        assert!(stats.peak_bytes <= MAX_STREAM, "{stats:?}");
    }
}

fn a_hundred_large_answers_fill_the_cache_and_no_more(now: Instant) {
    let [(_, long_targets), ..] = ANSWERS;
    let mut resolver = hostile::resolver(now);
    let ((), stats) = heap::measure(|| {
        for number in 0..100 {
            let domain = format!("h{number}.example").parse().unwrap();
            resolver
                .look_up(now, &domain, &[], RecordKind::Srv)
                .unwrap();
            hostile::answer_all(&mut resolver, now, long_targets);
        }
    });
    assert!(stats.live_bytes <= 1280 * 1024, "{stats:?}");
}

/// Heap bytes that one message may take, from before it came and with all that it brings about.
const BOUND: usize = 64 * 1024;
/// The same for bytes that are no answer: the longest message, once more while its buffer grows.
const MAX_STREAM: usize = 40 * 1024;
/// Fewer where each takes long.
const MUTATED: usize = if cfg!(debug_assertions) {
    10_000
} else {
    200_000
};
