//! Decides what must hold of any bytes that are sent as a DICOM object: as a film, as what is written about it, as a reference mask.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use lungfield_codec::{ModelIdentity, decode};
use lungfield_codec::dicom::{
    ObjectContent, Origin, Provenance, Subject, UidPolicy, is_dicom, write,
};
use lungfield_codec::reference::decode_reference;
use lungfield_radiograph::lungs::Lungs;
use lungfield_radiograph::mask::{Mask, Threshold};
use lungfield_fuzz::LIMITS;
use lungfield_fuzz::memory::{bound, measured};

/// What is found on every film: one pixel of lung.
fn report(film: &lungfield_radiograph::radiograph::Radiograph, origin: &Origin) -> Vec<u8> {
    let mut mask = Mask::empty(film.size());
    mask.fill(0, 0..1);
    let lungs = Lungs::of(&mask);
    let subject = Subject {
        mask: &mask,
        lungs: &lungs,
        spacing: film.spacing(),
        threshold: Threshold::HALF,
    };
    let text = || "fuzz".to_owned();
    let provenance = Provenance {
        model: ModelIdentity {
            name: text(),
            version: text(),
            weights_sha256: text(),
        },
        software_version: text(),
        uids: UidPolicy::Derived,
        now: SystemTime::UNIX_EPOCH,
    };
    write(origin, &subject, ObjectContent::Binary, &provenance)
        .expect("what was read can be repeated")
}

fuzz_target!(|bytes: &[u8]| {
    if !is_dicom(bytes) {
        return;
    }
    let (film, held) = measured(|| decode(bytes, &LIMITS));
    let pixels = film
        .as_ref()
        .map_or(LIMITS.max_pixels, |film| film.size().pixels() as u64);
    let bound = bound(bytes.len(), pixels);
    assert!(
        held <= bound,
        "{held} bytes were held for {pixels} pixels, where {bound} may be"
    );
    let origin = Origin::read(bytes, LIMITS);
    let Ok(film) = film else { return };
    if let Ok(origin) = origin {
        let written = report(&film, &origin);
        let mask = decode_reference(&written, film.size(), &LIMITS)
            .expect("a segmentation is a reference mask");
        assert_eq!(mask.area_px(), 1);
    }
    let _ = decode_reference(bytes, film.size(), &LIMITS); // any answer will do
});
