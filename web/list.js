// Decides how the films are listed: a small picture, the name, and how each stands.

import { standing } from "./words.js";

const THUMB_SIDE = 112; // twice what is shown, for dense displays
const TINT = "rgb(255 0 0 / 45%)";

/**
 * @typedef {import("./films.js").Film} Film
 * @typedef {{item: HTMLLIElement, button: HTMLButtonElement, thumb: HTMLCanvasElement, line: HTMLElement, bar: HTMLProgressElement}} Row
 */

export class FilmList {
	#list;
	/** @type {Map<Film, Row>} */
	#rows = new Map();
	#choose;

	/** @param {HTMLElement} list @param {(film: Film) => void} choose */
	constructor(list, choose) {
		this.#list = list;
		this.#choose = choose;
		list.addEventListener("keydown", (event) => this.#onKey(event));
	}

	/** @param {Film[]} films */
	sync(films) {
		for (const [film, row] of this.#rows) {
			if (films.includes(film)) continue;
			row.item.remove();
			this.#rows.delete(film);
		}
		for (const film of films) {
			if (!this.#rows.has(film)) this.#rows.set(film, this.#row(film));
		}
	}

	/** @param {Film} film @param {Partial<Film>} changes @param {any} model */
	update(film, changes, model) {
		const row = this.#rows.get(film);
		if (!row) return;
		row.item.dataset.state = film.state;
		row.line.textContent = standing(film, model);
		row.bar.hidden = ["waiting", "done", "failed"].includes(film.state);
		if (film.state === "sending") row.bar.value = film.progress;
		else row.bar.removeAttribute("value");
		if (changes.picture || changes.mask) this.#draw(film, row.thumb);
	}

	/** @param {Film | null} chosen */
	mark(chosen) {
		for (const [film, { button, item }] of this.#rows) {
			if (film === chosen) {
				button.setAttribute("aria-current", "true");
				item.scrollIntoView({ block: "nearest", inline: "nearest" });
			} else {
				button.removeAttribute("aria-current");
			}
		}
	}

	focus(film) {
		this.#rows.get(film)?.button.focus();
	}

	#row(film) {
		const item = document.createElement("li");
		const button = document.createElement("button");
		const thumb = Object.assign(document.createElement("canvas"), {
			width: THUMB_SIDE,
			height: THUMB_SIDE,
		});
		const words = document.createElement("span");
		const name = Object.assign(document.createElement("b"), {
			textContent: film.name,
			title: film.name,
		});
		const line = document.createElement("small");
		const bar = Object.assign(document.createElement("progress"), { max: 1 });
		button.type = "button";
		thumb.setAttribute("aria-hidden", "true");
		bar.setAttribute("aria-hidden", "true");
		words.append(name, line);
		button.append(thumb, words, bar);
		button.addEventListener("click", () => this.#choose(film));
		item.append(button);
		this.#list.append(item);
		return { item, button, thumb, line, bar };
	}

	async #draw(film, canvas) {
		const context = canvas.getContext("2d");
		if (film.picture) {
			const bitmap = await createImageBitmap(film.picture, {
				resizeWidth: THUMB_SIDE,
				resizeQuality: "medium",
			});
			canvas.height = Math.max(1, Math.round(THUMB_SIDE * bitmap.height / bitmap.width));
			context.drawImage(bitmap, 0, 0);
			bitmap.close();
		}
		if (film.mask) tint(context, film.mask, canvas.width);
	}

	// Up and down, and on a phone left and right, go from film to film.
	#onKey(event) {
		const step = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
		const films = [...this.#rows.keys()];
		const at = films.findIndex((film) =>
			this.#rows.get(film)?.button === document.activeElement
		);
		const next = films[at + (step ?? 0)];
		if (!step || at < 0 || !next) return;
		event.preventDefault();
		this.#choose(next);
		this.focus(next);
	}
}

// Every so many columns are enough for a small picture.
function tint(context, { width, spans }, side) {
	const scale = side / width;
	const step = Math.max(1, Math.floor(1 / scale));
	context.save();
	context.scale(scale, scale);
	context.fillStyle = TINT;
	for (let at = 0; at < spans.length; at += 3) {
		if (spans[at] % step === 0) {
			context.fillRect(spans[at], spans[at + 1], step, spans[at + 2] - spans[at + 1]);
		}
	}
	context.restore();
}
