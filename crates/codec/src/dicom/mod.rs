//! Reads films and reference masks from DICOM objects, and writes objects about films that are DICOM objects themselves.
//!
//! Grey images of one frame are read, whatever their class: computed and digital radiographs, and secondary captures of them. Their
//! values go through the modality look-up table or rescale, then through the first look-up table or window of interest, and are
//! inverted where the least value is white. The module `attributes` lists the attributes that are read; `scan` reads the file without
//! trusting it.

mod attributes;
mod codestream;
mod element;
mod file;
mod film;
mod frames;
mod grey;
mod header;
mod jpeg;
mod jpeg_2000;
mod pixels;
mod reference;
mod scan;
mod written;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::file::File;
pub use self::file::is_dicom;
use self::film::Layout;
use self::header::Header;
use self::pixels::Samples;
pub(super) use self::reference::Segmentation;
pub use self::written::{
    MEDIA_TYPE, ObjectContent, ObjectKind, ObjectRequest, Origin, Provenance, SegmentationType,
    Subject, UidPolicy, WriteError, write,
};
use super::raster::Raster;
use super::{DecodeError, Limits, undecodable};
use lungfield_radiograph::radiograph::Radiograph;

/// Reads the film of a DICOM object.
fn read(bytes: &[u8], limits: Limits) -> Result<Radiograph, DecodeError> {
    guarded(|| {
        let file = File::read(bytes, limits)?;
        let scanned = scan::scan(&file.data, file.encoding)?;
        let object = header::parse(&scanned.elements, file.encoding)?;
        let header = Header(&object);
        let pixels = scanned
            .pixels
            .ok_or_else(|| undecodable("the object has no pixel data"))?;
        let layout = Layout::of(header, limits)?;
        let samples = Samples::of(&file, pixels, layout)?;
        let film = Radiograph::new(
            layout.size,
            grey::pixels(&samples, header, layout),
            film::spacing(header),
        );
        let film = film.expect("a grey was made for each pixel");
        Ok(film.with_warnings(film::warnings(header)))
    })
}

/// Reads the film of a DICOM object, which is always grey.
pub(super) fn read_raster(bytes: &[u8], limits: Limits) -> Result<Raster, DecodeError> {
    let film = read(bytes, limits)?;
    Ok(Raster {
        film,
        colour_spread: 0,
    })
}

/// Runs a decoder. A panic in it means that the object is damaged, and becomes an error for its sender.
fn guarded<T, E: From<DecodeError>>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_panic| Err(undecodable("the object is damaged").into()))
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
