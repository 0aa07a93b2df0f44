// Computes the position of the film in the viewer: fit, zoom and pan. Some of the film always stays visible.

/**
 * The film's top left corner in the viewer, and the number of viewer pixels for each film pixel.
 * @typedef {{scale: number, x: number, y: number}} View
 */
/**
 * @typedef {{width: number, height: number}} Size
 * @typedef {{film: Size, stage: Size}} Sizes
 */

const MAX_SCALE = 32;
const MIN_SCALE_OF_FIT = 0.5;
const MIN_VISIBLE_PX = 64;

/** Centres the whole film in the viewer. @param {Sizes} sizes @returns {View} */
export function fit({ film, stage }) {
	const scale = Math.min(stage.width / film.width, stage.height / film.height) || 1;
	return {
		scale,
		x: (stage.width - film.width * scale) / 2,
		y: (stage.height - film.height * scale) / 2,
	};
}

/** Zooms by `factor`. The film pixel at `point` stays at `point`. */
export function zoom(view, factor, point, sizes) {
	const fitScale = fit(sizes).scale;
	const minScale = fitScale * MIN_SCALE_OF_FIT;
	const scale = Math.min(Math.max(view.scale * factor, minScale), Math.max(MAX_SCALE, fitScale));
	const ratio = scale / view.scale;
	const x = point.x - (point.x - view.x) * ratio;
	const y = point.y - (point.y - view.y) * ratio;
	return keepVisible({ scale, x, y }, sizes);
}

export function pan(view, dx, dy, sizes) {
	return keepVisible({ ...view, x: view.x + dx, y: view.y + dy }, sizes);
}

/** Returns the film pixel at a point of the viewer, or null outside the film. */
export function pixelAt(view, point, film) {
	const x = Math.floor((point.x - view.x) / view.scale);
	const y = Math.floor((point.y - view.y) / view.scale);
	return x >= 0 && y >= 0 && x < film.width && y < film.height ? { x, y } : null;
}

function keepVisible({ scale, x, y }, { film, stage }) {
	return {
		scale,
		x: clampOffset(x, film.width * scale, stage.width),
		y: clampOffset(y, film.height * scale, stage.height),
	};
}

function clampOffset(offset, length, stageLength) {
	const margin = Math.min(MIN_VISIBLE_PX, length / 2);
	return Math.min(Math.max(offset, margin - length), stageLength - margin);
}
