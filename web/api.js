// Decides how the server is asked: at most two requests at a time, again by itself where it is busy, with a key where it wants one.

import { Slots } from "./slots.js";

const AT_A_TIME = 2;
const MOST_TRIES = 5;

/** What went wrong, as the server's problem document says it, or under one of the page's own codes. */
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
 * @typedef {object} Call
 * @property {string} path
 * @property {FormData} [form] what to post; without it the path is got
 * @property {"text" | "blob"} kind
 * @property {AbortSignal} [signal]
 * @property {() => void} [started] its turn has come
 * @property {(share: number) => void} [sent] how much of the body has left
 * @property {(seconds: number) => void} [waits] the server is busy
 */

export class Api {
	#slots = new Slots(AT_A_TIME);
	#key = "";
	/** @type {Promise<string> | null} */
	#asking = null;
	#declinedAt = 0;
	#askPerson;

	/** @param {(refused: boolean) => Promise<string>} askPerson gives a key, or an empty one where there is none */
	constructor(askPerson) {
		this.#askPerson = askPerson;
	}

	get keyed() {
		return this.#key !== "";
	}

	/** The model, or null where a key is wanted that nobody has been asked for yet. */
	async model() {
		const answer = await send({ path: "/v1/model", kind: "text" }, this.#key);
		if (answer.status === 401) return null;
		if (answer.status !== 200) throw await problemOf(answer);
		return parsed(answer.body);
	}

	/** @param {Call} call */
	ask(call) {
		const since = performance.now();
		return this.#slots.run(() => this.#persist(call, since), call.signal);
	}

	async #persist(call, since) {
		call.started?.();
		for (let tries = 1;; tries += 1) {
			const key = this.#key;
			const answer = await send(call, key);
			if (answer.status === 200) return answer;
			if (answer.status === 401 && await this.#newKey(key, since)) continue;
			if (answer.status !== 503 || tries >= MOST_TRIES) throw await problemOf(answer);
			await pause(call, answer.retryAfter);
		}
	}

	// The person is asked once for all that was asked until then, and a key that came meanwhile is tried first.
	async #newKey(refused, since) {
		if (this.#key && this.#key !== refused) return true;
		if (since < this.#declinedAt) return false;
		this.#asking ??= this.#askPerson(refused !== "").finally(() => {
			this.#asking = null;
		});
		this.#key = await this.#asking ?? "";
		if (!this.#key) this.#declinedAt = performance.now();
		return this.#key !== "";
	}
}

async function pause({ waits, signal, started }, seconds) {
	for (let left = seconds; left > 0; left -= 1) {
		signal?.throwIfAborted();
		waits?.(left);
		await new Promise((resolve) => setTimeout(resolve, 1000));
	}
	signal?.throwIfAborted();
	started?.();
}

// XMLHttpRequest, since fetch does not tell how much has been sent.
/** @param {Call} call @param {string} key @returns {Promise<any>} */
function send({ path, form, kind, signal, sent }, key) {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		request.open(form ? "POST" : "GET", path);
		request.responseType = kind;
		if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
		const sentAt = performance.now();
		request.upload.onprogress = (event) => sent?.(event.total ? event.loaded / event.total : 1);
		request.upload.onload = () => sent?.(1);
		request.onload = () =>
			resolve({
				status: request.status,
				body: request.response,
				retryAfter: Number(request.getResponseHeader("Retry-After")) || 1,
				sentAt,
				arrivedAt: performance.now(),
			});
		request.onerror = () =>
			reject(new Problem({ code: "unreachable", detail: "no answer came" }));
		request.onabort = () => reject(signal?.reason);
		signal?.throwIfAborted();
		signal?.addEventListener("abort", () => request.abort(), { once: true });
		request.send(form);
	});
}

async function problemOf({ body, status }) {
	const text = typeof body === "string" ? body : await body.text();
	try {
		return new Problem(JSON.parse(text));
	} catch {
		return new Problem({ code: "", status, detail: `status ${status}` });
	}
}

/** A JSON answer. */
export function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		throw new Problem({ code: "unreadable_answer", detail: "the answer is no JSON" });
	}
}
