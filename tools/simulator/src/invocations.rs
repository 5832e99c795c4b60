//! Invocations: how they begin and end, and how a mapping starts them.

use crate::assumptions::{Micros, REFUSED_PAUSE, SECOND};
use crate::deployment::HEARTBEAT_SECS;
use crate::keys::{InvocationKey, JobRef, ProcessKey};
use crate::lambda::Function;
use crate::queue::{Message, QueueName};
use crate::steps::{What, Who};
use crate::tasks::{Invocation, MessageTask, SimEvent, Sweep, Task};
use crate::world::World;

/// How often a mapping that may gain invocations polls again.
const GAIN: Micros = SECOND / 5;

impl World {
    /// Starts an invocation, if Lambda accepts it. Returns the invocation and when it begins.
    pub(crate) fn invoke(&mut self, function: Function, queue: Option<QueueName>) -> Option<(InvocationKey, Micros)> {
        let (process, cold) = self.lambda.acquire(function, self.now)?;
        let latencies = self.deployment.latencies;
        let begun = self.now + latencies.invoke + if cold { latencies.cold } else { 0 };
        Some((self.invocations.insert(Invocation { function, process, begun, left: 0, queue }), begun))
    }

    /// Starts a task in an invocation.
    pub(crate) fn within(&mut self, invocation: InvocationKey, begun: Micros, task: Task) {
        if let Some(invocation) = self.invocations.get_mut(invocation) {
            invocation.left += 1;
        }
        let task = self.tasks.insert(task);
        self.agenda.put(begun, SimEvent::Begins(task));
    }

    /// Returns the process of an invocation that is running.
    pub(crate) fn process_of(&self, invocation: InvocationKey) -> ProcessKey {
        self.invocations.get(invocation).map_or(ProcessKey::nothing(), |invocation| invocation.process)
    }

    /// Returns when an invocation times out.
    pub(crate) fn ends_at(&self, invocation: InvocationKey) -> Micros {
        let ends = |invocation: &Invocation| invocation.begun + self.lambda.timeout(invocation.function);
        self.invocations.get(invocation).map_or(self.now, ends)
    }

    /// Ends a task of an invocation. With its last task, the invocation ends.
    pub(crate) fn over(&mut self, key: InvocationKey) {
        let Some(invocation) = self.invocations.get_mut(key) else { return };
        invocation.left -= 1;
        if invocation.left > 0 {
            return;
        }
        let Some(Invocation { function, process, begun, queue, .. }) = self.invocations.remove(key) else { return };
        self.lambda.release(function, process, self.now.saturating_sub(begun), self.now);
        if let Some(queue) = queue {
            self.queues[queue as usize].running -= 1;
            // The mapping deletes the messages that were handled.
            self.queues[queue as usize].counts.requests += 1;
            self.poll_soon(queue, self.deployment.latencies.poll);
        }
    }

    /// Makes a message that was not acknowledged visible again after a wait.
    pub(crate) fn redeliver(&mut self, queue: QueueName, message: Message, wait: Micros) {
        self.figures.redelivered += 1;
        self.queues[queue as usize].counts.requests += 1;
        self.agenda.put(self.now + wait.div_ceil(SECOND) * SECOND, SimEvent::Arrives(queue, Box::new(message)));
    }

    pub(crate) fn poll_soon(&mut self, queue: QueueName, wait: Micros) {
        let at = self.now + wait;
        let state = &mut self.queues[queue as usize];
        if state.poll_at.is_none_or(|poll_at| at < poll_at) {
            state.poll_at = Some(at);
            self.agenda.put(at, SimEvent::Polls(queue));
        }
    }

    pub(crate) fn polls(&mut self, queue: QueueName) {
        let state = &mut self.queues[queue as usize];
        if state.poll_at != Some(self.now) {
            return;
        }
        state.poll_at = None;
        let function = if queue == QueueName::Units { Function::Worker } else { Function::Settle };
        while self.queues[queue as usize].may_invoke(self.now) {
            let Some((invocation, begun)) = self.invoke(function, Some(queue)) else {
                self.poll_soon(queue, REFUSED_PAUSE);
                break;
            };
            let messages = self.queues[queue as usize].receive(self.now);
            self.queues[queue as usize].running += 1;
            if messages.is_empty() {
                // All of them were dead letters.
                self.within(invocation, begun, Task::Sweep(Sweep::nothing(invocation)));
            }
            for message in messages {
                self.within(invocation, begun, Task::MessageTask(MessageTask::new(queue, message, invocation)));
            }
        }
        if self.queues[queue as usize].looked(self.now) {
            self.poll_soon(queue, GAIN);
        }
    }

    /// Keeps a process's heartbeat going while it works on a message.
    pub(crate) fn beat_while_working(&mut self, process: ProcessKey) {
        let Some(state) = self.lambda.processes.get_mut(process) else { return };
        state.working += 1;
        let due = state.beat_at.is_none_or(|at| self.now >= at + HEARTBEAT_SECS * SECOND);
        if !state.beating {
            state.beating = true;
            self.beats(process);
        } else if due {
            state.beat_at = Some(self.now);
            self.beat();
        }
    }

    pub(crate) fn beats(&mut self, process: ProcessKey) {
        let Some(state) = self.lambda.processes.get_mut(process) else { return };
        if state.working == 0 {
            state.beating = false;
            return;
        }
        let due = state.beat_at.is_none_or(|at| self.now >= at + HEARTBEAT_SECS * SECOND);
        if due {
            state.beat_at = Some(self.now);
        }
        self.agenda.put(self.now + HEARTBEAT_SECS * SECOND, SimEvent::Beats(process));
        if due {
            self.beat();
        }
    }

    fn beat(&mut self) {
        let nowhere = JobRef { key: crate::rows::JobKey::nothing(), collection: 0, account: 0 };
        self.step(Who::Nobody, nowhere, What::Beat);
    }
}
