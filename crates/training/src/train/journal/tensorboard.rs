//! Event files for `TensorBoard`.
//!
//! An event file is a sequence of records (`TFRecord`). A record has a length and a payload, each with a checksum. The
//! payload is an `Event` in the encoding of Protocol Buffers (`tensorflow/core/util/event.proto`,
//! `tensorflow/core/framework/summary.proto`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc};

use super::record::{Entry, Event};
use super::{StepRecord, ValidationRecord};

/// CRC-32C.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// The prefix by which `TensorBoard` recognises an event file. The second of its creation follows.
const PREFIX: &str = "events.out.tfevents.";
/// The suffix of the event files that Lungfield writes.
const SUFFIX: &str = ".lungfield";
/// The version of the format, which is in the first event.
const VERSION: &str = "brain.Event:2";
/// `SessionLog.SessionStatus.START`.
const START: u64 = 1;

/// The numbers of the fields that are written.
mod field {
    pub(super) const EVENT_WALL_TIME: u64 = 1;
    pub(super) const EVENT_STEP: u64 = 2;
    pub(super) const EVENT_FILE_VERSION: u64 = 3;
    pub(super) const EVENT_SUMMARY: u64 = 5;
    pub(super) const EVENT_SESSION_LOG: u64 = 7;
    pub(super) const SUMMARY_VALUE: u64 = 1;
    pub(super) const VALUE_TAG: u64 = 1;
    pub(super) const VALUE_SIMPLE: u64 = 2;
    pub(super) const SESSION_STATUS: u64 = 1;
}

/// Returns the name of an event file that was created in the given second since 1970.
pub(super) fn file_name(second: u64) -> String {
    format!("{PREFIX}{second:010}{SUFFIX}")
}

/// Returns the second in which an event file was created, or `None` if Lungfield did not write it.
pub(super) fn second(file_name: &str) -> Option<u64> {
    file_name
        .strip_prefix(PREFIX)?
        .strip_suffix(SUFFIX)?
        .parse()
        .ok()
}

/// Returns the time since 1970; zero for earlier times.
pub(super) fn unix(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Encodes an event file with `entries`, to which further ones can be appended. A file without entries is dated `now`.
///
/// The file begins with the start of a session at step 0. A running `TensorBoard` that has read an earlier file of the
/// same folder then discards everything from step 0 on.
pub(super) fn file(entries: &[Entry], now: SystemTime) -> Vec<u8> {
    let begun = entries.first().map_or(now, |entry| entry.time);
    let mut version = dated(begun, 0);
    put_bytes(&mut version, field::EVENT_FILE_VERSION, VERSION.as_bytes());
    let mut status = Vec::new();
    put_number(&mut status, field::SESSION_STATUS, START);
    let mut start = dated(begun, 0);
    put_bytes(&mut start, field::EVENT_SESSION_LOG, &status);
    let mut file = [framed(&version), framed(&start)].concat();
    file.extend(entries.iter().flat_map(entry));
    file
}

/// Encodes the record of an entry.
pub(super) fn entry(entry: &Entry) -> Vec<u8> {
    match &entry.event {
        Event::Step(step) => scalars(entry.time, step.iteration, &step_values(step)),
        Event::Validation(validated) => scalars(
            entry.time,
            validated.iteration,
            &validation_values(validated),
        ),
    }
}

fn step_values(step: &StepRecord) -> Vec<(String, f64)> {
    let values = [
        ("train/loss", step.loss),
        ("train/learning_rate", step.learning_rate),
        ("train/images_per_second", step.images_per_second),
        ("train/wait_share", step.wait_share),
    ];
    values
        .into_iter()
        .map(|(tag, value)| (tag.to_owned(), value))
        .collect()
}

fn validation_values(validated: &ValidationRecord) -> Vec<(String, f64)> {
    let mut values = vec![
        ("validation/dice".to_owned(), validated.mean_dice),
        ("validation/lowest_dice".to_owned(), validated.lowest_dice),
    ];
    let by_source = validated.by_source.iter();
    values.extend(by_source.map(|(source, dice)| (format!("validation/dice/{source}"), *dice)));
    values
}

/// Encodes the record of tagged values at an iteration.
fn scalars(time: SystemTime, iteration: u32, values: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut message = Vec::new();
        put_bytes(&mut message, field::VALUE_TAG, tag.as_bytes());
        put_float(&mut message, field::VALUE_SIMPLE, *value);
        put_bytes(&mut summary, field::SUMMARY_VALUE, &message);
    }
    let mut event = dated(time, iteration);
    put_bytes(&mut event, field::EVENT_SUMMARY, &summary);
    framed(&event)
}

/// Encodes the first fields of an event. A step of 0 is the default and is not written, as is usual in Protocol Buffers.
fn dated(time: SystemTime, step: u32) -> Vec<u8> {
    let mut event = Vec::new();
    put_varint(&mut event, field::EVENT_WALL_TIME << 3 | 1);
    event.extend(unix(time).as_secs_f64().to_le_bytes());
    if step > 0 {
        put_number(&mut event, field::EVENT_STEP, u64::from(step));
    }
    event
}

fn put_number(message: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(message, field << 3);
    put_varint(message, value);
}

fn put_bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(message, field << 3 | 2);
    put_varint(message, bytes.len() as u64);
    message.extend(bytes);
}

fn put_float(message: &mut Vec<u8>, field: u64, value: f64) {
    put_varint(message, field << 3 | 5);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the format has 32-bit values"
    )]
    message.extend((value as f32).to_le_bytes());
}

/// Seven bits a byte, the low ones first; a set high bit says that more follow.
fn put_varint(message: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = value.to_le_bytes()[0];
        value >>= 7;
        if value == 0 {
            return message.push(low);
        }
        message.push(low | 0x80);
    }
}

/// A payload as a record: its length, the length's checksum, itself, its checksum; all numbers little-endian.
fn framed(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u64).to_le_bytes();
    [
        &length[..],
        &masked(&length).to_le_bytes(),
        payload,
        &masked(payload).to_le_bytes(),
    ]
    .concat()
}

/// The checksum of a record, masked as `TFRecord` asks: rotated, and a constant added.
fn masked(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by `TensorBoard`'s own writer (2.21) from the same events.
    const BY_TENSORBOARD: [&str; 3] = [
        "1800000000000000a37f4b2209000010402049da411a0d627261696e2e4576656e743a327b854a4b\
         0d000000000000003c37b83409000010402049da413a0208011d529966",
        "76000000000000004e43f07d09000010402049da4110ac022a680a110a0a747261696e2f6c6f7373150000003f\
         0a1a0a13747261696e2f6c6561726e696e675f7261746515cdcc4c3d0a1e0a17747261696e2f696d616765735f\
         7065725f7365636f6e6415000048410a170a10747261696e2f776169745f7368617265150000803e48658867",
        "620000000000000079fd606f09000010402049da4110ac022a540a160a0f76616c69646174696f6e2f64696365\
         150000603f0a1d0a1676616c69646174696f6e2f6c6f776573745f64696365150000003f0a1b0a1476616c6964\
         6174696f6e2f646963652f53c3bc64150000c07f2e473316",
    ];

    fn entries() -> [Entry; 2] {
        let (iteration, images_per_second, wait_share, lowest_dice) = (300, 12.5, 0.25, 0.5);
        let step = StepRecord {
            iteration,
            loss: 0.5,
            learning_rate: 0.05,
            images_per_second,
            wait_share,
        };
        let by_source = vec![("Süd".to_owned(), f64::NAN)];
        let (mean_dice, best, seconds) = (0.875, true, 2.0);
        let validated = ValidationRecord {
            iteration,
            mean_dice,
            lowest_dice,
            best,
            by_source,
            seconds,
        };
        let time = UNIX_EPOCH + Duration::from_millis(1_764_000_000_250);
        [Event::Step(step), Event::Validation(validated)].map(|event| Entry { event, time })
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let byte = |digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap();
        hex.as_bytes().chunks(2).map(byte).collect()
    }

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(CRC.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(
            CRC.checksum(&[0; 32]),
            0x8a91_36aa,
            "RFC 3720, appendix B.4"
        );
        assert_eq!(masked(b""), 0xa282_ead8);
    }

    #[test]
    fn bytes_are_those_that_tensorboard_writes() {
        assert_eq!(file(&[], entries()[0].time), bytes(BY_TENSORBOARD[0]));
        assert_eq!(
            file(&entries(), UNIX_EPOCH),
            bytes(&BY_TENSORBOARD.concat())
        );
    }

    #[test]
    fn names_sort_by_time_and_are_known_again() {
        assert_eq!(
            file_name(1_764_000_000),
            "events.out.tfevents.1764000000.lungfield"
        );
        assert!(file_name(999_999_999) < file_name(1_000_000_000));
        assert_eq!(second(&file_name(7)), Some(7));
        assert_eq!(second("events.out.tfevents.1764000000.host"), None);
    }
}
