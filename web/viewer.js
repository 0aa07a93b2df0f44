// Decides what the stage shows of the selected film, and how it follows the switches, the sliders and the pointer.

import { element } from "./dom.js";
import { listen, ZOOM_STEP } from "./gestures.js";
import {
	clear,
	drawFilm,
	drawMask,
	drawOutline,
	drawPicture,
	greysOf,
	lookup,
	outlineOf,
	pictureOf,
} from "./layers.js";
import { contains } from "./rle.js";
import { fitted, moved, pixelAt, zoomed } from "./view.js";

const PIXELS_SEEN_FROM = 3;
const PLAIN = { window: 256, level: 128 };
const SWITCHES = /** @type {const} */ (["fill", "outline", "reference"]);

export class Viewer {
	#stage = element("stage");
	#planes = element("planes");
	#film = element("film-canvas");
	#mask = element("mask-canvas");
	#outline = element("outline-canvas");
	#reference = element("reference-canvas");
	#sliders = { opacity: element("opacity"), window: element("window"), level: element("level") };

	/** @type {{width: number, height: number} | null} */
	#size = null;
	/** Read from the film's canvas while that still shows them as they are. @type {ReturnType<typeof greysOf> | null} */
	#greys = null;
	#isPictured = false;
	/** @type {{mask: import("./rle.js").Mask | null, outline: Path2D | null, reference: Path2D | null}} */
	#shown = { mask: null, outline: null, reference: null };
	#view = { scale: 1, x: 0, y: 0 };
	#isFitted = true;
	#isDue = { film: false, view: false };
	#picture = 0;

	constructor() {
		for (const id of SWITCHES) element(id).addEventListener("change", () => this.#layers());
		this.#sliders.opacity.addEventListener("input", () => this.#layers());
		for (const id of ["window", "level"]) {
			this.#sliders[id].addEventListener("input", () => this.#due("film"));
		}
		element("zoom-in").addEventListener("click", () => this.#step(ZOOM_STEP));
		element("zoom-out").addEventListener("click", () => this.#step(1 / ZOOM_STEP));
		element("zoom-reset").addEventListener("click", () => this.reset());
		listen(this.#stage, {
			move: (dx, dy) => this.#go(moved(this.#view, dx, dy, this.#filmSize, this.#stageSize)),
			zoom: (factor, point) =>
				this.#go(zoomed(this.#view, factor, point, this.#filmSize, this.#stageSize)),
			shade: (dx, dy) => this.#shade(dx, dy),
			point: (point) => this.#probe(point),
			step: (factor) => this.#step(factor),
			reset: () => this.reset(),
			flip: (which) => element(which).click(),
		});
		new ResizeObserver(() => this.#resized()).observe(this.#stage);
		this.#layers();
	}

	/** Forgets the film that was shown. */
	empty() {
		this.#picture += 1;
		this.#size = null;
		this.#greys = null;
		this.#isPictured = false;
		this.#shown = { mask: null, outline: null, reference: null };
		for (const canvas of [this.#film, this.#mask]) clear(canvas);
		this.#probe(null);
		this.reset();
		this.#layers();
	}

	/** Shows the film as the server decoded it, unless another has been chosen before it is there. */
	async showPicture(blob) {
		this.#picture += 1;
		const turn = this.#picture;
		const bitmap = await pictureOf(blob);
		if (turn === this.#picture) {
			this.#sized(bitmap);
			drawPicture(this.#film, bitmap);
			this.#isPictured = true;
			this.#paintFilm();
		}
		bitmap.close();
	}

	/** @param {import("./rle.js").Mask} mask @param {import("./rle.js").Mask | null} reference */
	showMask(mask, reference) {
		drawMask(this.#mask, mask);
		this.#shown = { mask, outline: null, reference: reference && outlineOf(reference) };
		this.#sized(mask);
		this.#layers();
	}

	/** The whole film, with its own greys. */
	reset() {
		this.#sliders.window.value = PLAIN.window;
		this.#sliders.level.value = PLAIN.level;
		this.#fit();
		this.#due("film");
	}

	get #filmSize() {
		return this.#size ?? { width: 1, height: 1 };
	}

	get #stageSize() {
		return { width: this.#stage.clientWidth, height: this.#stage.clientHeight };
	}

	// The first of mask and picture says how large the film is.
	#sized({ width, height }) {
		if (this.#size) return;
		this.#size = { width, height };
		for (const canvas of [this.#film, this.#mask]) {
			if (canvas.width !== width || canvas.height !== height) {
				Object.assign(canvas, { width, height });
			}
		}
		this.#fit();
	}

	#fit() {
		this.#isFitted = true;
		this.#view = fitted(this.#filmSize, this.#stageSize);
		this.#place();
	}

	#resized() {
		if (this.#isFitted) this.#fit();
		else this.#go(moved(this.#view, 0, 0, this.#filmSize, this.#stageSize));
	}

	#go(view) {
		if (!this.#size) return;
		this.#isFitted = false;
		this.#view = view;
		this.#due("view");
	}

	#step(factor) {
		const { width, height } = this.#stageSize;
		this.#go(
			zoomed(
				this.#view,
				factor,
				{ x: width / 2, y: height / 2 },
				this.#filmSize,
				this.#stageSize,
			),
		);
	}

	#shade(dx, dy) {
		const { window, level } = this.#sliders;
		window.value = Number(window.value) + Math.round(dx);
		level.value = Number(level.value) + Math.round(dy);
		this.#due("film");
	}

	// However many events come in a frame, it is painted once.
	#due(what) {
		if (!this.#isDue.film && !this.#isDue.view) requestAnimationFrame(() => this.#paint());
		this.#isDue[what] = true;
	}

	#paint() {
		const { film, view } = this.#isDue;
		this.#isDue = { film: false, view: false };
		if (film) this.#paintFilm();
		if (view) this.#place();
	}

	#paintFilm() {
		const window = Number(this.#sliders.window.value);
		const level = Number(this.#sliders.level.value);
		const isPlain = window === PLAIN.window && level === PLAIN.level;
		const film = isPlain ? this.#greys : this.#read();
		if (film) drawFilm(this.#film, film, lookup(window, level));
		element("window-value").textContent = String(window);
		element("level-value").textContent = String(level);
		element("view-window").textContent = this.#size ? `W ${window}  L ${level}` : "";
	}

	#read() {
		if (this.#isPictured) this.#greys ??= greysOf(this.#film);
		return this.#greys;
	}

	#place() {
		const { scale, x, y } = this.#view;
		this.#planes.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
		this.#planes.toggleAttribute("data-pixels", scale >= PIXELS_SEEN_FROM);
		this.#stage.toggleAttribute("data-moved", !this.#isFitted);
		element("view-scale").textContent = this.#size ? `${Math.round(scale * 100)} %` : "";
		this.#outlines();
	}

	#layers() {
		const opacity = Number(this.#sliders.opacity.value) / 100;
		this.#mask.style.opacity = String(opacity);
		this.#mask.hidden = !element("fill").checked;
		element("opacity-value").textContent = `${this.#sliders.opacity.value} %`;
		this.#outlines();
	}

	#outlines() {
		const stage = { ...this.#stageSize, density: globalThis.devicePixelRatio || 1 };
		const { mask } = this.#shown;
		const isOutlined = element("outline").checked && mask;
		if (isOutlined) this.#shown.outline ??= outlineOf(mask);
		drawOutline(
			this.#outline,
			isOutlined ? this.#shown.outline : null,
			this.#view,
			stage,
			"red",
		);
		drawOutline(
			this.#reference,
			element("reference").checked ? this.#shown.reference : null,
			this.#view,
			stage,
			"white",
		);
	}

	// What lies under the pointer.
	#probe(point) {
		const pixel = point && this.#size && pixelAt(this.#view, point, this.#size);
		if (!pixel) {
			element("probe").textContent = "";
			return;
		}
		const film = this.#read();
		const grey = film ? `  grey ${film.greys[pixel.y * film.width + pixel.x]}` : "";
		const lung = this.#shown.mask && contains(this.#shown.mask, pixel.x, pixel.y)
			? "  lung"
			: "";
		element("probe").textContent = `${pixel.x}, ${pixel.y}${grey}${lung}`;
	}
}
