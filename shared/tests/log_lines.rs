//! What reaches the log when a function fails in a way that it cannot answer.
//!
//! Logging is set up once a process, so each line comes from a process of its own: this test's binary again.

use std::env;
use std::process::Command;

use serde_json::Value;
use shared::logging;
use shared::poll::PollBounds;

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
            logging::init().expect("a level");
            panic!("out of cheese");
        }
        Ok("setting") => {
            logging::init().expect("a level");
            let zero = |_: &str| Some("0".to_owned());
            assert!(
                PollBounds::from_settings(&zero)
                    .inspect_err(logging::refuse)
                    .is_err()
            );
        }
        _ => {}
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

/// A function that cannot start answers nobody: its log has to name the variable.
#[test]
fn a_bad_setting_is_one_line_of_json() {
    let line = line("setting");
    assert_eq!(
        (&line["level"], &line["outcome"]),
        (&"ERROR".into(), &"InvalidSetting".into())
    );
    assert_eq!(
        line["reason"],
        "environment variable POLL_MIN_SECONDS: must be at least 1"
    );
}
