// Requests the segmentation of a film and stores the results with the film.

import { parseJson, Problem } from "./api.js";
import { decodeMask } from "./rle.js";

/** @typedef {import("./films.js").Film} Film */

export class SegmentationClient {
	#api;
	#films;

	/** @param {import("./api.js").Api} api @param {import("./films.js").FilmStore} films */
	constructor(api, films) {
		this.#api = api;
		this.#films = films;
	}

	/** The size limit for the files of a request. Larger requests are not sent. */
	maxBytes = Infinity;

	/**
	 * Requests the mask of a film, and its preview if the film has none yet. Aborts earlier requests for the film.
	 * @param {Film} film
	 */
	async start(film) {
		film.requests.abort();
		film.requests = new AbortController();
		const { signal } = film.requests;
		this.#films.change(film, { state: "queued", progress: 0, problem: null });
		try {
			this.#checkSize(film);
			const preview = film.preview ? null : this.#requestPreview(film, signal);
			await Promise.all([this.#requestMask(film, signal), preview]);
			this.#films.change(film, { state: "done" });
		} catch (error) {
			if (signal.aborted) return;
			this.#films.change(film, { state: "failed", problem: asProblem(error) });
		}
	}

	/** Requests the result in another format. @param {Film} film @param {string} format */
	async file(film, format) {
		const response = await this.#api.request({
			path: pathFor(film, { format }),
			form: formFor(film, film.reference),
			responseType: "blob",
			signal: film.requests.signal,
		});
		return response.body;
	}

	#checkSize(film) {
		const size = film.file.size + (film.reference?.size ?? 0);
		if (film.file.size === 0) {
			throw new Problem({ code: "empty_body", detail: "the file has no bytes" });
		}
		if (size > this.maxBytes) {
			throw new Problem({ code: "body_too_large", detail: `the file has ${size} bytes` });
		}
	}

	async #requestMask(film, signal) {
		const change = (changes) => this.#films.change(film, changes);
		const { body, sentAt, receivedAt } = await this.#api.request({
			path: pathFor(film, film.reference ? { reference: "echo" } : {}),
			form: formFor(film, film.reference),
			signal,
			onStart: () => change({ state: "sending", progress: 0 }),
			onProgress: (fraction) => change({ state: fraction < 1 ? "sending" : "segmenting", progress: fraction }),
			onRetryWait: (seconds) => change({ state: "retrying", secondsToRetry: seconds }),
		});
		const result = parseJson(body);
		change({
			result,
			mask: decodeMask(result.mask),
			referenceMask: result.reference_mask ? decodeMask(result.reference_mask) : null,
			roundTripMs: receivedAt - sentAt,
			receivedAt,
		});
	}

	// A film without a preview is still segmented. The viewer then shows its mask on black.
	async #requestPreview(film, signal) {
		try {
			film.isDicom = await isDicom(film.file);
			const { body } = await this.#api.request({
				path: pathFor(film, { format: "film" }),
				form: formFor(film, null),
				responseType: "blob",
				signal,
			});
			this.#films.change(film, { preview: body });
		} catch (error) {
			if (signal.aborted) throw error;
		}
	}
}

/** Records the time from the arrival of a response until its mask is painted. Tests read it. */
export async function measureDrawn(receivedAt) {
	await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
	performance.measure("lungfield:drawn", { start: receivedAt, end: performance.now() });
}

function pathFor({ threshold }, query) {
	const parameters = new URLSearchParams(query);
	if (threshold !== null) parameters.set("threshold", String(threshold));
	return parameters.size ? `/v1/segment?${parameters}` : "/v1/segment";
}

function formFor({ file }, reference) {
	const form = new FormData();
	form.append("image", file);
	if (reference) form.append("ground_truth", reference);
	return form;
}

// A file that the server can read is DICOM if it is none of the other formats.
async function isDicom(file) {
	const bytes = new Uint8Array(await file.slice(0, 4).arrayBuffer());
	const start = String.fromCharCode(...bytes);
	return !/^(\x89PNG|\xff\xd8\xff|II[*+]\0|MM\0[*+])/.test(start);
}

function asProblem(error) {
	if (error instanceof Problem) return error;
	return new Problem({ code: "unreadable_response", detail: String(error) });
}
