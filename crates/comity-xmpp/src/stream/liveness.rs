//! What keeps a stream alive, and what ends one that is not (RFC 6120 §4.6, XEP-0198, XEP-0478).

use std::time::Duration;

use super::acks::TooHigh;
use super::core::{Core, Life, Timer};
use super::event::Event;
use super::handled::Receipt;
use super::proof::Verdict;
use super::reason::{CloseReason, Rejection, Stage};
use crate::decision::Role;
use crate::xml::Element;
use crate::{StanzaCondition, StreamCondition, ns};

impl Core {
    /// Notes that bytes came.
    pub(super) fn note_input(&mut self) {
        // What keeps a connection alive does not make a stream that we initiated any more useful.
        if self.role == Role::Receiving {
            self.note_use();
        }
    }

    /// Notes that the stream is used.
    pub(super) fn note_use(&mut self) {
        if self.is_proved() && self.life == Life::Open {
            self.arm(Timer::Idle, self.config.limits.idle_timeout);
        }
    }

    /// Notes that we send something.
    pub(super) fn note_output(&mut self) {
        if self.is_proved() && self.life == Life::Open && self.role == Role::Initiating {
            self.arm(Timer::KeepAlive, self.keep_alive_interval());
        }
    }

    fn keep_alive_interval(&self) -> Duration {
        let allowed = self
            .peer_limits
            .idle_seconds
            .map_or(Duration::MAX, |seconds| {
                Duration::from_millis(seconds.saturating_mul(500))
            });
        let interval = self.config.limits.keep_alive.min(allowed);
        interval.max(MIN_KEEP_ALIVE)
    }

    /// Shows the peer, and whatever forgets quiet connections on the way, that we are there.
    pub(super) fn keep_alive(&mut self) {
        if self.acks.counts_sent() && !self.acks.is_requested() {
            self.request_acknowledgement();
        } else {
            self.output.space();
        }
        self.note_output();
    }

    /// Closes the stream when the certificate that it relies on expires (RFC 6120 §13.7.2.3).
    pub(super) fn note_expiry(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Trusted {
                expires_in: Some(wait),
                ..
            } => {
                let until = self.now.checked_add(*wait);
                // The first to expire ends the stream for all.
                self.expires = self.expires.into_iter().chain(until).min();
                if let Some(until) = self.expires {
                    self.timers.set(Timer::Certificate, until);
                }
            }
            Verdict::Trusted {
                expires_in: None, ..
            }
            | Verdict::Untrusted { .. } => {}
        }
    }

    pub(super) fn certificate_expired(&mut self) {
        self.end_with(StreamCondition::Reset, CloseReason::CertificateExpired);
    }

    pub(super) fn acknowledgement_timed_out(&mut self) {
        let reason = CloseReason::TimedOut(Stage::Acknowledgement);
        self.end_with(StreamCondition::ConnectionTimeout, reason);
    }

    /// Asks the peer to acknowledge our stanzas, from now on.
    pub(super) fn enable_acknowledgements(&mut self) {
        self.output.empty(ns::SM, "enable");
        self.acks.count_sent();
    }

    /// Asks for an acknowledgement, if there is something to acknowledge and no request under way.
    pub(super) fn request_if_due(&mut self) {
        if self.acks.wants_request() {
            self.request_acknowledgement();
        }
    }

    fn request_acknowledgement(&mut self) {
        self.output.empty(ns::SM, "r");
        self.acks.note_request();
        self.arm(
            Timer::Acknowledgement,
            self.config.limits.acknowledgement_timeout,
        );
    }

    /// Tells the peer what was handled, so that it sends nothing twice.
    pub(super) fn acknowledge(&mut self) {
        if let Some(handled) = self.acks.handled.count() {
            self.output.acknowledgement(handled);
        }
    }

    /// Counts a stanza of the peer that was handed out as handled, and tells the peer if it has
    /// asked.
    pub(super) fn settle(&mut self, receipt: Receipt) -> Result<(), Rejection> {
        if self.life == Life::Open && self.acks.handled.settle(receipt) {
            self.acknowledge();
            return self.check_output();
        }
        Ok(())
    }

    /// An element of stream management (XEP-0198).
    pub(super) fn take_management(&mut self, element: &Element) -> Result<(), Rejection> {
        match element.name() {
            "r" if self.life == Life::Open => {
                self.acks.handled.note_asked();
                self.acknowledge();
                self.check_output()
            }
            "a" => self.take_acknowledgement(element),
            "enable" if self.life == Life::Open => self.take_enable(),
            "resume" if self.life == Life::Open => {
                self.output.acks_failed(StanzaCondition::ItemNotFound);
                self.check_output()
            }
            // The peer counts both ways from now on (XEP-0198 §4).
            "enabled" if self.acks.counts_sent() => {
                if !self.acks.handled.is_counting() {
                    self.acks.handled.begin_count();
                }
                Ok(())
            }
            "failed" => {
                self.timers.stop(Timer::Acknowledgement);
                for kept in self.acks.give_up() {
                    if kept.id.is_some() {
                        self.unwritten.push(kept);
                    }
                }
                self.tell_written();
                Ok(())
            }
            "r" | "enable" | "resume" | "enabled" => Ok(()),
            _unknown => Err(Rejection::UnsupportedElement),
        }
    }

    fn take_enable(&mut self) -> Result<(), Rejection> {
        let may = self.is_proved() && self.wants_acknowledgements() && self.takes_stanzas();
        if !may || self.acks.handled.is_counting() {
            self.output.acks_failed(StanzaCondition::UnexpectedRequest);
            return self.check_output();
        }
        self.acks.handled.begin_count();
        if self.bidi && !self.acks.counts_sent() {
            self.acks.count_sent();
        }
        self.output.empty(ns::SM, "enabled");
        Ok(())
    }

    fn take_acknowledgement(&mut self, element: &Element) -> Result<(), Rejection> {
        let handled = element.attribute("h").and_then(|h| h.trim().parse().ok());
        let handled = handled.ok_or(Rejection::UnexpectedElement)?;
        let events = &mut self.events;
        let taken = self.acks.acknowledge(handled, |kept| {
            events.extend(kept.id.map(|id| Event::Sent { id }));
        });
        let is_answer =
            taken.map_err(
                |TooHigh { acknowledged, sent }| Rejection::AcknowledgedTooMany {
                    acknowledged,
                    sent,
                },
            )?;
        if is_answer {
            self.timers.stop(Timer::Acknowledgement);
        }
        if is_answer && self.life == Life::Open {
            self.request_if_due();
        }
        self.check_output()
    }
}

/// Peers that allow no silence at all are not written to all the time.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(1);
