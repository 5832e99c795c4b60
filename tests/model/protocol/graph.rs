//! Checks that a job can always still end by itself: from every reachable state, whatever failed before, steps
//! that need no fault and no call lead to a state in which every job has ended. So there is no deadlock and no
//! cycle without a way out.

use std::collections::{HashMap, VecDeque};

use stateright::Model;

use crate::configuration::JobModel;
use crate::kept::hash;
use crate::world::World;

/// Explores every state and walks back from those in which all jobs have ended. Returns how many states there are, and
/// how many of them lead to such an end.
pub fn that_lead_to_the_end(model: &JobModel) -> (usize, usize) {
    let mut known: HashMap<u64, u32> = HashMap::new();
    // For each state, the states from which a step that happens by itself leads to it.
    let mut before: Vec<Vec<u32>> = Vec::new();
    let mut ended: Vec<u32> = Vec::new();
    let mut arrived: VecDeque<(u32, World)> = VecDeque::new();
    let mut number = |world: World, before: &mut Vec<Vec<u32>>, arrived: &mut VecDeque<(u32, World)>| {
        let next = before.len() as u32;
        *known.entry(hash(&world)).or_insert_with(|| {
            before.push(Vec::new());
            arrived.push_back((next, world));
            next
        })
    };
    for world in model.init_states() {
        number(world, &mut before, &mut arrived);
    }
    let (mut own, mut all) = (Vec::new(), Vec::new());
    while let Some((at, world)) = arrived.pop_front() {
        if world.rows.jobs.iter().all(|row| row.state.ended()) {
            ended.push(at);
            continue;
        }
        model.own_steps(&world, &mut own);
        model.actions(&world, &mut all);
        let by_itself = own.len();
        // `actions` lists the steps that happen by themselves first.
        for (step, action) in all.drain(..).enumerate() {
            if let Some(next) = model.next_state(&world, action) {
                let next = number(next, &mut before, &mut arrived);
                if step < by_itself {
                    before[next as usize].push(at);
                }
            }
        }
        own.clear();
    }
    let mut leads = vec![false; before.len()];
    let mut lead = 0;
    while let Some(at) = ended.pop() {
        if !std::mem::replace(&mut leads[at as usize], true) {
            lead += 1;
            ended.extend(&before[at as usize]);
        }
    }
    (before.len(), lead)
}
