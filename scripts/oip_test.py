#!/usr/bin/env python3
"""Asks the real server by the Open Inference Protocol, as Triton's own client does it.

    .venv-oip/bin/python scripts/oip_test.py --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Every check is a claim that is printed with what was found; one that does not hold ends the test with a code other than 0.
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from claims import claim, end, programs

sys.path.insert(0, str(Path(__file__).resolve().parent / "reliability"))
from serving import Server  # noqa: E402

MODEL = "lungfield-segnet"
KEY = "a key of this test alone"


def draw(phantom, folder):
    """A phantom and its mask, as files and as pixels."""
    subprocess.run([phantom, "--out", folder, "--width", "600", "--height", "720"], check=True, stdout=subprocess.DEVNULL)
    film, mask = (Path(folder, f"phantom-1{tail}.png").read_bytes() for tail in ("", "-mask"))
    return film, mask


def decode_png(png):
    return np.ascontiguousarray(Image.open(io.BytesIO(png)).convert("L"))


def post(address, path, body):
    headers = {"Content-Type": "image/png"}
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", body, headers)) as answer:
        return answer.read()


def pixels_input(name, pixels, binary):
    tensor = InferInput(name, list(pixels.shape), "UINT8")
    tensor.set_data_from_numpy(pixels, binary_data=binary)
    return tensor


def file_input(name, file):
    tensor = InferInput(name, [1], "BYTES")
    tensor.set_data_from_numpy(np.array([file], dtype=object))
    return tensor


def outputs(*names, binary=True):
    return [InferRequestedOutput(name, binary_data=binary) for name in names]


def refused(what, call, words):
    try:
        call()
    except InferenceServerException as error:
        claim(f"{what} is refused in words", words in str(error), error)
    else:
        claim(f"{what} is refused", False, "it was answered")


def check_metadata(client):
    server, model = client.get_server_metadata(), client.get_model_metadata(MODEL)
    claim("the server is live and ready", client.is_server_live() and client.is_server_ready())
    claim("the server tells its extensions", server["extensions"] == ["binary_tensor_data"], server)
    version = model["versions"][0]
    claim("the model is ready, also by its version", client.is_model_ready(MODEL) and client.is_model_ready(MODEL, version), version)
    shapes = {tensor["name"]: (tensor["datatype"], tensor["shape"]) for tensor in model["inputs"] + model["outputs"]}
    wanted = {"image": ("UINT8", [-1, -1]), "ground_truth": ("UINT8", [-1, -1]), "mask": ("UINT8", [-1, -1]), "dice": ("FP32", [1])}
    claim("the model tells its tensors, the image and the mask first", shapes == wanted and list(shapes) == list(wanted), shapes)
    claim("another model is not ready", not client.is_model_ready("another"))
    return version


def check_masks(client, address, film, reference):
    pixels, truth = decode_png(film), decode_png(reference)
    expected = decode_png(post(address, "/v1/segment?format=png", film)) // 255
    binary = client.infer(MODEL, [pixels_input("image", pixels, True)], request_id="ward-7")
    mask = binary.as_numpy("mask")
    claim("a film of pixels gets the mask of its file", mask.dtype == np.uint8 and np.array_equal(mask, expected), mask.shape)
    claim("the request's id comes back", binary.get_response()["id"] == "ward-7")
    claim("no score comes without a reference mask", binary.as_numpy("dice") is None)
    asked = outputs("mask", binary=False)
    text = client.infer(MODEL, [pixels_input("image", pixels, False)], outputs=asked).as_numpy("mask")
    claim("JSON carries the same mask", np.array_equal(text, mask))
    inputs = [file_input("image", film), pixels_input("ground_truth", truth // 255, True)]
    both = client.infer(MODEL, inputs, outputs=outputs("dice", "mask"))
    dice = float(both.as_numpy("dice")[0])
    counted = 2 * int((mask & truth // 255).sum()) / (int(mask.sum()) + int((truth // 255).sum()))
    claim("a file gets its mask and score", np.array_equal(both.as_numpy("mask"), mask) and abs(dice - counted) < 1e-6, dice)
    alone = client.infer(MODEL, [file_input("image", film), file_input("ground_truth", reference)], outputs=outputs("dice"))
    claim("the score can be had alone", alone.as_numpy("mask") is None and float(alone.as_numpy("dice")[0]) == dice)
    high = client.infer(MODEL, inputs[:1], parameters={"threshold": 0.95}).as_numpy("mask")
    claim("a higher threshold makes a smaller mask", 0 < high.sum() < mask.sum(), f"{high.sum()} of {mask.sum()} pixels")
    return pixels, mask


def check_more(client, version, pixels, mask):
    calls = [client.async_infer(MODEL, [pixels_input("image", pixels, True)], model_version=version) for _ in range(4)]
    claim("films that come together get their masks", all(np.array_equal(call.get_result().as_numpy("mask"), mask) for call in calls))
    image = [pixels_input("image", pixels, True)]
    refused("another model", lambda: client.infer("another", image), "no such model")
    refused("another version", lambda: client.infer(MODEL, image, model_version="9"), "no such model or version")
    refused("a batch", lambda: client.infer(MODEL, [pixels_input("image", pixels[None], True)]), "[height, width]")
    refused("a score without a reference", lambda: client.infer(MODEL, image, outputs=outputs("dice")), "ground_truth")
    refused("a reference of another size", lambda: client.infer(MODEL, [*image, pixels_input("ground_truth", mask[1:], True)]), "reference mask is")
    refused("what is no film", lambda: client.infer(MODEL, [file_input("image", b"no film")]), "no image that is read")
    refused("a compressed body", lambda: client.infer(MODEL, image, request_compression_algorithm="gzip"), "compressed")
    refused("a film past its patience", lambda: client.infer(MODEL, image, headers={"Lungfield-Timeout-Ms": "1"}), "deadline")


def check_key(arguments, film):
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys")
        keys.write_text(f"ward-7 {hashlib.sha256(KEY.encode()).hexdigest()}\n")
        with Server(arguments.server, ["--api-keys", str(keys)]) as server:
            client = InferenceServerClient(server.address)
            claim("health needs no key", client.is_server_ready())
            refused("a film without a key", lambda: client.infer(MODEL, [file_input("image", film)]), "asks for a key")
            shown = {"Authorization": f"Bearer {KEY}"}
            answer = client.infer(MODEL, [file_input("image", film)], headers=shown)
            claim("a film with a key is answered", answer.as_numpy("mask").any())
            client.close()


def main():
    arguments = programs(__doc__, "server", "phantom")
    with tempfile.TemporaryDirectory(prefix="lungfield-oip-test-") as folder:
        film, reference = draw(arguments.phantom, folder)
    with Server(arguments.server) as server:
        client = InferenceServerClient(server.address, concurrency=4)
        version = check_metadata(client)
        check_more(client, version, *check_masks(client, server.address, film, reference))
        client.close()
    check_key(arguments, film)
    end()


if __name__ == "__main__":
    main()
