//! Names of runs, which tell the pipeline and what the run is for where a trigger or this tool gave them.

use std::sync::LazyLock;

use event::execution;
use jiff::Timestamp;
use jiff::civil::Date;
use regex_lite::Regex;

/// What is left of that for the pipeline in the names that have the longest ends, those of windows.
const LEAST_ROOM: usize = 34;

/// What a trigger or this tool has put together.
static FORM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(.+)-(?:([0-9a-f]{32})(?:-(\d{10,12}))?|(\d{4}-\d{2}-\d{2})-[0-9a-f]{16})$")
        .expect("it is a pattern")
});

/// What a run's name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// Trigger named it for a window; runs of one queue follow each other.
    Window {
        pipeline: String,
        queue: String,
        end: Timestamp,
    },
    /// Trigger named it for one object.
    Object { pipeline: String },
    /// This tool named it for a day.
    Day { pipeline: String, date: Date },
    /// The caller did.
    Other,
}

impl Named {
    /// Reads a name.
    pub(crate) fn of(name: &str) -> Self {
        Self::read(name).unwrap_or(Self::Other)
    }

    fn read(name: &str) -> Option<Self> {
        let parts = FORM.captures(name)?;
        let pipeline = parts[1].to_owned();
        if let Some(date) = parts.get(4) {
            let date = date.as_str().parse().ok()?;
            return Some(Self::Day { pipeline, date });
        }
        let Some(end) = parts.get(3) else {
            return Some(Self::Object { pipeline });
        };
        Some(Self::Window {
            pipeline,
            queue: name[..end.start()].to_owned(),
            end: Timestamp::from_second(end.as_str().parse().ok()?).ok()?,
        })
    }

    /// The pipeline, as far as a name can hold its.
    pub(crate) fn pipeline(&self) -> Option<&str> {
        match self {
            Self::Window { pipeline, .. }
            | Self::Object { pipeline }
            | Self::Day { pipeline, .. } => Some(pipeline),
            Self::Other => None,
        }
    }

    /// The pipeline, if that is its whole name: a hyphen may stand for any other character, and long names are cut.
    pub(crate) fn whole(&self) -> Option<&str> {
        let is_whole = |told: &&str| {
            !told.contains('-') && told.len() < LEAST_ROOM && *told != execution::name("", "", 0)
        };
        self.pipeline().filter(is_whole)
    }

    /// Whether the run may be one of this pipeline.
    pub(crate) fn may_be_of(&self, pipeline: &str) -> bool {
        let slug = execution::name(pipeline, "", 0);
        self.pipeline()
            .is_none_or(|told| told == slug || told.len() >= LEAST_ROOM && slug.starts_with(told))
    }
}

/// A name for a run that is started now, for this day. A start that is repeated because its answer was lost has the
/// same one, and so happens once.
pub(crate) fn for_day(pipeline: &str, date: Date, now: Timestamp) -> String {
    let suffix = format!("-{date}-{:016x}", now.as_nanosecond());
    execution::name(pipeline, &suffix, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";

    /// What each name tells, without a call.
    #[test]
    fn names_tell_the_pipeline_and_what_the_run_is_for() {
        let end = Timestamp::from_second(1_769_824_800).expect("it is in range");
        let queue = format!("my-orders-{HASH}-");
        assert_eq!(
            Named::of(&format!("{queue}1769824800")),
            Named::Window {
                pipeline: "my-orders".to_owned(),
                queue,
                end
            }
        );
        assert_eq!(
            Named::of(&format!("orders-{HASH}")),
            Named::Object {
                pipeline: "orders".to_owned()
            }
        );
        for other in [
            "nightly",
            "7a0b3b3e-5a3c-4f1c-9d53-3d2c4f5e6a7b",
            "a-2026-13-01-0123456789abcdef",
        ] {
            assert_eq!(Named::of(other), Named::Other);
            assert!(Named::Other.may_be_of("anything"));
        }
    }

    /// A name that may stand for another is looked up.
    #[test]
    fn a_name_is_whole_unless_a_character_may_have_been_replaced_or_cut() {
        let named = |pipeline: &str| Named::of(&execution::name(pipeline, &format!("-{HASH}"), 0));
        assert_eq!(named("orders").whole(), Some("orders"));
        for pipeline in ["täglich", "my-orders", "äöü", &"x".repeat(200)] {
            assert_eq!(named(pipeline).whole(), None, "{pipeline}");
        }
    }

    /// Names that this tool gives are read back, fit, and differ from one start to the next.
    #[test]
    fn names_for_days_can_be_read_back() {
        let date: Date = "2026-01-31".parse().expect("it is a day");
        let now = Timestamp::from_second(1_769_824_800).expect("it is in range");
        let long = "x".repeat(200);
        for pipeline in ["orders", "täglich", long.as_str()] {
            let name = for_day(pipeline, date, now);
            assert!(name.len() <= 80);
            let read = Named::of(&name);
            assert!(
                matches!(read, Named::Day { date: day, .. } if day == date),
                "{name}"
            );
            assert!(read.may_be_of(pipeline));
            assert!(!read.may_be_of("order"));
        }
        let later = Timestamp::from_millisecond(1_769_824_800_001).expect("it is in range");
        assert_ne!(for_day("a", date, now), for_day("a", date, later));
    }
}
