"""Decides what films dicom_test.py and dicom_validate.py send: phantoms, as PNG and as the DICOM objects that a detector would make."""

import collections
import email
import http.client
import io
import json
import subprocess
import time
import urllib.parse
import uuid
import warnings

import imagecodecs
import numpy as np
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from reliability.serving import Server

PATIENCE_S = 60
# How long a server that has closed a connection may take to end, if that is why.
END_S = 5
DX = "1.2.840.10008.5.1.4.1.1.1.1"
DX_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
CR = "1.2.840.10008.5.1.4.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SEVERAL_FRAMES = "1.2.840.10008.5.1.4.1.1.7.2"
ENCAPSULATED_UNCOMPRESSED = uid.UID("1.2.840.10008.1.2.1.98")
MODALITIES = {CR: "CR", CT: "CT", SECONDARY_CAPTURE: "OT", SEVERAL_FRAMES: "OT"}

DICOM = "application/dicom"
RELATED = 'multipart/related; type="application/dicom"'

Film = collections.namedtuple("Film", "name bits pixels png mask")
Part = collections.namedtuple("Part", "kind body")


class Failure(Exception):
    """What is wrong, in a sentence."""


# Films.


def draw(phantom, folder, seed, bits, size):
    """A phantom of that width and height: its pixels, its file and the exact mask of its lungs."""
    width, height = map(str, size)
    command = [str(phantom), "--out", str(folder), "--seed", str(seed), "--depth", str(bits), "--width", width, "--height", height]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    png = (folder / f"phantom-{seed}.png").read_bytes()
    mask = np.array(Image.open(folder / f"phantom-{seed}-mask.png")) > 0
    pixels = grey(png).astype(np.uint8 if bits == 8 else np.uint16)
    return Film(f"phantom {seed}, {bits} bits", bits, pixels, png, mask)


def grey(png):
    return np.array(Image.open(io.BytesIO(png)))


def as_png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def new_uid():
    return uid.UID(f"2.25.{uuid.uuid4().int}")


def wrap(pixels, bits, photometric="MONOCHROME2", sop_class=DX, **more):
    """A digital radiograph of these pixels, with all that the standard wants of one; None takes an attribute away."""
    film = Dataset()
    describe_study(film, sop_class)
    describe_acquisition(film)
    describe_pixels(film, pixels, bits, photometric)
    for keyword, value in more.items():
        if value is None:
            del film[keyword]
        else:
            setattr(film, keyword, value)
    return film


def describe_study(film, sop_class):
    film.SpecificCharacterSet = "ISO_IR 100"
    film.ImageType = ["ORIGINAL", "PRIMARY", ""]
    film.SOPClassUID, film.SOPInstanceUID = sop_class, new_uid()
    film.StudyInstanceUID, film.SeriesInstanceUID = new_uid(), new_uid()
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(film, f"{kind}Date", "20160912")
        setattr(film, f"{kind}Time", "120000")
    film.Modality = MODALITIES.get(sop_class, "DX")
    film.PresentationIntentType = "FOR PROCESSING" if sop_class == DX_FOR_PROCESSING else "FOR PRESENTATION"
    film.PatientName, film.PatientID, film.PatientBirthDate, film.PatientSex = "Phantom^Chest", "PHANTOM", "19700101", "O"
    film.AccessionNumber, film.StudyID, film.StudyDescription, film.ReferringPhysicianName = "A1", "1", "Chest PA", "Nobody^At All"
    film.Manufacturer, film.ManufacturerModelName, film.SoftwareVersions = "Lungfield", "lungfield-phantom", "1"
    film.DeviceSerialNumber = "1"
    film.SeriesNumber = film.InstanceNumber = 1


def describe_acquisition(film):
    film.BodyPartExamined, film.ViewPosition, film.ImageLaterality = "CHEST", "PA", "U"
    film.PatientOrientation = ["L", "F"]
    film.AnatomicRegionSequence = Sequence([code("51185008", "SCT", "Chest")])
    view = code("272479007", "SCT", "postero-anterior")
    view.ViewModifierCodeSequence = Sequence()
    film.ViewCodeSequence = Sequence([view])
    film.ImagerPixelSpacing = ["0.8", "0.8"]
    film.DetectorType, film.PositionerType = "DIRECT", ""
    film.AcquisitionContextSequence = Sequence()


def describe_pixels(film, pixels, bits, photometric):
    film.Rows, film.Columns = pixels.shape[-2:] if "MONOCHROME" in photometric else pixels.shape[:2]
    film.SamplesPerPixel = 1 if "MONOCHROME" in photometric else 3
    film.PhotometricInterpretation = photometric
    film.BitsAllocated, film.BitsStored, film.HighBit = pixels.dtype.itemsize * 8, bits, bits - 1
    film.PixelRepresentation = 0
    film.PixelIntensityRelationship = "LOG"
    film.PixelIntensityRelationshipSign = 1 if photometric == "MONOCHROME1" else -1
    film.RescaleIntercept, film.RescaleSlope, film.RescaleType = "0", "1", "US"
    film.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    film.WindowCenter, film.WindowWidth = str(1 << (bits - 1)), str(1 << bits)
    film.LossyImageCompression, film.BurnedInAnnotation = "00", "NO"
    film.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    film["PixelData"].VR = "OB" if film.BitsAllocated == 8 else "OW"


def with_meta(film, syntax=uid.ExplicitVRLittleEndian):
    """The same data set, as a file would hold it."""
    film.file_meta = FileMetaDataset()
    film.file_meta.MediaStorageSOPClassUID, film.file_meta.MediaStorageSOPInstanceUID = film.SOPClassUID, film.SOPInstanceUID
    film.file_meta.TransferSyntaxUID = uid.UID(syntax)
    film.file_meta.ImplementationClassUID = "2.25.302610891063722917338043221716361014097"
    return film


def as_file(film, syntax=uid.ExplicitVRLittleEndian):
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some films are wrong on purpose
        with_meta(film, syntax).save_as(file, enforce_file_format=True)
    return file.getvalue()


def dicom(film, syntax=uid.ExplicitVRLittleEndian, **options):
    """A phantom as a DICOM file in that transfer syntax, a native one or one of CODECS."""
    dataset = wrap(film.pixels, film.bits, **options)
    syntax = uid.UID(syntax)
    if syntax == uid.ExplicitVRBigEndian:
        dataset.PixelData = film.pixels.byteswap().tobytes()
    elif syntax == uid.RLELossless:
        dataset = with_meta(dataset)
        dataset.compress(syntax, encoding_plugin="pydicom", generate_instance_uid=False)
    elif syntax.is_compressed and syntax != uid.DeflatedExplicitVRLittleEndian:
        encapsulate_stream(dataset, CODECS[syntax](film.pixels, film.bits))
    return as_file(dataset, syntax)


def encapsulate_stream(dataset, stream):
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def jpeg(predictor=None, extended=False):
    def encode(pixels, bits):
        if predictor:
            return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)
        stream = imagecodecs.jpeg8_encode(pixels, level=95, bitspersample=bits)
        # Of 8 bits, an extended stream is a baseline one by another name.
        return stream.replace(b"\xff\xc0", b"\xff\xc1", 1) if extended else stream

    return encode


def jpeg_2000(**options):
    return lambda pixels, bits: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=bits, **options)


def high_throughput(**options):
    return lambda pixels, bits: imagecodecs.htj2k_encode(pixels, **options)


def jpeg_ls(pixels, bits):
    return imagecodecs.jpegls_encode(pixels)


CODECS = {
    ENCAPSULATED_UNCOMPRESSED: lambda pixels, bits: pixels.tobytes(),
    uid.JPEGBaseline8Bit: jpeg(),
    uid.JPEGExtended12Bit: jpeg(extended=True),
    uid.JPEGLossless: jpeg(predictor=6),
    uid.JPEGLosslessSV1: jpeg(predictor=1),
    uid.JPEG2000Lossless: jpeg_2000(reversible=True),
    uid.JPEG2000: jpeg_2000(reversible=False, level=90),
    uid.HTJ2KLossless: high_throughput(reversible=True),
    uid.HTJ2KLosslessRPCL: high_throughput(reversible=True, tlm=True),
    uid.HTJ2K: high_throughput(reversible=False, level=0.002),
    uid.JPEGLSLossless: jpeg_ls,
}


# The server.


class Answer(collections.namedtuple("Answer", "status headers body")):
    """What a server said; whoever asks for what is in it asks for a 200 too."""

    @property
    def problem(self):
        """The problem that it is, or one made of what it is instead."""
        kind = self.headers.get_content_type()
        return json.loads(self.body) if kind == "application/problem+json" else {"code": kind, "detail": ""}

    @property
    def code(self):
        return self.problem["code"]

    def good(self):
        if self.status != 200:
            raise Failure(f"status {self.status}: {self.body[:300]!r}")
        return self

    def json(self):
        return json.loads(self.good().body)

    def mask(self):
        return grey(self.good().body) > 0

    def object(self):
        return pydicom.dcmread(io.BytesIO(self.good().body))

    def parts(self):
        """The parts of a multipart answer, taken apart by Python's own parser of mail."""
        head = f"Content-Type: {self.good().headers['Content-Type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + self.body)
        if not message.is_multipart():
            raise Failure(f"the answer is {self.headers['Content-Type']}, and has no parts")
        return [Part(part.get_content_type(), part.get_payload(decode=True)) for part in message.get_payload()]


class Service:
    """A server, and the requests that the tests make of it. One that a request has ended is started again, and that is said."""

    def __init__(self, binary):
        self.binary = binary
        self.server = self.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)

    def start(self):
        # Where a server may choose, it takes the faster precision of the hour, and masks differ by some pixels from run to run.
        return Server(self.binary, ["--precision", "f32"])

    def revive(self):
        try:
            code = self.server.process.wait(END_S)
        except subprocess.TimeoutExpired:
            raise Failure("the server hung up") from None
        self.server = self.start()
        raise Failure(f"the server ended with code {code}")

    def ask(self, body, kind=DICOM, accept=None, chunked=False, **query):
        headers = {"Content-Type": kind} | ({"Accept": accept} if accept else {})
        sent = (body[at : at + 10_000] for at in range(0, len(body), 10_000)) if chunked else body
        path = f"/v1/segment?{urllib.parse.urlencode(query)}" if query else "/v1/segment"
        connection = http.client.HTTPConnection(self.server.address, timeout=PATIENCE_S)
        try:
            connection.request("POST", path, sent, headers, encode_chunked=chunked)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (ConnectionError, http.client.IncompleteRead):
            self.revive()
        finally:
            connection.close()

    def ask_form(self, parts, **options):
        boundary = uuid.uuid4().hex
        head = 'Content-Disposition: form-data; name="{}"; filename="x"\r\n\r\n'
        body = join([(head.format(name).encode(), data) for name, data in parts.items()], boundary)
        return self.ask(body, f"multipart/form-data; boundary={boundary}", **options)

    def ask_related(self, instances, boundary="----=_film.1", **options):
        """As STOW-RS sends instances: parts of a body that is said to be of several. The boundary is quoted, as it has to be."""
        body = join([(b"Content-Type: application/dicom\r\n\r\n", data) for data in instances], boundary)
        return self.ask(body, f'{RELATED}; boundary="{boundary}"', **options)


def join(parts, boundary):
    lines = [f"--{boundary}\r\n".encode() + head + data + b"\r\n" for head, data in parts]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def dice(one, other):
    both = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / both if both else 1.0


class Claims:
    """Prints each claim as it is tried, with what is wrong with it."""

    def __init__(self):
        self.failed = 0
        self.started = time.monotonic()

    def try_all(self, claims, *arguments):
        """A claim is a function: its docstring says what is claimed, what it yields is wrong with it, and what it returns is a remark."""
        for claim in claims:
            wrong, remark = [], None
            try:
                remark = yield_from_into(claim(*arguments), wrong)
            except Exception as error:  # of whatever kind: other people's software has its own
                wrong.append(f"{type(error).__name__}: {error}")
            self.say(claim.__doc__, wrong, remark)
        return self.failed

    def say(self, text, wrong, remark=None):
        self.failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'holds '} {text}{f' ({remark})' if remark else ''}", flush=True)
        for line in wrong[:12]:
            print(f"         {line}", flush=True)


def yield_from_into(generator, wrong):
    """Collects what a generator yields, and gives back what it returns."""
    while True:
        try:
            wrong.append(next(generator))
        except StopIteration as end:
            return end.value
