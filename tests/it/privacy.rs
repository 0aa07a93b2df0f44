//! Tests that nothing of a film is left once it is answered: in logs, traces, metrics, audit lines and files.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dicom_dictionary_std::tags;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::BOUNDARY;
use crate::dicom_films::Object;
use crate::program::Daemon;
use crate::traces::Collector;
use lungfield_testing::small;

/// The name of a patient, in file names, in the text of a film and in DICOM attributes.
const NAME: &str = "MUSTERMANN^ERIKA";
/// The pixels of each row. A log that writes bytes as text or as numbers would contain them.
const PIXELS: &[u8; 32] = b"pixels-of-a-patient-that-is-ill!";

/// Encodes a film whose text names a patient and whose pixels can be recognised.
fn marked_film() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 32, 32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder
        .add_text_chunk("Description".to_owned(), format!("PatientName={NAME}"))
        .unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&PIXELS.repeat(32)).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Encodes a DICOM film with the same name and pixels.
fn marked_dicom() -> Vec<u8> {
    Object::of(&PIXELS.repeat(32), 32, 32)
        .with(tags::PATIENT_NAME, NAME)
        .with(tags::PATIENT_ID, NAME)
        .file()
}

fn form(film: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{NAME}.png\"\r\n\
         Content-Type: image/png; name={NAME}\r\n\r\n"
    );
    [
        head.as_bytes(),
        film,
        format!("\r\n--{BOUNDARY}--\r\n").as_bytes(),
    ]
    .concat()
}

/// Sends the marked films in every way that they can be sent, and requests that are refused.
fn send_all(server: &Daemon) {
    let film = marked_film();
    let media = format!("multipart/form-data; boundary={BOUNDARY}");
    for format in ["json", "png", "overlay"] {
        let path = format!("/v1/segment?format={format}");
        let reply = server
            .post(&path)
            .header("content-type", &media)
            .body(form(&film))
            .send();
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let dicom = marked_dicom();
    for format in ["json", "overlay", "dicom-sc", "dicom-sr"] {
        let reply = server
            .post(&format!("/v1/segment?format={format}"))
            .body(dicom.clone())
            .send();
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    infer_all(server, &film, &dicom);
    server
        .film(&dicom[..dicom.len() - 40])
        .send()
        .assert_problem(422, "undecodable_image");
    let unnamed = Object::of(&PIXELS.repeat(32), 32, 32)
        .without(tags::STUDY_INSTANCE_UID)
        .with(tags::PATIENT_NAME, NAME);
    let call = server
        .post("/v1/segment?format=dicom-sr")
        .body(unnamed.file());
    call.send().assert_problem(422, "undecodable_image");
    server
        .film(&film[..film.len() / 2])
        .send()
        .assert_problem(422, "undecodable_image");
    server
        .film(NAME.as_bytes())
        .header("content-type", NAME)
        .send()
        .assert_problem(415, "unsupported_media_type");
    server
        .post(&format!("/v1/segment?patient={NAME}"))
        .body(film.clone())
        .send()
        .assert_problem(400, "invalid_query");
    server
        .get(&format!("/patients/{NAME}"))
        .send()
        .assert_problem(404, "not_found");
    let odd = server
        .film(&film)
        .header("x-request-id", NAME)
        .header("lungfield-timeout-ms", NAME);
    odd.send().assert_problem(400, "invalid_timeout");
}

/// Sends the marked films by the Open Inference Protocol, as JSON and as binary data, and requests that are refused.
fn infer_all(server: &Daemon, film: &[u8], dicom: &[u8]) {
    let name = server.get("/v1/model").send().json()["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v2/models/{name}/infer");
    let image = |shape: Value, datatype: &str, data: Value| {
        let image = json!({"name": "image", "shape": shape, "datatype": datatype, "data": data});
        json!({"id": NAME, "parameters": {"patient": NAME}, "inputs": [image]})
    };
    let numbers = json!(PIXELS.repeat(32));
    let refused = [
        (image(json!([32, 33]), "UINT8", numbers.clone()), 400),
        (image(json!([32, 32]), NAME, numbers.clone()), 400),
        (image(json!([NAME]), "UINT8", numbers.clone()), 400),
        (image(json!([1]), "BYTES", json!([NAME])), 400),
        (
            image(json!([1]), "BYTES", json!([BASE64_STANDARD.encode(NAME)])),
            415,
        ),
        (
            json!({ "inputs": [{ "name": NAME, "shape": [32, 32], "datatype": "UINT8", "data": numbers }] }),
            400,
        ),
    ];
    let files =
        [film, dicom].map(|file| image(json!([1]), "BYTES", json!([BASE64_STANDARD.encode(file)])));
    let answered = files
        .into_iter()
        .chain([image(json!([32, 32]), "UINT8", numbers)]);
    for (request, status) in answered.map(|request| (request, 200)).chain(refused) {
        let reply = server.post(&path).body(request.to_string()).send();
        assert_eq!(reply.status, status, "{reply:?}");
    }
    let tensor = json!({"name": "image", "shape": [32, 32], "datatype": "UINT8", "parameters": {"binary_data_size": 1024}});
    let head = json!({"id": NAME, "inputs": [tensor]}).to_string();
    let call = server
        .post(&path)
        .header("inference-header-content-length", &head.len().to_string());
    let body = [head.as_bytes(), &PIXELS.repeat(32)].concat();
    assert_eq!(call.body(body).send().status, 200);
    assert_eq!(
        server
            .post(&format!("/v2/models/{NAME}/infer"))
            .body("{}")
            .send()
            .status,
        404
    );
}

/// Asserts that bytes contain neither the name nor the pixels, in any encoding.
#[track_caller]
fn assert_nothing_of_it(what: &str, bytes: &[u8]) {
    let numbers = PIXELS[..6]
        .iter()
        .map(u8::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let found = [
        NAME.as_bytes(),
        &PIXELS[..12],
        numbers.as_bytes(),
        &BASE64_STANDARD.encode(&PIXELS[..12]).into_bytes(),
    ];
    for trace in found {
        let found = bytes
            .windows(trace.len())
            .any(|window| window.eq_ignore_ascii_case(trace));
        assert!(!found, "{what} contains {}", String::from_utf8_lossy(trace));
    }
}

#[test]
fn nothing_of_a_film_is_logged_traced_counted_accounted_for_or_left_in_a_file() {
    let (model, temporary, folder) = (
        small::model(),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
    );
    let (collector, audit) = (Collector::start(), folder.path().join("audit.jsonl"));
    let flags = [
        "--log-filter=trace".to_owned(),
        "--drain-delay=0s".to_owned(),
        format!("--otlp-endpoint=http://{}", collector.address),
        format!("--audit-log={}", audit.display()),
    ];
    let flags = flags.each_ref().map(String::as_str);
    let server = Daemon::start_in(model.path(), temporary.path(), &flags);
    send_all(&server);
    let metrics = server.metrics();
    assert!(metrics.contains("invalid_timeout"));
    assert_nothing_of_it("a metric", metrics.as_bytes());
    let files = open_files(server.program.id());
    assert!(
        files.iter().all(|file| !file.starts_with(temporary.path())),
        "{files:?}"
    );
    let limits = fs_err::read_to_string(format!("/proc/{}/limits", server.program.id())).unwrap();
    let cores = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let limited = cores
        .split_whitespace()
        .filter(|&word| ["0", "1"].contains(&word))
        .count();
    assert_eq!(limited, 2, "{cores}");

    server.program.send_signal(Signal::TERM);
    let (_, log) = server.program.wait_for_end();
    assert!(log.len() > 20, "the log has lines");
    assert_nothing_of_it("the log", log.join("\n").as_bytes());
    let (traced, spans) = collector.spans();
    assert!(spans.len() > 10, "spans were sent");
    assert_nothing_of_it("a trace", &traced);
    let audited = fs_err::read_to_string(&audit).unwrap();
    assert!(audited.lines().count() >= 25, "the audit log has lines");
    assert_nothing_of_it("the audit log", audited.as_bytes());
    assert_eq!(
        fs_err::read_dir(temporary.path()).unwrap().count(),
        0,
        "no temporary file is left"
    );
}

/// Returns the files that a process has open.
fn open_files(id: u32) -> Vec<std::path::PathBuf> {
    let folder = format!("/proc/{id}/fd");
    let entries = fs_err::read_dir(Path::new(&folder)).unwrap();
    entries
        .filter_map(|entry| fs_err::read_link(entry.ok()?.path()).ok())
        .collect()
}

#[test]
fn what_is_looked_for_would_be_found() {
    let film = marked_film();
    assert!(std::panic::catch_unwind(|| assert_nothing_of_it("a film", &film)).is_err());
    let numbers = format!("{:?}", &PIXELS[..8]);
    assert!(
        std::panic::catch_unwind(|| assert_nothing_of_it("numbers", numbers.as_bytes())).is_err()
    );
}
