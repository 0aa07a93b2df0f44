//! Decides what must hold of any bytes that are sent as a reference mask.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lungfield_codec::reference::decode_reference;
use lungfield_radiograph::geometry::Size;
use lungfield_fuzz::memory::{bound, measured};
use lungfield_fuzz::{FIXTURE, LIMITS};

fuzz_target!(|bytes: &[u8]| {
    let film = Size::new(FIXTURE.0, FIXTURE.1).expect("the fixtures have pixels");
    let (mask, held) = measured(|| decode_reference(bytes, film, &LIMITS));
    let bound = bound(bytes.len(), LIMITS.max_pixels);
    assert!(
        held <= bound,
        "{held} bytes were held, where {bound} may be"
    );
    if let Ok(mask) = mask {
        assert_eq!(mask.size(), film);
        assert_eq!(
            mask.area_px(),
            mask.pixels().filter(|lung| *lung).count() as u64
        );
    }
});
