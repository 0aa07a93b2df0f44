// Decodes COCO run lengths into spans, and computes pixels and edges from spans.

/**
 * A mask as spans of three numbers each: column, first row, and the row after the last. Spans are sorted by column, then row.
 * @typedef {{width: number, height: number, spans: Int32Array}} Mask
 */

/**
 * Decodes COCO RLE.
 * @param {{size: [number, number], counts: string | number[]}} rle
 * @returns {Mask}
 */
export function decodeMask({ size: [height, width], counts }) {
	const runs = typeof counts === "string" ? decodeCounts(counts) : counts;
	const spans = [];
	let at = 0;
	runs.forEach((length, index) => {
		if (index % 2) addSpans(spans, at, at + length, height);
		at += length;
	});
	return { width, height, spans: Int32Array.from(spans) };
}

/**
 * Decodes COCO's compressed run lengths. A character holds five bits; its sixth bit is set if more follow. From the fourth
 * run on, a run is stored as the difference to the run two before it.
 */
function decodeCounts(text) {
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

// A run that reaches the bottom of a column continues at the top of the next column.
function addSpans(spans, from, to, height) {
	for (let start = from; start < to;) {
		const column = Math.floor(start / height);
		const top = column * height;
		const end = Math.min(to, top + height);
		spans.push(column, start - top, end - top);
		start = end;
	}
}

/** Returns the bounding box of the mask, or null if the mask is empty. */
export function boundingBox({ spans }) {
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

/** Sets the pixels of the mask to `value` in `pixels`, which holds `box` row by row. */
export function fillMask({ spans }, box, pixels, value) {
	for (let at = 0; at < spans.length; at += 3) {
		let pixel = (spans[at + 1] - box.top) * box.width + spans[at] - box.left;
		for (let rows = spans[at + 2] - spans[at + 1]; rows > 0; rows -= 1) {
			pixels[pixel] = value;
			pixel += box.width;
		}
	}
}

/** Returns the edges between lung and background in pixel corners, as x, y, x, y for each edge. */
export function boundaryEdges({ spans }) {
	const edges = [];
	let previous = [];
	for (let at = 0, x = spans[0]; at < spans.length || previous.length; x += 1) {
		const current = [];
		for (; spans[at] === x; at += 3) current.push(spans[at + 1], spans[at + 2]);
		addVerticalEdges(edges, x, previous, current);
		for (const y of current) edges.push(x, y, x + 1, y);
		previous = current;
	}
	return edges;
}

// Sorted together, the span ends of two adjacent columns enclose in pairs the rows where the columns differ.
function addVerticalEdges(edges, x, left, right) {
	const ends = [...left, ...right].sort((a, b) => a - b);
	for (let at = 0; at < ends.length; at += 2) {
		if (ends[at] !== ends[at + 1]) edges.push(x, ends[at], x, ends[at + 1]);
	}
}

/** Tells whether a pixel is in the mask. */
export function contains({ spans }, x, y) {
	for (let at = 0; at < spans.length && spans[at] <= x; at += 3) {
		if (spans[at] === x && spans[at + 1] <= y && y < spans[at + 2]) return true;
	}
	return false;
}
