//! Tests of the module above.

use super::*;

fn json(text: &str) -> Result<Inference, InvalidRequest> {
    read(Bytes::from(text.to_owned()), None)
}

fn with_binary(json: &str, binary: &[u8]) -> Result<Inference, InvalidRequest> {
    read([json.as_bytes(), binary].concat().into(), Some(json.len()))
}

fn values(image: &Image) -> &[u8] {
    image.bytes()
}

#[test]
fn a_film_comes_as_numbers_or_as_a_file() {
    let numbers = r#"{"id": "7", "inputs": [{"name": "image", "shape": [2, 3], "datatype": "UINT8", "data": [[1,2,3],[4,5,6]]}]}"#;
    let read = json(numbers).unwrap();
    assert_eq!(
        (read.id.as_deref(), values(&read.film.image)),
        (Some("7"), &[1, 2, 3, 4, 5, 6][..])
    );
    assert_eq!(
        read.outputs,
        [Asked {
            name: Output::Mask,
            binary: false
        }]
    );
    let file = r#"{"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": ["aGVsbG8="]}]}"#;
    assert!(matches!(json(file).unwrap().film.image, Image::File(bytes) if bytes == "hello"));
}

#[test]
fn binary_tensors_follow_the_json_in_order() {
    let head = r#"{"parameters": {"threshold": 0.25}, "inputs": [
        {"name": "image", "shape": [1, 4], "datatype": "UINT8", "parameters": {"binary_data_size": 4}},
        {"name": "ground_truth", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 6}}],
        "outputs": [{"name": "dice", "parameters": {"binary_data": true}}, {"name": "mask"}]}"#;
    let read = with_binary(head, b"\x01\x02\x03\x04\x02\0\0\0hi").unwrap();
    assert_eq!(values(&read.film.image), [1, 2, 3, 4]);
    assert_eq!(values(&read.film.reference.unwrap()), b"hi");
    assert_eq!(read.threshold.map(Threshold::get), Some(0.25));
    let (dice, mask) = (
        Asked {
            name: Output::Dice,
            binary: true,
        },
        Asked {
            name: Output::Mask,
            binary: false,
        },
    );
    assert_eq!(read.outputs, [dice, mask]);
    for wrong in [
        &b"\x01\x02\x03\x04\x02\0\0\0h"[..],
        b"\x01\x02\x03\x04\x03\0\0\0hi",
        b"\x01\x02\x03\x04\x02\0\0\0hi!",
        b"",
    ] {
        assert!(with_binary(head, wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_refusal_does_not_quote_at_length() {
    let InvalidRequest(words) =
        json(&format!(r#"{{"inputs": "{}"}}"#, "\u{7f}".repeat(100_000))).unwrap_err();
    assert!(words.contains("line 1") && words.len() < 300, "{words}");
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let image = |rest: &str| format!(r#"{{"inputs": [{{"name": "image", {rest}}}]}}"#);
    for bad in [
        r#""shape": [2, 2], "datatype": "UINT8", "data": [1, 2, 3]"#,
        r#""shape": [-2, -2], "datatype": "UINT8", "data": [1, 2, 3, 4]"#,
        r#""shape": [0, 4], "datatype": "UINT8", "data": []"#,
        r#""shape": [1, 2, 2], "datatype": "UINT8", "data": [1, 2, 3, 4]"#,
        r#""shape": [4], "datatype": "UINT8", "data": [1, 2, 3, 4]"#,
        r#""shape": [4294967296, 1], "datatype": "UINT8", "data": [1]"#,
        r#""shape": [4294967295, 4294967295], "datatype": "UINT8", "data": [1]"#,
        r#""shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]"#,
        r#""shape": [2, 2], "datatype": "UINT8", "data": ["aGVsbG8="]"#,
        r#""shape": [2, 2], "datatype": "UINT8""#,
        r#""shape": [2], "datatype": "BYTES", "data": ["aGVsbG8="]"#,
        r#""shape": [1], "datatype": "BYTES", "data": [1]"#,
        r#""shape": [1,1,1,1,1,1,1,1,1], "datatype": "UINT8", "data": [1]"#,
        r#""shape": [2, 2], "datatype": "UINT8", "data": [1], "parameters": {"binary_data_size": 4}"#,
    ] {
        assert!(json(&image(bad)).is_err(), "{bad}");
    }
    let good = r#"{"name": "image", "shape": [1, 1], "datatype": "UINT8", "data": [1]}"#;
    for bad in [
        format!(r#"{{"inputs": [{good}, {good}]}}"#),
        format!(r#"{{"inputs": [{good}], "outputs": [{{"name": "dice"}}]}}"#),
        format!(r#"{{"inputs": [{good}], "outputs": [{{"name": "mask"}}, {{"name": "mask"}}]}}"#),
        format!(r#"{{"inputs": [{good}], "parameters": {{"threshold": 2}}}}"#),
        format!(r#"{{"inputs": [{good}], "id": "{}"}}"#, "x".repeat(2000)),
        r#"{"inputs": []}"#.to_owned(),
        "{}".to_owned(),
        String::new(),
    ] {
        assert!(json(&bad).is_err(), "{bad:.80}");
    }
    assert!(
        json(&format!(
            r#"{{"inputs": [{good}], "outputs": null, "parameters": null}}"#
        ))
        .is_ok()
    );
    assert!(
        json(&format!(
            r#"{{"inputs": [{good}], "custom": {{"a": [1]}}}}"#
        ))
        .is_ok()
    );
    assert!(read(Bytes::from_static(b"{}"), Some(3)).is_err());
}
