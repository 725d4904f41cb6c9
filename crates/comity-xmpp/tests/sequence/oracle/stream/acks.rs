//! What must hold of acknowledgements (XEP-0198).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use comity_xmpp::ns;

use crate::oracle::wire::Said;

/// Stanzas as both sides count them.
pub(super) struct Acks {
    timeout: Duration,
    /// Our stanzas that are counted and were not acknowledged.
    pending: Option<VecDeque<String>>,
    acknowledged: u32,
    unacknowledged: Vec<String>,
    /// How many of the peer's were handled: no less and no more.
    handled: Option<(u32, u32)>,
    before: Option<(u32, u32)>,
    /// What we told the peer in this step.
    told: Vec<u32>,
    stanzas: u32,
    /// When we asked for an acknowledgement that has not come.
    asked: Option<Instant>,
    asked_now: bool,
    /// Whether we know in which order what was said stands to what was written.
    pub(super) exact: bool,
}

impl Acks {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            pending: None,
            acknowledged: 0,
            unacknowledged: Vec::new(),
            handled: None,
            before: None,
            told: Vec::new(),
            stanzas: 0,
            asked: None,
            asked_now: false,
            exact: true,
        }
    }

    /// How many of our stanzas the peer has got since they are counted.
    pub(super) fn sent(&self) -> u32 {
        let pending = self.pending.as_ref().map_or(0, VecDeque::len);
        self.acknowledged
            .wrapping_add(u32::try_from(pending).expect("few"))
    }

    /// Begins a step.
    pub(super) fn begin(&mut self) {
        self.told.clear();
        self.before = self.handled;
        self.stanzas = 0;
        self.asked_now = false;
    }

    pub(super) fn wrote(&mut self, said: &Said, both_ways: bool, now: Instant) {
        if said.is(ns::SERVER, "message")
            && let Some(pending) = &mut self.pending
        {
            pending.push_back(said.attribute("id").expect("an id").to_owned());
        }
        if said.namespace != ns::SM {
            return;
        }
        match said.name.as_str() {
            "enable" => self.count_sent(),
            "enabled" => {
                assert_eq!(self.handled, None, "enabled twice");
                self.handled = Some((0, 0));
                // What was sent after our own request is counted from there.
                if both_ways && self.pending.is_none() {
                    self.count_sent();
                }
            }
            "a" => {
                let h = said.attribute("h").expect("a count");
                self.told.push(h.parse().expect("a number"));
            }
            "r" => {
                assert!(
                    !self.exact || self.pending.is_some(),
                    "a request before anything counts"
                );
                self.asked.get_or_insert(now);
                self.asked_now = true;
            }
            _ => {}
        }
    }

    fn count_sent(&mut self) {
        self.pending = Some(VecDeque::new());
        self.acknowledged = 0;
    }

    pub(super) fn hear(&mut self, said: &Said, closing: bool, now: Instant) {
        if said.namespace != ns::SM {
            return;
        }
        match said.name.as_str() {
            "a" => {
                let h = said.attribute("h").and_then(|h| h.trim().parse().ok());
                let (Some(h), Some(pending)) = (h, &mut self.pending) else {
                    return;
                };
                let h: u32 = h;
                let count = usize::try_from(h.wrapping_sub(self.acknowledged)).expect("32 bits");
                if count <= pending.len() {
                    pending.drain(..count);
                    self.acknowledged = h;
                    self.asked = self.asked_now.then_some(now);
                }
            }
            "enabled" if self.pending.is_some() && !closing => {
                self.handled.get_or_insert((0, 0));
            }
            "failed" if !closing => {
                self.pending = None;
                self.asked = None;
            }
            _ => {}
        }
    }

    /// Notes a stanza of the peer that was given out or dropped.
    pub(super) fn note_stanza(&mut self) {
        self.stanzas += 1;
    }

    pub(super) fn note_unacknowledged(&mut self, id: Option<&str>) {
        self.unacknowledged.push(id.expect("an id").to_owned());
    }

    /// Ends a step: what the peer was told is what was handled.
    pub(super) fn finish(&mut self) {
        if let Some((least, most)) = &mut self.handled {
            *most = most.wrapping_add(self.stanzas);
            // What came in the step in which counting began may or may not be counted.
            if self.before.is_some() {
                *least = least.wrapping_add(self.stanzas);
            }
        }
        let least = self.before.map_or(0, |(least, _)| least);
        let most = self.handled.map_or(0, |(_, most)| most);
        for told in self.told.iter().filter(|_| self.exact) {
            assert!(
                (least..=most).contains(told),
                "{told} handled, not {least} to {most}"
            );
            if self.stanzas == 0 {
                self.handled = Some((*told, *told));
            }
        }
    }

    /// A peer that does not answer a request is given up.
    pub(super) fn check_time(&self, now: Instant) {
        let asked = self.asked.filter(|_| self.exact);
        let due = asked.map(|asked| asked + self.timeout);
        assert!(due.is_none_or(|due| now < due), "no acknowledgement came");
    }

    /// What nobody acknowledged came back, in order.
    pub(super) fn check_end(&self) {
        if !self.exact {
            return;
        }
        let pending: Vec<_> = self.pending.iter().flatten().cloned().collect();
        assert_eq!(self.unacknowledged, pending);
    }
}
