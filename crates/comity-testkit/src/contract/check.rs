use std::time::{Duration, Instant};

use comity_machine::Random;

use super::Subject;
use super::breach::{Breach, Cut};
use super::run::{Log, MAX_FIRINGS, Run, printed};
use super::transcript::{Step, Transcript};
use crate::cut;

pub(super) fn timeouts_advance<S: Subject>(
    make: &impl Fn(Instant) -> S,
    transcript: &Transcript,
) -> Result<(), Breach> {
    let mut fired = false;
    for beginning in transcript.beginnings() {
        for late in [Duration::ZERO, Duration::from_secs(3600)] {
            let mut run = Run::to(make, transcript, beginning)?;
            for _ in 0..MAX_FIRINGS {
                let Some(due) = run.subject.poll_timeout().filter(|_| !run.over()) else {
                    break;
                };
                fired = true;
                run.fire(due + late)?;
                if !run.over() {
                    run.fire(run.now)?;
                }
            }
        }
    }
    if fired {
        Ok(())
    } else {
        Err(Breach::NoTimeoutArmed)
    }
}

pub(super) fn nothing_after_closed<S: Subject>(
    make: &impl Fn(Instant) -> S,
    transcript: &Transcript,
) -> Result<(), Breach> {
    let mut closed = false;
    for beginning in transcript.beginnings() {
        for ends in [true, false] {
            let mut run = Run::to(make, transcript, beginning)?;
            if ends {
                run.eof()?;
            }
            run.wait_for_close()?;
            if run.closed {
                closed = true;
                disturb(&mut run, &transcript.bytes())?;
            }
        }
    }
    if closed {
        Ok(())
    } else {
        Err(Breach::NeverClosed)
    }
}

pub(super) fn bytes_leave_before_events<S: Subject>(
    make: &impl Fn(Instant) -> S,
    transcript: &Transcript,
) -> Result<(), Breach> {
    let whole = cut_run(make, transcript, None, |_, bytes| vec![bytes])?;
    cut_run(make, transcript, None, |_, bytes| {
        cut::bytewise(bytes).collect()
    })?;
    for number in 0..whole.log.tls_starts.len() {
        for peer in [Peer::Silent, Peer::Ended, Peer::Talking] {
            let mut run = cut_run(make, transcript, Some(number), |_, bytes| vec![bytes])?;
            await_tls(&mut run, peer, &transcript.bytes())?;
        }
    }
    if whole.log.events.is_empty() {
        return Err(Breach::NoEvent);
    }
    Ok(())
}

pub(super) fn same_events_for_every_split<S: Subject>(
    make: &impl Fn(Instant) -> S,
    transcript: &Transcript,
) -> Result<(), Breach> {
    let whole = cut_run(make, transcript, None, |_, bytes| vec![bytes])?.log;
    let mut cuts = 0;
    for (step, what) in transcript.steps.iter().enumerate() {
        let Step::Input(flight) = what else {
            continue;
        };
        for (left, right) in cut::at_each_point(flight) {
            let parts = cut_run(make, transcript, None, |number, bytes| {
                if number == step {
                    vec![left, right]
                } else {
                    vec![bytes]
                }
            })?;
            let point = left.len();
            same(&whole, &parts.log, Cut::At { step, point })?;
            cuts += 1;
        }
    }
    if cuts == 0 {
        return Err(Breach::NothingToCut);
    }
    let parts = cut_run(make, transcript, None, |_, bytes| {
        cut::bytewise(bytes).collect()
    })?;
    same(&whole, &parts.log, Cut::Bytewise)?;
    for number in 0..RANDOM_CUTS {
        let mut random = Random::from_seed([number; 32]);
        let longest = 2_usize << (number % 8);
        let parts = cut_run(make, transcript, None, |_, bytes| {
            cut::at_random(bytes, &mut random, longest)
        })?;
        same(&whole, &parts.log, Cut::Random { number })?;
    }
    Ok(())
}

/// What a peer does in place of its TLS handshake.
#[derive(Clone, Copy)]
enum Peer {
    Silent,
    Ended,
    Talking,
}

/// A run of the whole transcript, each flight cut by `cut`, which is told the number of the step.
fn cut_run<'a, S: Subject>(
    make: &impl Fn(Instant) -> S,
    transcript: &'a Transcript,
    hold_tls: Option<usize>,
    mut cut: impl FnMut(usize, &'a [u8]) -> Vec<&'a [u8]>,
) -> Result<Run<S>, Breach> {
    let mut run = Run::start(make, hold_tls)?;
    for (number, step) in transcript.steps.iter().enumerate() {
        run.step(step, |bytes| cut(number, bytes))?;
    }
    Ok(run)
}

/// Gives a closed machine everything there is, and expects nothing.
fn disturb<S: Subject>(run: &mut Run<S>, bytes: &[u8]) -> Result<(), Breach> {
    run.now += Duration::from_secs(86_400);
    run.subject.handle_input(run.now, bytes);
    run.drain_once()?;
    run.subject.handle_eof(run.now);
    run.drain_once()?;
    run.subject.handle_timeout(run.now);
    run.drain_once()?;
    for event in std::mem::take(&mut run.log.events) {
        run.subject.answer(run.now, &event);
        run.drain_once()?;
    }
    Ok(())
}

/// Goes on without the handshake that the machine waits for, and expects no bytes.
fn await_tls<S: Subject>(run: &mut Run<S>, peer: Peer, bytes: &[u8]) -> Result<(), Breach> {
    match peer {
        Peer::Silent => {}
        Peer::Ended => run.subject.handle_eof(run.now),
        Peer::Talking => run.subject.handle_input(run.now, bytes),
    }
    let left = run.log.bytes.len();
    run.drain_once()?;
    for _ in 0..MAX_FIRINGS {
        let Some(due) = run.subject.poll_timeout().filter(|_| !run.closed) else {
            break;
        };
        run.now = run.now.max(due);
        run.subject.handle_timeout(run.now);
        run.drain_once()?;
    }
    match run.log.bytes.get(left..) {
        None | Some([]) => Ok(()),
        Some(bytes) => Err(Breach::BytesDuringTls {
            bytes: printed(bytes),
        }),
    }
}

fn same<E: std::fmt::Debug + PartialEq>(
    whole: &Log<E>,
    parts: &Log<E>,
    cut: Cut,
) -> Result<(), Breach> {
    if whole.events != parts.events {
        return Err(Breach::EventsDiffer {
            cut,
            whole: format!("{:?}", whole.events),
            parts: format!("{:?}", parts.events),
        });
    }
    if whole.bytes != parts.bytes {
        return Err(Breach::BytesDiffer {
            cut,
            whole: printed(&whole.bytes),
            parts: printed(&parts.bytes),
        });
    }
    if whole.tls_starts != parts.tls_starts {
        return Err(Breach::TlsStartsDiffer { cut });
    }
    Ok(())
}

const RANDOM_CUTS: u8 = 32;
