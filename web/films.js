// Decides which films lie on the desk, which one is looked at, and what is let go with a film that is removed.

/**
 * @typedef {object} Film
 * @property {number} id
 * @property {string} name
 * @property {File} file
 * @property {File | null} reference the reference mask's file
 * @property {boolean} sample whether it is the server's own phantom
 * @property {"waiting" | "sending" | "segmenting" | "retrying" | "done" | "failed"} state
 * @property {number} progress how much has been sent, 0 to 1
 * @property {number} retryIn seconds
 * @property {number | null} threshold null for the model's own
 * @property {Blob | null} picture the film as the server decoded it
 * @property {any} answer the server's JSON
 * @property {import("./rle.js").Mask | null} mask
 * @property {import("./rle.js").Mask | null} referenceMask
 * @property {number} roundTrip milliseconds
 * @property {number} arrivedAt when the answer came, as performance.now() tells it
 * @property {boolean} dicom
 * @property {any} problem
 * @property {AbortController} calls what is being asked about it
 */

export class Desk {
	/** @type {Film[]} */
	films = [];
	/** @type {Film | null} */
	selected = null;
	#heard;
	#lastId = 0;

	/** @param {{listed: () => void, changed: (film: Film, changes: Partial<Film>) => void, selected: (film: Film | null) => void}} heard */
	constructor(heard) {
		this.#heard = heard;
	}

	add(file, reference, sample) {
		this.#lastId += 1;
		/** @type {Film} */
		const film = {
			id: this.#lastId,
			name: file.name,
			file,
			reference,
			sample,
			state: "waiting",
			progress: 0,
			retryIn: 0,
			threshold: null,
			picture: null,
			answer: null,
			mask: null,
			referenceMask: null,
			roundTrip: 0,
			arrivedAt: 0,
			dicom: false,
			problem: null,
			calls: new AbortController(),
		};
		this.films.push(film);
		this.#heard.listed();
		return film;
	}

	/** @param {Film} film @param {Partial<Film>} changes */
	change(film, changes) {
		if (!this.films.includes(film)) return; // it was removed meanwhile
		Object.assign(film, changes);
		this.#heard.changed(film, changes);
	}

	select(film) {
		if (this.selected === film) return;
		this.selected = film;
		this.#heard.selected(film);
	}

	/** The film's neighbour is looked at next. */
	remove(film) {
		const at = this.films.indexOf(film);
		film.calls.abort();
		this.films.splice(at, 1);
		this.#heard.listed();
		if (film === this.selected) {
			this.select(this.films[Math.min(at, this.films.length - 1)] ?? null);
		}
	}

	removeAll() {
		for (const film of this.films) film.calls.abort();
		this.films = [];
		this.#heard.listed();
		this.select(null);
	}
}
