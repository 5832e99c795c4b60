//! Segment rows: read, and written by compare-and-set on their version. An extract's only segment is in its job's row.
//! [`domain::machine`] decides what follows from a refused write.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::segment::{Segment, UNITS_PER_SEGMENT, WriteId};
use domain::{Endpoint, Job, JobId, Nonce};

use crate::Segments;
use crate::error::StoreError;
use crate::item::{Item, Put, Row, b, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional};

/// The result of writing a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SegmentWrite {
    /// It took effect.
    Written,
    /// The row has another version. Contains the current row, if there is one.
    Refused(Option<Segment>),
}

/// Returns the attributes of a segment in its row.
pub(crate) fn attributes(segment: &Segment) -> Item {
    let last_write = segment.last_write.as_ref().map(|id| s(format!("{}#{}", id.writer, id.n)));
    Item::new().with("units", b(segment.pack())).with("version", n(segment.version)).with_some("written", last_write)
}

fn write_id(text: &str) -> Option<WriteId> {
    let (writer, n) = text.split_once('#')?;
    Some(WriteId { writer: Nonce::parse(writer)?, n: n.parse().ok()? })
}

pub(crate) fn parse(row: &Row<'_>, index: u32) -> Result<Segment, StoreError> {
    let (version, last_write) = (row.n("version")?, row.parse("written", write_id)?);
    Segment::unpack(index, version, last_write, row.bytes("units")?)
        .map_err(|error| StoreError::Malformed(format!("segment {index}: {error}")))
}

/// Reads a segment from its own row.
pub(crate) fn from_item(item: &Item) -> Result<Segment, StoreError> {
    let row = Row(item);
    parse(&row, row.parse("sk", keys::segment_of)?)
}

impl Segments {
    /// Returns the segments of a job from `first` to `last`, inclusive. Those without a row are left out: all their
    /// units are pending.
    ///
    /// # Errors
    /// Store errors.
    pub async fn segments(&self, job: &Job, first: u32, last: u32) -> Result<Vec<Segment>, StoreError> {
        if job.endpoint == Endpoint::Extract {
            let unit = self.read_job(&job.id).await?.and_then(|job| job.extract_unit);
            return Ok(unit.map(|unit| unit.segment).into_iter().collect());
        }
        let range = (keys::segment(first), keys::segment(last));
        let items = self.range(&self.tables.jobs, &keys::job(&job.id), range, &[]).await?;
        items.iter().map(from_item).collect()
    }

    /// Returns all segments of a job.
    ///
    /// # Errors
    /// Store errors.
    pub async fn all_segments(&self, job: &Job) -> Result<Vec<Segment>, StoreError> {
        self.segments(job, 0, u32::MAX / UNITS_PER_SEGMENT).await
    }

    /// Writes a segment if its row still has the previous version.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect.
    pub async fn put_segment(&self, job: &Job, segment: &Segment) -> Result<SegmentWrite, StoreError> {
        let before = segment.version.saturating_sub(1);
        if job.endpoint == Endpoint::Extract {
            return self.put_extract_segment(&job.id, segment, before).await;
        }
        let item = key(keys::job(&job.id), keys::segment(segment.index))
            .with_all(attributes(segment))
            .with("ttl", n(self.ttl_of(job)));
        let table = &self.tables.jobs;
        let wrote = match before {
            0 => self.put_if(table, item, ABSENT, None).await?,
            _ => self.put_if(table, item, "#version = :before", Some(values([(":before", n(before))]))).await?,
        };
        Ok(match wrote {
            Conditional::Written => SegmentWrite::Written,
            Conditional::Refused(row) => SegmentWrite::Refused(row.as_ref().map(from_item).transpose()?),
        })
    }

    async fn put_extract_segment(
        &self,
        id: &JobId,
        segment: &Segment,
        before: u64,
    ) -> Result<SegmentWrite, StoreError> {
        let update = format!("SET {UNIT_ASSIGNMENTS}");
        let condition = "#version = :before AND attribute_not_exists(#ended_at)";
        let key = key(keys::job(id), keys::META);
        let wrote = self.update_if(&self.tables.jobs, key, &update, condition, unit_values(segment, before)).await?;
        Ok(match wrote {
            Conditional::Written => SegmentWrite::Written,
            Conditional::Refused(None) => SegmentWrite::Refused(None),
            Conditional::Refused(Some(item)) => SegmentWrite::Refused(Some(parse(&Row(&item), 0)?)),
        })
    }
}

/// The assignments that update the unit in an extract's row.
pub(crate) const UNIT_ASSIGNMENTS: &str = "#units = :units, #version = :version, #written = :written";

pub(crate) fn unit_values(segment: &Segment, before: u64) -> std::collections::HashMap<String, AttributeValue> {
    let mut given = values([(":before", n(before))]);
    given.extend(attributes(segment).into_iter().map(|(name, value)| (format!(":{name}"), value)));
    given
}
