//! Reads a mask from a GIF file, the format of the SCR masks. The service does not accept GIF files.

use ::gif::{ColorOutput, DecodeOptions, Decoder, DecodingError};

use lungfield_codec::reference::ReferenceError;
use lungfield_codec::{DecodeError, Limits};
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Mask;

/// The lowest grey value of lung, as in other 8-bit images.
const HALF: u8 = 128;
/// The bytes of one colour in a palette.
const COLOUR_BYTES: usize = 3;

type Source<'a> = Decoder<&'a [u8]>;

/// Decodes a mask from a GIF file with a single frame that fills the screen.
///
/// A pixel is lung where its grey value is at least 128. A colour that is not grey is an error if a pixel uses it.
pub(in crate::dataset) fn decode_mask(
    bytes: &[u8],
    limits: Limits,
) -> Result<Mask, ReferenceError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.check_frame_consistency(true);
    let mut decoder = options
        .read_info(bytes)
        .map_err(|error| undecodable(&error))?;
    let size = limits.admit(decoder.width().into(), decoder.height().into())?;
    let indices = only_frame(&mut decoder, size)?;
    if decoder
        .next_frame_info()
        .map_err(|error| undecodable(&error))?
        .is_some()
    {
        return Err(DecodeError::SeveralFrames.into());
    }
    let lung = lung_colours(decoder.palette().map_err(|error| undecodable(&error))?);
    let pixels = indices
        .into_iter()
        .map(|index| match lung.get(usize::from(index)) {
            Some(&Some(lung)) => Ok(lung),
            Some(None) => Err(ReferenceError::TrueColour),
            None => Err(damaged("the GIF has a pixel without a colour")),
        });
    let pixels: Vec<_> = pixels.collect::<Result<_, _>>()?;
    Ok(Mask::new(size, pixels).expect("the frame fills the screen"))
}

/// Reads the pixels of the only frame, as indices into its palette, row by row.
fn only_frame(decoder: &mut Source, size: Size) -> Result<Vec<u8>, ReferenceError> {
    let frame = decoder
        .next_frame_info()
        .map_err(|error| undecodable(&error))?;
    let frame = frame.ok_or_else(|| damaged("the GIF has no picture"))?;
    if Size::new(frame.width.into(), frame.height.into()) != Some(size) {
        return Err(damaged("the picture does not fill the GIF's screen"));
    }
    let mut indices = vec![0; size.pixels()];
    decoder
        .read_into_buffer(&mut indices)
        .map_err(|error| undecodable(&error))?;
    Ok(indices)
}

/// Returns for each colour of a palette whether it means lung, or `None` where it is not grey.
fn lung_colours(palette: &[u8]) -> Vec<Option<bool>> {
    let is_grey = |colour: &[u8]| colour.iter().all(|value| *value == colour[0]);
    let colours = palette.chunks_exact(COLOUR_BYTES);
    colours
        .map(|colour| is_grey(colour).then_some(colour[0] >= HALF))
        .collect()
}

fn undecodable(error: &DecodingError) -> ReferenceError {
    damaged(&error.to_string())
}

fn damaged(reason: &str) -> ReferenceError {
    DecodeError::Undecodable(reason.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use ::gif::{Encoder, Frame};

    use super::*;
    use crate::dataset::builders::{BLACK_AND_WHITE, encode_gif};
    use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};

    const WIDTH: u16 = 60;
    const HEIGHT: u16 = 40;

    fn read(bytes: &[u8]) -> Result<Mask, ReferenceError> {
        decode_mask(bytes, Limits::default())
    }

    fn mask() -> Mask {
        let size = Size::new(WIDTH.into(), HEIGHT.into()).unwrap();
        Phantom::draw(&PhantomOptions {
            seed: 1,
            size,
            depth: Depth::Eight,
        })
        .mask
    }

    fn frame(indices: Vec<u8>) -> Frame<'static> {
        Frame::from_indexed_pixels(WIDTH, HEIGHT, indices, None)
    }

    fn indices() -> Vec<u8> {
        mask().pixels().map(u8::from).collect()
    }

    fn file(screen: (u16, u16), palette: &[u8], frames: &[Frame]) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), screen.0, screen.1, palette).unwrap();
        for frame in frames {
            encoder.write_frame(frame).unwrap();
        }
        encoder.into_inner().unwrap()
    }

    /// A file of one frame that fills the screen.
    fn whole(palette: &[u8], frame: Frame) -> Vec<u8> {
        file((WIDTH, HEIGHT), palette, &[frame])
    }

    fn refusal(bytes: &[u8]) -> DecodeError {
        match read(bytes) {
            Err(ReferenceError::Image(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_mask_is_read_as_it_was_drawn() {
        assert_eq!(read(&encode_gif(&mask())).unwrap(), mask());
        let swapped = whole(&[200, 200, 200, 127, 127, 127], frame(indices()));
        assert!(
            read(&swapped)
                .unwrap()
                .pixels()
                .zip(mask().pixels())
                .all(|(a, b)| a != b)
        );
    }

    #[test]
    fn a_frame_may_bring_its_own_palette() {
        let palette = Some(BLACK_AND_WHITE.to_vec());
        let own = Frame {
            palette,
            ..frame(indices())
        };
        assert_eq!(read(&whole(&[], own)).unwrap(), mask());
    }

    #[test]
    fn interlaced_rows_come_back_in_their_order() {
        let row = |y: usize| indices()[y * usize::from(WIDTH)..][..usize::from(WIDTH)].to_vec();
        let passes = [(0, 8), (4, 8), (2, 4), (1, 2)];
        let stored = passes
            .iter()
            .flat_map(|&(first, step)| (first..HEIGHT.into()).step_by(step))
            .flat_map(row);
        let interlaced = Frame {
            interlaced: true,
            ..frame(stored.collect())
        };
        assert_eq!(read(&whole(&BLACK_AND_WHITE, interlaced)).unwrap(), mask());
    }

    #[test]
    fn a_colour_that_is_used_must_be_grey() {
        let coloured = whole(&[0, 0, 0, 255, 255, 254], frame(indices()));
        assert!(matches!(read(&coloured), Err(ReferenceError::TrueColour)));
        let palette = [&BLACK_AND_WHITE[..], &[255, 0, 0, 0, 0, 0]].concat();
        assert_eq!(
            read(&whole(&palette, frame(indices()))).unwrap(),
            mask(),
            "red is not used"
        );
    }

    #[test]
    fn a_pixel_has_a_colour() {
        let mut indices = indices();
        indices[0] = 2;
        let text = refusal(&whole(&BLACK_AND_WHITE, frame(indices))).to_string();
        assert!(text.contains("a pixel without a colour"), "{text}");
    }

    #[test]
    fn a_frame_fills_the_screen_and_is_the_only_one() {
        let two = file(
            (WIDTH, HEIGHT),
            &BLACK_AND_WHITE,
            &[frame(indices()), frame(indices())],
        );
        assert_eq!(refusal(&two), DecodeError::SeveralFrames);
        let small = file((WIDTH + 1, HEIGHT), &BLACK_AND_WHITE, &[frame(indices())]);
        assert!(refusal(&small).to_string().contains("fill"));
        let aside = Frame {
            left: 1,
            ..frame(indices())
        };
        assert!(matches!(
            refusal(&whole(&BLACK_AND_WHITE, aside)),
            DecodeError::Undecodable(_)
        ));
        let none = file((WIDTH, HEIGHT), &BLACK_AND_WHITE, &[]);
        assert!(matches!(refusal(&none), DecodeError::Undecodable(_)));
    }

    #[test]
    fn the_size_is_looked_at_first() {
        let huge = file((u16::MAX, u16::MAX), &BLACK_AND_WHITE, &[frame(indices())]);
        assert!(matches!(
            refusal(&huge),
            DecodeError::TooManyPixels { width: 65_535, .. }
        ));
        let tiny = file((60, 31), &BLACK_AND_WHITE, &[frame(indices())]);
        assert_eq!(
            refusal(&tiny),
            DecodeError::TooSmall {
                width: 60,
                height: 31
            }
        );
    }

    #[test]
    fn no_part_of_a_file_is_read() {
        let file = encode_gif(&mask());
        for length in 0..file.len() {
            let refusal = refusal(&file[..length]);
            assert!(
                matches!(refusal, DecodeError::Undecodable(_)),
                "cut at {length}: {refusal:?}"
            );
        }
    }
}
