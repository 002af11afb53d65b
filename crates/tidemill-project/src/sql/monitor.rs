//! `sql/monitors/*.sql`.

use std::path::PathBuf;

use tidemill_types::{DriftMeasure, DurationText, ModelName, MonitorKind, MonitorName};

use super::SqlFile;
use crate::fault::Fault;

/// How often a monitor runs where its header does not say.
const EVERY: DurationText = DurationText::from_secs(86_400);
/// The length of its window where its header does not say.
const WINDOW: DurationText = DurationText::from_secs(7 * 86_400);
/// Rows below which nothing is concluded, where its header does not say.
const MIN_ROWS: u64 = 500;
/// Where a population stability index is worth a look, and where it is drift (Siddiqi 2006).
const PSI_BOUNDS: (f64, f64) = (0.1, 0.25);
/// The same for the distance of two distribution functions.
const KS_BOUNDS: (f64, f64) = (0.1, 0.2);

/// A monitor: rows of a window, and what is measured on them.
///
/// The query reads everything as it was known at the tick, with the parameters `$from` and `$to` (the window), `$now`
/// (the tick) and `$version` (the version that serves). A drift monitor measures every column of the result that the reference of the model's version has. A
/// performance monitor gives `score` and `label` (null where it is not known yet) and, where wanted, `entity`,
/// `event_time` and `segment`.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Its name.
    pub name: MonitorName,
    /// What it measures.
    pub kind: MonitorKind,
    /// The model whose data or predictions it watches.
    pub model: ModelName,
    /// How often it runs, in event time.
    pub every: DurationText,
    /// The length of its window.
    pub window: DurationText,
    /// How long before the tick the window ends: how long labels take. Absent, nothing for drift and the model's gap for
    /// performance.
    pub delay: Option<DurationText>,
    /// The measure that raises the alarm of a drift monitor.
    pub measure: DriftMeasure,
    /// From here on it is worth a look.
    pub warn: f64,
    /// From here on it has drifted.
    pub drift: f64,
    /// Rows below which nothing is concluded.
    pub min_rows: u64,
    /// What it is, in words: the comment below the header.
    pub description: Option<String>,
    /// The statement, without semicolon, its lines numbered as in the file (the header is in it, as comments).
    pub sql: String,
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Lines of the header.
    pub header_lines: usize,
    /// SHA-256 of the file's text, in hexadecimal.
    pub sha256: String,
    /// The line of the header that names the model.
    pub(crate) model_line: usize,
    /// The line of the header that says how often.
    pub(crate) every_line: usize,
}

const KINDS: [(&str, MonitorKind); 2] = [("drift", MonitorKind::Drift), ("performance", MonitorKind::Performance)];
const MEASURES: [(&str, DriftMeasure); 2] = [("psi", DriftMeasure::Psi), ("ks", DriftMeasure::Ks)];

impl Monitor {
    /// Reads a file; every fault is pushed, and where there is one that matters there is no monitor.
    pub(crate) fn read(file: &SqlFile, faults: &mut Vec<Fault>) -> Option<Monitor> {
        let header = file.header(faults);
        let body = file.body(header.as_ref().map_or(0, |header| header.lines), faults);
        let header = header?;
        let name = header.value("monitor", faults);
        let kind = header.word("kind", &KINDS, faults);
        let model = header.value("model", faults);
        let every = header.value("every", faults).unwrap_or(EVERY);
        let window = header.value("window", faults).unwrap_or(WINDOW);
        let delay = header.value("delay", faults);
        let measure = header.word("measure", &MEASURES, faults).unwrap_or(DriftMeasure::Psi);
        let bounds = match measure {
            DriftMeasure::Psi => PSI_BOUNDS,
            DriftMeasure::Ks => KS_BOUNDS,
        };
        let warn: f64 = header.value("warn", faults).unwrap_or(bounds.0);
        let drift: f64 = header.value("drift", faults).unwrap_or(bounds.1);
        let min_rows = header.value("min rows", faults).unwrap_or(MIN_ROWS);
        let mut refuse = |key: &str, message: &str, hint: &str| {
            let fault = Fault::new(format!("monitor `{}`: {message}", file.stem)).with_hint(hint);
            faults.push(fault.at_line(&file.file, header.line(key)));
        };
        let zero = DurationText::from_millis(0);
        if every == zero || window == zero {
            let key = if every == zero { "every" } else { "window" };
            refuse(
                key,
                &format!("`{key}` must be above zero"),
                "write 1d or another duration",
            );
        }
        if kind == Some(MonitorKind::Performance) {
            for key in ["measure", "warn", "drift"] {
                if header.has(key) {
                    let message = format!("`{key}` is for drift monitors");
                    refuse(key, &message, "a trigger says which performance is too low");
                }
            }
        }
        if !(warn > 0.0 && drift >= warn) {
            refuse(
                "drift",
                "`warn` is above zero and `drift` is not below it",
                "as `warn: 0.1` and `drift: 0.25`",
            );
        }
        let body = body?;
        Some(Monitor {
            name: name?,
            kind: kind?,
            model: model?,
            every,
            window,
            delay,
            measure,
            warn,
            drift,
            min_rows,
            description: body.description,
            sql: body.sql,
            file: file.file.clone(),
            header_lines: header.lines,
            sha256: body.sha256,
            model_line: header.line("model"),
            every_line: header.line("every"),
        })
    }
}
