//! What can stop a run.

use crate::contract::codes::Ns;

/// Why a run cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// A row cannot be applied and its policy is to fail.
    Data(String),
    /// An invariant is broken, or a sum does not fit.
    Engine(String),
    /// A strategy asked for something impossible.
    Strategy(String),
}

impl RunError {
    /// Add the instrument's name to an engine error.
    pub fn at(self, instrument: &str) -> Self {
        match self {
            RunError::Engine(message) => RunError::Engine(format!("{instrument}: {message}")),
            other => other,
        }
    }
}

/// Format nanoseconds since the epoch as an ISO date in UTC with nine digits.
pub fn format_instant(ns: Ns) -> String {
    let (seconds, fraction) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Civil date from days since 1970, by eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:09}Z")
}

#[cfg(test)]
mod tests {
    use super::format_instant;

    #[test]
    fn instants_are_iso_dates_with_nine_digits() {
        assert_eq!(format_instant(1_700_000_000_000_000_005), "2023-11-14T22:13:20.000000005Z");
        assert_eq!(format_instant(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(format_instant(951_782_400_000_000_000), "2000-02-29T00:00:00.000000000Z");
        assert_eq!(format_instant(-1), "1969-12-31T23:59:59.999999999Z");
    }
}
