//! Moments and spans of time: as AWS tells them, and as people read them.

use aws_smithy_types::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A moment of AWS's, whose milliseconds come as a fraction that is not quite exact.
pub(crate) fn read(at: &DateTime) -> Timestamp {
    let nanoseconds = at.as_nanos() + 500_000;
    let milliseconds = i64::try_from(nanoseconds.div_euclid(1_000_000));
    let moment = milliseconds.ok().map(Timestamp::from_millisecond);
    moment.and_then(Result::ok).unwrap_or_default()
}

/// The moment in UTC, to the second.
pub(crate) fn told(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The time of day in UTC, with the day unless it is this one.
pub(crate) fn told_on(today: Timestamp, at: Timestamp) -> String {
    let day = |at| TimeZone::UTC.to_datetime(at).date();
    if day(at) == day(today) {
        at.strftime("%H:%M:%S").to_string()
    } else {
        told(at)
    }
}

/// Seconds with a digit after the point; from a minute on without.
pub(crate) fn took(span: SignedDuration) -> String {
    if span < SignedDuration::from_secs(60) {
        return format!("{:.1} s", span.as_secs_f64());
    }
    let (days, hours) = (span.as_hours() / 24, span.as_hours() % 24);
    let (minutes, seconds) = (span.as_mins() % 60, span.as_secs() % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {seconds} s"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As exact as people want it, and no more.
    #[test]
    fn spans_are_told_by_their_two_largest_units() {
        for (seconds, told) in [
            (0.04, "0.0 s"),
            (59.94, "59.9 s"),
            (192.0, "3 min 12 s"),
            (7_500.0, "2 h 5 min"),
            (100_000.0, "1 d 3 h"),
        ] {
            assert_eq!(took(SignedDuration::from_secs_f64(seconds)), told);
        }
    }

    /// Of today the time is enough.
    #[test]
    fn moments_of_another_day_have_their_day() {
        let at = |text: &str| text.parse::<Timestamp>().expect("it is a moment");
        let now = at("2026-01-31T08:00:00Z");
        assert_eq!(told_on(now, at("2026-01-31T02:00:00Z")), "02:00:00");
        assert_eq!(
            told_on(now, at("2026-01-30T23:59:59Z")),
            "2026-01-30 23:59:59"
        );
    }
}
