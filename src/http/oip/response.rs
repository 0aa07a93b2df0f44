//! Writes the answer to an inference: JSON, followed by the tensors that were asked for in binary.

use serde::Serialize;

use super::request::{Asked, Output};
use lungfield_codec::ModelIdentity;
use lungfield_radiograph::geometry::Size;

/// The result of an inference.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) model: &'a ModelIdentity,
    pub(super) id: Option<&'a str>,
    pub(super) threshold: f32,
    /// The codes of warnings, separated by commas.
    pub(super) warnings: String,
    pub(super) size: Size,
    /// One byte for each pixel: 1 for lung.
    pub(super) mask: &'a [u8],
    pub(super) dice: Option<f64>,
}

/// The bytes of an answer, and how many of them are JSON where binary tensors follow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Framed {
    pub(super) bytes: Vec<u8>,
    pub(super) json_bytes: Option<usize>,
}

#[derive(Serialize)]
struct Json<'a> {
    model_name: &'a str,
    model_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    parameters: Parameters<'a>,
    outputs: Vec<Tensor<'a>>,
}

#[derive(Serialize)]
struct Parameters<'a> {
    threshold: f32,
    warnings: &'a str,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
struct BinarySize {
    binary_data_size: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Mask(&'a [u8]),
    Dice([f32; 1]),
}

impl Data<'_> {
    /// Appends the elements in binary, the least significant byte of a number first.
    fn append_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Mask(mask) => bytes.extend_from_slice(mask),
            Self::Dice([dice]) => bytes.extend_from_slice(&dice.to_le_bytes()),
        }
    }

    fn size_bytes(&self) -> usize {
        match self {
            Self::Mask(mask) => mask.len(),
            Self::Dice(dice) => size_of_val(dice),
        }
    }
}

impl Answer<'_> {
    /// Writes the answer with the outputs that are asked for, in their order.
    pub(super) fn frame(&self, asked: &[Asked]) -> Framed {
        let (mut outputs, mut binary) = (Vec::new(), Vec::new());
        for asked in asked {
            let (mut tensor, data) = self.tensor(asked.name);
            if asked.binary {
                tensor.parameters = Some(BinarySize {
                    binary_data_size: data.size_bytes(),
                });
                binary.push(data);
            } else {
                tensor.data = Some(data);
            }
            outputs.push(tensor);
        }
        let json = Json {
            model_name: &self.model.name,
            model_version: &self.model.version,
            id: self.id,
            parameters: Parameters {
                threshold: self.threshold,
                warnings: &self.warnings,
            },
            outputs,
        };
        let mut bytes = serde_json::to_vec(&json).expect("an answer has nothing that JSON lacks");
        let json_bytes = (!binary.is_empty()).then_some(bytes.len());
        for data in binary {
            data.append_to(&mut bytes);
        }
        Framed { bytes, json_bytes }
    }

    fn tensor(&self, name: Output) -> (Tensor<'static>, Data<'_>) {
        let (name, datatype, shape, data) = match name {
            Output::Mask => (
                "mask",
                "UINT8",
                vec![self.size.height(), self.size.width()],
                Data::Mask(self.mask),
            ),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the protocol's type of it has 32 bits"
            )]
            Output::Dice => {
                let dice = self
                    .dice
                    .expect("it is only asked for where there is a reference mask");
                ("dice", "FP32", vec![1], Data::Dice([dice as f32]))
            }
        };
        (
            Tensor {
                name,
                datatype,
                shape,
                parameters: None,
                data: None,
            },
            data,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(asked: &[Asked]) -> Framed {
        let model = ModelIdentity {
            name: "m".to_owned(),
            version: "1".to_owned(),
            weights_sha256: String::new(),
        };
        let result = Answer {
            model: &model,
            id: None,
            threshold: 0.5,
            warnings: String::new(),
            size: Size::new(3, 1).unwrap(),
            mask: &[0, 1, 1],
            dice: Some(0.5),
        };
        result.frame(asked)
    }

    #[test]
    fn json_says_what_follows_it() {
        let both = [
            Asked {
                name: Output::Dice,
                binary: true,
            },
            Asked {
                name: Output::Mask,
                binary: true,
            },
        ];
        let Framed { bytes, json_bytes } = answer(&both);
        let (json, binary) = bytes.split_at(json_bytes.unwrap());
        let json: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], 4);
        assert_eq!(json["outputs"][1]["shape"], serde_json::json!([1, 3]));
        assert_eq!(binary, [0, 0, 0, 0x3f, 0, 1, 1]);
    }

    #[test]
    fn without_binary_tensors_all_is_json() {
        let Framed { bytes, json_bytes } = answer(&[Asked {
            name: Output::Mask,
            binary: false,
        }]);
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            (json_bytes, &json["outputs"][0]["data"]),
            (None, &serde_json::json!([0, 1, 1]))
        );
        assert!(json["outputs"].as_array().unwrap().len() == 1 && json.get("id").is_none());
    }
}
