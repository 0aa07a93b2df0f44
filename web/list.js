// Lists the films: thumbnail, name, state and progress of each.

import { create } from "./dom.js";
import { stateText } from "./text.js";

const THUMBNAIL_SIDE = 112; // twice the displayed size, for high-density displays
const MASK_COLOUR = "rgb(255 0 0 / 45%)";

/**
 * @typedef {import("./films.js").Film} Film
 * @typedef {{item: HTMLLIElement, button: HTMLButtonElement, thumbnail: HTMLCanvasElement, state: HTMLElement, progress: HTMLProgressElement}} Row
 */

export class FilmList {
	#list;
	/** @type {Map<Film, Row>} */
	#rows = new Map();
	#onSelect;

	/** @param {HTMLElement} list @param {(film: Film) => void} onSelect */
	constructor(list, onSelect) {
		this.#list = list;
		this.#onSelect = onSelect;
		list.addEventListener("keydown", (event) => this.#onKey(event));
	}

	/** Adds and removes rows so that the list shows `films`. @param {Film[]} films */
	sync(films) {
		for (const [film, row] of this.#rows) {
			if (films.includes(film)) continue;
			row.item.remove();
			this.#rows.delete(film);
		}
		for (const film of films) {
			if (!this.#rows.has(film)) this.#rows.set(film, this.#addRow(film));
		}
	}

	/** Shows the state of a film after `changes`. @param {Film} film @param {Partial<Film>} changes @param {any} model */
	update(film, changes, model) {
		const row = this.#rows.get(film);
		if (!row) return;
		row.item.dataset.state = film.state;
		row.state.textContent = stateText(film, model);
		row.progress.hidden = ["queued", "done", "failed"].includes(film.state);
		if (film.state === "sending") row.progress.value = film.progress;
		else row.progress.removeAttribute("value");
		if (changes.preview || changes.mask) this.#drawThumbnail(film, row.thumbnail);
	}

	/** @param {Film | null} selected */
	markSelected(selected) {
		for (const [film, { button, item }] of this.#rows) {
			button.ariaCurrent = film === selected ? "true" : null;
			if (film === selected) item.scrollIntoView({ block: "nearest", inline: "nearest" });
		}
	}

	focus(film) {
		this.#rows.get(film)?.button.focus();
	}

	#addRow(film) {
		const thumbnail = create("canvas");
		Object.assign(thumbnail, { width: THUMBNAIL_SIDE, height: THUMBNAIL_SIDE });
		const name = create("b", film.name);
		name.title = film.name;
		const state = create("small");
		const progress = create("progress");
		const button = create("button", thumbnail, create("span", name, state), progress);
		const item = create("li", button);
		thumbnail.ariaHidden = "true";
		progress.ariaHidden = "true";
		button.addEventListener("click", () => this.#onSelect(film));
		this.#list.append(item);
		return { item, button, thumbnail, state, progress };
	}

	async #drawThumbnail(film, canvas) {
		const context = canvas.getContext("2d");
		if (film.preview) {
			const bitmap = await createImageBitmap(film.preview, {
				resizeWidth: THUMBNAIL_SIDE,
				resizeQuality: "medium",
			});
			canvas.height = Math.max(1, Math.round(THUMBNAIL_SIDE * bitmap.height / bitmap.width));
			context.drawImage(bitmap, 0, 0);
			bitmap.close();
		}
		if (film.mask) drawMask(context, film.mask, canvas.width);
	}

	// The arrow keys select the previous and the next film.
	#onKey(event) {
		const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
		const films = [...this.#rows.keys()];
		const at = films.findIndex((film) => this.#rows.get(film)?.button === document.activeElement);
		const next = films[at + (step ?? 0)];
		if (!step || at < 0 || !next) return;
		event.preventDefault();
		this.#onSelect(next);
		this.focus(next);
	}
}

// Draws as many columns of the mask as the thumbnail has.
function drawMask(context, { width, spans }, thumbnailWidth) {
	const scale = thumbnailWidth / width;
	const step = Math.max(1, Math.floor(1 / scale));
	context.save();
	context.scale(scale, scale);
	context.fillStyle = MASK_COLOUR;
	for (let at = 0; at < spans.length; at += 3) {
		const [column, top, end] = spans.subarray(at, at + 3);
		if (column % step === 0) context.fillRect(column, top, step, end - top);
	}
	context.restore();
}
