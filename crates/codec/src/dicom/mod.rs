//! Reads films and reference masks from DICOM objects, and writes objects about films that are
//! DICOM objects themselves.
//!
//! Grey images of one frame are read, whatever their class: computed and digital radiographs, and
//! secondary captures of them. Their values go through the modality look-up table or rescale, then
//! through the first look-up table or window of interest, and are inverted where the least value is
//! white. The module `attributes` lists the attributes that are read. The module `scan` reads the
//! file without trusting it.
//!
//! # Examples
//!
//! [`decode`](crate::decode) reads a film. It recognises DICOM by the first bytes of the file.
//!
//! ```
//! use lungfield_codec::{Limits, decode, dicom};
//! use lungfield_radiograph::radiograph::Pixels;
//!
//! let file = include_bytes!(concat!(
//!     env!("CARGO_MANIFEST_DIR"),
//!     "/tests/fixtures/dicom/both_spacings.dcm"
//! ));
//! assert!(dicom::is_dicom(file));
//!
//! let film = decode(file, &Limits::default())?;
//! assert_eq!((film.size().width(), film.size().height()), (64, 48));
//! // The samples have 12 bits. They are scaled to the whole range of 16 bits.
//! assert!(matches!(film.pixels(), Pixels::Sixteen(_)));
//! let spacing = film.spacing().expect("the object states its spacing");
//! assert_eq!((spacing.row_mm(), spacing.column_mm()), (0.2, 0.1));
//! # Ok::<(), lungfield_codec::DecodeError>(())
//! ```

mod attributes;
mod codestream;
mod data_set;
mod element;
mod file;
mod film;
mod frames;
mod grey;
mod guard;
#[cfg(test)]
mod hostile;
mod jpeg;
mod jpeg_2000;
mod lookup;
mod modality;
mod pixels;
mod sample_layout;
mod scan;
mod segmentation;
mod stream_header;
#[cfg(test)]
mod tests;
mod voi;
mod written;

pub use self::file::is_dicom;
pub(super) use self::film::read_raster;
pub(super) use self::segmentation::Segmentation;
pub use self::written::{
    MEDIA_TYPE, ObjectContent, ObjectKind, ObjectRequest, Origin, Provenance, SegmentationType,
    Subject, UidPolicy, WriteError, write,
};
