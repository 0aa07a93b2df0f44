// Translates pointer, wheel and key events of the viewer into actions.

const WHEEL_ZOOM = 0.0016;
const TOUCHPAD_PINCH_ZOOM = 0.012; // browsers report a touchpad pinch as wheel events with Ctrl, in small steps
const WHEEL_LINE_PX = 30;
const KEY_STEP_PX = 48;
const RIGHT_BUTTON = 2;

/** The factor of the zoom buttons and keys. */
export const ZOOM_STEP = 1.25;

/**
 * @typedef {object} Actions
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, point?: {x: number, y: number}) => void} zoom
 * @property {(dx: number, dy: number) => void} adjustWindow
 * @property {(point: {x: number, y: number} | null) => void} hover
 * @property {() => void} reset
 * @property {(id: "fill" | "outline" | "reference") => void} toggle
 */

/** @param {HTMLElement} stage @param {Actions} actions */
export function listenForGestures(stage, actions) {
	listenToPointers(stage, actions);
	stage.addEventListener("wheel", (event) => {
		event.preventDefault();
		const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : WHEEL_LINE_PX;
		const rate = event.ctrlKey ? TOUCHPAD_PINCH_ZOOM : WHEEL_ZOOM;
		actions.zoom(Math.exp(-event.deltaY * lines * rate), pointOf(stage, event));
	}, { passive: false });
	stage.addEventListener("contextmenu", (event) => event.preventDefault());
	stage.addEventListener("dblclick", () => actions.reset());
	stage.addEventListener("keydown", (event) => onKey(event, actions));
}

function listenToPointers(stage, actions) {
	const pressed = new Map();
	const release = (event) => pressed.delete(event.pointerId);
	stage.addEventListener("pointerdown", (event) => {
		stage.setPointerCapture(event.pointerId);
		pressed.set(event.pointerId, pointOf(stage, event));
	});
	stage.addEventListener("pointermove", (event) => {
		const point = pointOf(stage, event);
		const last = pressed.get(event.pointerId);
		actions.hover(event.pointerType === "mouse" ? point : null);
		if (!last) return;
		pressed.set(event.pointerId, point);
		const other = [...pressed].find(([id]) => id !== event.pointerId)?.[1];
		if (other) pinch(last, point, other, actions);
		else drag(event, point.x - last.x, point.y - last.y, actions);
	});
	for (const type of ["pointerup", "pointercancel"]) stage.addEventListener(type, release);
	stage.addEventListener("pointerleave", () => actions.hover(null));
}

function drag(event, dx, dy, { adjustWindow, pan }) {
	const isWindow = event.shiftKey || event.buttons & RIGHT_BUTTON;
	(isWindow ? adjustWindow : pan)(dx, dy);
}

// Two fingers zoom at the point between them and pan with it.
function pinch(last, point, other, { zoom, pan }) {
	const distance = ({ x, y }) => Math.max(1, Math.hypot(x - other.x, y - other.y));
	const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
	zoom(distance(point) / distance(last), middle);
	pan((point.x - last.x) / 2, (point.y - last.y) / 2);
}

function onKey(event, { pan, zoom, reset, toggle }) {
	if (event.ctrlKey || event.metaKey || event.altKey) return;
	const keys = {
		ArrowLeft: () => pan(KEY_STEP_PX, 0),
		ArrowRight: () => pan(-KEY_STEP_PX, 0),
		ArrowUp: () => pan(0, KEY_STEP_PX),
		ArrowDown: () => pan(0, -KEY_STEP_PX),
		"+": () => zoom(ZOOM_STEP),
		"=": () => zoom(ZOOM_STEP),
		"-": () => zoom(1 / ZOOM_STEP),
		0: reset,
		f: () => toggle("fill"),
		o: () => toggle("outline"),
		r: () => toggle("reference"),
	};
	const action = keys[event.key] ?? keys[event.key.toLowerCase()];
	if (!action) return;
	event.preventDefault();
	action();
}

function pointOf(stage, { clientX, clientY }) {
	const { left, top } = stage.getBoundingClientRect();
	return { x: clientX - left, y: clientY - top };
}
