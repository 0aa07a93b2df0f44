//! Parses an inference request: its JSON, the binary tensors behind it, and the film that they make.

use std::fmt::{self, Write};
use std::marker::PhantomData;

use bytes::{Buf, Bytes};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::data::Data;
use lungfield_codec::{Image, Samples};
use lungfield_engine::pipeline::Film;
use lungfield_radiograph::geometry::Size;
use lungfield_radiograph::mask::Threshold;

/// The most inputs, outputs, and dimensions of a shape.
const MAX_ITEMS: usize = 8;
/// The longest description of an error in JSON, in bytes.
const MAX_ERROR_BYTES: usize = 160;
/// The longest id that is returned, in bytes.
const MAX_ID_BYTES: usize = 1024;

/// Why a request is invalid, as its sender is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidRequest(pub(super) String);

impl<T: Into<String>> From<T> for InvalidRequest {
    fn from(words: T) -> Self {
        Self(words.into())
    }
}

/// An output that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) name: Output,
    /// Whether its elements follow the JSON in binary.
    pub(super) binary: bool,
}

/// An output of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Mask,
    Dice,
}

/// A valid request.
#[derive(Debug)]
pub(super) struct Inference {
    pub(super) id: Option<String>,
    pub(super) film: Film,
    pub(super) threshold: Option<Threshold>,
    pub(super) outputs: Vec<Asked>,
}

/// The JSON of a request. Unknown members are ignored, as the protocol requires.
#[derive(Deserialize)]
struct Json {
    id: Option<String>,
    parameters: Option<RequestParameters>,
    inputs: Few<Tensor>,
    outputs: Option<Few<Wanted>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RequestParameters {
    threshold: Option<Threshold>,
    binary_data_output: bool,
}

#[derive(Deserialize)]
struct Tensor {
    name: String,
    shape: Few<i64>,
    datatype: String,
    parameters: Option<TensorParameters>,
    data: Option<Data>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TensorParameters {
    binary_data_size: Option<u64>,
}

#[derive(Deserialize)]
struct Wanted {
    name: String,
    parameters: Option<WantedParameters>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WantedParameters {
    binary_data: Option<bool>,
}

/// A short list: a longer one is refused before it takes memory.
struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Short<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Short<T> {
            type Value = Vec<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "a list of at most {MAX_ITEMS}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() == MAX_ITEMS {
                        return Err(A::Error::invalid_length(MAX_ITEMS + 1, &self));
                    }
                    items.push(item);
                }
                Ok(items)
            }
        }
        deserializer.deserialize_seq(Short(PhantomData)).map(Self)
    }
}

/// Reads a body of which `json_bytes` are JSON and the rest binary tensors; all are JSON where it is `None`.
pub(super) fn read(
    mut body: Bytes,
    json_bytes: Option<usize>,
) -> Result<Inference, InvalidRequest> {
    let json_bytes = json_bytes.unwrap_or(body.len());
    if json_bytes > body.len() {
        return Err("`Inference-Header-Content-Length` is more than the body".into());
    }
    let head = body.split_to(json_bytes);
    let json: Json = serde_json::from_slice(&head).map_err(|error| unusable(&error))?;
    let id = json.id.filter(|id| !id.is_empty());
    if id.as_ref().is_some_and(|id| id.len() > MAX_ID_BYTES) {
        return Err(format!("`id` has more than {MAX_ID_BYTES} bytes").into());
    }
    let film = film(json.inputs.0, &mut body)?;
    if !body.is_empty() {
        return Err(format!("{} bytes stand behind the last input", body.len()).into());
    }
    let measured = film.reference.is_some();
    let parameters = json.parameters.unwrap_or_default();
    let wanted = json.outputs.unwrap_or_default().0;
    let outputs = outputs(&wanted, parameters.binary_data_output, measured)?;
    Ok(Inference {
        id,
        film,
        threshold: parameters.threshold,
        outputs,
    })
}

/// Describes an error of the JSON parser, cut short: the parser quotes all of what it did not expect.
fn unusable(error: &serde_json::Error) -> InvalidRequest {
    let mut words = Short(String::new());
    let _ = write!(words, "{error}"); // ends early where it is long
    format!(
        "the JSON can't be used (line {}, column {}): {}",
        error.line(),
        error.column(),
        words.0
    )
    .into()
}

/// A string that takes no more than [`MAX_ERROR_BYTES`].
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_ERROR_BYTES.saturating_sub(self.0.len());
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() > room {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

/// Makes the film of the inputs, which take their elements from the binary tensors in order.
fn film(inputs: Vec<Tensor>, binary: &mut Bytes) -> Result<Film, InvalidRequest> {
    let (mut image, mut reference) = (None, None);
    for tensor in inputs {
        let slot = match tensor.name.as_str() {
            "image" => &mut image,
            "ground_truth" => &mut reference,
            _ => {
                return Err(
                    "there is an input that is named neither `image` nor `ground_truth`".into(),
                );
            }
        };
        if slot.is_some() {
            return Err(format!("the input `{}` came twice", tensor.name).into());
        }
        *slot = Some(tensor.picture(binary)?);
    }
    let image = image.ok_or("there is no input `image`")?;
    Ok(Film { image, reference })
}

impl Tensor {
    fn picture(self, binary: &mut Bytes) -> Result<Image, InvalidRequest> {
        let name = self.name;
        let data = match (
            self.parameters.unwrap_or_default().binary_data_size,
            self.data,
        ) {
            (Some(_), Some(_)) => {
                return Err(format!("`{name}` has both data and binary data").into());
            }
            (None, None) => return Err(format!("`{name}` has neither data nor binary data").into()),
            (None, Some(data)) => Elements::Json(data),
            (Some(size), None) => {
                let size = usize::try_from(size)
                    .ok()
                    .filter(|&size| size <= binary.len());
                let size =
                    size.ok_or_else(|| format!("the binary data of `{name}` is cut short"))?;
                Elements::Binary(binary.split_to(size))
            }
        };
        match self.datatype.as_str() {
            "UINT8" => samples(&name, &self.shape.0, data.numbers(&name)?).map(Image::Samples),
            "BYTES" if self.shape.0 == [1] => data.text(&name).map(Image::File),
            "BYTES" => Err(format!(
                "`{name}` is BYTES, whose shape is [1]: the file of one picture"
            )
            .into()),
            _ => Err(format!("`{name}` is neither UINT8 nor BYTES").into()),
        }
    }
}

/// The elements of a tensor, in JSON or in binary.
enum Elements {
    Json(Data),
    Binary(Bytes),
}

impl Elements {
    fn numbers(self, name: &str) -> Result<Bytes, InvalidRequest> {
        match self {
            Self::Binary(bytes) => Ok(bytes),
            Self::Json(Data::Numbers(numbers)) => Ok(numbers.into()),
            Self::Json(Data::Text(_)) => Err(format!("`{name}` is UINT8 and has a text").into()),
        }
    }

    /// Returns the one element. In binary its length comes before it, in four bytes with the least significant first.
    fn text(self, name: &str) -> Result<Bytes, InvalidRequest> {
        match self {
            Self::Json(Data::Text(text)) => Ok(text.into()),
            Self::Json(Data::Numbers(_)) => {
                Err(format!("`{name}` is BYTES and has no text in base64").into())
            }
            Self::Binary(mut bytes) => {
                let length = if bytes.len() < 4 {
                    None
                } else {
                    usize::try_from(bytes.get_u32_le()).ok()
                };
                if length == Some(bytes.len()) {
                    return Ok(bytes);
                }
                Err(format!(
                    "the binary data of `{name}` is not one element with its length before it"
                )
                .into())
            }
        }
    }
}

fn samples(name: &str, shape: &[i64], values: Bytes) -> Result<Samples, InvalidRequest> {
    let side = |length: i64| u32::try_from(length).ok();
    let size = match *shape {
        [height, width] => side(width)
            .zip(side(height))
            .and_then(|(width, height)| Size::new(width, height)),
        _ => {
            return Err(format!(
                "the shape of `{name}` is not [height, width]; films come one by one"
            )
            .into());
        }
    };
    let size =
        size.ok_or_else(|| format!("the shape {shape:?} of `{name}` is that of no picture"))?;
    let count = values.len();
    // Compared before it is multiplied in fewer bits.
    let fits = u64::from(size.width()) * u64::from(size.height()) == count as u64;
    let samples = if fits {
        Samples::new(size, values)
    } else {
        None
    };
    samples.ok_or_else(|| format!("`{name}` of the shape {shape:?} has {count} elements").into())
}

/// Returns the outputs that are asked for, or all of them where the request names none.
fn outputs(wanted: &[Wanted], binary: bool, measured: bool) -> Result<Vec<Asked>, InvalidRequest> {
    if wanted.is_empty() {
        let dice = measured.then_some(Output::Dice);
        return Ok([Output::Mask]
            .into_iter()
            .chain(dice)
            .map(|name| Asked { name, binary })
            .collect());
    }
    let mut outputs: Vec<Asked> = Vec::new();
    for output in wanted {
        let name = match output.name.as_str() {
            "mask" => Output::Mask,
            "dice" if measured => Output::Dice,
            "dice" => return Err("the output `dice` wants the input `ground_truth`".into()),
            _ => return Err("there is an output that is named neither `mask` nor `dice`".into()),
        };
        if outputs.iter().any(|asked| asked.name == name) {
            return Err(format!("the output `{}` is asked for twice", output.name).into());
        }
        outputs.push(Asked {
            name,
            binary: output
                .parameters
                .as_ref()
                .and_then(|own| own.binary_data)
                .unwrap_or(binary),
        });
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests;
