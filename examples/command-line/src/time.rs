use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Shows a moment as RFC 3339 does, in UTC with milliseconds; one before 1970 as the first of it.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = since.as_secs();
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let date = date(seconds);
    let milliseconds = since.subsec_millis();
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

/// Shows the day of a moment, given in seconds since 1970, as RFC 3339 does.
#[must_use]
pub fn date(seconds: u64) -> String {
    // The year begins in March here, so that its last day is the leap day.
    let days = seconds / DAY + DAYS_FROM_MARCH_OF_YEAR_ZERO;
    let era = days / DAYS_PER_ERA;
    let day_of_era = days % DAYS_PER_ERA;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

const DAY: u64 = 24 * 60 * 60;
const DAYS_PER_ERA: u64 = 146_097;
const DAYS_FROM_MARCH_OF_YEAR_ZERO: u64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_gregorian_calendar() {
        for (seconds, shown) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_800_000_000, "2027-01-15"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
            (253_402_300_799, "9999-12-31"),
        ] {
            assert_eq!(date(seconds), shown);
        }
    }

    #[test]
    fn a_moment_has_milliseconds() {
        let time = UNIX_EPOCH + Duration::from_millis(1_800_000_061_007);
        assert_eq!(rfc3339(time), "2027-01-15T08:01:01.007Z");
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(before), "1970-01-01T00:00:00.000Z");
    }
}
