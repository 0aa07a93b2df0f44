// Shows the result of a film in the findings panel: scores, lungs, warnings, timings and model.

import { create, element, setText } from "./dom.js";
import { area, count, milliseconds, percent, score, warningAdvice } from "./text.js";

const STEPS = { decode: "Decode", queue: "Queue", infer: "Inference", encode: "Encode" };
const SIDES = { right: "Right", left: "Left" };

/** @param {import("./films.js").Film | null} film @param {any} model the server's description of its model, or null */
export function showFindings(film, model) {
	const result = film?.result ?? null;
	const reference = film?.reference;
	element("findings").toggleAttribute("data-has-result", result !== null);
	showScores(result);
	setText("no-scores", reference?.name ?? "This film has no reference mask.");
	setText("add-reference", `${reference ? "Replace" : "Add"} reference mask`);
	element("lungs").replaceChildren(...(result ? lungRows(result) : []));
	showWarnings(result?.warnings ?? []);
	element("timings").replaceChildren(
		...(result ? timingRows(result.timings_ms, film?.roundTripMs ?? 0) : []),
	);
	element("model").replaceChildren(...(result ? modelLines(result, model) : []));
}

function showScores(result) {
	const hasScores = result?.dice !== undefined;
	element("scores").hidden = !hasScores;
	element("no-scores").hidden = hasScores;
	setText("dice", hasScores ? score(result.dice) : "");
	setText("jaccard", hasScores ? score(result.jaccard) : "");
}

function showWarnings(warnings) {
	element("warnings-section").toggleAttribute("data-has-warnings", warnings.length > 0);
	const rows = warnings.map(({ code, message }) =>
		create("li", create("b", sentence(message)), " ", warningAdvice(code))
	);
	element("warnings").replaceChildren(...(rows.length ? rows : [create("li", "No warnings.")]));
}

// Two bars that start at the midline. The patient's right lung is on the left, as on the film.
function lungRows({ lungs, image }) {
	const largest = Math.max(...lungs.map((lung) => lung.area_px), 1);
	const total = lungs.reduce((sum, lung) => sum + lung.area_px, 0);
	const rows = ["right", "left"].map((side) => {
		const lung = lungs.find((candidate) => candidate.side === side);
		const bar = create("i");
		bar.style.setProperty("--fraction", String(lung ? lung.area_px / largest : 0));
		const value = create("span", lung ? area(lung, image) : "not found");
		const pixels = create("small", lung ? `${count(lung.area_px)} px` : "");
		const row = create("div", create("b", SIDES[side]), bar, value, pixels);
		row.className = `lung ${side}`;
		return row;
	});
	const pair = create("div", ...rows);
	pair.className = "pair";
	const covered = percent(total / (image.width * image.height));
	const sides = note(`Both lungs: ${covered} of the film. Left and right are the patient's.`);
	return [pair, sides, ...spacingNote(image)];
}

function spacingNote(image) {
	if (image.pixel_spacing_source !== "imager_pixel_spacing") return [];
	return [
		note("Measured with the pixel spacing at the detector. True areas are slightly smaller."),
	];
}

function timingRows(timings, roundTripMs) {
	const bar = create("div");
	bar.className = "timeline";
	bar.ariaHidden = "true";
	const rows = Object.entries(STEPS).map(([step, name]) => {
		const part = create("i");
		part.className = step;
		part.style.flexGrow = String(timings[step]);
		bar.append(part);
		return timingRow(name, timings[step], step);
	});
	return [bar, create("dl", ...rows, timingRow("Round trip", roundTripMs, "total"))];
}

function modelLines({ model, threshold }, description) {
	const hash = create("code", model.weights_sha256.slice(0, 12));
	hash.title = model.weights_sha256;
	const license = description?.license;
	return [
		create("b", `${model.name} ${model.version}`),
		create("br"),
		`threshold ${Number(threshold.toFixed(3))}, weights `,
		hash,
		...(license ? [note(`${license.weights}: ${license.note}`)] : []),
	];
}

function timingRow(name, value, step) {
	const row = create("div", create("dt", name), create("dd", milliseconds(value)));
	row.className = step;
	return row;
}

function note(text) {
	const line = create("p", text);
	line.className = "muted small";
	return line;
}

function sentence(text) {
	const start = text.charAt(0).toUpperCase() + text.slice(1);
	return /[.!?]$/.test(start) ? start : `${start}.`;
}
