//! Expressions and time zones of schedules.
//!
//! Follows "Schedule types in EventBridge Scheduler" in its User Guide.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pipeline::trigger::Schedule;
use regex_lite::Regex;

use super::{File, Finding};

/// In a field of a cron expression, by commas; where a number is too large, the parser says.
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    const VALUE: &str = "([0-9]+|[A-Za-z]{3})";
    let item =
        format!(r"(\?|L|LW|[0-9]+W|{VALUE}L|{VALUE}#[1-5]|(\*|{VALUE}(-{VALUE})?)(/[0-9]+)?)");
    regex(&format!("^{item}(,{item})*$"))
});
static RATE: LazyLock<Regex> = LazyLock::new(|| regex("^[1-9][0-9]{0,8} (minute|hour|day)s?$"));
static MOMENT: LazyLock<Regex> =
    LazyLock::new(|| regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-5][0-9]:[0-5][0-9]$"));
const YEARS: RangeInclusive<u32> = 1970..=2199;
/// In the database, and no place's.
const NOWHERE: [&str; 2] = ["Factory", "Etc/Unknown"];

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a regular expression")
}

/// What EventBridge Scheduler would refuse.
pub(crate) fn check(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(schedule) = &file.pipeline.schedule {
        if let Err(rule) = expression(schedule) {
            found.push(file.wrong("/schedule/expression", rule));
        }
        if let Some(name) = &schedule.timezone
            && (NOWHERE.contains(&name.as_str()) || TimeZone::get(name).is_err())
        {
            let rule = format!("{name} is no time zone of the IANA database");
            found.push(file.wrong("/schedule/timezone", rule));
        }
    }
    found
}

fn expression(schedule: &Schedule) -> Result<(), &'static str> {
    let inner = |kind: &str| {
        let text = schedule.expression.strip_prefix(kind)?;
        text.strip_prefix('(')?.strip_suffix(')')
    };
    if let Some(inner) = inner("cron") {
        cron(inner)
    } else if let Some(inner) = inner("rate") {
        let rule = "must be rate(a number and minutes, hours or days), such as rate(5 minutes)";
        RATE.is_match(inner).then_some(()).ok_or(rule)
    } else {
        let moment = inner("at").filter(|inner| MOMENT.is_match(inner));
        let rule = "must be at(a moment), such as at(2026-01-31T02:00:00)";
        let parsed = moment.and_then(|moment| moment.parse::<DateTime>().ok());
        parsed.map(|_| ()).ok_or(rule)
    }
}

/// Six fields, without seconds and with a year; days of the week count from Sunday, which is 1.
fn cron(inner: &str) -> Result<(), &'static str> {
    const RULE: &str = "must have six fields: minutes 0-59, hours 0-23, day of month 1-31, month 1-12 or JAN-DEC, \
                        day of week 1-7 or SUN-SAT, year 1970-2199; such as cron(0 2 * * ? *)";
    let fields: Vec<_> = inner.split_whitespace().collect();
    let [_, _, day, _, weekday, year] = fields[..] else {
        return Err(RULE);
    };
    if (day == "?") == (weekday == "?") {
        return Err("must have ? as its day of month or as its day of week, and not as both");
    }
    let years = year.split(|character: char| !character.is_ascii_digit());
    let are_known = years
        .filter_map(|year| year.parse().ok())
        // Steps are numbers too.
        .all(|year: u32| year < 1_000 || YEARS.contains(&year));
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    let is_good = are_known
        && fields.iter().all(|field| FIELD.is_match(field))
        && parser.parse(&format!("0 {}", fields.join(" "))).is_ok();
    is_good.then_some(()).ok_or(RULE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(expression: &str) -> bool {
        let schedule = Schedule {
            expression: expression.to_owned(),
            timezone: None,
        };
        super::expression(&schedule).is_ok()
    }

    /// What Scheduler's own guide has as examples must pass.
    #[test]
    fn expressions_of_the_guide_pass() {
        for good in [
            "cron(0 2 * * ? *)",
            "cron(15 10 ? * 6L 2022-2023)",
            "cron(0/10 * ? * MON-FRI *)",
            "cron(15 12 * * ? *)",
            "cron(0 8 1 * ? *)",
            "cron(0/5 8-17 ? * MON-FRI *)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0 0 L * ? *)",
            "cron(0 0 3W * ? *)",
            "cron(0 10 ? JAN,APR,JUL,OCT 7 *)",
            "rate(1 hour)",
            "rate(5 minutes)",
            "rate(10 days)",
            "rate(1 hours)",
            "at(2026-01-31T02:00:00)",
            "cron(0 0 LW * ? *)",
            "cron(*/5 8-17 ? * 2-6 2026/2)",
        ] {
            assert!(verdict(good), "{good}");
        }
    }

    /// A schedule that AWS refuses undoes the whole deployment.
    #[test]
    fn expressions_that_scheduler_refuses_are_found() {
        for bad in [
            "cron(0 2 * * *)",
            "cron(0 2 * * * *)",
            "cron(0 2 ? * ? *)",
            "cron(60 2 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 2 32 * ? *)",
            "cron(0 2 * 13 ? *)",
            "cron(0 2 ? * 8 *)",
            "cron(0 0 2 * * ? *)",
            "rate(0 hours)",
            "rate(1 fortnight)",
            "rate(hourly)",
            "rate(1.5 hours)",
            "at(2026-02-30T02:00:00)",
            "at(2026-01-31)",
            "at(2026-01-31T02:00:00Z)",
            "at(2026-01-31 02:00:00)",
            "at(2026-01-31t02:00:00)",
            "at(2026-01-31T02:00:60)",
            "rate(+5 minutes)",
            "rate(05 minutes)",
            "rate(5  minutes)",
            "cron(0 2 ? * +MON *)",
            "cron(/5 * * * ? *)",
            "cron(0 2 * * ? 1969)",
            "cron(0 2 * * ? 2026-2200)",
            "cron(0 2 * * ? 2025,99999)",
        ] {
            assert!(!verdict(bad), "{bad}");
        }
    }
}
