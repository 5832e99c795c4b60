//! Whether a model's runs all end. With that, "a state in which nothing can happen has the job ended" says that every
//! job ends, whatever the order of steps: the checker's own `eventually` is not exact where paths join.

use std::collections::HashMap;

use stateright::Model;

use crate::model::JobModel;
use crate::state::State;

/// Follows every path; `false` if one comes back to a state that it has passed.
pub fn every_run_ends(model: &JobModel) -> bool {
    // Whether a state's successors are all done with.
    let mut done = HashMap::new();
    let mut path: Vec<(State, Vec<State>)> = Vec::new();
    let mut arrivals = model.init_states();
    loop {
        if let Some(state) = arrivals.pop() {
            match done.get(&state) {
                Some(true) => {}
                Some(false) => return false,
                None => {
                    done.insert(state, false);
                    path.push((state, model.next_states(&state)));
                }
            }
        }
        let Some((state, successors)) = path.last_mut() else { return true };
        match successors.pop() {
            Some(next) => arrivals.push(next),
            None => {
                done.insert(*state, true);
                path.pop();
            }
        }
    }
}
