//! Random walks: for more callers, faults and clocks than a search can take in.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::glue::{Ending, Phase, Tick};
use crate::search::{broken, is_kept_waiting, is_stuck};
use crate::world::{Action, Faults, Model, World};
use crate::{TWO, steps};

/// How many steps a walk takes.
const LENGTH: usize = 250;

const MODEL: Model = Model {
    failures: &[Ending::Failed, Ending::Cancelled],
    faults: Faults {
        ticks: 40,
        failures: 4,
        lost: 3,
        foreign: 6,
    },
    ..TWO
};

/// From here on only what has to happen does, and everybody gets a turn: then all are told in time.
fn see_it_end(mut world: World) -> Result<(), TestCaseError> {
    // A caller may have to see one crawl end before its own, and is turned away a few times.
    for _ in 0..12 * (world.callers.len() + 1) {
        for who in 0..world.callers.len() {
            if let Some(action) = world.actions_of(who, &MODEL).first() {
                world = take(&world, *action)?;
            }
        }
        let due = match world.glue.phase {
            Phase::Ready => None,
            Phase::Running { pending: true } => Some(Action::BecomesVisible),
            Phase::Running { pending: false } => Some(Action::Ends(Ending::Succeeded)),
            Phase::Stopping { .. } => Some(Action::BecomesReady),
        };
        if let Some(action) = due.filter(|action| world.actions(&MODEL).contains(action)) {
            world = take(&world, action)?;
        }
    }
    prop_assert!(world.is_over(), "nobody is told any more in {world:?}");
    Ok(())
}

fn take(world: &World, action: Action) -> Result<World, TestCaseError> {
    let next = world.after(&MODEL, action);
    prop_assert_eq!(broken(&next, &MODEL), None, "{:?} in {:?}", action, world);
    prop_assert!(!is_stuck(&next, &MODEL), "{action:?} in {world:?}");
    prop_assert!(!is_kept_waiting(&next, &MODEL), "{action:?} in {world:?}");
    Ok(next)
}

/// Every promise holds wherever many callers may get, and from there all of them get to an end.
#[test]
fn many_callers_at_random() {
    let cases = steps().unwrap_or(250_000).div_ceil(LENGTH);
    let config = ProptestConfig {
        cases: u32::try_from(cases).expect("fewer steps"),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let clocks = prop::collection::vec(-2..=2_i16, 2..8);
    let picks = prop::collection::vec(any::<prop::sample::Index>(), LENGTH);
    let walks = (any::<prop::sample::Index>(), clocks, picks);
    let result = TestRunner::new(config).run(&walks, |(past, clocks, picks): (_, Vec<Tick>, _)| {
        let mut world = past.get(&World::initial(&MODEL, &clocks)).clone();
        for pick in picks {
            let actions = world.actions(&MODEL);
            if actions.is_empty() {
                break;
            }
            world = take(&world, *pick.get(&actions))?;
        }
        see_it_end(world)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
