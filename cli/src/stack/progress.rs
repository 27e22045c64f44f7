//! A line of what goes on, below what is printed, where there is a terminal.

use std::time::Duration;

use indicatif::ProgressBar;

/// How often it moves.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// A line that moves until it is dropped or finished.
pub(crate) fn spinner(message: &'static str) -> ProgressBar {
    let progress = ProgressBar::new_spinner().with_message(message);
    progress.enable_steady_tick(TICK);
    progress
}
