// Shows the selected film, its mask and the outlines, as the switches, sliders and gestures say.

import { element, onClick, setText } from "./dom.js";
import { listenForGestures, ZOOM_STEP } from "./gestures.js";
import * as layers from "./layers.js";
import { contains } from "./rle.js";
import { fit, pan, pixelAt, zoom } from "./view.js";

const PIXELATED_FROM_SCALE = 3;
/** The window that shows all grey values unchanged. */
const IDENTITY = { window: 256, level: 128 };
const SWITCHES = /** @type {const} */ (["fill", "outline", "reference"]);

/** @typedef {import("./rle.js").Mask} Mask */

export class Viewer {
	#stage = element("stage");
	#canvases = element("canvases");
	#film = element("film-canvas");
	#mask = element("mask-canvas");
	#outline = element("outline-canvas");
	#reference = element("reference-canvas");
	#sliders = { opacity: element("opacity"), window: element("window"), level: element("level") };

	/** The size of the film. @type {{width: number, height: number} | null} */
	#size = null;
	/** Read before the first change of the window. @type {ReturnType<typeof layers.readGreys> | null} */
	#greys = null;
	#hasPreview = false;
	/** @type {{mask: Mask | null, outline: Path2D | null, reference: Path2D | null}} */
	#overlay = { mask: null, outline: null, reference: null };
	#view = { scale: 1, x: 0, y: 0 };
	#isFitted = true;
	/** What the next animation frame redraws. */
	#scheduled = { film: false, view: false };
	/** Counts the films shown, to drop previews that are decoded too late. */
	#shownFilms = 0;

	constructor() {
		for (const id of SWITCHES) {
			element(id).addEventListener("change", () => this.#updateOverlay());
		}
		this.#sliders.opacity.addEventListener("input", () => this.#updateOverlay());
		for (const id of ["window", "level"]) {
			this.#sliders[id].addEventListener("input", () => this.#schedule("film"));
		}
		onClick("zoom-in", () => this.#zoom(ZOOM_STEP));
		onClick("zoom-out", () => this.#zoom(1 / ZOOM_STEP));
		onClick("zoom-reset", () => this.reset());
		listenForGestures(this.#stage, {
			pan: (dx, dy) => this.#pan(dx, dy),
			zoom: (factor, point) => this.#zoom(factor, point),
			adjustWindow: (dx, dy) => this.#adjustWindow(dx, dy),
			hover: (point) => this.#showPixel(point),
			reset: () => this.reset(),
			toggle: (id) => element(id).click(),
		});
		new ResizeObserver(() => this.#onResize()).observe(this.#stage);
		this.empty();
	}

	/** Removes the film from the viewer. */
	empty() {
		this.#shownFilms += 1;
		this.#size = null;
		this.#greys = null;
		this.#hasPreview = false;
		this.#overlay = { mask: null, outline: null, reference: null };
		for (const canvas of [this.#film, this.#mask]) layers.clear(canvas);
		this.#showPixel(null);
		this.reset();
		this.#updateOverlay();
	}

	/** Shows the preview of a film, unless another film is shown before it is decoded. */
	async showPreview(blob) {
		this.#shownFilms += 1;
		const shown = this.#shownFilms;
		const bitmap = await layers.decodeImage(blob);
		if (shown === this.#shownFilms) {
			this.#setSize(bitmap);
			layers.drawImage(this.#film, bitmap);
			this.#hasPreview = true;
			this.#drawFilm();
		}
		bitmap.close();
	}

	/** @param {Mask} mask @param {Mask | null} reference */
	showMask(mask, reference) {
		layers.drawMask(this.#mask, mask);
		const referencePath = reference && layers.outlinePath(reference);
		this.#overlay = { mask, outline: null, reference: referencePath };
		this.#setSize(mask);
		this.#updateOverlay();
	}

	/** Fits the film to the viewer and shows its grey values unchanged. */
	reset() {
		this.#sliders.window.value = IDENTITY.window;
		this.#sliders.level.value = IDENTITY.level;
		this.#fit();
		this.#schedule("film");
	}

	get #sizes() {
		const stage = { width: this.#stage.clientWidth, height: this.#stage.clientHeight };
		return { film: this.#size ?? { width: 1, height: 1 }, stage };
	}

	// The mask and the preview have the same size. The one that arrives first sets it.
	#setSize({ width, height }) {
		if (this.#size) return;
		this.#size = { width, height };
		for (const canvas of [this.#film, this.#mask]) layers.resize(canvas, width, height);
		this.#fit();
	}

	#fit() {
		this.#isFitted = true;
		this.#view = fit(this.#sizes);
		this.#drawView();
	}

	#onResize() {
		if (this.#isFitted) this.#fit();
		else this.#pan(0, 0);
	}

	#pan(dx, dy) {
		this.#setView(pan(this.#view, dx, dy, this.#sizes));
	}

	#zoom(factor, point = this.#centre) {
		this.#setView(zoom(this.#view, factor, point, this.#sizes));
	}

	get #centre() {
		const { width, height } = this.#sizes.stage;
		return { x: width / 2, y: height / 2 };
	}

	#setView(view) {
		if (!this.#size) return;
		this.#isFitted = false;
		this.#view = view;
		this.#schedule("view");
	}

	#adjustWindow(dx, dy) {
		const { window, level } = this.#sliders;
		window.value = Number(window.value) + Math.round(dx);
		level.value = Number(level.value) + Math.round(dy);
		this.#schedule("film");
	}

	// Redraws at most once for each animation frame.
	#schedule(what) {
		const { film, view } = this.#scheduled;
		if (!film && !view) requestAnimationFrame(() => this.#draw());
		this.#scheduled[what] = true;
	}

	#draw() {
		const { film, view } = this.#scheduled;
		this.#scheduled = { film: false, view: false };
		if (film) this.#drawFilm();
		if (view) this.#drawView();
	}

	#drawFilm() {
		const window = Number(this.#sliders.window.value);
		const level = Number(this.#sliders.level.value);
		const isIdentity = window === IDENTITY.window && level === IDENTITY.level;
		const film = isIdentity ? this.#greys : this.#readGreys();
		if (film) layers.drawFilm(this.#film, film, layers.windowTable(window, level));
		setText("window-value", String(window));
		setText("level-value", String(level));
		setText("view-window", this.#size ? `W ${window}  L ${level}` : "");
	}

	#readGreys() {
		if (this.#hasPreview) this.#greys ??= layers.readGreys(this.#film);
		return this.#greys;
	}

	#drawView() {
		const { scale, x, y } = this.#view;
		this.#canvases.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
		this.#canvases.toggleAttribute("data-pixelated", scale >= PIXELATED_FROM_SCALE);
		this.#stage.toggleAttribute("data-moved", !this.#isFitted);
		setText("view-scale", this.#size ? `${Math.round(scale * 100)} %` : "");
		this.#drawOutlines();
	}

	#updateOverlay() {
		const opacity = this.#sliders.opacity.value;
		this.#mask.style.opacity = String(Number(opacity) / 100);
		this.#mask.hidden = !element("fill").checked;
		setText("opacity-value", `${opacity} %`);
		this.#drawOutlines();
	}

	#drawOutlines() {
		const overlay = this.#overlay;
		const stage = { ...this.#sizes.stage, density: globalThis.devicePixelRatio || 1 };
		const draw = (canvas, path, colour) => layers.drawOutline(canvas, path, this.#view, stage, colour);
		const hasOutline = element("outline").checked && overlay.mask;
		if (hasOutline) overlay.outline ??= layers.outlinePath(overlay.mask);
		draw(this.#outline, hasOutline ? overlay.outline : null, "red");
		draw(this.#reference, element("reference").checked ? overlay.reference : null, "white");
	}

	// Describes the pixel under the pointer.
	#showPixel(point) {
		const pixel = point && this.#size && pixelAt(this.#view, point, this.#size);
		if (!pixel) {
			setText("probe", "");
			return;
		}
		const { x, y } = pixel;
		const film = this.#readGreys();
		const grey = film ? `  grey ${film.greys[y * film.width + x]}` : "";
		const isLung = this.#overlay.mask && contains(this.#overlay.mask, x, y);
		setText("probe", `${x}, ${y}${grey}${isLung ? "  lung" : ""}`);
	}
}
