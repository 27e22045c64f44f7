//! The promises, and every world that can come about, breadth first: the first broken promise has a
//! shortest story.

use std::collections::HashMap;
use std::rc::Rc;

use crate::glue::{Ending, History, Phase, Tick};
use crate::world::{Action, Caller, Model, Outcome, Step, World};

/// How many calls a caller may need, if nothing is in its way, to be told or to start a crawl: ListCrawls
/// after an old look, then GetCrawler, and StartCrawler or ListCrawls.
const CALLS: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A crawl that was started for a caller began at or after its request, whatever the clocks say. Any
    /// other that it is content with began at or after the moment that it asked for, read from its own
    /// clock: so in true time no earlier than its request by more than its clock is behind Glue's, less
    /// the margin.
    Fresh,
    /// A caller is told of an end that a crawl has really come to.
    Honest,
    /// Whatever has happened, all callers may still be told. And nobody waits for others without need:
    /// see [`is_stuck`].
    Ends,
    /// A caller that waits for an ended crawl is told at the next look, good or bad, also if the next
    /// crawl is under way already. See [`is_kept_waiting`].
    Prompt,
}

/// A promise broken, and how it came to that.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) promise: Promise,
    pub(crate) story: String,
}

/// What a search that found no broken promise has seen.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) worlds: usize,
    /// The most crawls that callers started after all had asked: with the one that was under way then,
    /// it is what they cost.
    pub(crate) cost: u8,
    /// The most ticks by which a crawl that a caller was content with began before its request.
    pub(crate) staleness: Tick,
}

/// What a caller was told just now breaks this promise.
pub(crate) fn broken(world: &World, model: &Model) -> Option<Promise> {
    let breaks = |caller: &Caller| {
        let Step::Told {
            outcome,
            status,
            crawl,
        } = caller.step
        else {
            return None;
        };
        let Some(crawl) = crawl.map(|crawl| &world.glue.crawls[crawl]) else {
            return Some(Promise::Honest);
        };
        let requested = caller.requested?;
        let earliest = match outcome {
            Outcome::Started => requested,
            Outcome::Joined | Outcome::Satisfied => requested + caller.skew + model.margin,
        };
        if crawl.ending != Some(status) {
            Some(Promise::Honest)
        } else if status == Ending::Succeeded && crawl.at < earliest {
            Some(Promise::Fresh)
        } else {
            None
        }
    };
    world.callers.iter().find_map(breaks)
}

/// Whether somebody has to wait though nothing is in the way: the crawler is at rest; or a crawl that
/// serves the caller is done, the next one is under way already, for ever perhaps, and ListCrawls works.
pub(crate) fn is_stuck(world: &World, model: &Model) -> bool {
    let open = |who: &usize| world.callers[*who].requested.is_some();
    let mut callers = (0..world.callers.len()).filter(open);
    match world.glue.phase {
        Phase::Ready => callers.any(|who| !settles(world, model, who, CALLS)),
        Phase::Running { pending: false } => {
            let histories = &[History::Prompt];
            let model = Model {
                histories,
                ..*model
            };
            callers.any(|who| is_served(world, &model, who) && !settles(world, &model, who, CALLS))
        }
        _ => false,
    }
}

/// Whether the crawl that somebody waits for has ended, the crawler is READY or at its next crawl, and a
/// look does not tell.
pub(crate) fn is_kept_waiting(world: &World, model: &Model) -> bool {
    let is_due = |caller: &Caller| match (world.glue.phase, caller.step) {
        (Phase::Ready | Phase::Running { .. }, Step::Wait { awaited, .. }) => {
            let last = world.glue.view().last();
            last.is_some_and(|last| world.glue.crawls[last].at >= awaited)
        }
        _ => false,
    };
    let mut callers = 0..world.callers.len();
    callers.any(|who| is_due(&world.callers[who]) && !settles(world, model, who, 1))
}

fn is_served(world: &World, model: &Model, who: usize) -> bool {
    let caller = &world.callers[who];
    let asks_at = caller
        .requested
        .map(|requested| requested + caller.skew + model.margin);
    let last = world.glue.view().last();
    last.is_some_and(|last| {
        world.glue.crawls[last].ending == Some(Ending::Succeeded)
            && Some(world.glue.told_start(last, model.seconds)) >= asks_at
    })
}

/// Whether a caller, left alone, is told or starts a crawl within so many calls.
fn settles(world: &World, model: &Model, who: usize, calls: u8) -> bool {
    let next = |action| {
        let next = world.after(model, action);
        next.glue.crawls.len() > world.glue.crawls.len() || settles(&next, model, who, calls - 1)
    };
    world.callers[who].is_told()
        || (calls > 0 && world.actions_of(who, model).into_iter().all(next))
}

impl Seen {
    fn add(&mut self, world: &World) {
        if world
            .callers
            .iter()
            .all(|caller| caller.requested.is_some())
        {
            self.cost = self.cost.max(world.cost);
        }
        for caller in &world.callers {
            if let Step::Told {
                status: Ending::Succeeded,
                crawl: Some(crawl),
                ..
            } = caller.step
                && let Some(requested) = caller.requested
            {
                self.staleness = self.staleness.max(requested - world.glue.crawls[crawl].at);
            }
        }
    }
}

/// Visits every world of the model.
pub(crate) fn search(model: &Model) -> Result<Seen, Broken> {
    let mut search = Search::default();
    let mut seen = Seen::default();
    for skews in clocks(model) {
        for world in World::initial(model, &skews) {
            search.visit(world, None);
        }
    }
    while let Some(world) = search.worlds.get(seen.worlds).cloned() {
        let from = seen.worlds;
        seen.worlds += 1;
        if world.is_over() {
            continue;
        }
        if is_stuck(&world, model) {
            return Err(search.story(Promise::Ends, from));
        }
        if is_kept_waiting(&world, model) {
            return Err(search.story(Promise::Prompt, from));
        }
        for action in world.actions(model) {
            let mut next = world.after(model, action);
            seen.add(&next);
            let broken = broken(&next, model);
            if broken.is_none() {
                next.simplify(model);
            }
            let to = search.visit(next, Some((from, action)));
            if let Some(promise) = broken {
                return Err(search.story(promise, to));
            }
            search.edges.push((from, to));
        }
    }
    match search.dead_end() {
        Some(stuck) => Err(search.story(Promise::Ends, stuck)),
        None => Ok(seen),
    }
}

/// Every assignment of clocks to callers.
fn clocks(model: &Model) -> Vec<Vec<Tick>> {
    (0..model.callers).fold(vec![vec![]], |assignments, _| {
        let longer = |assignment: &Vec<Tick>| {
            let with = |skew: &Tick| [assignment.as_slice(), &[*skew]].concat();
            model.skews.iter().map(with).collect::<Vec<_>>()
        };
        assignments.iter().flat_map(longer).collect()
    })
}

#[derive(Default)]
struct Search {
    numbers: HashMap<Rc<World>, usize>,
    worlds: Vec<Rc<World>>,
    /// The world and the action by which each was first reached.
    origins: Vec<Option<(usize, Action)>>,
    edges: Vec<(usize, usize)>,
}

impl Search {
    fn visit(&mut self, world: World, origin: Option<(usize, Action)>) -> usize {
        if let Some(number) = self.numbers.get(&world) {
            return *number;
        }
        let number = self.worlds.len();
        let world = Rc::new(world);
        self.worlds.push(Rc::clone(&world));
        self.numbers.insert(world, number);
        self.origins.push(origin);
        number
    }

    /// A world from which no world is reachable in which all callers are told.
    fn dead_end(&self) -> Option<usize> {
        let mut ends: Vec<_> = self.worlds.iter().map(|world| world.is_over()).collect();
        let mut changed = true;
        while changed {
            changed = false;
            for (from, to) in self.edges.iter().rev() {
                if ends[*to] && !ends[*from] {
                    ends[*from] = true;
                    changed = true;
                }
            }
        }
        ends.iter().position(|ends| !ends)
    }

    /// Moments are told as they are in simplified worlds: what counts is how far they are apart.
    fn story(&self, promise: Promise, mut number: usize) -> Broken {
        let tell = |number: usize| {
            let World {
                now, glue, callers, ..
            } = &*self.worlds[number];
            format!("  at {now}: {glue:?}\n    {callers:?}\n")
        };
        let mut steps = vec![tell(number)];
        while let Some((from, action)) = self.origins[number] {
            steps.push(format!("{}{action:?}\n", tell(from)));
            number = from;
        }
        steps.reverse();
        let story = steps.concat();
        Broken { promise, story }
    }
}
