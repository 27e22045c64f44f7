//! Worlds that nobody can tell apart from now on are made one: that keeps the search small.

use crate::glue::{SECOND, Tick};
use crate::world::{Caller, Model, Step, World};

impl World {
    /// The simplest world with the same future.
    pub(crate) fn simplify(&mut self, model: &Model) {
        for caller in self.callers.iter_mut().filter(|caller| caller.is_told()) {
            *caller = Caller {
                requested: Some(0),
                skew: 0,
                step: Step::Done,
            };
        }
        self.forget_old_crawls(model);
        self.close_gaps(model);
        // Callers have nothing but their clocks to differ in. Who has not asked yet keeps its turn.
        self.callers.sort_by_key(|caller| {
            let asked = caller.requested.is_some();
            (!asked, asked.then(|| caller.clone()))
        });
    }

    /// A crawl is of no consequence any more if it began before every moment asked for, is not among the
    /// last two and in nobody's mind.
    fn forget_old_crawls(&mut self, model: &Model) {
        let crawls = &self.glue.crawls;
        let slowest = model.skews.iter().min().expect("a clock");
        let mut oldest = crawls.len().saturating_sub(2);
        for caller in self.callers.iter().filter(|caller| !caller.is_told()) {
            let requested_at = caller
                .requested
                .map_or(self.now + slowest, |requested| requested + caller.skew);
            let in_time = |at| at >= requested_at + model.margin;
            let first = crawls.iter().position(|crawl| in_time(crawl.at));
            oldest = oldest.min(first.unwrap_or(oldest));
        }
        self.glue.crawls.drain(..oldest);
    }

    /// Moments are compared by at most `reach` ticks: wider gaps between neighbours are all alike, but for
    /// the fractions of seconds.
    fn close_gaps(&mut self, model: &Model) {
        let skew = model.skews.iter().map(|skew| skew.abs()).max();
        let reach = (skew.expect("a clock") + model.margin).max(model.shortest) + SECOND;
        let mut moments = Vec::new();
        self.moments(|moment| moments.push(*moment));
        moments.sort_unstable();
        moments.dedup();
        let mut closed: Vec<(Tick, Tick)> = Vec::new();
        for old in moments {
            let gap = |wide: Tick| wide.min(reach + (wide - reach).rem_euclid(SECOND));
            let new = closed
                .last()
                .map_or(old.rem_euclid(SECOND), |(before, new)| {
                    new + gap(old - before)
                });
            closed.push((old, new));
        }
        self.moments(|moment| {
            let index = closed.binary_search_by_key(moment, |(old, _)| *old);
            *moment = closed[index.expect("a moment seen before")].1;
        });
    }

    fn moments(&mut self, mut each: impl FnMut(&mut Tick)) {
        each(&mut self.now);
        for crawl in &mut self.glue.crawls {
            each(&mut crawl.at);
        }
        for caller in &mut self.callers {
            if caller.step == Step::Done {
                continue;
            }
            if let Some(requested) = &mut caller.requested {
                each(requested);
            }
            if let Step::Start { previous, .. } | Step::Wait { previous, .. } = &mut caller.step
                && let Some(previous) = previous
            {
                each(previous);
            }
            if let Step::Wait { awaited, .. } = &mut caller.step {
                each(awaited);
            }
        }
    }
}
