//! Invocations: how they begin and end, and how a mapping starts them.

use crate::assumptions::{Micros, REFUSED_PAUSE, SECOND};
use crate::deployment::HEARTBEAT_SECS;
use crate::keys::{InvocationKey, JobRef, ProcessKey};
use crate::lambda::Function;
use crate::queue::{Message, QueueName};
use crate::steps::{Request, Waiter};
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
    pub(crate) fn start_task(&mut self, invocation: InvocationKey, begun: Micros, task: Task) {
        if let Some(invocation) = self.invocations.get_mut(invocation) {
            invocation.left += 1;
        }
        let task = self.tasks.insert(task);
        self.events.schedule(begun, SimEvent::TaskBegins(task));
    }

    /// Returns the process of an invocation that is running.
    pub(crate) fn process_of(&self, invocation: InvocationKey) -> ProcessKey {
        self.invocations.get(invocation).map_or(ProcessKey::null(), |invocation| invocation.process)
    }

    /// Returns when an invocation times out.
    pub(crate) fn ends_at(&self, invocation: InvocationKey) -> Micros {
        let ends = |invocation: &Invocation| invocation.begun + self.lambda.timeout(invocation.function);
        self.invocations.get(invocation).map_or(self.now, ends)
    }

    /// Ends a task of an invocation. With its last task, the invocation ends.
    pub(crate) fn end_task(&mut self, key: InvocationKey) {
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
            self.schedule_poll(queue, self.deployment.latencies.poll);
        }
    }

    /// Makes a message that was not acknowledged visible again after a wait.
    pub(crate) fn redeliver(&mut self, queue: QueueName, message: Message, wait: Micros) {
        self.figures.redelivered += 1;
        self.queues[queue as usize].counts.requests += 1;
        self.events
            .schedule(self.now + wait.div_ceil(SECOND) * SECOND, SimEvent::MessageArrives(queue, Box::new(message)));
    }

    pub(crate) fn schedule_poll(&mut self, queue: QueueName, wait: Micros) {
        let at = self.now + wait;
        let state = &mut self.queues[queue as usize];
        if state.poll_at.is_none_or(|poll_at| at < poll_at) {
            state.poll_at = Some(at);
            self.events.schedule(at, SimEvent::QueuePoll(queue));
        }
    }

    pub(crate) fn poll(&mut self, queue: QueueName) {
        let state = &mut self.queues[queue as usize];
        if state.poll_at != Some(self.now) {
            return;
        }
        state.poll_at = None;
        let function = if queue == QueueName::Units { Function::Worker } else { Function::Settle };
        while self.queues[queue as usize].may_invoke(self.now) {
            let Some((invocation, begun)) = self.invoke(function, Some(queue)) else {
                self.schedule_poll(queue, REFUSED_PAUSE);
                break;
            };
            let messages = self.queues[queue as usize].receive(self.now);
            self.queues[queue as usize].running += 1;
            if messages.is_empty() {
                // All of them were dead letters.
                self.start_task(invocation, begun, Task::Sweep(Sweep::empty(invocation)));
            }
            for message in messages {
                self.start_task(invocation, begun, Task::MessageTask(MessageTask::new(queue, message, invocation)));
            }
        }
        if self.queues[queue as usize].poll_ended(self.now) {
            self.schedule_poll(queue, GAIN);
        }
    }

    /// Starts a process's heartbeat, which continues while the process works on messages.
    pub(crate) fn beat_while_working(&mut self, process: ProcessKey) {
        let Some(state) = self.lambda.processes.get_mut(process) else { return };
        state.working += 1;
        let due = state.beat_at.is_none_or(|at| self.now >= at + HEARTBEAT_SECS * SECOND);
        if !state.beating {
            state.beating = true;
            self.heartbeat_due(process);
        } else if due {
            state.beat_at = Some(self.now);
            self.beat();
        }
    }

    pub(crate) fn heartbeat_due(&mut self, process: ProcessKey) {
        let Some(state) = self.lambda.processes.get_mut(process) else { return };
        if state.working == 0 {
            state.beating = false;
            return;
        }
        let due = state.beat_at.is_none_or(|at| self.now >= at + HEARTBEAT_SECS * SECOND);
        if due {
            state.beat_at = Some(self.now);
        }
        self.events.schedule(self.now + HEARTBEAT_SECS * SECOND, SimEvent::HeartbeatDue(process));
        if due {
            self.beat();
        }
    }

    fn beat(&mut self) {
        let no_job = JobRef { key: crate::rows::JobKey::null(), collection: 0, account: 0 };
        self.step(Waiter::Nobody, no_job, Request::Beat);
    }
}
