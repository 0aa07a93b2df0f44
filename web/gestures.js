// Decides what a pointer, a wheel and a key on the stage mean: move, zoom, window and level, or a switch.

const WHEEL_ZOOM = 0.0016;
const PINCHED_WHEEL_ZOOM = 0.012; // browsers report a pinch on a touchpad as a wheel with Ctrl, in small steps
const WHEEL_LINE = 30;
const KEY_STEP = 48;
const RIGHT_BUTTON = 2;

/** One step of the zoom buttons and keys. */
export const ZOOM_STEP = 1.25;

/**
 * @typedef {object} Meanings
 * @property {(dx: number, dy: number) => void} move
 * @property {(factor: number, point: {x: number, y: number}) => void} zoom
 * @property {(dx: number, dy: number) => void} shade
 * @property {(point: {x: number, y: number} | null) => void} point
 * @property {(factor: number) => void} step
 * @property {() => void} reset
 * @property {(which: "fill" | "outline" | "reference") => void} flip
 */

/** @param {HTMLElement} stage @param {Meanings} meanings */
export function listen(stage, meanings) {
	listenToPointers(stage, meanings);
	stage.addEventListener("wheel", (event) => {
		event.preventDefault();
		const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : WHEEL_LINE;
		const rate = event.ctrlKey ? PINCHED_WHEEL_ZOOM : WHEEL_ZOOM;
		meanings.zoom(Math.exp(-event.deltaY * lines * rate), pointOf(stage, event));
	}, { passive: false });
	stage.addEventListener("contextmenu", (event) => event.preventDefault());
	stage.addEventListener("dblclick", () => meanings.reset());
	stage.addEventListener("keydown", (event) => onKey(event, meanings));
}

function listenToPointers(stage, meanings) {
	const held = new Map();
	const release = (event) => held.delete(event.pointerId);
	stage.addEventListener("pointerdown", (event) => {
		stage.setPointerCapture(event.pointerId);
		held.set(event.pointerId, pointOf(stage, event));
	});
	stage.addEventListener("pointermove", (event) => {
		const now = pointOf(stage, event);
		const before = held.get(event.pointerId);
		meanings.point(event.pointerType === "mouse" ? now : null);
		if (!before) return;
		const others = [...held].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
		held.set(event.pointerId, now);
		if (others.length) pinch(before, now, others[0], meanings);
		else if (event.shiftKey || event.buttons & RIGHT_BUTTON) {
			meanings.shade(now.x - before.x, now.y - before.y);
		} else meanings.move(now.x - before.x, now.y - before.y);
	});
	for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, release);
	stage.addEventListener("pointerleave", () => meanings.point(null));
}

// Two fingers zoom about the point between them, and move the film with it.
function pinch(before, now, other, { zoom, move }) {
	const apart = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
	zoom(apart(now) / apart(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
	move((now.x - before.x) / 2, (now.y - before.y) / 2);
}

function onKey(event, { move, step, reset, flip }) {
	if (event.ctrlKey || event.metaKey || event.altKey) return;
	const keys = {
		ArrowLeft: () => move(KEY_STEP, 0),
		ArrowRight: () => move(-KEY_STEP, 0),
		ArrowUp: () => move(0, KEY_STEP),
		ArrowDown: () => move(0, -KEY_STEP),
		"+": () => step(ZOOM_STEP),
		"=": () => step(ZOOM_STEP),
		"-": () => step(1 / ZOOM_STEP),
		0: reset,
		f: () => flip("fill"),
		o: () => flip("outline"),
		r: () => flip("reference"),
	};
	const meant = keys[event.key] ?? keys[event.key.toLowerCase()];
	if (!meant) return;
	event.preventDefault();
	meant();
}

function pointOf(stage, { clientX, clientY }) {
	const { left, top } = stage.getBoundingClientRect();
	return { x: clientX - left, y: clientY - top };
}
