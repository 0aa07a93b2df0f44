//! Decides how a DICOM object becomes a film or a reference mask, and what is written about a film that came as one.
//!
//! Read are grey images of one frame, of whatever class: computed and digital radiographs, and secondary captures of them. Their
//! values go through the modality look-up table or rescale, through the look-up table or window of interest (the first of several), and
//! are turned round where the least one is white. Which attributes are read, `attributes` lists; how the file is taken apart without
//! trusting it, `scan` says.

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
    Algorithm, Findings, Kind, Naming, Origin, Planes, Wanted, WriteError, write,
};
use super::{DecodeError, Limits, undecodable};
use lungfield_radiograph::radiograph::Radiograph;

/// Reads the film of a DICOM object.
pub(super) fn read(bytes: &[u8], limits: Limits) -> Result<Radiograph, DecodeError> {
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
        Ok(film.taken(film::acquisition(header)))
    })
}

/// What a decoder gives, or that it met something damaged where it panicked: that is the sender's affair, and no one else's.
fn guarded<T, E: From<DecodeError>>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_panic| Err(undecodable("the object is damaged").into()))
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
