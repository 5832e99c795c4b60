//! The figures at the end of a run.

use crate::figures::Figures;
use crate::lambda::Function;
use crate::queue::QueueName;
use crate::tables::Table;
use crate::world::World;

impl World {
    /// Computes the figures at the end of a run.
    pub(crate) fn conclude(self, jobs: u64) -> Figures {
        let mut figures = self.figures;
        figures.times_ms.sort_unstable();
        figures.unended = jobs - figures.jobs();
        figures.tables = Table::ALL.map(|table| self.tables.counts(table));
        figures.partitions = Table::ALL.map(|table| self.tables.partitions(table));
        figures.functions = Function::ALL.map(|function| self.lambda.counts(function));
        figures.gb_secs = Function::ALL.map(|function| self.lambda.gb_secs(function));
        figures.peak = self.lambda.peak;
        figures.queues = [QueueName::Units, QueueName::Settle].map(|queue| self.queues[queue as usize].counts);
        figures.events = self.events.count();
        figures
    }
}
