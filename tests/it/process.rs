//! Tests of `lungfield-serve` as a process: how it starts, refuses to start, ends, and what it logs.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use lungfield_codec::rle::{CocoRle, Rle};
use lungfield_model::manifest::{MANIFEST, WEIGHTS};
use lungfield_radiograph::mask::Mask;
use lungfield_support::sha256;
use rustix::process::Signal;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;

use crate::client::Call;
use crate::program::{Daemon, serve};
use lungfield_testing::small;

/// No delay before the drain, since no load balancer has to notice it.
const NO_DELAY: &str = "--drain-delay=0s";
/// A part of the line that is logged when the listener is closed.
const CLOSED: &str = "draining drain_timeout_ms";

#[test]
fn a_film_is_served_and_a_signal_ends_the_server_well() {
    let model = small::model();
    for signal in [Signal::TERM, Signal::INT] {
        let server = Daemon::start(model.path(), &[NO_DELAY]);
        assert_eq!(server.get("/health/ready").send().status, 200);
        let answer = server.film(&small::film(1, 128)).send().segmented();
        assert_eq!(answer["mask"]["size"], serde_json::json!([128, 128]));
        server.program.send_signal(signal);
        let (status, log) = server.program.wait_for_end();
        assert_eq!(status.code(), Some(0), "{log:#?}");
        assert!(log.last().unwrap().contains("drained"), "{log:#?}");
    }
}

#[test]
fn a_server_that_leaves_says_so_then_closes_and_still_answers_what_it_has_begun() {
    let (model, film) = (small::model(), small::film(2, 128));
    let mut server = Daemon::start(model.path(), &["--drain-delay=3s"]);
    let mut begun = server.half_way(&film);
    server.program.send_signal(Signal::TERM);
    server.program.wait_for_line("not ready");
    server
        .get("/health/ready")
        .send()
        .assert_problem(503, "draining");
    assert_eq!(server.get("/health/live").send().status, 200);
    server.film(&film).send().segmented();
    server.program.wait_for_line(CLOSED);
    assert!(
        TcpStream::connect(server.address).is_err(),
        "the listener is closed"
    );
    begun.write(&film[film.len() / 2..]);
    begun.reply().segmented();
    assert_eq!(server.program.wait_for_end().0.code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let (model, film) = (small::model(), small::film(3, 128));
    let mut server = Daemon::start(model.path(), &[NO_DELAY, "--drain-timeout=1h"]);
    let _begun = server.half_way(&film);
    server.program.send_signal(Signal::TERM);
    server.program.wait_for_line(CLOSED);
    server.program.send_signal(Signal::INT);
    let (status, log) = server.program.wait_for_end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
}

#[test]
fn a_drain_that_takes_too_long_is_given_up() {
    let (model, film) = (small::model(), small::film(3, 128));
    let server = Daemon::start(model.path(), &[NO_DELAY, "--drain-timeout=100ms"]);
    let _begun = server.half_way(&film);
    server.program.send_signal(Signal::TERM);
    let (status, log) = server.program.wait_for_end();
    assert_eq!(status.code(), Some(0));
    assert!(
        log.iter()
            .any(|line| line.contains("WARN") && line.contains("not answered")),
        "{log:#?}"
    );
}

/// Asserts that a server does not start, and that it logs one line that has every one of `parts`.
#[track_caller]
fn assert_refused(model: &Path, flags: &[&str], parts: &[&str]) {
    let (status, log) = serve(model, flags).wait_for_end();
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert_eq!(log.len(), 1, "one line, not {log:#?}");
    assert!(
        log[0].contains("ERROR") && parts.iter().all(|part| log[0].contains(part)),
        "{parts:?}: {}",
        log[0]
    );
}

/// Changes the manifest of a model directory.
fn edit(model: &Path, change: impl FnOnce(&mut Value)) {
    let path = model.join(MANIFEST);
    let mut manifest = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs_err::write(path, manifest.to_string()).unwrap();
}

/// The tensors of a weights file: shapes and bytes by name.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

/// Changes the weights of a model directory, and the hash in its manifest with them.
fn reweigh(model: &Path, change: impl FnOnce(&mut Tensors)) {
    let path = model.join(WEIGHTS);
    let bytes = fs_err::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter();
    let mut tensors: Tensors = tensors
        .map(|(name, view)| (name, (view.shape().to_vec(), view.data().to_vec())))
        .collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        (
            name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    edit(model, |manifest| {
        manifest["weights_sha256"] = sha256::hex(&bytes).into();
    });
    fs_err::write(path, bytes).unwrap();
}

#[test]
fn a_server_without_a_model_does_not_start() {
    assert_refused(
        Path::new("/nowhere/model"),
        &[],
        &["no readable model", "/nowhere/model"],
    );
    let model = small::model();
    fs_err::remove_file(model.path().join(WEIGHTS)).unwrap();
    assert_refused(model.path(), &[], &[WEIGHTS]);
}

#[test]
fn a_server_whose_log_is_silenced_still_says_why_it_does_not_start() {
    for filter in ["off", "inof"] {
        let (status, log) =
            serve(Path::new("/nowhere/model"), &["--log-filter", filter]).wait_for_end();
        assert_eq!(status.code(), Some(1));
        assert!(
            matches!(&log[..], [line] if line.contains("/nowhere/model")),
            "{log:#?}"
        );
    }
}

#[test]
fn a_server_with_a_manifest_that_can_not_be_used_does_not_start() {
    let model = small::model();
    let path = model.path().join(MANIFEST);
    fs_err::write(&path, "{\"format\": 1,").unwrap();
    assert_refused(model.path(), &[], &[path.to_str().unwrap(), "line 1"]);
    let model = small::model();
    edit(model.path(), |manifest| {
        manifest["preprocesing"] = manifest["preprocessing"].take();
    });
    assert_refused(model.path(), &[], &[MANIFEST, "preprocesing"]);
}

#[test]
fn a_server_with_other_weights_than_the_manifest_says_does_not_start() {
    let model = small::model();
    let path = model.path().join(WEIGHTS);
    let mut bytes = fs_err::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs_err::write(&path, bytes).unwrap();
    assert_refused(model.path(), &[], &["sha256"]);

    let model = small::model();
    let mut missing = String::new();
    reweigh(model.path(), |tensors| {
        missing = tensors.pop_first().unwrap().0;
    });
    assert_refused(model.path(), &[], &[&missing, "missing"]);

    let model = small::model();
    let mut bent = String::new();
    reweigh(model.path(), |tensors| {
        let (name, (shape, _)) = tensors
            .iter_mut()
            .find(|(_, (shape, _))| shape.len() == 4)
            .unwrap();
        shape.swap(0, 1);
        shape.swap(0, 3);
        bent.clone_from(name);
    });
    assert_refused(model.path(), &[], &[&bent, "shape"]);

    let model = small::model();
    reweigh(model.path(), |tensors| {
        let first = tensors.values().next().unwrap().clone();
        tensors.insert("stowaway".to_owned(), first);
    });
    assert_refused(model.path(), &[], &["stowaway", "unknown"]);

    let model = small::model();
    edit(model.path(), |manifest| {
        manifest["network"]["width"] = 4.into();
    });
    assert_refused(model.path(), &[], &["4 channels in its first block"]);
}

#[test]
fn a_server_whose_model_computes_something_else_does_not_start() {
    let model = small::model();
    edit(model.path(), |manifest| {
        let mask = manifest.pointer_mut("/golden/mask").unwrap();
        let golden: CocoRle = serde_json::from_value(mask.take()).unwrap();
        let golden = golden.check(1 << 22).unwrap().to_mask();
        let opposite = golden.pixels().map(|lung| !lung);
        *mask = serde_json::to_value(
            Rle::of(&Mask::new(golden.size(), opposite).unwrap()).compressed(),
        )
        .unwrap();
    });
    assert_refused(model.path(), &[], &["golden", "0.0000"]);
}

#[test]
fn a_server_whose_port_is_taken_does_not_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_refused(
        small::model().path(),
        &["--listen", &address],
        &["can't listen", &address, "in use"],
    );
}

#[test]
fn a_server_that_is_told_to_use_a_missing_gpu_does_not_start() {
    if Path::new("/dev/nvidiactl").exists() {
        return; // this machine has a GPU
    }
    assert_refused(
        small::model().path(),
        &["--device=cuda"],
        &["CUDA is not available", "--device cpu"],
    );
}

#[test]
fn a_server_that_is_told_nonsense_does_not_start_and_names_the_setting() {
    let model = small::model();
    for (flag, value) in [
        ("--listen", "8080"),
        ("--device", "gpu"),
        ("--precision", "f64"),
        ("--max-batch-size", "0"),
        ("--max-body", "lots"),
        ("--byte-budget", "1MiB"),
        ("--request-timeout", "soon"),
        ("--log-format", "xml"),
        ("--log-filter", "lungfield=loud"),
        ("--colour", "blue"),
    ] {
        let (status, log) = serve(model.path(), &[&format!("{flag}={value}")]).wait_for_end();
        assert_eq!(status.code(), Some(2), "{flag}: {log:#?}");
        assert!(
            log[0].starts_with("error: ") && log[0].contains(flag),
            "{flag}: {log:#?}"
        );
        assert!(!log.concat().contains("panicked"), "{flag}: {log:#?}");
    }
}

#[test]
fn a_json_log_is_an_object_a_line_and_says_nothing_of_what_was_sent() {
    let model = small::model();
    let server = Daemon::start(
        model.path(),
        &[NO_DELAY, "--log-format=json", "--log-filter=trace"],
    );
    let form = |film: &[u8]| {
        let head = "--x\r\nContent-Disposition: form-data; name=\"image\"; filename=\"Mustermann.png\"\r\n\
                    Content-Type: image/png; of=Mustermann\r\n\r\n";
        [head.as_bytes(), film, b"\r\n--x--\r\n"].concat()
    };
    let send = |film: &[u8]| {
        server
            .film(&form(film))
            .header("content-type", "multipart/form-data; boundary=x")
            .send()
    };
    send(&small::film(4, 64)).segmented();
    send(b"Mustermann").assert_problem(415, "unrecognised_image");
    let typed = server
        .film(b"Mustermann")
        .header("content-type", "text/plain; of=Mustermann");
    typed.send().assert_problem(415, "unsupported_media_type");
    let asked = Call::new("POST", server.address, "/v1/segment?rle=Mustermann").body(b"Mustermann");
    asked.send().assert_problem(400, "invalid_query");
    server
        .get("/Mustermann?of=Mustermann")
        .send()
        .assert_problem(404, "not_found");
    server.program.send_signal(Signal::TERM);
    let (status, log) = server.program.wait_for_end();
    assert_eq!(status.code(), Some(0));
    let lines: Vec<Value> = log
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines
            .iter()
            .all(|line| line.is_object() && line["level"].is_string())
    );
    let answered: Vec<_> = lines
        .iter()
        .filter(|line| line["message"] == "answered")
        .collect();
    let statuses: Vec<_> = answered
        .iter()
        .map(|line| line["http.status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [200, 415, 415, 400, 404]);
    assert_eq!(answered[0]["http.route"], "/v1/segment");
    assert!(
        answered[0]["span"]["request.id"].is_string(),
        "{}",
        answered[0]
    );
    let telling = log.iter().find(|line| line.contains("Mustermann"));
    assert_eq!(telling, None);
}
