//! How a stream ends (RFC 6120 §4.4, §4.9).

use comity_machine::Timers;

use super::core::{Core, Life, Timer};
use super::event::Event;
use super::output::Detail;
use super::reader::Reader;
use super::reason::{CloseReason, Farewell, PeerError, Rejection, Setback, Stage};
use crate::decision::Channel;
use crate::xml::Element;
use crate::{StreamCondition, ns};

impl Core {
    /// Closes our direction.
    pub(super) fn close(&mut self, reason: CloseReason) {
        if self.life != Life::Open {
            return;
        }
        self.acknowledge();
        self.output.close();
        self.begin_closing(reason);
    }

    /// Closes our direction with an error that is no fault of the peer's.
    pub(super) fn say_farewell(&mut self, farewell: Farewell) {
        if self.life != Life::Open {
            return;
        }
        self.acknowledge();
        let detail = match &farewell {
            Farewell::SeeOtherHost(host) => Detail::OtherHost(host),
            Farewell::Conflict
            | Farewell::Crowded
            | Farewell::InternalError
            | Farewell::Reset
            | Farewell::Shutdown => Detail::None,
        };
        let text = farewell.to_string();
        self.output.error(farewell.condition(), &text, detail);
        self.begin_closing(CloseReason::Farewell(farewell));
    }

    /// Waits for the peer to close its direction.
    fn begin_closing(&mut self, reason: CloseReason) {
        self.life = Life::Closing;
        self.closing_for = reason;
        self.timers = Timers::default();
        self.arm(Timer::Close, self.config.limits.close_timeout);
    }

    /// Ends the stream with an error that tells the peer why.
    pub(super) fn reject(&mut self, rejection: Rejection) {
        if self.life == Life::Closed {
            return;
        }
        if self.life == Life::Open {
            self.acknowledge();
            let text = rejection.to_string();
            let condition = rejection.condition();
            self.output.error(condition, &text, rejection.detail());
        }
        self.finish(CloseReason::Rejected(rejection));
    }

    /// Ends the stream with an error for a reason of its own.
    pub(super) fn end_with(&mut self, condition: StreamCondition, reason: CloseReason) {
        if self.life == Life::Open {
            self.acknowledge();
            self.output
                .error(condition, &reason.to_string(), Detail::None);
        }
        self.finish(reason);
    }

    /// Ends the stream without another word.
    pub(super) fn finish(&mut self, reason: CloseReason) {
        if self.life == Life::Closed {
            return;
        }
        self.life = Life::Closed;
        self.timers = Timers::default();
        self.held = Vec::new();
        self.reader = Reader::new(self.config.limits.unauthenticated);
        // Those that are to be written were sent before the peer was asked to count the others.
        let kept = self.unwritten.take().into_iter().chain(self.acks.give_up());
        self.events.extend(kept.map(|kept| Event::Unacknowledged {
            stanza: kept.stanza,
            id: kept.id,
        }));
        let reason = match self.setback.take() {
            Some(setback) if reason.is_unexplained() => CloseReason::After {
                setback,
                reason: Box::new(reason),
            },
            Some(_) | None => reason,
        };
        self.events.push_back(Event::Closed(reason));
    }

    /// Takes the end of the peer's direction.
    pub(super) fn peer_closed(&mut self) {
        if self.life == Life::Open {
            self.acknowledge();
            self.output.close();
        }
        self.finish(self.ended_by(CloseReason::PeerClosed));
    }

    /// Why the stream is over when the peer ends it: our own reason if we closed first.
    pub(super) fn ended_by(&self, peer: CloseReason) -> CloseReason {
        match self.life {
            Life::Open | Life::Closed => peer,
            Life::Closing => self.closing_for.clone(),
        }
    }

    /// Ends the stream if the element is the peer's stream error.
    pub(super) fn take_error(&mut self, element: &Element) -> bool {
        if !element.is(ns::STREAM, "error") {
            return false;
        }
        if self.life == Life::Open {
            self.acknowledge();
            self.output.close();
        }
        let stage = if self.is_proved() {
            Stage::Stanzas
        } else {
            Stage::Negotiation
        };
        let error = PeerError::read(element, stage, self.channel);
        self.finish(CloseReason::PeerError(error));
        true
    }
}

impl PeerError {
    pub(super) fn read(element: &Element, stage: Stage, channel: Channel) -> Self {
        let known = |child: &Element| match child.namespace() {
            ns::STREAM_ERRORS => StreamCondition::from_name(child.name()),
            _other => None,
        };
        let condition = element.children().find_map(known);
        let text = element.child(ns::STREAM_ERRORS, "text");
        let host = element.child(ns::STREAM_ERRORS, "see-other-host");
        Self {
            stage,
            from_proved: channel == Channel::Trusted,
            condition: condition.unwrap_or(StreamCondition::UndefinedCondition),
            text: text.map(cut_text).unwrap_or_default(),
            other_host: host.map(|host| cut_text(host).trim().into()),
        }
    }
}

impl Setback {
    /// What a SASL failure says (RFC 6120 §6.4.5).
    pub(super) fn read_failure(failure: &Element) -> Self {
        let mut children = failure.children();
        let condition = children.find(|child| child.name() != "text");
        let condition = condition.map_or("no condition", Element::name);
        let text = failure.child(ns::SASL, "text");
        Self::ExternalRefused {
            condition: condition
                .chars()
                .take(MAX_PEER_TEXT)
                .collect::<String>()
                .into(),
            text: text.map(cut_text).unwrap_or_default(),
        }
    }
}

fn cut_text(element: &Element) -> Box<str> {
    let text: String = element.text().chars().take(MAX_PEER_TEXT).collect();
    text.into()
}

/// How many characters of a peer's error text are kept.
const MAX_PEER_TEXT: usize = 256;
