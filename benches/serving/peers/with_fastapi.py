"""FastAPI with one endpoint, the way that most people would write it: films run side by side in its pool of threads.

python -m uvicorn with_fastapi:app --app-dir peers --port 8000
"""

from typing import Annotated

from fastapi import Body, FastAPI, Response
from segmentation import Manifest, Segmenter, prepare, restore

app = FastAPI()
manifest = Manifest.read()
segmenter = Segmenter(manifest)


@app.post("/segment")
def segment(film: Annotated[bytes, Body()]) -> Response:
    plane, geometry = prepare(film, manifest)
    probabilities = segmenter.maps(plane[None])[0]
    return Response(restore(probabilities, geometry, manifest), media_type="image/png")
