// Holds the films on the page, their state, and which film is selected.

/** @typedef {import("./rle.js").Mask} Mask */

export class Film {
	/** @type {"queued" | "sending" | "segmenting" | "retrying" | "done" | "failed"} */
	state = "queued";
	/** The fraction of the request that has been sent. */
	progress = 0;
	secondsToRetry = 0;
	/** Null for the threshold of the model. @type {number | null} */
	threshold = null;
	/** The film as the server decoded it, as PNG. @type {Blob | null} */
	preview = null;
	/** The server's JSON response. @type {any} */
	result = null;
	/** @type {Mask | null} */
	mask = null;
	/** @type {Mask | null} */
	referenceMask = null;
	roundTripMs = 0;
	/** When the response arrived, in the time of performance.now(). */
	receivedAt = 0;
	isDicom = false;
	/** @type {any} */
	problem = null;
	/** Aborts the requests for the film. */
	requests = new AbortController();

	/** @param {File} file @param {File | null} reference the file of the reference mask @param {boolean} isSample */
	constructor(file, reference, isSample) {
		this.name = file.name;
		this.file = file;
		this.reference = reference;
		this.isSample = isSample;
	}
}

export class FilmStore {
	/** @type {Film[]} */
	films = [];
	/** @type {Film | null} */
	selected = null;
	#handlers;

	/** @param {{onList: () => void, onChange: (film: Film, changes: Partial<Film>) => void, onSelect: (film: Film | null) => void}} handlers */
	constructor(handlers) {
		this.#handlers = handlers;
	}

	/** @param {Film} film */
	add(film) {
		this.films.push(film);
		this.#handlers.onList();
	}

	/** Does nothing if the film has been removed. @param {Film} film @param {Partial<Film>} changes */
	change(film, changes) {
		if (!this.films.includes(film)) return;
		Object.assign(film, changes);
		this.#handlers.onChange(film, changes);
	}

	select(film) {
		if (this.selected === film) return;
		this.selected = film;
		this.#handlers.onSelect(film);
	}

	/** Removes a film and selects its neighbour if it was selected. */
	remove(film) {
		const at = this.films.indexOf(film);
		film.requests.abort();
		this.films.splice(at, 1);
		this.#handlers.onList();
		if (film === this.selected) {
			this.select(this.films[Math.min(at, this.films.length - 1)] ?? null);
		}
	}

	removeAll() {
		for (const film of this.films) film.requests.abort();
		this.films = [];
		this.#handlers.onList();
		this.select(null);
	}
}
