//! The entries of `metrics.jsonl`, one JSON object in a line.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize};

use super::{StepRecord, ValidationRecord};

/// The event of an entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(super) enum Event {
    Step(StepRecord),
    Validation(ValidationRecord),
}

/// An event with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(flatten)]
    pub(super) event: Event,
    /// The time, in RFC 3339 with milliseconds.
    #[serde(with = "rfc3339")]
    pub(super) time: SystemTime,
}

impl Entry {
    fn iteration(&self) -> u32 {
        match &self.event {
            Event::Step(step) => step.iteration,
            Event::Validation(validated) => validated.iteration,
        }
    }
}

/// A line that is not an entry.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is no entry of a training run's record: {cause}")]
pub(super) struct Unreadable {
    line: usize,
    cause: serde_json::Error,
}

/// Encodes an entry as a line. Numbers that are not finite become `null`, since JSON has none.
pub(super) fn line(entry: &Entry) -> String {
    serde_json::to_string(entry).expect("an entry is plain data with text for keys") + "\n"
}

/// Decodes the entries up to the iteration `done`. A last line that is incomplete is left out.
pub(super) fn kept(bytes: &[u8], done: u32) -> Result<Vec<Entry>, Unreadable> {
    let mut entries = Vec::new();
    let mut lines = bytes
        .split_inclusive(|&byte| byte == b'\n')
        .enumerate()
        .peekable();
    while let Some((index, line)) = lines.next() {
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) if entry.iteration() <= done => entries.push(entry),
            // Entries are in order, so all that follow are of later iterations too.
            Ok(_) => break,
            Err(_) if lines.peek().is_none() => break,
            Err(cause) => {
                return Err(Unreadable {
                    line: index + 1,
                    cause,
                });
            }
        }
    }
    Ok(entries)
}

/// Deserialises a number that [`line()`] wrote; `null` is NaN.
pub(super) fn number<'a, D: Deserializer<'a>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// Serialises named numbers as a JSON object. Deserialised, they are sorted by name.
pub(super) mod by_name {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        values: &[(String, f64)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(values.iter().map(|(name, value)| (name, value)))
    }

    pub(in super::super) fn deserialize<'a, D: Deserializer<'a>>(
        deserializer: D,
    ) -> Result<Vec<(String, f64)>, D::Error> {
        let values = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
        Ok(values
            .into_iter()
            .map(|(name, value)| (name, value.unwrap_or(f64::NAN)))
            .collect())
    }
}

/// Serialises a time as `2026-11-24T05:01:58.123Z`.
mod rfc3339 {
    use std::borrow::Cow;
    use std::time::{SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        time: &SystemTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        // A clock that was never set may be before 1970, which the formatter does not support.
        serializer.collect_str(&humantime::format_rfc3339_millis((*time).max(UNIX_EPOCH)))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(
        deserializer: D,
    ) -> Result<SystemTime, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn entry(event: Event) -> Entry {
        Entry {
            event,
            time: UNIX_EPOCH + Duration::from_millis(1_764_000_000_250),
        }
    }

    fn step(iteration: u32, loss: f64) -> Entry {
        let (learning_rate, images_per_second, wait_share) = (0.05, 12.5, 0.25);
        entry(Event::Step(StepRecord {
            iteration,
            loss,
            learning_rate,
            images_per_second,
            wait_share,
        }))
    }

    fn validation(iteration: u32) -> Entry {
        entry(Event::Validation(ValidationRecord {
            iteration,
            mean_dice: 0.875,
            lowest_dice: 0.5,
            best: true,
            by_source: vec![("field \"A\"".to_owned(), 0.75), ("ward".to_owned(), 1.0)],
            seconds: 1.5,
        }))
    }

    #[test]
    fn a_line_says_what_it_is_and_when_it_was() {
        assert_eq!(
            line(&step(50, 0.5)),
            "{\"event\":\"step\",\"iteration\":50,\"loss\":0.5,\"learning_rate\":0.05,\
             \"images_per_second\":12.5,\"wait_share\":0.25,\"time\":\"2025-11-24T16:00:00.250Z\"}\n"
        );
        assert_eq!(
            line(&validation(100)),
            "{\"event\":\"validation\",\"iteration\":100,\"mean_dice\":0.875,\"lowest_dice\":0.5,\"best\":true,\
             \"by_source\":{\"field \\\"A\\\"\":0.75,\"ward\":1.0},\"seconds\":1.5,\
             \"time\":\"2025-11-24T16:00:00.250Z\"}\n"
        );
    }

    #[test]
    fn entries_up_to_the_iteration_resumed_from_come_back_as_they_were() {
        let entries = [
            step(50, 0.5),
            step(100, 0.25),
            validation(100),
            step(150, 0.125),
        ];
        let text: String = entries.iter().map(line).collect();
        assert_eq!(kept(text.as_bytes(), 1000).unwrap(), entries);
        assert_eq!(kept(text.as_bytes(), 149).unwrap(), entries[..3]);
        assert_eq!(kept(text.as_bytes(), 0).unwrap(), []);
    }

    #[test]
    fn a_record_that_ends_anywhere_loses_no_more_than_its_last_line() {
        let entries = [step(50, 0.5), validation(50)];
        let text: String = entries.iter().map(line).collect();
        let first = line(&entries[0]).len();
        for end in 0..text.len() {
            // An entry is whole with its closing brace, also without the end of its line.
            let expected = usize::from(end + 1 >= first) + usize::from(end + 1 >= text.len());
            assert_eq!(
                kept(&text.as_bytes()[..end], 100).unwrap(),
                entries[..expected],
                "cut at {end}"
            );
        }
    }

    #[test]
    fn a_broken_line_amid_what_is_kept_is_named() {
        let text = line(&step(50, 0.5)) + "{\"event\":\"step\",\n" + &line(&step(150, 0.5));
        let error = kept(text.as_bytes(), 200).unwrap_err().to_string();
        assert!(error.starts_with("line 2 "), "{error}");
    }

    #[test]
    fn a_broken_line_after_what_is_kept_does_not_matter() {
        let text = line(&step(50, 0.5)) + &line(&step(100, 0.5)) + "\0\0\n\0\n";
        assert_eq!(kept(text.as_bytes(), 50).unwrap(), [step(50, 0.5)]);
    }

    #[test]
    fn a_loss_that_is_no_number_can_be_written_and_read() {
        let text = line(&step(50, f64::INFINITY));
        assert!(text.contains("\"loss\":null"), "{text}");
        let entries = kept(text.as_bytes(), 50).unwrap();
        assert!(matches!(&entries[0].event, Event::Step(step) if step.loss.is_nan()));
    }

    #[test]
    fn a_clock_that_was_never_set_breaks_nothing() {
        let early = Entry {
            time: UNIX_EPOCH - Duration::from_secs(9),
            ..step(1, 0.5)
        };
        assert!(line(&early).contains("1970-01-01T00:00:00.000Z"));
    }
}
