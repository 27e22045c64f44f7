//! Expressions and time zones of schedules.
//!
//! Follows "Schedule types in EventBridge Scheduler" in its User Guide.

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pipeline::trigger::Schedule;

use super::{File, Finding};

/// What EventBridge Scheduler would refuse.
pub(crate) fn check(file: &File) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(schedule) = &file.pipeline.schedule {
        if let Err(rule) = expression(schedule) {
            found.push(file.wrong("/schedule/expression", rule));
        }
        if let Some(name) = &schedule.timezone
            && TimeZone::get(name).is_err()
        {
            let rule = format!("{name} is no time zone of the IANA database");
            found.push(file.wrong("/schedule/timezone", rule));
        }
    }
    found
}

fn expression(schedule: &Schedule) -> Result<(), String> {
    let text = &schedule.expression;
    let (kind, inner) = text
        .trim_end_matches(')')
        .split_once('(')
        .unwrap_or_default();
    match kind {
        "cron" => cron(inner),
        "rate" => {
            rate(inner).ok_or_else(|| "must be rate(a number minutes, hours or days)".to_owned())
        }
        _ => (inner.len() == "2026-01-31T02:00:00".len() && inner.parse::<DateTime>().is_ok())
            .then_some(())
            .ok_or_else(|| "must be at(a moment such as 2026-01-31T02:00:00)".to_owned()),
    }
}

fn rate(inner: &str) -> Option<()> {
    let (count, unit) = inner.split_once(' ')?;
    let known = ["minute", "minutes", "hour", "hours", "day", "days"].contains(&unit);
    (count.parse().is_ok_and(|count: u32| count > 0) && known).then_some(())
}

/// Six fields, without seconds and with a year; days of the week count from Sunday, which is 1.
fn cron(inner: &str) -> Result<(), String> {
    let fields: Vec<_> = inner.split_whitespace().collect();
    let [_, _, day, _, weekday, _] = fields[..] else {
        return Err(format!(
            "has {} fields: minutes, hours, day of month, month, day of week and year make six",
            fields.len()
        ));
    };
    if (day == "?") == (weekday == "?") {
        return Err(
            "must have ? as its day of month or as its day of week, and not as both".to_owned(),
        );
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    let parsed = parser.parse(&format!("0 {}", fields.join(" ")));
    parsed.map(|_| ()).map_err(|error| error.to_string())
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
            "at(2026-01-31T02:00:00)",
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
        ] {
            assert!(!verdict(bad), "{bad}");
        }
    }
}
