//! What reaches the log when a function fails in a way that it cannot answer.
//!
//! Logging is set up once a process, so each line comes from a process of its own: this test's binary again.

use std::env;
use std::process::Command;

use lambda::failure::Failure;
use lambda::logging;
use serde_json::Value;

const ROLE: &str = "LOG_LINES_ROLE";

/// The one JSON line that this binary logs when it fails in the given `role`.
fn line(role: &str) -> Value {
    let output = Command::new(env::current_exe().expect("this binary"))
        .args(["--exact", "fails", "--nocapture"])
        .env(ROLE, role)
        .output()
        .expect("a run of this binary");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut lines = text.lines().filter(|line| line.starts_with('{'));
    let line = lines.next().expect("a line of JSON");
    assert_eq!(lines.next(), None);
    serde_json::from_str(line).expect("JSON")
}

/// Fails as a function would, where a test above asks for it.
#[test]
fn fails() {
    match env::var(ROLE).as_deref() {
        Ok("panic") => {
            logging::init();
            panic!("out of cheese");
        }
        Ok(error_type) => {
            logging::init();
            Failure::new(error_type.to_owned(), "no").log("it failed");
        }
        Err(_) => {}
    }
}

/// A panic must be found where every other failure is: in a line with level, outcome and place.
#[test]
fn a_panic_is_one_line_of_json() {
    let line = line("panic");
    assert_eq!(
        (&line["level"], &line["outcome"]),
        (&"ERROR".into(), &"panic".into())
    );
    assert_eq!(line["reason"], "out of cheese");
    assert!(
        line["place"]
            .as_str()
            .is_some_and(|place| place.contains("log_lines.rs")),
        "{line}"
    );
}

/// ERROR is for what somebody has to look at: callers try again by themselves after the rest.
#[test]
fn only_what_does_not_pass_is_an_error() {
    for (error_type, level) in [
        ("InvalidPipeline", "ERROR"),
        ("AccessDeniedException", "ERROR"),
        ("EntityNotFoundException", "ERROR"),
        ("SomethingNewException", "ERROR"),
        ("ThrottlingException", "WARN"),
        ("CrawlerRunningException", "WARN"),
        ("GlueUnreachable", "WARN"),
    ] {
        let line = line(error_type);
        assert_eq!(
            (&line["level"], &line["outcome"], &line["reason"]),
            (&level.into(), &error_type.into(), &"no".into())
        );
    }
}
