// Decides how a film, its mask and the outlines get onto their canvases.

import { boxOf, edgesOf, fill } from "./rle.js";

// Red, opaque, as the bytes R, G, B, A read in the order of every machine that has a browser today.
const RED = 0xff0000ff;
const OUTLINE = { outside: "rgb(0 0 0 / 55%)", red: "#ff4a43", white: "#fff" };
const LINE_WIDTH = 1.25;

/** Which grey is shown for each of the film's 256, as pixels. Window and level as DICOM's linear function has them (PS3.3, C.11.2.1.2). */
export function lookup(window, level) {
	return Uint32Array.from({ length: 256 }, (_, value) => {
		const share = (value - (level - 0.5)) / (window - 1) + 0.5;
		const shade = Math.round(255 * Math.min(1, Math.max(0, share)));
		return (0xff000000 | shade * 0x010101) >>> 0;
	});
}

/** @param {Blob} blob */
export function pictureOf(blob) {
	return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/** Shows a picture as it is. Nothing is read back before somebody needs the greys, for that takes its time. */
export function drawPicture(canvas, bitmap) {
	resize(canvas, bitmap.width, bitmap.height);
	context2d(canvas).drawImage(bitmap, 0, 0);
}

/** The greys of the picture that a canvas shows as it is, a byte a pixel. */
export function greysOf(canvas) {
	const { width, height } = canvas;
	const pixels = new Uint32Array(context2d(canvas).getImageData(0, 0, width, height).data.buffer);
	const greys = new Uint8Array(pixels.length);
	for (let at = 0; at < greys.length; at += 1) greys[at] = pixels[at]; // the lowest byte is red, as good as the others
	return { width, height, greys };
}

/**
 * Shows greys through a table.
 * @param {HTMLCanvasElement} canvas @param {{width: number, height: number, greys: Uint8Array, image?: ImageData}} film
 * @param {Uint32Array} table
 */
export function drawFilm(canvas, film, table) {
	const { width, height, greys } = film;
	resize(canvas, width, height);
	film.image ??= new ImageData(width, height); // kept, for a slider draws many times a second
	const pixels = new Uint32Array(film.image.data.buffer);
	for (let at = 0; at < greys.length; at += 1) pixels[at] = table[greys[at]];
	context2d(canvas).putImageData(film.image, 0, 0);
}

/** Only the rectangle around the lungs is made and put: the rest of the canvas is empty anyway. */
export function drawMask(canvas, mask) {
	resize(canvas, mask.width, mask.height);
	const context = context2d(canvas);
	context.clearRect(0, 0, mask.width, mask.height);
	const box = boxOf(mask);
	if (!box) return;
	const image = new ImageData(box.width, box.height);
	fill(mask, box, new Uint32Array(image.data.buffer), RED);
	context.putImageData(image, box.left, box.top);
}

/** The outline of a mask in the film's coordinates, to be stroked at any zoom. */
export function outlineOf(mask) {
	const path = new Path2D();
	const edges = edgesOf(mask);
	for (let at = 0; at < edges.length; at += 4) {
		path.moveTo(edges[at], edges[at + 1]);
		path.lineTo(edges[at + 2], edges[at + 3]);
	}
	return path;
}

/**
 * Strokes an outline where the film lies on the stage. It is as thick at every zoom, and is cased in dark so that white is seen on bone.
 * @param {HTMLCanvasElement} canvas @param {Path2D | null} path @param {{scale: number, x: number, y: number}} view
 * @param {{width: number, height: number, density: number}} stage @param {"red" | "white"} colour
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
	for (
		const [style, pixels] of [[OUTLINE.outside, LINE_WIDTH + 1.5], [
			OUTLINE[colour],
			LINE_WIDTH,
		]]
	) {
		context.strokeStyle = String(style);
		context.lineWidth = Number(pixels) / view.scale;
		context.stroke(path);
	}
}

/** Gives back a canvas's memory. */
export function clear(canvas) {
	resize(canvas, 1, 1);
	context2d(canvas).clearRect(0, 0, 1, 1);
}

/** @param {HTMLCanvasElement} canvas */
function context2d(canvas) {
	return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

// Setting a size, even the same, makes the canvas anew.
function resize(canvas, width, height) {
	if (canvas.width !== width) canvas.width = width;
	if (canvas.height !== height) canvas.height = height;
}
