// Decides where the film lies on the stage: fitted, zoomed at a point, moved, never lost.

/**
 * The film's top left corner on the stage, and stage pixels for each of the film's.
 * @typedef {{scale: number, x: number, y: number}} View
 */
/** @typedef {{width: number, height: number}} Size */

const CLOSEST = 32;
const SMALLEST_SHARE = 0.5;
const KEPT_IN_SIGHT = 64;

/** @param {Size} film @param {Size} stage @returns {View} */
export function fitted(film, stage) {
	const scale = Math.min(stage.width / film.width, stage.height / film.height) || 1;
	return {
		scale,
		x: (stage.width - film.width * scale) / 2,
		y: (stage.height - film.height * scale) / 2,
	};
}

/** What lies under `point` stays under it. */
export function zoomed(view, factor, point, film, stage) {
	const fit = fitted(film, stage).scale;
	const scale = Math.min(
		Math.max(view.scale * factor, fit * SMALLEST_SHARE),
		Math.max(CLOSEST, fit),
	);
	const ratio = scale / view.scale;
	return kept(
		{ scale, x: point.x - (point.x - view.x) * ratio, y: point.y - (point.y - view.y) * ratio },
		film,
		stage,
	);
}

export function moved(view, dx, dy, film, stage) {
	return kept({ ...view, x: view.x + dx, y: view.y + dy }, film, stage);
}

/** The film's pixel at a point of the stage, or null beside the film. */
export function pixelAt(view, point, film) {
	const x = Math.floor((point.x - view.x) / view.scale);
	const y = Math.floor((point.y - view.y) / view.scale);
	return x >= 0 && y >= 0 && x < film.width && y < film.height ? { x, y } : null;
}

function kept(view, film, stage) {
	return {
		scale: view.scale,
		x: within(view.x, film.width * view.scale, stage.width),
		y: within(view.y, film.height * view.scale, stage.height),
	};
}

function within(start, length, room) {
	const margin = Math.min(KEPT_IN_SIGHT, length / 2);
	return Math.min(Math.max(start, margin - length), room - margin);
}
