// Decides how the runs of a mask become spans of its columns, pixels and edges. Nothing here knows of the page.

/**
 * A mask as spans, three numbers each: the column, the first row, and the row after the last; by column, then from the top.
 * @typedef {{width: number, height: number, spans: Int32Array}} Mask
 */

/** @param {{size: [number, number], counts: string | number[]}} rle @returns {Mask} */
export function maskOf({ size: [height, width], counts }) {
	const runs = typeof counts === "string" ? runLengths(counts) : counts;
	const spans = [];
	let at = 0;
	runs.forEach((length, index) => {
		if (index % 2) addSpans(spans, at, at + length, height);
		at += length;
	});
	return { width, height, spans: Int32Array.from(spans) };
}

/**
 * COCO's compressed runs: five bits a character, the sixth says that more follow. From the fourth on, each is written as its
 * difference to the one before last.
 */
export function runLengths(text) {
	const runs = [];
	for (let at = 0; at < text.length;) {
		let value = 0;
		let shift = 0;
		let code;
		do {
			code = text.charCodeAt(at++) - 48;
			value |= (code & 31) << shift;
			shift += 5;
		} while (code & 32);
		if (code & 16 && shift < 32) value |= -1 << shift;
		runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
	}
	return runs;
}

// A run goes on at the top of the next column where it reaches the bottom of one.
function addSpans(spans, from, to, height) {
	for (let start = from; start < to;) {
		const column = Math.floor(start / height);
		const top = column * height;
		const end = Math.min(to, top + height);
		spans.push(column, start - top, end - top);
		start = end;
	}
}

/** The least rectangle around the mask, or null where it is empty. */
export function boxOf({ spans }) {
	if (spans.length === 0) return null;
	let top = Infinity;
	let bottom = 0;
	for (let at = 0; at < spans.length; at += 3) {
		top = Math.min(top, spans[at + 1]);
		bottom = Math.max(bottom, spans[at + 2]);
	}
	const left = spans[0];
	return { left, top, width: spans[spans.length - 3] + 1 - left, height: bottom - top };
}

/** Sets the mask's pixels to `value` in `pixels`, which cover `box` row by row. No other pixel is touched. */
export function fill({ spans }, box, pixels, value) {
	for (let at = 0; at < spans.length; at += 3) {
		let pixel = (spans[at + 1] - box.top) * box.width + spans[at] - box.left;
		for (let rows = spans[at + 2] - spans[at + 1]; rows > 0; rows -= 1) {
			pixels[pixel] = value;
			pixel += box.width;
		}
	}
}

/** The edges between lung and no lung, in corners of pixels: x, y, x, y of each. */
export function edgesOf({ spans }) {
	const edges = [];
	let before = [];
	for (let at = 0, x = spans[0]; at < spans.length || before.length; x += 1) {
		const here = [];
		for (; spans[at] === x; at += 3) here.push(spans[at + 1], spans[at + 2]);
		addUprights(edges, x, before, here);
		for (const y of here) edges.push(x, y, x + 1, y);
		before = here;
	}
	return edges;
}

// Two neighbouring columns differ between their ends in pairs, when these are put in one order; equal ends cancel.
function addUprights(edges, x, left, right) {
	const ends = [...left, ...right].sort((a, b) => a - b);
	for (let at = 0; at < ends.length; at += 2) {
		if (ends[at] !== ends[at + 1]) edges.push(x, ends[at], x, ends[at + 1]);
	}
}

/** Whether the pixel is in the mask. */
export function contains({ spans }, x, y) {
	for (let at = 0; at < spans.length && spans[at] <= x; at += 3) {
		if (spans[at] === x && spans[at + 1] <= y && y < spans[at + 2]) return true;
	}
	return false;
}
