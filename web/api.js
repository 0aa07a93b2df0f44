// Sends requests to the server. Retries while the server is overloaded, and asks for a key if the server requires one.

import { Limiter } from "./limiter.js";

const MAX_CONCURRENT = 2;
const MAX_ATTEMPTS = 5;

/** A failed request: the server's problem document, or an error with one of the page's own codes. */
export class Problem extends Error {
	constructor({ code, status = 0, detail = "", request_id = "" }) {
		super(detail || code);
		this.code = code;
		this.status = status;
		this.detail = detail;
		this.requestId = request_id;
	}
}

/**
 * @typedef {object} ApiRequest
 * @property {string} path
 * @property {FormData} [form] the body of a POST; without it the request is a GET
 * @property {"text" | "blob"} [responseType]
 * @property {AbortSignal} [signal]
 * @property {() => void} [onStart] called before each attempt
 * @property {(fraction: number) => void} [onProgress] called with the fraction of the body sent so far
 * @property {(seconds: number) => void} [onRetryWait] called each second before a retry
 */

export class Api {
	#limiter = new Limiter(MAX_CONCURRENT);
	#key = "";
	/** @type {Promise<string> | null} */
	#prompt = null;
	#declinedAt = 0;
	#askForKey;

	/** @param {(rejected: boolean) => Promise<string>} askForKey returns an empty string if the user has no key */
	constructor(askForKey) {
		this.#askForKey = askForKey;
	}

	get hasKey() {
		return this.#key !== "";
	}

	/** Returns the model, or null if the server requires a key. Does not ask the user for one. */
	async model() {
		const response = await send({ path: "/v1/model" }, this.#key);
		if (response.status === 401) return null;
		if (response.status !== 200) throw await problemFrom(response);
		return parseJson(response.body);
	}

	/** @param {ApiRequest} request */
	request(request) {
		const queuedAt = performance.now();
		return this.#limiter.run(() => this.#sendWithRetries(request, queuedAt), request.signal);
	}

	async #sendWithRetries(request, queuedAt) {
		request.onStart?.();
		for (let attempt = 1;; attempt += 1) {
			const key = this.#key;
			const response = await send(request, key);
			if (response.status === 200) return response;
			if (response.status === 401 && await this.#replaceKey(key, queuedAt)) continue;
			if (response.status !== 503 || attempt >= MAX_ATTEMPTS) {
				throw await problemFrom(response);
			}
			await waitBeforeRetry(request, response.retryAfter);
		}
	}

	// One prompt serves all requests that are queued before the user answers it. A key entered in the meantime is tried first.
	async #replaceKey(rejectedKey, queuedAt) {
		if (this.#key && this.#key !== rejectedKey) return true;
		if (queuedAt < this.#declinedAt) return false;
		this.#prompt ??= this.#askForKey(rejectedKey !== "").finally(() => {
			this.#prompt = null;
		});
		this.#key = await this.#prompt ?? "";
		if (!this.#key) this.#declinedAt = performance.now();
		return this.#key !== "";
	}
}

async function waitBeforeRetry({ onRetryWait, signal, onStart }, seconds) {
	for (let left = seconds; left > 0; left -= 1) {
		signal?.throwIfAborted();
		onRetryWait?.(left);
		await new Promise((resolve) => setTimeout(resolve, 1000));
	}
	signal?.throwIfAborted();
	onStart?.();
}

// Uses XMLHttpRequest because fetch does not report upload progress.
/** @param {ApiRequest} request @param {string} key @returns {Promise<any>} */
function send({ path, form, responseType = "text", signal, onProgress }, key) {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		request.open(form ? "POST" : "GET", path);
		request.responseType = responseType;
		if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
		const sentAt = performance.now();
		request.upload.onprogress = ({ loaded, total }) => onProgress?.(total ? loaded / total : 1);
		request.upload.onload = () => onProgress?.(1);
		request.onload = () =>
			resolve({
				status: request.status,
				body: request.response,
				retryAfter: Number(request.getResponseHeader("Retry-After")) || 1,
				sentAt,
				receivedAt: performance.now(),
			});
		request.onerror = () => reject(new Problem({ code: "unreachable", detail: "no response" }));
		request.onabort = () => reject(signal?.reason);
		signal?.throwIfAborted();
		signal?.addEventListener("abort", () => request.abort(), { once: true });
		request.send(form);
	});
}

async function problemFrom({ body, status }) {
	const text = typeof body === "string" ? body : await body.text();
	try {
		return new Problem(JSON.parse(text));
	} catch {
		return new Problem({ code: "", status, detail: `status ${status}` });
	}
}

/** Parses a JSON response. */
export function parseJson(text) {
	try {
		return JSON.parse(text);
	} catch {
		throw new Problem({ code: "unreadable_response", detail: "the response is not JSON" });
	}
}
