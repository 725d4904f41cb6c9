use std::net::IpAddr;
use std::time::Duration;

use super::reply::Rules;
use super::section::{Section, is_in, seconds};
use super::wire::{Cursor, Malformed, Record};
use super::{Ending, NaptrData, Question, RecordKind, RecordName, SrvData};

/// The way from the question over CNAME records to its answer. Records off the path count for
/// nothing.
pub(super) struct Path {
    pub(super) name: RecordName,
    pub(super) aliases: Vec<RecordName>,
    pub(super) ttl: Option<Duration>,
    pub(super) ending: Option<Ending>,
}

impl Path {
    pub(super) fn follow(
        answers: Section<'_>,
        question: &Question,
        rules: &Rules,
    ) -> Result<Self, Malformed> {
        let mut path = Self {
            name: question.name.clone(),
            aliases: Vec::new(),
            ttl: None,
            ending: None,
        };
        while path.ending.is_none() {
            let here = Here::read(answers, &path.name, question.kind)?;
            if here.ttl.is_some() {
                path.shorten(here.ttl);
                path.ending = Some(here.into_ending(question.kind));
            } else if let Some((target, ttl)) = here.alias {
                path.shorten(Some(ttl));
                path.step(target, question, rules);
            } else {
                break;
            }
        }
        Ok(path)
    }

    fn step(&mut self, target: RecordName, question: &Question, rules: &Rules) {
        if target == question.name || self.aliases.contains(&target) {
            self.ending = Some(Ending::AliasLoop);
            self.ttl = None;
        } else if self.aliases.len() >= rules.max_aliases {
            self.ending = Some(Ending::TooManyAliases);
            self.ttl = None;
        } else {
            self.aliases.push(target.clone());
            self.name = target;
        }
    }

    fn shorten(&mut self, ttl: Option<Duration>) {
        self.ttl = self.ttl.into_iter().chain(ttl).min();
    }
}

/// What a section says about one name.
#[derive(Default)]
struct Here {
    /// The data of the type that was asked for, in the one of these that holds its type.
    services: Vec<SrvData>,
    pointers: Vec<NaptrData>,
    addresses: Vec<IpAddr>,
    /// The shortest time to live among them; `None` if there are none.
    ttl: Option<Duration>,
    alias: Option<(RecordName, Duration)>,
}

impl Here {
    fn read(answers: Section<'_>, name: &RecordName, kind: RecordKind) -> Result<Self, Malformed> {
        let mut here = Self::default();
        if kind == RecordKind::Srv {
            // The limit on records is that on the count.
            here.services.reserve(answers.count.into());
        }
        // Most records of one owner point to the same place, which is read once.
        let mut known = None;
        for record in answers.records() {
            let is_wanted = record.kind == kind.code();
            let is_alias = record.kind == CNAME && here.alias.is_none();
            if !is_in(&record) || !(is_wanted || is_alias) {
                continue;
            }
            let pointer = record.owner.pointer();
            if pointer.is_none() || pointer != known {
                if !record.owner.is_at(name)? {
                    continue;
                }
                known = pointer;
            }
            let ttl = seconds(record.ttl);
            if is_wanted {
                here.add(kind, &record)?;
                here.ttl = here.ttl.into_iter().chain([ttl]).min();
            } else {
                here.alias = Some((record.read(Cursor::name)?, ttl));
            }
        }
        Ok(here)
    }

    fn add(&mut self, kind: RecordKind, record: &Record<'_>) -> Result<(), Malformed> {
        match kind {
            RecordKind::Srv => self.services.push(record.read(srv)?),
            RecordKind::Naptr => self.pointers.push(record.read(naptr)?),
            RecordKind::Aaaa => self
                .addresses
                .push(record.read(Cursor::array::<16>)?.into()),
            RecordKind::A => self.addresses.push(record.read(Cursor::array::<4>)?.into()),
        }
        Ok(())
    }

    fn into_ending(self, kind: RecordKind) -> Ending {
        match kind {
            RecordKind::Srv => Ending::Services(self.services),
            RecordKind::Naptr => Ending::Pointers(self.pointers),
            RecordKind::Aaaa | RecordKind::A => Ending::Addresses(self.addresses),
        }
    }
}

fn srv(data: &mut Cursor<'_>) -> Result<SrvData, Malformed> {
    Ok(SrvData {
        priority: data.u16()?,
        weight: data.u16()?,
        port: data.u16()?,
        target: data.name()?,
    })
}

fn naptr(data: &mut Cursor<'_>) -> Result<NaptrData, Malformed> {
    Ok(NaptrData {
        order: data.u16()?,
        preference: data.u16()?,
        flags: data.text()?.into(),
        service: data.text()?.into(),
        has_regexp: !data.text()?.is_empty(),
        replacement: data.name()?,
    })
}

const CNAME: u16 = 5;
