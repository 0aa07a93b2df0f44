//! Pins the DICOM objects that are written about a film, element by element, and their derived UIDs.

use std::fmt::Write;

use dicom_core::header::Header;
use dicom_core::{Tag, VR};
use dicom_object::InMemDicomObject;

use super::answers::{samples, sha256};
use super::assert_pinned;
use crate::dicom_films::Object;
use crate::server::Server;

/// The elements of an object, a line each. Dates and times of the writing are left out: they are the clock's.
fn dump(object: &InMemDicomObject, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for element in object {
        let (Tag(group, number), vr) = (element.tag(), element.vr());
        write!(
            text,
            "{indent}({group:04X},{number:04X}) {}",
            vr.to_string()
        )
        .unwrap();
        if let Some(items) = element.items() {
            writeln!(text).unwrap();
            for item in items {
                writeln!(text, "{indent}  item").unwrap();
                dump(item, depth + 2, text);
            }
            continue;
        }
        let bytes = element.to_bytes().unwrap();
        match vr {
            VR::DA | VR::TM | VR::DT
                if element
                    .to_str()
                    .is_ok_and(|value| value.len() >= 6 && value != "20260102") =>
            {
                writeln!(text, " …").unwrap();
            }
            VR::OB | VR::OW => writeln!(text, " {} bytes {}", bytes.len(), sha256(&bytes)).unwrap(),
            _ => match element.to_str() {
                Ok(value) => writeln!(text, " {value:?}").unwrap(),
                Err(_) => writeln!(text, " {bytes:?}").unwrap(),
            },
        }
    }
}

#[test]
fn objects_and_their_derived_uids_are_pinned() {
    let server = Server::echo();
    let source = Object::of(&samples(), 64, 64)
        .with(dicom_dictionary_std::tags::PIXEL_SPACING, "0.5\\0.25")
        .file();
    let mut text = String::new();
    for query in [
        "format=dicom-seg",
        "format=dicom-seg&segmentation=fractional",
        "format=dicom-sc",
        "format=dicom-sr",
        "format=dicom-seg&threshold=0.25",
    ] {
        let call = server.post(&format!("/v1/segment?uids=derived&{query}"));
        let reply = call
            .header("content-type", "application/dicom")
            .body(source.clone())
            .send();
        assert_eq!(
            reply.header("content-type"),
            Some("application/dicom"),
            "{reply:?}"
        );
        let object = dicom_object::from_reader(reply.body.as_slice()).unwrap();
        let meta = object.meta();
        writeln!(
            text,
            "== {query}\npreamble {} {} {:?}",
            meta.transfer_syntax, meta.implementation_class_uid, meta.implementation_version_name
        )
        .unwrap();
        dump(&object, 0, &mut text);
    }
    assert_pinned("objects.txt", &text.replace('\0', ""));
}
