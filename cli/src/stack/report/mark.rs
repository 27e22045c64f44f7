//! How something stands: in a word and a sign, which tell it without colours too.

use super::super::run::{Crawling, Run, Stage, Standing, Status, Step};

/// How a run or a part of it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Done,
    Failed,
    /// It failed, and may.
    Excused,
    Running,
    Waiting,
    /// It ended because something else did.
    Stopped,
    /// Nobody tells.
    Untold,
    /// A newer run covers what it is for.
    Absorbed,
    /// It has not begun.
    Absent,
}

impl Mark {
    pub(super) fn of_run(run: &Run) -> Self {
        match &run.status {
            Status::Running => Self::Running,
            Status::Succeeded { .. } if !run.problems().is_empty() => Self::Failed,
            Status::Succeeded { .. } => Self::Done,
            Status::Absorbed { .. } => Self::Absorbed,
            Status::Failed { .. } | Status::TimedOut { .. } => Self::Failed,
            Status::Aborted { .. } => Self::Stopped,
        }
    }

    /// As the step that is worst off.
    pub(super) fn of_stage(stage: &Stage) -> Self {
        let steps: Vec<_> = stage.steps.iter().map(Self::of_step).collect();
        let worst = [Self::Failed, Self::Stopped, Self::Running, Self::Waiting];
        let found = worst.into_iter().find(|mark| steps.contains(mark));
        let over = |mark| matches!(mark, Self::Done | Self::Excused | Self::Untold);
        found.unwrap_or(if steps.iter().all(|mark| *mark == Self::Absent) {
            Self::Absent
        } else if steps.iter().all(|mark| over(*mark)) {
            Self::Done
        } else {
            Self::Running
        })
    }

    pub(super) fn of_step(step: &Step) -> Self {
        if step.failure.is_some() {
            return if step.optional {
                Self::Excused
            } else {
                Self::Failed
            };
        }
        if step.waits.last().is_some_and(|wait| wait.ended.is_none()) {
            return Self::Waiting;
        }
        if let Some(crawling) = step.crawling() {
            return Self::of_crawl(crawling);
        }
        let last = step.work.as_ref().and_then(|work| work.attempts.last());
        match last.map(|attempt| Self::of(&attempt.standing)) {
            Some(Self::Done) if step.crawl.is_some() => Self::Stopped,
            Some(mark) => mark,
            None => Self::Absent,
        }
    }

    pub(super) fn of_crawl(crawling: &Crawling) -> Self {
        Self::of(&crawling.standing)
    }

    pub(super) fn of(standing: &Standing) -> Self {
        match standing {
            Standing::Running => Self::Running,
            Standing::Succeeded { .. } => Self::Done,
            Standing::Failed { .. } => Self::Failed,
            Standing::Stopped { .. } => Self::Stopped,
            Standing::Untold { .. } => Self::Untold,
        }
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Done => "✓",
            Self::Failed | Self::Excused => "✗",
            Self::Running => "●",
            Self::Waiting => "◷",
            Self::Stopped => "■",
            Self::Untold => "?",
            Self::Absorbed => "→",
            Self::Absent => "○",
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Done => "succeeded",
            Self::Failed => "failed",
            Self::Excused => "failed (optional)",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
            Self::Untold => "unknown",
            Self::Absorbed => "absorbed",
            Self::Absent => "not begun",
        }
    }

    /// The class that gives it its colour.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Absent | Self::Untold => "absent",
            Self::Excused => "excused",
            other => other.word(),
        }
    }
}
