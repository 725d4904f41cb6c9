use std::time::Duration;

use super::wire::{Cursor, Malformed, Record};
use super::{CLASS_IN, RecordName};

/// A row of records that were seen to be whole.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    start: Cursor<'a>,
    pub(super) count: u16,
}
impl<'a> Section<'a> {
    /// Checks that `count` records stand at `cursor`, and goes behind them.
    pub(super) fn pass(cursor: &mut Cursor<'a>, count: u16) -> Result<Self, Malformed> {
        let start = *cursor;
        for _ in 0..count {
            cursor.record()?;
        }
        Ok(Self { start, count })
    }

    pub(super) fn has_others_than(self, name: &RecordName) -> Result<bool, Malformed> {
        for record in self.records() {
            if !record.owner.is_at(name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn records(self) -> impl Iterator<Item = Record<'a>> {
        let mut cursor = self.start;
        (0..self.count).map_while(move |_| cursor.record().ok())
    }
}
pub(super) fn is_in(record: &Record<'_>) -> bool {
    record.class == CLASS_IN
}
/// A time to live; one with the top bit set counts as zero (RFC 2181 §8).
pub(super) fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(u64::from(i32::try_from(ttl).map_or(0, i32::unsigned_abs)))
}
