// Decides how an answer is laid out beside the film: agreement, lungs, warnings, times and the model.

import { element, make } from "./dom.js";
import { area, count, milliseconds, percent, remedyOf, score } from "./words.js";

const STEPS = /** @type {const} */ (["decode", "queue", "infer", "encode"]);
const STEP_WORDS = { decode: "Decode", queue: "Wait", infer: "Network", encode: "Encode" };
const SIDES = { right: "Right", left: "Left" };

/** @param {import("./films.js").Film | null} film @param {any} served the model's terms, where they are known */
export function showFindings(film, served) {
	const answer = film?.answer ?? null;
	element("findings").toggleAttribute("data-answered", answer !== null);
	showScores(answer);
	element("no-reference").textContent = film?.reference?.name ??
		"No reference mask to compare with.";
	element("add-reference").textContent = film?.reference
		? "Replace reference mask"
		: "Add reference mask";
	element("lungs").replaceChildren(...(answer ? lungRows(answer) : []));
	showWarnings(answer?.warnings ?? []);
	element("timings").replaceChildren(
		...(answer ? timingRows(answer.timings_ms, film?.roundTrip ?? 0) : []),
	);
	element("model").replaceChildren(...(answer ? modelLines(answer, served) : []));
}

function showScores(answer) {
	const isCompared = answer?.dice !== undefined;
	element("scores").hidden = !isCompared;
	element("no-reference").hidden = isCompared;
	element("dice").textContent = isCompared ? score(answer.dice) : "";
	element("jaccard").textContent = isCompared ? score(answer.jaccard) : "";
}

function showWarnings(warnings) {
	element("warnings-section").toggleAttribute("data-some", warnings.length > 0);
	const rows = warnings.map(({ code, message }) => {
		const what = make("b", sentence(message));
		return make("li", what, " ", remedyOf(code));
	});
	element("warnings").replaceChildren(...(rows.length ? rows : [make("li", "No warnings.")]));
}

// Two bars that grow from the midline, as the lungs lie on the film: the patient's right one on the left.
function lungRows({ lungs, image }) {
	const largest = Math.max(...lungs.map((lung) => lung.area_px), 1);
	const total = lungs.reduce((sum, lung) => sum + lung.area_px, 0);
	const sides = ["right", "left"].map((side) => {
		const lung = lungs.find((found) => found.side === side);
		const bar = make("i");
		bar.style.setProperty("--share", String(lung ? lung.area_px / largest : 0));
		const value = lung ? area(lung, image) : "not found";
		const pixels = lung ? `${count(lung.area_px)} px` : "";
		const row = make(
			"div",
			make("b", SIDES[side]),
			bar,
			make("span", value),
			make("small", pixels),
		);
		row.className = `lung ${side}`;
		return row;
	});
	const pair = make("div", ...sides);
	pair.className = "pair";
	const share = percent(total / (image.width * image.height));
	return [
		pair,
		note(`Together ${share} of the film. Sides are the patient's.`),
		...spacingNote(image),
	];
}

function spacingNote(image) {
	if (image.pixel_spacing_source !== "imager_pixel_spacing") return [];
	return [note("By the detector's pixel spacing: areas in the patient are somewhat smaller.")];
}

function timingRows(timings, roundTrip) {
	const bar = make("div");
	bar.className = "timeline";
	bar.setAttribute("aria-hidden", "true");
	const rows = STEPS.map((step) => {
		const part = make("i");
		part.className = step;
		part.style.flexGrow = String(timings[step]);
		bar.append(part);
		return entry(STEP_WORDS[step], milliseconds(timings[step]), step);
	});
	return [bar, make("dl", ...rows, entry("Round trip", milliseconds(roundTrip), "whole"))];
}

function modelLines({ model, threshold }, served) {
	const hash = make("code", model.weights_sha256.slice(0, 12));
	hash.title = model.weights_sha256;
	return [
		make("b", `${model.name} ${model.version}`),
		make("br"),
		`threshold ${Number(threshold.toFixed(3))}, weights `,
		hash,
		...(served ? [note(`${served.license.weights}: ${served.license.note}`)] : []),
	];
}

function entry(name, value, kind) {
	const row = make("div", make("dt", name), make("dd", value));
	row.className = kind;
	return row;
}

function note(text) {
	const line = make("p", text);
	line.className = "soft small";
	return line;
}

function sentence(text) {
	const start = text.charAt(0).toUpperCase() + text.slice(1);
	return /[.!?]$/.test(start) ? start : `${start}.`;
}
