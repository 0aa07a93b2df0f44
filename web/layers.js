// Draws films, masks and outlines on canvases.

import { boundaryEdges, boundingBox, fillMask } from "./rle.js";

// Opaque red: the bytes R, G, B, A as a little-endian number. Browsers run on little-endian platforms only.
const RED = 0xff0000ff;
const OUTLINE = { casing: "rgb(0 0 0 / 55%)", red: "#ff4a43", white: "#fff" };
const LINE_WIDTH = 1.25;
const CASING_WIDTH = LINE_WIDTH + 1.5;

/** Returns the pixel to show for each of 256 grey values: DICOM's linear window function (PS3.3, C.11.2.1.2). */
export function windowTable(window, level) {
	return Uint32Array.from({ length: 256 }, (_, grey) => {
		const position = (grey - (level - 0.5)) / (window - 1) + 0.5;
		const shown = Math.round(255 * Math.min(1, Math.max(0, position)));
		return (0xff000000 | shown * 0x010101) >>> 0;
	});
}

/** Decodes an image without any colour conversion. @param {Blob} blob */
export function decodeImage(blob) {
	return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/** Draws an image unchanged. */
export function drawImage(canvas, bitmap) {
	resize(canvas, bitmap.width, bitmap.height);
	context2d(canvas).drawImage(bitmap, 0, 0);
}

/** Reads the grey values of a film that is drawn unchanged, one byte for each pixel. Slow. */
export function readGreys(canvas) {
	const { width, height } = canvas;
	const pixels = new Uint32Array(context2d(canvas).getImageData(0, 0, width, height).data.buffer);
	// The conversion keeps the lowest byte, which is red. The channels of a grey pixel are equal.
	return { width, height, greys: new Uint8Array(pixels) };
}

/**
 * Draws grey values through a window table.
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number, greys: Uint8Array, image?: ImageData}} film
 * @param {Uint32Array} table
 */
export function drawFilm(canvas, film, table) {
	const { width, height, greys } = film;
	resize(canvas, width, height);
	film.image ??= new ImageData(width, height); // kept, since a slider draws many times a second
	const pixels = new Uint32Array(film.image.data.buffer);
	for (let at = 0; at < greys.length; at += 1) pixels[at] = table[greys[at]];
	context2d(canvas).putImageData(film.image, 0, 0);
}

/** Draws a mask in red. Allocates pixels for the bounding box of the lungs only. */
export function drawMask(canvas, mask) {
	resize(canvas, mask.width, mask.height);
	const context = context2d(canvas);
	context.clearRect(0, 0, mask.width, mask.height);
	const box = boundingBox(mask);
	if (!box) return;
	const image = new ImageData(box.width, box.height);
	fillMask(mask, box, new Uint32Array(image.data.buffer), RED);
	context.putImageData(image, box.left, box.top);
}

/** Returns the outline of a mask in film coordinates. */
export function outlinePath(mask) {
	const path = new Path2D();
	const edges = boundaryEdges(mask);
	for (let at = 0; at < edges.length; at += 4) {
		path.moveTo(edges[at], edges[at + 1]);
		path.lineTo(edges[at + 2], edges[at + 3]);
	}
	return path;
}

/**
 * Draws an outline with the same line width at every zoom. A dark casing makes it visible on bright film.
 * @param {HTMLCanvasElement} canvas
 * @param {Path2D | null} path
 * @param {{scale: number, x: number, y: number}} view
 * @param {{width: number, height: number, density: number}} stage
 * @param {"red" | "white"} colour
 */
export function drawOutline(canvas, path, view, { width, height, density }, colour) {
	resize(canvas, Math.round(width * density), Math.round(height * density));
	const context = context2d(canvas);
	context.setTransform(1, 0, 0, 1, 0, 0);
	context.clearRect(0, 0, canvas.width, canvas.height);
	if (!path) return;
	const scale = view.scale * density;
	context.setTransform(scale, 0, 0, scale, view.x * density, view.y * density);
	context.lineCap = "square";
	const stroke = (style, width) => {
		context.strokeStyle = style;
		context.lineWidth = width / view.scale;
		context.stroke(path);
	};
	stroke(OUTLINE.casing, CASING_WIDTH);
	stroke(OUTLINE[colour], LINE_WIDTH);
}

/** Releases the memory of a canvas. */
export function clear(canvas) {
	resize(canvas, 1, 1);
	context2d(canvas).clearRect(0, 0, 1, 1);
}

/** @param {HTMLCanvasElement} canvas */
function context2d(canvas) {
	return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** Sets the size of a canvas. An assignment alone would reallocate the canvas even if the size stays the same. */
export function resize(canvas, width, height) {
	if (canvas.width !== width) canvas.width = width;
	if (canvas.height !== height) canvas.height = height;
}
