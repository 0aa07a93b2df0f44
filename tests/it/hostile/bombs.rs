//! Encodes hostile files: small ones that declare much, unpack to much, or take long to read.

use std::io::Write;

use png::{BitDepth, ColorType};

use crate::samples::{fixture, png};

/// The numbers of TIFF tags.
pub(crate) mod tag {
    pub(crate) const WIDTH: u16 = 256;
    pub(crate) const HEIGHT: u16 = 257;
    pub(crate) const BITS: u16 = 258;
    pub(crate) const COMPRESSION: u16 = 259;
    pub(crate) const PHOTOMETRIC: u16 = 262;
    pub(crate) const STRIP_OFFSETS: u16 = 273;
    pub(crate) const SAMPLES: u16 = 277;
    pub(crate) const ROWS_PER_STRIP: u16 = 278;
    pub(crate) const STRIP_LENGTHS: u16 = 279;
    pub(crate) const TILE_WIDTH: u16 = 322;
    pub(crate) const TILE_HEIGHT: u16 = 323;
    pub(crate) const TILE_OFFSETS: u16 = 324;
    pub(crate) const TILE_LENGTHS: u16 = 325;
    pub(crate) const EXTRA_SAMPLES: u16 = 338;
}

/// Compresses zeros with zlib, to about a thousandth of their length.
pub(crate) fn zlib_of_zeros(length: u32) -> Vec<u8> {
    const COLUMNS: u32 = 1 << 16;
    let mut file = Vec::new();
    // A row begins with the number of its filter, which is 0 as well.
    let mut encoder = png::Encoder::new(&mut file, COLUMNS - 1, length / COLUMNS);
    encoder.set_filter(png::Filter::NoFilter);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().unwrap();
    let mut rows = writer.stream_writer().unwrap();
    let row = vec![0; COLUMNS as usize - 1];
    for _row in 0..length / COLUMNS {
        rows.write_all(&row).unwrap();
    }
    rows.finish().unwrap();
    writer.finish().unwrap();
    png_chunks(&file)
        .filter(|(kind, _)| kind == b"IDAT")
        .flat_map(|(_, data)| data)
        .collect()
}

/// Encodes bytes as a zlib stream that begins with `blocks` empty blocks of five bytes.
pub(crate) fn zlib_behind_nothing(bytes: &[u8], blocks: usize) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("the bytes fit a block");
    let stored = |last: u8, length: u16| {
        [&[last], &length.to_le_bytes()[..], &(!length).to_le_bytes()].concat()
    };
    let nothing = stored(0, 0).repeat(blocks);
    [
        &[0x78, 1],
        nothing.as_slice(),
        &stored(1, length),
        bytes,
        &adler32(bytes).to_be_bytes(),
    ]
    .concat()
}

/// Computes the Adler-32 checksum of bytes (RFC 1950).
fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), &byte| {
        let low = (low + u32::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

fn png_chunks(file: &[u8]) -> impl Iterator<Item = (&[u8], Vec<u8>)> {
    let mut rest = &file[8..];
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(rest.first_chunk().copied()?) as usize;
        let (chunk, after) = rest.split_at(length + 12);
        rest = after;
        Some((&chunk[4..8], chunk[8..8 + length].to_vec()))
    })
}

fn png_chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let checked = [kind, data].concat();
    let sum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&checked);
    [&length, checked.as_slice(), &sum.to_be_bytes()].concat()
}

/// Encodes an 8-bit grey PNG that declares a size, with chunks between its header and its compressed pixels.
pub(crate) fn png_of(width: u32, height: u32, between: &[u8], zlib: &[u8]) -> Vec<u8> {
    let header = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[8, 0, 0, 0, 0],
    ]
    .concat();
    let chunks = [
        &png_chunk(b"IHDR", &header),
        between,
        &png_chunk(b"IDAT", zlib),
        &png_chunk(b"IEND", b""),
    ];
    [b"\x89PNG\r\n\x1a\n", chunks.concat().as_slice()].concat()
}

/// Encodes a valid PNG with texts and a colour profile that unpack to `length` bytes each.
pub(crate) fn png_with_packed_words(samples: &[u8], length: u32) -> Vec<u8> {
    let packed = zlib_of_zeros(length);
    let chunks = [
        png_chunk(b"iCCP", &[b"profile\0\0", packed.as_slice()].concat()),
        png_chunk(b"zTXt", &[b"Comment\0\0", packed.as_slice()].concat()),
        png_chunk(
            b"iTXt",
            &[b"Comment\0\x01\0\0\0", packed.as_slice()].concat(),
        ),
    ];
    let plain = png(ColorType::Grayscale, BitDepth::Eight, samples);
    let (head, rest) = plain.split_at(8 + 25); // the signature and the header
    [head, chunks.concat().as_slice(), rest].concat()
}

/// Encodes a valid PNG with `count` chunks of an unknown type.
pub(crate) fn png_of_chunks(samples: &[u8], count: usize) -> Vec<u8> {
    let plain = png(ColorType::Grayscale, BitDepth::Eight, samples);
    let (head, rest) = plain.split_at(8 + 25);
    [head, &png_chunk(b"abCd", b"").repeat(count), rest].concat()
}

/// Encodes a JPEG that declares another size than it has.
pub(crate) fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
    let mut file = fixture!("grey.jpg").to_vec();
    let frame = file
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .expect("the fixture is a baseline JPEG");
    file[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    file[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    file
}

/// Encodes a progressive JPEG whose last scan is repeated.
pub(crate) fn jpeg_of_scans(count: usize) -> Vec<u8> {
    let file = fixture!("progressive_grey.jpg");
    let scan = file
        .windows(2)
        .rposition(|pair| pair == [0xff, 0xda])
        .expect("the fixture has scans");
    let (head, last) = file.split_at(scan);
    let last = &last[..last.len() - 2]; // without the end marker
    [head, last.repeat(count).as_slice(), &[0xff, 0xd9]].concat()
}

/// Encodes a little-endian TIFF with these tags, each with its values. The data follow the header of eight bytes.
pub(crate) fn tiff(data: &[u8], tags: &[(u16, &[u32])]) -> Vec<u8> {
    let number = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let directory = 8 + data.len() + data.len() % 2;
    let mut behind = directory + 2 + 12 * tags.len() + 4;
    let mut file = [b"II*\0", &number(directory)[..], data].concat();
    file.resize(directory, 0);
    file.extend_from_slice(&u16::try_from(tags.len()).unwrap().to_le_bytes());
    let mut lists = Vec::new();
    for (tag, values) in tags {
        let list: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        file.extend_from_slice(&tag.to_le_bytes());
        file.extend_from_slice(&4_u16.to_le_bytes()); // a number of 32 bits
        file.extend_from_slice(&number(values.len()));
        if let [value] = values {
            file.extend_from_slice(&value.to_le_bytes());
        } else {
            file.extend_from_slice(&number(behind));
            behind += list.len();
            lists.extend(list);
        }
    }
    [file.as_slice(), &[0; 4], &lists].concat()
}

/// Returns the tags of an 8-bit grey TIFF of this size, without those of its strips or tiles.
pub(crate) const fn grey(size: [u32; 2]) -> [(u16, u32); 5] {
    [
        (tag::WIDTH, size[0]),
        (tag::HEIGHT, size[1]),
        (tag::BITS, 8),
        (tag::PHOTOMETRIC, 1),
        (tag::SAMPLES, 1),
    ]
}
