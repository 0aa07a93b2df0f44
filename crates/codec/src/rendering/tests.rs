//! Tests of every rendering: what each encodes, and that the table names it.

use std::time::SystemTime;

use super::*;
use crate::dicom::UidPolicy;
use crate::reference::decode_reference;
use crate::{ModelIdentity, decode};
use lungfield_radiograph::geometry::{ModelInput, Size};
use lungfield_radiograph::lungs::Lungs;
use lungfield_radiograph::mask::{ProbabilityMap, Threshold};
use lungfield_radiograph::phantom::{Depth, Phantom, PhantomOptions};
use lungfield_radiograph::postprocess;
use lungfield_radiograph::preprocess::{PreprocessOptions, Preprocessor};

const SIDE: u32 = 96;

fn options() -> RenderingOptions {
    RenderingOptions {
        document: DocumentOptions::default(),
        segmentation: SegmentationType::Binary,
        provenance: Provenance {
            model: ModelIdentity {
                name: "test".to_owned(),
                version: "1".to_owned(),
                weights_sha256: "0".repeat(64),
            },
            software_version: "1.2.0".to_owned(),
            uids: UidPolicy::Derived,
            now: SystemTime::UNIX_EPOCH,
        },
    }
}

/// A film of the fixtures, which has the size of no other.
fn dicom_film() -> Image {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/dicom/explicit_le.dcm"
    );
    Image::File(fs_err::read(path).unwrap().into())
}

fn phantom() -> Phantom {
    Phantom::draw(&PhantomOptions {
        seed: 1,
        size: Size::square(SIDE).unwrap(),
        depth: Depth::Eight,
    })
}

/// Encodes the result of a film whose model answers with its intensities.
fn encoded(
    image: &Image,
    reference: Option<&Mask>,
    rendering: Rendering,
) -> Result<Encoded, RenderError> {
    let film = image.decode(Limits::default()).unwrap();
    let encode = match rendering.encoder(image, Limits::default())? {
        Encoder::Film(encode) => return Ok(encode(&film)),
        Encoder::Mask(encode) => encode,
    };
    let options = PreprocessOptions {
        side: SIDE,
        ..PreprocessOptions::default()
    };
    let prepared = Preprocessor::new(options).unwrap().prepare(&film);
    let map = echo(&prepared.input);
    let mask = postprocess::restore(&map, &prepared.geometry, Threshold::HALF);
    encode(&SegmentedFilm {
        mask: &mask,
        lungs: &Lungs::of(&mask),
        spacing: film.spacing(),
        threshold: Threshold::HALF,
        reference,
        overlap: None,
        warnings: &[],
        map: &map,
        geometry: &prepared.geometry,
    })
}

fn echo(input: &ModelInput) -> ProbabilityMap {
    let values = input.pixels().iter().map(|grey| grey.clamp(0.0, 1.0));
    ProbabilityMap::new(input.side(), values.collect()).unwrap()
}

fn file(image: &Image, rendering: Rendering) -> Vec<u8> {
    encoded(image, None, rendering).unwrap().into_file().bytes
}

#[test]
fn every_row_of_the_table_is_a_rendering_of_its_own_that_can_be_encoded() {
    let film = dicom_film();
    for format in RENDERING_FORMATS {
        let rendering = format.rendering(options());
        assert_eq!(rendering.format().name, format.name);
        assert_eq!(
            RenderingFormat::named(format.name).map(|found| found.name),
            Some(format.name)
        );
        let file = encoded(&film, None, rendering).unwrap().into_file();
        assert_eq!(file.media_type, format.media_type, "{}", format.name);
        assert!(!file.bytes.is_empty(), "{}", format.name);
    }
}

#[test]
fn the_same_mask_is_read_from_every_file_of_it() {
    let film = dicom_film();
    let size = film.decode(Limits::default()).unwrap().size();
    let read = |name: &str| {
        let rendering = RenderingFormat::named(name).unwrap().rendering(options());
        decode_reference(&file(&film, rendering), size, &Limits::default()).unwrap()
    };
    let mask = read("png");
    assert!(mask.area_px() > 0);
    assert_eq!(read("rle"), mask);
    assert_eq!(read("dicom-seg"), mask);
    let samples = file(&film, Rendering::Samples);
    assert!(samples.iter().map(|&sample| sample == 1).eq(mask.pixels()));
}

#[test]
fn a_film_alone_is_the_film() {
    let film = phantom().film;
    let image = Image::File(png::encode_radiograph(&film).into());
    let shown = decode(&file(&image, Rendering::Film), &Limits::default()).unwrap();
    assert_eq!(shown.pixels(), film.pixels());
}

#[test]
fn an_object_is_written_about_dicom_films_only() {
    let image = Image::File(png::encode_radiograph(&phantom().film).into());
    for name in ["dicom-seg", "dicom-sc", "dicom-sr"] {
        let rendering = RenderingFormat::named(name).unwrap().rendering(options());
        let refused = encoded(&image, None, rendering).err();
        assert_eq!(refused, Some(RenderError::NotDicom), "{name}");
    }
}

#[test]
fn a_document_has_the_reference_mask_where_it_is_asked_for() {
    let phantom = phantom();
    let image = Image::File(png::encode_radiograph(&phantom.film).into());
    let document = |reference, counts| {
        let options = DocumentOptions { counts, reference };
        let encoded = encoded(&image, Some(&phantom.mask), Rendering::Document(options));
        let json = encoded.unwrap().into_file().bytes;
        serde_json::from_slice::<serde_json::Value>(&json).unwrap()
    };
    let compared = document(ReferenceUse::Compare, CountsForm::Compressed);
    assert!(compared.get("reference_mask").is_none() && compared["mask"]["counts"].is_string());
    let echoed = document(ReferenceUse::Echo, CountsForm::Plain);
    assert_eq!(echoed["reference_mask"]["encoding"], "coco_rle");
    assert_eq!(
        echoed["reference_mask"]["counts"],
        serde_json::json!(Rle::of(&phantom.mask).counts())
    );
}
