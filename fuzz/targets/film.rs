//! Decides what must hold of any bytes that are sent as a film.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lungfield_codec::{decode, png};
use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};
use lungfield_fuzz::LIMITS;
use lungfield_fuzz::memory::{bound, measured};

fuzz_target!(|bytes: &[u8]| {
    let (film, held) = measured(|| decode(bytes, &LIMITS));
    let pixels = film
        .as_ref()
        .map_or(LIMITS.max_pixels, |film| film.size().pixels() as u64);
    assert!(
        pixels <= LIMITS.max_pixels,
        "a film of {pixels} pixels was admitted"
    );
    let bound = bound(bytes.len(), pixels);
    assert!(
        held <= bound,
        "{held} bytes were held for {pixels} pixels, where {bound} may be"
    );
    let Ok(film) = film else { return };

    let options = PreprocessOptions {
        side: 64,
        ..PreprocessOptions::default()
    };
    let prepared = Preprocessor::new(options)
        .expect("the options are sound")
        .prepare(&film);
    assert!(
        prepared
            .input
            .pixels()
            .iter()
            .all(|value| (-1.0..=1.0).contains(value))
    );

    let again = decode(&png::encode_radiograph(&film), &LIMITS);
    assert!(
        again.is_ok_and(|again| again.pixels() == film.pixels()),
        "a film survives as a PNG"
    );
});
