// Decides what is asked about a film, and what becomes of the answers.

import { parsed, Problem } from "./api.js";
import { maskOf } from "./rle.js";

export class Segmenting {
	#api;
	#desk;

	/** @param {import("./api.js").Api} api @param {import("./films.js").Desk} desk */
	constructor(api, desk) {
		this.#api = api;
		this.#desk = desk;
	}

	/** The bytes that a request about the film may have; more are refused here, without sending them. */
	limit = Infinity;

	/**
	 * Asks for the film's mask, and for its picture where that is not there yet. What was being asked before is called off.
	 * @param {import("./films.js").Film} film
	 */
	async start(film) {
		film.calls.abort();
		film.calls = new AbortController();
		const { signal } = film.calls;
		this.#desk.change(film, { state: "waiting", progress: 0, problem: null });
		try {
			this.#check(film);
			const picture = film.picture ? null : this.#picture(film, signal);
			await Promise.all([this.#mask(film, signal), picture]);
			this.#desk.change(film, { state: "done" });
		} catch (error) {
			if (!signal.aborted) {
				this.#desk.change(film, { state: "failed", problem: asProblem(error) });
			}
		}
	}

	/** An answer in another format, as a file's content. @param {import("./films.js").Film} film @param {string} format */
	async file(film, format) {
		const answer = await this.#api.ask({
			path: pathOf(film, { format }),
			form: formOf(film, true),
			kind: "blob",
			signal: film.calls.signal,
		});
		return answer.body;
	}

	#check(film) {
		const size = film.file.size + (film.reference?.size ?? 0);
		if (film.file.size === 0) {
			throw new Problem({ code: "empty_body", detail: "the file has no bytes" });
		}
		if (size > this.limit) {
			throw new Problem({ code: "body_too_large", detail: `the file has ${size} bytes` });
		}
	}

	async #mask(film, signal) {
		const change = (changes) => this.#desk.change(film, changes);
		const { body, sentAt, arrivedAt } = await this.#api.ask({
			path: pathOf(film, film.reference ? { reference: "echo" } : {}),
			form: formOf(film, true),
			kind: "text",
			signal,
			started: () => change({ state: "sending", progress: 0 }),
			sent: (share) =>
				change({ state: share < 1 ? "sending" : "segmenting", progress: share }),
			waits: (seconds) => change({ state: "retrying", retryIn: seconds }),
		});
		const answer = parsed(body);
		change({
			answer,
			mask: maskOf(answer.mask),
			referenceMask: answer.reference_mask ? maskOf(answer.reference_mask) : null,
			roundTrip: arrivedAt - sentAt,
			arrivedAt,
		});
	}

	// A film whose picture can't be had is still segmented; its mask is then shown on black.
	async #picture(film, signal) {
		const call = {
			path: pathOf(film, { format: "film" }),
			form: formOf(film, false),
			kind: /** @type {const} */ ("blob"),
			signal,
		};
		try {
			film.dicom = await isDicom(film.file);
			const { body } = await this.#api.ask(call);
			this.#desk.change(film, { picture: body });
		} catch (error) {
			if (signal.aborted) throw error;
		}
	}
}

/** Measures how long it took from an answer's arrival until its mask was painted. Tests read it. */
export async function measureDrawn(arrivedAt) {
	await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
	performance.measure("lungfield:drawn", { start: arrivedAt, end: performance.now() });
}

function pathOf({ threshold }, query) {
	const all = new URLSearchParams(query);
	if (threshold !== null) all.set("threshold", String(threshold));
	return all.size ? `/v1/segment?${all}` : "/v1/segment";
}

function formOf({ file, reference }, compared) {
	const form = new FormData();
	form.append("image", file);
	if (reference && compared) form.append("ground_truth", reference);
	return form;
}

// What the server reads and what is none of these is DICOM.
async function isDicom(file) {
	const start = new Uint8Array(await file.slice(0, 4).arrayBuffer());
	const text = String.fromCharCode(...start);
	return !/^(\x89PNG|\xff\xd8\xff|II[*+]\0|MM\0[*+])/.test(text);
}

function asProblem(error) {
	if (error instanceof Problem) return error;
	return new Problem({ code: "unreadable_answer", detail: String(error) });
}
