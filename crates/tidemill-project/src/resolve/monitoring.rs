//! Monitors and triggers: the models that they name are there, and they keep step with the event clock.

use tidemill_types::{DurationText, ModelName};

use super::{Resolver, SqlFiles};
use crate::fault::{Fault, did_you_mean};
use crate::settings::Settings;

impl Resolver<'_> {
    /// Holds monitors and triggers against the settings.
    pub fn monitoring(&mut self, settings: &Settings, sql: &SqlFiles) {
        let tick = settings.clock.tick;
        for monitor in sql.monitors.sound.values() {
            let what = format!("monitor `{}`", monitor.name);
            self.watched(settings, &what, &monitor.model, &monitor.file, monitor.model_line);
            if !is_multiple(monitor.every, tick) {
                let fault = Fault::new(format!("{what} runs every {}, between two ticks", monitor.every))
                    .with_hint(format!("`clock.tick` is {tick}: write a multiple of it"))
                    .at_line(&monitor.file, monitor.every_line);
                self.faults.push(fault);
            }
        }
        for trigger in sql.triggers.sound.values() {
            let what = format!("trigger `{}`", trigger.name);
            self.watched(settings, &what, &trigger.model, &trigger.file, trigger.model_line);
        }
    }

    fn watched(&mut self, settings: &Settings, what: &str, model: &ModelName, file: &std::path::Path, line: usize) {
        if settings.models.contains_key(model) {
            return;
        }
        let fault = Fault::new(format!("{what} is about the unknown model `{model}`"))
            .with_hint(did_you_mean(
                model.as_str(),
                settings.models.keys().map(ModelName::as_str),
            ))
            .at_line(file, line);
        self.faults.push(fault);
    }
}

fn is_multiple(length: DurationText, tick: DurationText) -> bool {
    let tick = tick.as_micros();
    // A tick of zero is a fault of its own.
    tick == 0 || length.as_micros() % tick == 0
}
