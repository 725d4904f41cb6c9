use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use der::DateTime;
use rustls_pki_types::UnixTime;

/// A point in time as XML Schema writes it (`dateTime`): `2026-01-02T03:04:05Z`.
///
/// It is read with any offset from UTC, and an offset has to be there: without one nobody knows which
/// time is meant. Parts of a second are cut off, the end of a day may be written as 24:00:00, and a
/// leap second is that which follows it. Years go from 1970 to 9999.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_structs, reason = "one way to write a time")]
pub struct Timestamp(pub UnixTime);

/// Why a text is no time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// It is not written as a date, a `T`, a time and an offset from UTC.
    #[error("the time is not written as 2026-01-02T03:04:05Z")]
    Syntax,
    /// There is no such day or time of day, or it is out of reach.
    #[error("there is no such time between 1970 and 9999")]
    NoSuchTime,
    /// A 61st second stands elsewhere than at the end of a day in UTC.
    #[error("no leap second comes at that time")]
    LeapSecond,
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let (local, offset) = split_offset(text).ok_or(TimestampError::Syntax)?;
        let written = Written::parse(local).ok_or(TimestampError::Syntax)?;
        let seconds = written
            .seconds()?
            .checked_add_signed(-offset)
            .ok_or(TimestampError::NoSuchTime)?;
        if !written.is_leap() {
            return Ok(Self(unix(seconds)));
        }
        if seconds % DAY != DAY - 1 {
            return Err(TimestampError::LeapSecond);
        }
        Ok(Self(unix(seconds + 1)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match DateTime::from_unix_duration(Duration::from_secs(seconds)) {
            Ok(time) => time.fmt(f),
            Err(_beyond_year_9999) => write!(f, "second {seconds} of Unix time"),
        }
    }
}

/// A date and a time of day, as numbers.
struct Written {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    has_fraction: bool,
}

impl Written {
    fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('T')?;
        let (year, date) = date.split_once('-')?;
        let (month, day) = date.split_once('-')?;
        let (hour, time) = time.split_once(':')?;
        let (minute, second) = time.split_once(':')?;
        let (second, fraction) = match second.split_once('.') {
            Some((second, fraction)) => (second, Some(fraction)),
            None => (second, None),
        };
        if fraction.is_some_and(|fraction| fraction.is_empty() || !is_number(fraction)) {
            return None;
        }
        let has_fraction = fraction.is_some_and(|digits| digits.contains(|c| c != '0'));
        Some(Self {
            year: number(year, 4)?,
            month: number(month, 2)?,
            day: number(day, 2)?,
            hour: number(hour, 2)?,
            minute: number(minute, 2)?,
            second: number(second, 2)?,
            has_fraction,
        })
    }

    fn is_leap(&self) -> bool {
        self.second == 60
    }

    /// Seconds since 1970 by the local clock; of a leap second those of the second before it.
    fn seconds(&self) -> Result<u64, TimestampError> {
        let (hour, next_day) = match self.hour {
            24 if (self.minute, self.second, self.has_fraction) == (0, 0, false) => (0, DAY),
            hour => (hour, 0),
        };
        let second = if self.is_leap() { 59 } else { self.second };
        DateTime::new(self.year, self.month, self.day, hour, self.minute, second)
            .map(|time| time.unix_duration().as_secs() + next_day)
            .map_err(|_out_of_range| TimestampError::NoSuchTime)
    }
}

/// What stands before the offset, and the offset in seconds, which is at most 14 hours.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(local) = text.strip_suffix('Z') {
        return Some((local, 0));
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(OFFSET_BYTES)?)?;
    let (sign, offset) = match offset.strip_prefix('+') {
        Some(offset) => (1, offset),
        None => (-1, offset.strip_prefix('-')?),
    };
    let (hours, minutes) = offset.split_once(':')?;
    let (hours, minutes): (i64, i64) = (number(hours, 2)?, number(minutes, 2)?);
    let size = hours * 3600 + minutes * 60;
    (minutes < 60 && size <= MAX_OFFSET).then_some((local, sign * size))
}

/// A number of that many digits.
fn number<N: FromStr>(text: &str, digits: usize) -> Option<N> {
    if text.len() != digits || !is_number(text) {
        return None;
    }
    text.parse().ok()
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn unix(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

const DAY: u64 = 86_400;
const MAX_OFFSET: i64 = 14 * 3600;
/// Those of `+01:00`.
const OFFSET_BYTES: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<u64, TimestampError> {
        text.parse().map(|Timestamp(time)| time.as_secs())
    }

    #[test]
    fn a_time_is_the_same_however_it_is_written() {
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.9999999Z",
            "2026-01-02T03:04:05+00:00",
            "2026-01-02T03:04:05-00:00",
            "2026-01-02T04:04:05+01:00",
            "2026-01-01T21:34:05-05:30",
            "2026-01-02T17:04:05+14:00",
        ] {
            assert_eq!(read(text), Ok(1_767_323_045), "{text}");
        }
    }

    #[test]
    fn days_end_at_midnight_and_may_have_one_second_more() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2016-12-31T23:59:59Z", 1_483_228_799),
            ("2016-12-31T23:59:60Z", 1_483_228_800),
            ("2016-12-31T23:59:60.5Z", 1_483_228_800),
            ("2017-01-01T00:59:60+01:00", 1_483_228_800),
            ("2016-12-31T24:00:00Z", 1_483_228_800),
            ("2016-12-31T24:00:00.0Z", 1_483_228_800),
            ("2024-02-29T00:00:00Z", 1_709_164_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(read(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_by_its_reason() {
        for text in [
            "",
            "Z",
            "2026-01-02",
            "2026-01-02Z",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04Z",
            "2026-01-02 03:04:05Z",
            "2026-01-02t03:04:05z",
            "2026-1-2T03:04:05Z",
            "12026-01-02T03:04:05Z",
            "-2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05.1.2Z",
            "2026-01-02T03:04:05,5Z",
            "2026-01-02T+3:04:05Z",
            "2026-01-02T03:04:05ZZ",
            "2026-01-02T03:04:05+1:00",
            "2026-01-02T03:04:05+0100",
            "2026-01-02T03:04:05+14:01",
            "2026-01-02T03:04:05+01:60",
            "2026-01-02T03:04:05€1:00",
            " 2026-01-02T03:04:05Z",
        ] {
            assert_eq!(read(text), Err(TimestampError::Syntax), "{text}");
        }
        for text in [
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:59:59+01:00",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-02T24:00:01Z",
            "2026-01-02T24:00:00.1Z",
            "2026-01-02T25:00:00Z",
            "2026-01-02T03:60:00Z",
            "2026-01-02T03:04:61Z",
        ] {
            assert_eq!(read(text), Err(TimestampError::NoSuchTime), "{text}");
        }
        for text in ["2026-01-02T03:04:60Z", "2016-12-31T23:59:60+01:00"] {
            assert_eq!(read(text), Err(TimestampError::LeapSecond), "{text}");
        }
    }

    #[test]
    fn a_time_is_written_in_utc() {
        for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z"] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        let last = "9999-12-31T23:59:60Z".parse::<Timestamp>().unwrap();
        assert_eq!(last.to_string(), "second 253402300800 of Unix time");
    }
}
