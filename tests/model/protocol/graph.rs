//! Checks that every job can end by itself, whatever failed before: from every reachable state, spontaneous steps
//! (without a fault or a call) lead to a state in which all jobs have ended. So there is no deadlock, and every cycle
//! has a way out.

use std::collections::{HashMap, VecDeque};

use stateright::Model;

use crate::configuration::JobModel;
use crate::hashed::hash;
use crate::world::World;

/// Explores every state and walks back from those in which all jobs have ended. Returns the number of all states, and
/// the number of those from which spontaneous steps lead to such an end.
pub fn count_terminating_states(model: &JobModel) -> (usize, usize) {
    let mut numbers: HashMap<u64, u32> = HashMap::new();
    // For each state, the states from which a spontaneous step leads to it.
    let mut predecessors: Vec<Vec<u32>> = Vec::new();
    let mut ended: Vec<u32> = Vec::new();
    let mut unexplored: VecDeque<(u32, World)> = VecDeque::new();
    let mut number = |world: World, predecessors: &mut Vec<Vec<u32>>, unexplored: &mut VecDeque<(u32, World)>| {
        let next = predecessors.len() as u32;
        *numbers.entry(hash(&world)).or_insert_with(|| {
            predecessors.push(Vec::new());
            unexplored.push_back((next, world));
            next
        })
    };
    for world in model.init_states() {
        number(world, &mut predecessors, &mut unexplored);
    }
    let (mut spontaneous, mut all) = (Vec::new(), Vec::new());
    while let Some((at, world)) = unexplored.pop_front() {
        if world.rows.jobs.iter().all(|row| row.state.ended()) {
            ended.push(at);
            continue;
        }
        model.spontaneous_steps(&world, &mut spontaneous);
        model.actions(&world, &mut all);
        // `actions` lists the spontaneous steps first.
        for (step, action) in all.drain(..).enumerate() {
            if let Some(next) = model.next_state(&world, action) {
                let next = number(next, &mut predecessors, &mut unexplored);
                if step < spontaneous.len() {
                    predecessors[next as usize].push(at);
                }
            }
        }
        spontaneous.clear();
    }
    let mut terminates = vec![false; predecessors.len()];
    let mut terminating = 0;
    while let Some(at) = ended.pop() {
        if !std::mem::replace(&mut terminates[at as usize], true) {
            terminating += 1;
            ended.extend(&predecessors[at as usize]);
        }
    }
    (predecessors.len(), terminating)
}
