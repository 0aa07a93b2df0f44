//! Tests of hostile data sets. None may make the reader recurse, or allocate memory for data that
//! is not there.

use std::io::Write;

use dicom_dictionary_std::uids;
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::{DecodeError, Limits, decode};

const ITEM: &[u8] = b"\xfe\xff\x00\xe0";
const UNDEFINED: [u8; 4] = [0xFF; 4];

fn tag(group: u16, element: u16) -> Vec<u8> {
    [group.to_le_bytes(), element.to_le_bytes()].concat()
}

/// Returns an element with a short length, explicit and little endian.
fn short(group: u16, element: u16, vr: [u8; 2], value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_le_bytes();
    [tag(group, element).as_slice(), &vr, &length, value].concat()
}

/// Returns the beginning of an element with a long length.
fn long(group: u16, element: u16, vr: [u8; 2], length: [u8; 4]) -> Vec<u8> {
    [tag(group, element).as_slice(), &vr, &[0, 0], &length].concat()
}

/// Returns a file with a data set.
fn file(transfer_syntax: &str, data: &[u8]) -> Vec<u8> {
    let mut uid = transfer_syntax.as_bytes().to_vec();
    uid.resize(uid.len().next_multiple_of(2), 0);
    [
        &[0; 128],
        b"DICM".as_slice(),
        &short(2, 0x10, *b"UI", &uid),
        data,
    ]
    .concat()
}

/// Returns the attributes of a grey image of 8 bits.
fn image(rows: u16, columns: u16) -> Vec<u8> {
    let number = |element, value: u16| short(0x28, element, *b"US", &value.to_le_bytes());
    [
        number(0x02, 1),
        short(0x28, 0x04, *b"CS", b"MONOCHROME2 "),
        number(0x10, rows),
        number(0x11, columns),
        number(0x100, 8),
        number(0x101, 8),
        number(0x102, 7),
        number(0x103, 0),
    ]
    .concat()
}

#[track_caller]
fn assert_refused(file: &[u8], words: &str) {
    let refusal = decode(file, &Limits::default());
    assert!(
        matches!(&refusal, Err(DecodeError::Undecodable(reason)) if reason.contains(words)),
        "{refusal:?}"
    );
}

/// Returns `depth` nested sequences of undefined length.
fn nested(depth: usize, begin: &[u8]) -> Vec<u8> {
    [begin, ITEM, &UNDEFINED].concat().repeat(depth)
}

#[test]
fn a_hundred_thousand_nested_sequences_are_refused() {
    let voi = (0x28, 0x3010);
    let unread = (0x08, 0x1140);
    for (group, element) in [voi, unread] {
        let data = nested(100_000, &long(group, element, *b"SQ", UNDEFINED));
        assert_refused(&file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &data), "too deep");
        let implicit = nested(
            100_000,
            &[tag(group, element).as_slice(), &UNDEFINED].concat(),
        );
        // The items of a sequence of unknown representation are written with implicit VR.
        let unknown = [
            nested(1, &long(group, element, *b"UN", UNDEFINED)),
            implicit.clone(),
        ]
        .concat();
        assert_refused(&file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &unknown), "too deep");
        assert_refused(
            &file(uids::IMPLICIT_VR_LITTLE_ENDIAN, &implicit),
            "too deep",
        );
    }
}

#[test]
fn nested_sequences_that_state_their_lengths_are_refused_too() {
    // Built from the inside to the outside. Only the dictionary says that the element is a
    // sequence.
    let mut data = Vec::new();
    for _depth in 0..5_000 {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let item = [ITEM, &length(&data), &data].concat();
        data = [tag(0x28, 0x3010).as_slice(), &length(&item), &item].concat();
    }
    assert_refused(&file(uids::IMPLICIT_VR_LITTLE_ENDIAN, &data), "too deep");
}

#[test]
fn thirty_two_nested_sequences_are_read() {
    let close = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0";
    for (depth, sound) in [(32, true), (33, false)] {
        let sequences = [
            nested(depth, &long(0x08, 0x1140, *b"SQ", UNDEFINED)),
            close.repeat(depth),
        ]
        .concat();
        let pixels = [
            long(0x7FE0, 0x10, *b"OB", 2_304_u32.to_le_bytes()),
            vec![7; 2_304],
        ]
        .concat();
        let file = file(
            uids::EXPLICIT_VR_LITTLE_ENDIAN,
            &[sequences, image(48, 48), pixels].concat(),
        );
        assert_eq!(decode(&file, &Limits::default()).is_ok(), sound, "{depth}");
    }
}

#[test]
fn declared_pixels_that_are_missing_allocate_nothing() {
    let begin = long(0x7FE0, 0x10, *b"OW", 0x7FFF_FFFE_u32.to_le_bytes());
    assert_refused(
        &file(
            uids::EXPLICIT_VR_LITTLE_ENDIAN,
            &[image(48, 48), begin].concat(),
        ),
        "ends within",
    );
    let declared = [image(65_535, 65_535), long(0x7FE0, 0x10, *b"OB", [0; 4])].concat();
    let refusal = decode(
        &file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &declared),
        &Limits::default(),
    );
    assert!(
        matches!(refusal, Err(DecodeError::TooManyPixels { .. })),
        "{refusal:?}"
    );
    let short = [
        image(8_000, 8_000),
        long(0x7FE0, 0x10, *b"OB", 2_u32.to_le_bytes()),
        vec![0; 2],
    ]
    .concat();
    assert_refused(&file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &short), "ends early");
}

#[test]
fn a_sequence_cannot_extend_beyond_its_parent() {
    let item = [ITEM, &1_000_u32.to_le_bytes()].concat();
    let data = [
        long(0x08, 0x1140, *b"SQ", 16_u32.to_le_bytes()),
        item,
        vec![0; 2_000],
    ]
    .concat();
    assert_refused(
        &file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &data),
        "longer than its parent",
    );
    let stray = [long(0x08, 0x1140, *b"SQ", UNDEFINED), image(48, 48)].concat();
    assert_refused(
        &file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &stray),
        "in a wrong position",
    );
}

#[test]
fn a_data_set_that_inflates_without_end_is_stopped() {
    let limits = Limits {
        max_pixels: 1 << 20,
    };
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
    // 64 MiB of a private attribute, in some 64 KiB.
    deflated
        .write_all(&long(0x09, 0x1010, *b"OB", 0x0400_0000_u32.to_le_bytes()))
        .unwrap();
    for _mebibyte in 0..64 {
        deflated.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = file(
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        &deflated.finish().unwrap(),
    );
    assert!(bomb.len() < 1 << 17);
    let refusal = decode(&bomb, &limits);
    assert!(
        matches!(&refusal, Err(DecodeError::Undecodable(why)) if why.contains("larger than any film")),
        "{refusal:?}"
    );
}

#[test]
fn numbers_that_are_not_whole_are_refused() {
    // A parser that reads two bytes of three continues at another byte, where there may be
    // sequences that were not counted.
    for data in [
        short(0x28, 0x10, *b"US", &[0; 3]),
        short(0x28, 0x3010, *b"SS", &[0]),
        short(0x54, 0x220, *b"FD", &[0; 12]),
    ] {
        assert_refused(
            &file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &data),
            "another type",
        );
    }
    let twice = short(0x10, 0x20, *b"LO", b"").repeat(2);
    assert_refused(&file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &twice), "twice");
}

#[test]
fn attributes_that_are_too_large_are_refused() {
    let table = [
        long(0x28, 0x3010, *b"SQ", 0x0030_0000_u32.to_le_bytes()),
        ITEM.to_vec(),
        0x002F_FFF8_u32.to_le_bytes().to_vec(),
    ];
    let entries = [
        long(0x28, 0x3006, *b"OW", 0x002F_FFEC_u32.to_le_bytes()),
        vec![0; 0x002F_FFEC],
    ]
    .concat();
    assert_refused(
        &file(
            uids::EXPLICIT_VR_LITTLE_ENDIAN,
            &[table.concat(), entries].concat(),
        ),
        "larger than allowed",
    );
    let name = short(0x10, 0x10, *b"PN", &[b'x'; 5_000]);
    assert_refused(
        &file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &name),
        "larger than allowed",
    );
}

#[test]
fn no_changed_byte_makes_a_decoder_panic() {
    for name in [
        "rle_8",
        "jpeg_lossless_sv1_8",
        "jpeg2000_lossless_8",
        "htj2k_lossless_8",
        "voi_lut_8",
        "segmentation",
    ] {
        let path = format!(
            "{}/tests/fixtures/dicom/{name}.dcm",
            env!("CARGO_MANIFEST_DIR")
        );
        let file = fs_err::read(path).unwrap();
        for place in (132..file.len()).step_by(11) {
            let mut broken = file.clone();
            broken[place] ^= 0xFF;
            let _ = decode(&broken, &Limits::default()); // any result is accepted
        }
    }
}

#[test]
fn more_elements_than_any_film_has_are_refused() {
    use super::element::MAX_HEADERS;

    let empty = short(0x09, 0x10, *b"LO", b"");
    let within = [empty.repeat(MAX_HEADERS - 100), image(4, 4)].concat();
    assert_refused(
        &file(uids::EXPLICIT_VR_LITTLE_ENDIAN, &within),
        "no pixel data",
    );
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
    deflated.write_all(&empty.repeat(4 * MAX_HEADERS)).unwrap();
    let small = file(
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        &deflated.finish().unwrap(),
    );
    assert!(small.len() < 10_000, "{}", small.len());
    assert_refused(&small, "more elements");
}
