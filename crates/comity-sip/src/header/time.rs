//! Headers about time: Date, Expires, Min-Expires and Retry-After.

use std::fmt;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::{map_opt, opt};
use nom::sequence::preceded;

use super::{check_params, field};
use crate::Fault;
use crate::grammar::{
    Params, Quoted, Read, Unfolded, Wrong, byte, comment, delta_seconds, number, params, sws,
    whole, wrong,
};
use crate::message::{Field, ValueError};
use crate::{HeaderName, Limits};

macro_rules! seconds {
    ($($(#[$doc:meta])* $type:ident = $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            #[expect(clippy::exhaustive_structs, reason = "the header is this number")]
            pub struct $type(pub u64);

            impl $type {
                /// The seconds; `None` for a number above the largest `u32`, in whose place the
                /// default holds (RFC 3261 §20.19, RFC 4475 §3.1.2.4).
                pub fn seconds(self) -> Option<u32> {
                    u32::try_from(self.0).ok()
                }
            }

            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            impl<'a> Field<'a> for $type {
                const NAME: HeaderName = HeaderName::$name;

                fn read(value: &'a [u8], _: &Limits) -> Result<(Self, usize), ValueError> {
                    super::read_by(value, |input| {
                        let (rest, seconds) = number(input)?;
                        Ok((rest, Self(seconds)))
                    })
                }
            }
        )*
    };
}

seconds! {
    /// How long something is valid (RFC 3261 §20.19). The largest number stands for every larger one.
    Expires = Expires;
    /// The shortest time that a server accepts (RFC 3261 §20.23). The largest number stands for every
    /// larger one.
    MinExpires = MinExpires;
}

/// When to try again (RFC 3261 §20.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter<'a> {
    seconds: u32,
    comment: Option<Quoted<'a>>,
    params: Params<'a>,
}

impl<'a> RetryAfter<'a> {
    /// After how many seconds. The largest `u32` stands for every larger number.
    pub fn seconds(&self) -> u32 {
        self.seconds
    }

    /// A remark for people.
    pub fn comment(&self) -> Option<Quoted<'a>> {
        self.comment
    }

    /// How many seconds the recipient will be there then; `None` if it is not said or malformed.
    pub fn duration(&self) -> Option<u32> {
        let duration = self.params.value("duration")?;
        whole(duration.as_bytes(), delta_seconds).ok()
    }

    /// The parameters, `duration` included.
    pub fn params(&self) -> Params<'a> {
        self.params
    }
}

impl fmt::Display for RetryAfter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        if let Some(comment) = self.comment {
            write!(f, " ({})", Unfolded(comment.as_str()))?;
        }
        write!(f, "{}", self.params)
    }
}

field!(
    RetryAfter,
    RetryAfter,
    |input| {
        let (rest, seconds) = delta_seconds(input)?;
        let (rest, comment) = opt(preceded(white_space, comment)).parse(rest)?;
        let (rest, params) = params(rest, |_| Ok(()))?;
        let field = RetryAfter {
            seconds,
            comment,
            params,
        };
        Ok((rest, field))
    },
    |field, limits| check_params(&field.params, limits)
);

fn white_space(input: &[u8]) -> Read<'_, ()> {
    Ok((sws(input), ()))
}

/// When a message was made, in GMT (RFC 3261 §20.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Date {
    /// The moment as seconds since the beginning of 1970; `None` before that.
    pub fn unix_seconds(&self) -> Option<u64> {
        let seconds =
            u64::from(self.hour) * 3600 + u64::from(self.minute) * 60 + u64::from(self.second);
        let days = u64::try_from(self.days()).ok()?;
        Some(days * 86_400 + seconds)
    }

    /// Days since the beginning of 1970 in the Gregorian calendar, counted in years that begin in
    /// March, so that the leap day is the last.
    fn days(&self) -> i64 {
        let (year, month) = if self.month > 2 {
            (i64::from(self.year), i64::from(self.month) - 3)
        } else {
            (i64::from(self.year) - 1, i64::from(self.month) + 9)
        };
        let leap_days = year / 4 - year / 100 + year / 400;
        let in_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        365 * year + leap_days + in_year - 719_468
    }

    fn weekday(&self) -> &'static str {
        // The first day of 1970 was a Thursday.
        let index = (self.days() + 4).rem_euclid(7);
        let name = usize::try_from(index)
            .ok()
            .and_then(|index| WEEKDAYS.get(index));
        name.copied().unwrap_or_default()
    }

    fn is_in_calendar(&self) -> bool {
        let leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let days = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        (1..=days).contains(&self.day) && self.hour < 24 && self.minute < 60 && self.second <= 60
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = MONTHS.get(usize::from(self.month) - 1).copied();
        write!(
            f,
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
            self.weekday(),
            self.day,
            month.unwrap_or_default(),
            self.year,
            self.hour,
            self.minute,
            self.second
        )
    }
}

impl<'a> Field<'a> for Date {
    const NAME: HeaderName = HeaderName::Date;

    fn read(value: &'a [u8], _: &Limits) -> Result<(Self, usize), ValueError> {
        super::read_by(value, |input| match date(input) {
            Ok((rest, date)) if date.is_in_calendar() => Ok((rest, date)),
            Ok(_) | Err(_) => wrong(Fault::Date, input),
        })
    }
}

/// `rfc1123-date`. The day of the week is not compared with the date.
fn date(input: &[u8]) -> Read<'_, Date> {
    let (rest, _) = name_of(WEEKDAYS).parse(input)?;
    let (rest, _) = tag(", ").parse(rest)?;
    let (rest, day) = digits(2).parse(rest)?;
    let (rest, ()) = byte(rest, b' ')?;
    let (rest, month) = name_of(MONTHS).parse(rest)?;
    let (rest, ()) = byte(rest, b' ')?;
    let (rest, year) = digits(4).parse(rest)?;
    let (rest, ()) = byte(rest, b' ')?;
    let (rest, hour) = digits(2).parse(rest)?;
    let (rest, ()) = byte(rest, b':')?;
    let (rest, minute) = digits(2).parse(rest)?;
    let (rest, ()) = byte(rest, b':')?;
    let (rest, second) = digits(2).parse(rest)?;
    let (rest, _) = tag(" GMT").parse(rest)?;
    let date = Date {
        year,
        month: small(month) + 1,
        day: small(day),
        hour: small(hour),
        minute: small(minute),
        second: small(second),
    };
    Ok((rest, date))
}

/// One of some names of three letters, as its index.
fn name_of<'a, const N: usize>(
    names: [&'static str; N],
) -> impl Parser<&'a [u8], Output = u16, Error = Wrong> {
    map_opt(nom::bytes::complete::take(3_usize), move |name: &[u8]| {
        let index = names
            .iter()
            .position(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
        u16::try_from(index).ok()
    })
}

/// A number of so many digits.
fn digits<'a>(count: usize) -> impl Parser<&'a [u8], Output = u16, Error = Wrong> {
    map_opt(nom::bytes::complete::take(count), |digits: &[u8]| {
        u16::try_from(whole(digits, number).ok()?).ok()
    })
}

/// A number of at most two digits.
fn small(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
