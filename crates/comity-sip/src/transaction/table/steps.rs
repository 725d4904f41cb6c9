//! What transactions do with their inputs.

use std::time::Instant;

use bytes::Bytes;

use super::Table;
use super::entry::{Age, Entry, Machine, Place};
use super::slots::timers_of;
use crate::flow::Flow;
use crate::transaction::client::{ClientInput, InviteClient, OtherClient};
use crate::transaction::message::{acknowledge, tag_of};
use crate::transaction::server::{InviteServer, OtherServer, ServerInput};
use crate::transaction::step::{Class, Reliability, Send, Step, Tell, Wait};
use crate::transaction::traffic::{Departure, Side, Told, TransactionId};
use crate::{Response, StatusCode};

impl Table {
    pub(super) fn step_client(
        &mut self,
        now: Instant,
        slot: u32,
        input: ClientInput,
        response: Option<&Response>,
    ) -> Option<Told> {
        let entry = self.entry(slot)?;
        let reliability = entry.flow.reliability();
        let step = match entry.machine {
            Machine::InviteClient(state) => state
                .handle(input, &self.timing, reliability)
                .map(Machine::InviteClient),
            Machine::OtherClient(state) => state
                .handle(input, &self.timing, reliability)
                .map(Machine::OtherClient),
            Machine::InviteServer(_) | Machine::OtherServer(_) => return None,
        };
        if step.send == Send::Ack
            && entry.last.is_empty()
            && let Some(response) = response
        {
            let ack = acknowledge(&entry.request, response);
            self.keep(slot, |entry| entry.last = ack.unwrap_or_default());
        }
        self.apply(now, slot, step, None)
    }

    pub(super) fn step_server(
        &mut self,
        now: Instant,
        slot: u32,
        input: ServerInput,
        response: Option<Bytes>,
    ) -> Option<Told> {
        let entry = self.entry(slot)?;
        let reliability = entry.flow.reliability();
        let step = match entry.machine {
            Machine::InviteServer(state) => state
                .handle(input, &self.timing, reliability)
                .map(Machine::InviteServer),
            Machine::OtherServer(state) => state
                .handle(input, &self.timing, reliability)
                .map(Machine::OtherServer),
            Machine::InviteClient(_) | Machine::OtherClient(_) => return None,
        };
        let response = match step.send {
            Send::Trying => entry.own_response(StatusCode::TRYING, None),
            Send::Timeout => entry.own_response(StatusCode::REQUEST_TIMEOUT, self.tag_of(entry)),
            Send::Response => response,
            Send::Nothing | Send::Again | Send::Ack => None,
        };
        self.apply(now, slot, step, response)
    }

    /// Does what a step says; gives what the user is to learn, if that is about the input at hand.
    pub(super) fn apply(
        &mut self,
        now: Instant,
        slot: u32,
        step: Step<Machine>,
        response: Option<Bytes>,
    ) -> Option<Told> {
        if let Some(response) = response {
            self.keep(slot, |entry| entry.last = response);
        }
        let entry = self.entry_mut(slot)?;
        let id = TransactionId {
            slot,
            serial: entry.serial,
        };
        let (side, owner) = match &entry.place {
            Place::Client { owner, .. } => (Side::Client, *owner),
            Place::Server { .. } => (Side::Server, 0),
        };
        let message = match (step.send, side) {
            (Send::Again, Side::Client) => Some(entry.request.clone()),
            (Send::Again | Send::Trying | Send::Timeout | Send::Response, Side::Server)
            | (Send::Ack, _) => Some(entry.last.clone()),
            (Send::Nothing, _) | (Send::Trying | Send::Timeout | Send::Response, Side::Client) => {
                None
            }
        };
        let departure = message
            .filter(|message| !message.is_empty())
            .map(|message| Departure {
                from: Some((id, side)),
                flow: entry.flow,
                message,
                detours: 0,
            });
        if let Wait::For(interval) = step.again {
            entry.interval = interval;
        }
        self.outbox.extend(departure);
        let [again, end] = timers_of(slot);
        for (timer, wait) in [(again, step.again), (end, step.end)] {
            match wait {
                Wait::Keep => {}
                Wait::For(wait) => self.timers.set_after(timer, now, wait),
                Wait::Stop => self.timers.stop(timer),
            }
        }
        match step.next {
            Some(machine) => self.enter(slot, machine),
            None => self.remove(now, slot),
        }
        let told = Told {
            id,
            owner,
            side,
            tell: step.tell,
        };
        match step.tell {
            Tell::Nothing => None,
            Tell::Message => Some(told),
            Tell::TimedOut
            | Tell::Unanswered
            | Tell::TransportFailed
            | Tell::RangOut
            | Tell::Ended => {
                self.told.push_back(told);
                None
            }
        }
    }

    /// Lets go of what a state does not need.
    fn enter(&mut self, slot: u32, machine: Machine) {
        let Some(entry) = self.entry_mut(slot) else {
            return;
        };
        let is_new = entry.machine != machine;
        entry.machine = machine;
        let is_answered = match machine {
            Machine::InviteServer(state) => {
                !matches!(state, InviteServer::Received | InviteServer::Proceeding)
            }
            Machine::OtherServer(state) => state == OtherServer::Completed,
            Machine::InviteClient(state) => {
                matches!(state, InviteClient::Accepted | InviteClient::Completed)
            }
            Machine::OtherClient(state) => state == OtherClient::Completed,
        };
        if !is_new || !is_answered {
            return;
        }
        if let Place::Server {
            age: Age::Rfc2543 { tag },
            ..
        } = &mut entry.place
        {
            *tag = tag_of(&entry.last);
        }
        self.keep(slot, |entry| entry.request = Bytes::new());
    }

    /// Changes what a transaction keeps, and counts it.
    fn keep(&mut self, slot: u32, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entry_mut(slot) else {
            return;
        };
        let before = entry.held();
        change(entry);
        let (after, source) = (entry.held(), entry.source());
        self.held = self.held + after - before;
        if let Some(source) = source {
            self.sources.keep(source.ip(), before, after);
        }
    }
}

impl Class {
    pub(super) fn of(status: StatusCode) -> Self {
        if status == StatusCode::TRYING {
            Self::Trying
        } else if status.is_provisional() {
            Self::Provisional
        } else if status.is_success() {
            Self::Success
        } else {
            Self::Failure
        }
    }
}

impl Flow {
    pub(crate) fn reliability(self) -> Reliability {
        match self {
            Self::Datagrams { .. } => Reliability::Unreliable,
            Self::Connection(_) => Reliability::Reliable,
        }
    }
}
