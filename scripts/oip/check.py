"""Sends a running lungfield-serve requests of the Open Inference Protocol with Triton's own client.

    python -m scripts.oip.check --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs the packages of scripts/oip/requirements.txt. A line is printed for each claim, with what was found. The test
fails where a claim does not hold.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Callable

import numpy as np
from PIL import Image
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from scripts.common.claims import Claims
from scripts.common.command_line import parser
from scripts.common.phantoms import Kind, draw
from scripts.common.server import Server

MODEL = "lungfield-segnet"
KEY = "a key of this test alone"

claims = Claims()


def decode_png(png: bytes) -> Any:
    return np.ascontiguousarray(Image.open(io.BytesIO(png)).convert("L"))


def post(address: str, path: str, body: bytes) -> bytes:
    headers = {"Content-Type": "image/png"}
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", body, headers)) as answer:
        return answer.read()


def pixels_input(name: str, pixels: Any, binary: bool) -> Any:
    tensor = InferInput(name, list(pixels.shape), "UINT8")
    tensor.set_data_from_numpy(pixels, binary_data=binary)
    return tensor


def file_input(name: str, file: bytes) -> Any:
    tensor = InferInput(name, [1], "BYTES")
    tensor.set_data_from_numpy(np.array([file], dtype=object))
    return tensor


def outputs(*names: str, binary: bool = True) -> list[Any]:
    return [InferRequestedOutput(name, binary_data=binary) for name in names]


def refused(what: str, call: Callable[[], Any], words: str) -> None:
    try:
        call()
    except InferenceServerException as error:
        claims.check(f"{what} is refused in words", words in str(error), error)
    else:
        claims.check(f"{what} is refused", False, "it was answered")


def check_metadata(client: Any) -> str:
    server, model = client.get_server_metadata(), client.get_model_metadata(MODEL)
    claims.check("the server is live and ready", client.is_server_live() and client.is_server_ready())
    claims.check("the server tells its extensions", server["extensions"] == ["binary_tensor_data"], server)
    version = model["versions"][0]
    claims.check(
        "the model is ready, also by its version",
        client.is_model_ready(MODEL) and client.is_model_ready(MODEL, version),
        version,
    )
    shapes = {tensor["name"]: (tensor["datatype"], tensor["shape"]) for tensor in model["inputs"] + model["outputs"]}
    wanted = {
        "image": ("UINT8", [-1, -1]),
        "ground_truth": ("UINT8", [-1, -1]),
        "mask": ("UINT8", [-1, -1]),
        "dice": ("FP32", [1]),
    }
    claims.check(
        "the model tells its tensors, the image and the mask first",
        shapes == wanted and list(shapes) == list(wanted),
        shapes,
    )
    claims.check("another model is not ready", not client.is_model_ready("another"))
    return version


def check_masks(client: Any, address: str, film: bytes, reference: bytes) -> tuple[Any, Any]:
    pixels, truth = decode_png(film), decode_png(reference)
    expected = decode_png(post(address, "/v1/segment?format=png", film)) // 255
    binary = client.infer(MODEL, [pixels_input("image", pixels, True)], request_id="ward-7")
    mask = binary.as_numpy("mask")
    claims.check(
        "a film of pixels gets the mask of its file",
        mask.dtype == np.uint8 and np.array_equal(mask, expected),
        mask.shape,
    )
    claims.check("the request's id comes back", binary.get_response()["id"] == "ward-7")
    claims.check("no score comes without a reference mask", binary.as_numpy("dice") is None)
    asked = outputs("mask", binary=False)
    text = client.infer(MODEL, [pixels_input("image", pixels, False)], outputs=asked).as_numpy("mask")
    claims.check("JSON carries the same mask", np.array_equal(text, mask))
    inputs = [file_input("image", film), pixels_input("ground_truth", truth // 255, True)]
    both = client.infer(MODEL, inputs, outputs=outputs("dice", "mask"))
    dice = float(both.as_numpy("dice")[0])
    counted = 2 * int((mask & truth // 255).sum()) / (int(mask.sum()) + int((truth // 255).sum()))
    claims.check(
        "a file gets its mask and score",
        np.array_equal(both.as_numpy("mask"), mask) and abs(dice - counted) < 1e-6,
        dice,
    )
    alone = client.infer(
        MODEL, [file_input("image", film), file_input("ground_truth", reference)], outputs=outputs("dice")
    )
    claims.check(
        "the score can be had alone", alone.as_numpy("mask") is None and float(alone.as_numpy("dice")[0]) == dice
    )
    high = client.infer(MODEL, inputs[:1], parameters={"threshold": 0.95}).as_numpy("mask")
    claims.check(
        "a higher threshold makes a smaller mask", 0 < high.sum() < mask.sum(), f"{high.sum()} of {mask.sum()} pixels"
    )
    return pixels, mask


def check_more(client: Any, version: str, pixels: Any, mask: Any) -> None:
    calls = [client.async_infer(MODEL, [pixels_input("image", pixels, True)], model_version=version) for _ in range(4)]
    claims.check(
        "films that come together get their masks",
        all(np.array_equal(call.get_result().as_numpy("mask"), mask) for call in calls),
    )
    image = [pixels_input("image", pixels, True)]
    refused("another model", lambda: client.infer("another", image), "no such model")
    refused("another version", lambda: client.infer(MODEL, image, model_version="9"), "no such model or version")
    refused("a batch", lambda: client.infer(MODEL, [pixels_input("image", pixels[None], True)]), "[height, width]")
    refused("a score without a reference", lambda: client.infer(MODEL, image, outputs=outputs("dice")), "ground_truth")
    refused(
        "a reference of another size",
        lambda: client.infer(MODEL, [*image, pixels_input("ground_truth", mask[1:], True)]),
        "reference mask is",
    )
    refused("what is no film", lambda: client.infer(MODEL, [file_input("image", b"no film")]), "no image that is read")
    refused("a compressed body", lambda: client.infer(MODEL, image, request_compression_algorithm="gzip"), "compressed")
    refused(
        "a film past its deadline",
        lambda: client.infer(MODEL, image, headers={"Lungfield-Timeout-Ms": "1"}),
        "deadline",
    )


def check_key(arguments: argparse.Namespace, film: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys")
        keys.write_text(f"ward-7 {hashlib.sha256(KEY.encode()).hexdigest()}\n")
        with Server([arguments.server, "--api-keys", keys]) as server:
            client = InferenceServerClient(server.address)
            claims.check("health needs no key", client.is_server_ready())
            refused("a film without a key", lambda: client.infer(MODEL, [file_input("image", film)]), "asks for a key")
            shown = {"Authorization": f"Bearer {KEY}"}
            answer = client.infer(MODEL, [file_input("image", film)], headers=shown)
            claims.check("a film with a key is answered", answer.as_numpy("mask").any())
            client.close()


def main() -> int:
    arguments = parser(__doc__, "server", "phantom").parse_args()
    with tempfile.TemporaryDirectory(prefix="lungfield-oip-check-") as folder:
        (phantom,) = draw(arguments.phantom, Path(folder), Kind(600, 720))
        film, reference = phantom.film.read_bytes(), phantom.mask.read_bytes()
    with Server([arguments.server]) as server:
        client = InferenceServerClient(server.address, concurrency=4)
        version = check_metadata(client)
        check_more(client, version, *check_masks(client, server.address, film, reference))
        client.close()
    check_key(arguments, film)
    return claims.exit_code()


if __name__ == "__main__":
    sys.exit(main())
