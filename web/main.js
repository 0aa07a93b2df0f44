// Connects the parts of the page: films, requests, viewer, list, panels and controls.

import { Api, Problem } from "./api.js";
import { curlCommand } from "./curl.js";
import { askForKey } from "./dialog.js";
import { create, element, onClick, setText } from "./dom.js";
import { copyText, saveFile } from "./download.js";
import { listenForFiles, listenForReference } from "./file_input.js";
import { Film, FilmStore } from "./films.js";
import { showFindings } from "./findings.js";
import { FilmList } from "./list.js";
import { pairFiles } from "./pairing.js";
import { measureDrawn, SegmentationClient } from "./segmentation.js";
import { isReferenceProblem, problemText, quantity, resultSentence, stateText } from "./text.js";
import { Viewer } from "./viewer.js";

/** The name on the server and on the page of each sample file. */
const SAMPLES = [["film.png", "phantom.png"], ["mask.png", "phantom-mask.png"]];
/** The format and the file name suffix of each download. */
const DOWNLOADS = {
	mask: ["png", "-lungs.png"],
	rle: ["rle", "-lungs.json"],
	overlay: ["overlay", "-overlay.png"],
	seg: ["dicom-seg", "-lungs.dcm"],
};
/** An upper bound of what a multipart form adds to the bytes of its files. */
const FORM_BYTES = 1024;
const page = document.documentElement;

const store = new FilmStore({ onList, onChange, onSelect });
const api = new Api(askForKey);
const segmentation = new SegmentationClient(api, store);
const viewer = new Viewer();
const list = new FilmList(element("film-list"), (film) => store.select(film));
/** @type {any} */
let model = null;
/** Resolves when the preview of the selected film is drawn. */
let previewDrawn = Promise.resolve();

function onList() {
	list.sync(store.films);
	setText("films-title", quantity(store.films.length, "film"));
}

function onChange(film, changes) {
	list.update(film, changes, model);
	if (["done", "failed"].includes(changes.state)) announce(stateSentence(film));
	if (film !== store.selected) return;
	if (changes.preview) previewDrawn = showPreview(film);
	if (changes.result) {
		viewer.showMask(film.mask, film.referenceMask);
		measureDrawn(film.receivedAt);
	}
	show(film);
}

function onSelect(film) {
	list.markSelected(film);
	viewer.empty();
	previewDrawn = film?.preview ? showPreview(film) : Promise.resolve();
	if (film?.mask) viewer.showMask(film.mask, film.referenceMask);
	show(film);
	announce(film ? stateSentence(film) : "");
}

function stateSentence(film) {
	return film.state === "done" ? resultSentence(film) : `${film.name}: ${stateText(film, model)}`;
}

// A film may be too large for the browser. Its mask is complete even then.
function showPreview(film) {
	return viewer.showPreview(film.preview).catch(() =>
		notify(`This browser cannot display the film ${film.name}. Its mask is complete.`)
	);
}

// Shows everything about the selected film except its layers in the viewer.
function show(film) {
	showState(film);
	showProblem(film);
	showFindings(film, model);
	showThreshold(film);
	const result = film?.result;
	const size = result ? `${result.image.width} × ${result.image.height}` : "";
	const label = result ? resultSentence(film) : film?.name ?? "No film";
	const isDone = film?.state === "done";
	setText("film-name", film?.name ?? "");
	setText("film-size", size);
	element("film-canvas").ariaLabel = label;
	for (const id of Object.keys(DOWNLOADS)) {
		element(`download-${id}`).disabled = !isDone || (id === "seg" && !film.isDicom);
	}
	element("seg-note").hidden = !result || film.isDicom;
	setText("curl", film ? curlFor(film) : "");
}

function pageState(film) {
	if (!film) return "empty";
	return ["done", "failed"].includes(film.state) ? film.state : "working";
}

// The page is "done" when everything is drawn, so this waits for the preview.
async function showState(film) {
	const state = pageState(film);
	const isWorking = state === "working";
	element("working").hidden = !isWorking;
	element("progress").hidden = !isWorking;
	if (film?.state === "sending") element("progress").value = film.progress;
	else element("progress").removeAttribute("value");
	if (isWorking) setText("working", stateText(film, model));
	if (state === "done") {
		page.dataset.state = "working";
		const awaited = previewDrawn;
		await awaited;
		if (awaited !== previewDrawn) return; // another film has been selected
	}
	if (film === store.selected && pageState(film) === state) page.dataset.state = state;
}

function showProblem(film) {
	const problem = film?.state === "failed" ? film.problem : null;
	element("error").hidden = !problem;
	if (!problem) return;
	const { detail, code, requestId } = problem;
	const [message, advice] = problemText(problem, model);
	setText("error-message", message);
	setText("error-advice", advice);
	element("without-reference").hidden = !isReferenceProblem(code);
	for (const [name, value] of Object.entries({ detail, code, request: requestId })) {
		setText(`error-${name}`, value || "none");
	}
}

// Does not move the slider while the user holds it.
function showThreshold(film) {
	const slider = element("threshold");
	const threshold = film?.threshold ?? film?.result?.threshold ?? model?.threshold ?? 0.5;
	if (!slider.matches(":active")) slider.value = threshold;
	showThresholdValue();
}

function showThresholdValue() {
	setText("threshold-value", Number(element("threshold").value).toFixed(2));
}

function curlFor({ name, reference, threshold, isSample }) {
	const mask = reference?.name ?? null;
	return curlCommand({
		origin: location.origin,
		film: name,
		reference: mask,
		threshold,
		hasKey: api.hasKey,
		samples: SAMPLES.filter(([, sample]) => isSample && [name, mask].includes(sample)),
	});
}

function announce(text) {
	setText("status", text);
}

// Shows a message that does not belong to a film on the page.
function notify(text) {
	const button = create("button", "Close");
	const line = create("p", text, button);
	button.className = "quiet";
	button.addEventListener("click", () => line.remove());
	element("notices").append(line);
}

/** @param {File[]} files */
function addFiles(files, isSample = false) {
	const { films, references, unmatched } = pairFiles(store.films, files);
	const added = films.map(({ file, reference }) => new Film(file, reference, isSample));
	for (const film of added) store.add(film);
	if (added.length) {
		store.select(added[0]);
		announce(`${quantity(added.length, "film")} added.`);
	}
	for (const film of added) segment(film);
	for (const { film, reference } of references) setReference(film, reference);
	for (const { name } of unmatched) {
		notify(
			`${name} is a reference mask without its film. Drop both together, or select the film and add the mask to it.`,
		);
	}
}

async function segment(film) {
	await segmentation.start(film);
	if (!model) loadModel();
}

function segmentAgain(film) {
	// The focused button is about to be hidden.
	if (element("error").contains(document.activeElement)) element("stage").focus();
	announce(`Segmenting ${film.name} again.`);
	segment(film);
}

function setReference(film, reference) {
	store.change(film, { reference, result: null, referenceMask: null });
	store.select(film);
	if (film.mask) viewer.showMask(film.mask, null);
	segmentAgain(film);
}

async function openSample() {
	element("sample").disabled = true;
	try {
		addFiles(await Promise.all(SAMPLES.map(fetchSample)), true);
	} catch (error) {
		notify(errorText(error));
	} finally {
		element("sample").disabled = false;
	}
}

/** @param {string[]} names */
async function fetchSample([path, name]) {
	const { body } = await api.request({ path: `/sample/${path}`, responseType: "blob" });
	return new File([body], name, { type: "image/png" });
}

async function download(format, suffix) {
	const film = store.selected;
	if (!film) return;
	const { signal } = film.requests;
	try {
		const content = format === "rle"
			? new Blob([JSON.stringify(film.result.mask)])
			: await segmentation.file(film, format);
		const name = film.name.replace(/(?!^)\.[^.]*$/, "") + suffix;
		saveFile(content, name);
		announce(`${name} is ready.`);
	} catch (error) {
		if (!signal.aborted) notify(errorText(error));
	}
}

function errorText(error) {
	return error instanceof Problem ? problemText(error, model).join(" ") : String(error);
}

async function loadModel() {
	try {
		model = await api.model();
	} catch {
		return; // the request for the first film will report the problem
	}
	setText("service", model ? modelLine(model) : "This server requires a key.");
	segmentation.maxBytes = model ? model.limits.max_body_bytes - FORM_BYTES : Infinity;
}

function modelLine({ name, version, device, precision }) {
	return `${name} ${version} on ${device}, ${precision}`;
}

function removeSelected() {
	if (!store.selected) return;
	store.remove(store.selected);
	if (store.selected) list.focus(store.selected);
	else element("choose").focus();
}

function removeAll() {
	const removed = quantity(store.films.length, "film");
	store.removeAll();
	announce(`${removed} removed.`);
	element("choose").focus();
}

// Retries the selected film, and all films that failed for the same reason.
function retry() {
	const code = store.selected?.problem?.code;
	for (const film of store.films) if (film.problem?.code === code) segmentAgain(film);
}

async function copyCurl() {
	const isCopied = await copyText(element("curl"));
	announce(isCopied ? "Copied." : "Selected. Copy it with the keyboard.");
}

function setThreshold({ target }) {
	const film = store.selected;
	const value = Number(target.value);
	if (!film) return;
	store.change(film, { threshold: value === model?.threshold ? null : value });
	segmentAgain(film);
}

function listen() {
	listenForFiles(addFiles, notify);
	listenForReference((file) => {
		if (store.selected) setReference(store.selected, file);
	});
	onClick("sample", openSample);
	onClick("remove", removeSelected);
	onClick("remove-all", removeAll);
	onClick("retry", retry);
	onClick("without-reference", () => setReference(store.selected, null));
	for (const [id, [format, suffix]] of Object.entries(DOWNLOADS)) {
		onClick(`download-${id}`, () => download(format, suffix));
	}
	onClick("copy-curl", copyCurl);
	element("theme").addEventListener("change", ({ target }) => {
		page.dataset.theme = target.value;
	});
	element("threshold").addEventListener("input", showThresholdValue);
	element("threshold").addEventListener("change", setThreshold);
}

listen();
loadModel();
