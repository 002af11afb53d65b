//! Planning: which columns of the data go to which stream, checked against the schemas before the first record.

use std::collections::BTreeSet;

use arrow::datatypes::Schema;
use indexmap::IndexMap;
use tidemill_project::{Field, FieldType, Format, Stream};
use tidemill_types::{ColumnName, DurationText, StreamName};

use super::{Also, LanePlan, Replay, ReplayOptions};
use crate::encode::{AvroShape, EncodedColumn, fits, int_unit_micros, quoted_names};
use crate::rows::in_time_order;
use crate::{Source, SourceError};

impl Replay {
    /// Checks a replay of `source` into `streams`. Reads the data's types, and its times where nothing says that they are
    /// in order: it blocks for as long as that takes.
    pub fn plan(
        source: &Source,
        streams: &IndexMap<StreamName, Stream>,
        options: &ReplayOptions,
    ) -> Result<Replay, SourceError> {
        let rows = source.rows()?;
        let schema = rows.schema();
        let planner = Planner {
            what: source.name(),
            schema: &schema,
            streams,
        };
        let first = planner.stream(&options.stream)?;
        let time = planner.time(first, options.time.as_ref())?;
        let mut lanes = vec![planner.first_lane(first, &options.also, &time)?];
        for also in &options.also {
            if lanes.iter().any(|lane| lane.stream == also.stream) {
                return Err(SourceError::StreamTwice {
                    stream: also.stream.clone(),
                });
            }
            lanes.push(planner.other_lane(also, &time)?);
        }
        // What the simulator could say besides is nobody's data, so nobody misses it.
        let left_out = match source {
            Source::File(_) => planner.left_out(&lanes),
            Source::Simulator(_) => Vec::new(),
        };
        let (source, span) = in_time_order(rows, &planner.what, time.place, &time.column, time.unit_micros)?;
        let known = span.map(|span| span.rows).or_else(|| source.rows());
        if known == Some(0) {
            return Err(SourceError::Empty { what: planner.what });
        }
        Ok(Replay {
            source,
            source_name: planner.what,
            lanes,
            left_out,
            rows: known,
            speed: options.speed,
            again: options.again,
        })
    }
}

struct Planner<'a> {
    what: String,
    schema: &'a Schema,
    streams: &'a IndexMap<StreamName, Stream>,
}

/// The column that says when a row was known.
struct Time {
    place: usize,
    column: ColumnName,
    unit_micros: i64,
}

impl<'a> Planner<'a> {
    fn stream(&self, name: &StreamName) -> Result<&'a Stream, SourceError> {
        self.streams.get(name).ok_or_else(|| SourceError::UnknownStream {
            stream: name.clone(),
            known: self.streams.keys().cloned().collect(),
        })
    }

    fn time(&self, stream: &Stream, named: Option<&ColumnName>) -> Result<Time, SourceError> {
        let column = named
            .or(stream.event_time.as_ref())
            .ok_or_else(|| SourceError::NoTime {
                stream: stream.name.clone(),
            })?;
        let place = self.place(stream, column)?;
        let kind = stream.schema.field(column.as_str()).map(|field| &field.kind);
        let kind = kind
            .filter(|kind| kind.is_time())
            .unwrap_or(&FieldType::TimestampMicros);
        self.check_type(stream, column, place, kind)?;
        Ok(Time {
            place,
            column: column.clone(),
            unit_micros: int_unit_micros(kind),
        })
    }

    /// All columns of the schema that are in the data, but for those that go elsewhere.
    fn first_lane(&self, stream: &Stream, also: &[Also], time: &Time) -> Result<LanePlan, SourceError> {
        let stays = |column: &ColumnName| {
            stream.key.contains(column)
                || stream.event_time.as_ref() == Some(column)
                || stream.partition_by.as_ref() == Some(column)
        };
        let mut fields = Vec::new();
        for field in &stream.schema.fields {
            let may_be_absent = field.nullable || field.default.is_some();
            let taken_by = also.iter().find(|also| also.columns.contains(&field.name));
            if let Some(taker) = taken_by.filter(|_| !stays(&field.name)) {
                if may_be_absent {
                    continue;
                }
                return Err(SourceError::ColumnTaken {
                    stream: stream.name.clone(),
                    to: taker.stream.clone(),
                    column: field.name.clone(),
                });
            }
            let present = self.schema.index_of(field.name.as_str()).is_ok();
            if present || !may_be_absent {
                fields.push(field);
            }
        }
        self.lane(stream, &fields, DurationText::from_millis(0), time)
    }

    /// The columns that were named, in the order of the schema.
    fn other_lane(&self, also: &Also, time: &Time) -> Result<LanePlan, SourceError> {
        let stream = self.stream(&also.stream)?;
        if let Some(unknown) = also
            .columns
            .iter()
            .find(|column| stream.schema.field(column.as_str()).is_none())
        {
            return Err(SourceError::UnknownColumn {
                stream: stream.name.clone(),
                column: unknown.clone(),
                known: stream.schema.fields.iter().map(|field| field.name.clone()).collect(),
            });
        }
        let mut fields = Vec::new();
        for field in &stream.schema.fields {
            if also.columns.contains(&field.name) {
                fields.push(field);
            } else if !field.nullable && field.default.is_none() {
                return Err(SourceError::MissingColumn {
                    what: format!("`{also}`"),
                    stream: stream.name.clone(),
                    column: field.name.clone(),
                    present: also.columns.iter().map(ToString::to_string).collect(),
                });
            }
        }
        self.lane(stream, &fields, also.delay, time)
    }

    fn lane(
        &self,
        stream: &Stream,
        fields: &[&Field],
        delay: DurationText,
        time: &Time,
    ) -> Result<LanePlan, SourceError> {
        let mut reads = vec![time.place];
        let mut encoded = Vec::with_capacity(fields.len());
        for field in fields {
            let found = self.place(stream, &field.name)?;
            self.check_type(stream, &field.name, found, &field.kind)?;
            let place = reads.iter().position(|read| *read == found).unwrap_or_else(|| {
                reads.push(found);
                reads.len() - 1
            });
            encoded.push(EncodedColumn {
                place,
                field: (*field).clone(),
            });
        }
        let avro = match stream.format {
            Format::Json => None,
            Format::Avro => Some(AvroShape::new(&stream.schema, &encoded)),
            Format::ConfluentAvro => return Err(SourceError::Framed(stream.name.clone())),
        };
        let key = stream.partition_by.as_ref();
        Ok(LanePlan {
            stream: stream.name.clone(),
            topic: stream.topic.clone(),
            partitions: stream.partitions,
            delay,
            columns: fields.iter().map(|field| field.name.clone()).collect(),
            names: quoted_names(&encoded),
            avro,
            key: key.and_then(|key| fields.iter().position(|field| field.name == *key)),
            encoded,
            reads,
            time: 0,
            time_column: time.column.clone(),
            time_unit_micros: time.unit_micros,
        })
    }

    fn place(&self, stream: &Stream, column: &ColumnName) -> Result<usize, SourceError> {
        self.schema
            .index_of(column.as_str())
            .map_err(|_| SourceError::MissingColumn {
                what: self.what.clone(),
                stream: stream.name.clone(),
                column: column.clone(),
                present: self.schema.fields().iter().map(|field| field.name().clone()).collect(),
            })
    }

    fn check_type(
        &self,
        stream: &Stream,
        column: &ColumnName,
        place: usize,
        wanted: &FieldType,
    ) -> Result<(), SourceError> {
        let found = self.schema.field(place).data_type();
        if fits(found, wanted) {
            return Ok(());
        }
        Err(SourceError::WrongType {
            stream: stream.name.clone(),
            column: column.clone(),
            found: found.to_string(),
            wanted: wanted.as_str(),
        })
    }

    fn left_out(&self, lanes: &[LanePlan]) -> Vec<String> {
        let sent: BTreeSet<&str> = lanes
            .iter()
            .flat_map(|lane| lane.columns.iter().map(ColumnName::as_str))
            .collect();
        let names = self.schema.fields().iter().map(|field| field.name());
        names.filter(|name| !sent.contains(name.as_str())).cloned().collect()
    }
}
