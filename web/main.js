// Decides which part of the page hears of what: the composition of all the others.

import { Api, Problem } from "./api.js";
import { command } from "./curl.js";
import { askForKey } from "./dialog.js";
import { Desk } from "./films.js";
import { element } from "./dom.js";
import { showFindings } from "./findings.js";
import { listenForFiles, listenForReference } from "./intake.js";
import { FilmList } from "./list.js";
import { paired } from "./pairing.js";
import { measureDrawn, Segmenting } from "./segmenting.js";
import { copy, save } from "./take.js";
import { Viewer } from "./viewer.js";
import { blamesReference, count, problemWords, several, spoken, standing } from "./words.js";

const SAMPLE = { film: "phantom.png", mask: "phantom-mask.png" };
// What a form adds to the bytes of its files.
const FORM_BYTES = 1024;
const page = document.documentElement;

const desk = new Desk({ listed, changed, selected });
const api = new Api(askForKey);
const segmenting = new Segmenting(api, desk);
const viewer = new Viewer();
const list = new FilmList(element("film-list"), (film) => desk.select(film));
/** @type {any} */
let model = null;
/** Settles when the last picture is on its canvas. */
let pictured = Promise.resolve();

function listed() {
	list.sync(desk.films);
	element("films-title").textContent = several(desk.films.length, "film");
}

function changed(film, changes) {
	list.update(film, changes, model);
	if (changes.state === "failed") say(`${film.name}: ${standing(film, model)}`);
	if (changes.state === "done") say(spoken(film));
	if (film !== desk.selected) return;
	if (changes.picture) pictured = picture(film);
	if (changes.answer) {
		viewer.showMask(film.mask, film.referenceMask);
		measureDrawn(film.arrivedAt);
	}
	show(film);
}

function selected(film) {
	list.mark(film);
	viewer.empty();
	pictured = film?.picture ? picture(film) : Promise.resolve();
	if (film?.mask) viewer.showMask(film.mask, film.referenceMask);
	show(film);
	say(
		film?.state === "done"
			? spoken(film)
			: film
			? `${film.name}: ${standing(film, model)}`
			: "",
	);
}

// A film can be too large for a browser and still have a mask.
function picture(film) {
	return viewer.showPicture(film.picture).catch(() =>
		notice(`This browser can't show the film ${film.name}. Its mask is complete.`)
	);
}

// Everything that is said about the selected film in words.
function show(film) {
	showState(film);
	showProblem(film);
	showFindings(film, model);
	const answer = film?.answer;
	const isDone = film?.state === "done";
	element("film-name").textContent = film?.name ?? "";
	element("film-size").textContent = answer
		? `${answer.image.width} × ${answer.image.height}`
		: "";
	element("film-canvas").setAttribute(
		"aria-label",
		answer ? spoken(film) : film?.name ?? "No film",
	);
	const isHeld = element("threshold").matches(":active");
	if (!isHeld) {
		element("threshold").value = film?.threshold ?? answer?.threshold ?? model?.threshold ??
			0.5;
	}
	showThreshold();
	for (const id of ["download-mask", "download-rle", "download-overlay"]) {
		element(id).disabled = !isDone;
	}
	element("download-seg").disabled = !isDone || !film.dicom;
	element("seg-note").hidden = !answer || film.dicom;
	element("curl").textContent = film ? curlOf(film) : "";
}

// "done" says that all is drawn, so it waits for the picture.
async function showState(film) {
	const state = !film
		? "empty"
		: film.state === "done" || film.state === "failed"
		? film.state
		: "working";
	const isWorking = state === "working";
	element("working").hidden = !isWorking;
	element("progress").hidden = !isWorking;
	if (film?.state === "sending") element("progress").value = film.progress;
	else element("progress").removeAttribute("value");
	if (isWorking) element("working").textContent = standing(film, model);
	if (state === "done") {
		page.dataset.state = "working";
		const last = pictured;
		await last;
		if (last !== pictured) return; // chosen again meanwhile
	}
	if (film === desk.selected && (state !== "done" || film?.state === "done")) {
		page.dataset.state = state;
	}
}

function showProblem(film) {
	const problem = film?.state === "failed" ? film.problem : null;
	element("error").hidden = !problem;
	if (!problem) return;
	const [sentence, remedy] = problemWords(problem, model);
	element("error-title").textContent = sentence;
	element("error-remedy").textContent = remedy;
	element("without-reference").hidden = !blamesReference(problem.code);
	for (
		const [part, text] of Object.entries({
			detail: problem.detail,
			code: problem.code,
			request: problem.requestId,
		})
	) {
		element(`error-${part}`).textContent = text || "none";
	}
}

function showThreshold() {
	element("threshold-value").textContent = Number(element("threshold").value).toFixed(2);
}

function curlOf({ name, reference, threshold, sample }) {
	const samples = sample ? [["film.png", SAMPLE.film], ["mask.png", SAMPLE.mask]] : [];
	const mask = reference?.name ?? null;
	return command({
		origin: location.origin,
		film: name,
		reference: mask,
		threshold,
		keyed: api.keyed,
		samples: samples.filter(([, there]) => there === name || there === mask),
	});
}

function say(text) {
	element("status").textContent = text;
}

// For what concerns no film on the desk.
function notice(text) {
	const line = document.createElement("p");
	const button = Object.assign(document.createElement("button"), {
		type: "button",
		textContent: "Close",
		className: "quiet",
	});
	button.addEventListener("click", () => line.remove());
	line.append(text, button);
	element("notices").append(line);
}

function take(files, sample = false) {
	const { films, late, orphans } = paired(desk.films, files);
	const added = films.map(({ file, reference }) => desk.add(file, reference, sample));
	if (added.length) {
		desk.select(added[0]);
		say(`${several(added.length, "film")} added.`);
	}
	for (const film of added) segment(film);
	for (const { film, reference } of late) compare(film, reference);
	for (const { name } of orphans) {
		notice(
			`${name} is a reference mask without its film. Drop the two together, or choose the film and add the mask to it.`,
		);
	}
}

async function segment(film) {
	await segmenting.start(film);
	if (!model) learnModel();
}

function again(film) {
	if (element("error").contains(document.activeElement)) element("stage").focus(); // the button goes
	say(`${film.name} is segmented again.`);
	segment(film);
}

function compare(film, reference) {
	desk.change(film, { reference, answer: null, referenceMask: null });
	desk.select(film);
	if (film.mask) viewer.showMask(film.mask, null);
	again(film);
}

async function openSample() {
	element("sample").disabled = true;
	try {
		const files = await Promise.all([
			fetched("/sample/film.png", SAMPLE.film),
			fetched("/sample/mask.png", SAMPLE.mask),
		]);
		take(files, true);
	} catch (error) {
		notice(sentenceOf(error));
	} finally {
		element("sample").disabled = false;
	}
}

async function fetched(path, name) {
	const { body } = await api.ask({ path, kind: "blob" });
	return new File([body], name, { type: "image/png" });
}

async function download(format, ending) {
	const film = desk.selected;
	if (!film) return;
	const { signal } = film.calls;
	try {
		const content = format === "rle"
			? new Blob([JSON.stringify(film.answer.mask)])
			: await segmenting.file(film, format);
		const name = film.name.replace(/(?!^)\.[^.]*$/, "") + ending;
		save(content, name);
		say(`${name} is ready.`);
	} catch (error) {
		if (!signal.aborted) notice(sentenceOf(error));
	}
}

function sentenceOf(error) {
	return error instanceof Problem ? problemWords(error, model).join(" ") : String(error);
}

async function learnModel() {
	try {
		model = await api.model();
	} catch {
		return; // the first film will say what the matter is
	}
	element("service").textContent = model ? serviceLine(model) : "This server asks for a key.";
	segmenting.limit = model ? model.limits.max_body_bytes - FORM_BYTES : Infinity;
}

function serviceLine({ name, version, device, precision }) {
	return `${name} ${version} on ${device}, ${precision}`;
}

function removeSelected() {
	if (!desk.selected) return;
	desk.remove(desk.selected);
	if (desk.selected) list.focus(desk.selected);
	else element("choose").focus();
}

function listen() {
	const onClick = (id, act) => element(id).addEventListener("click", act);
	listenForFiles(take, notice);
	listenForReference((file) => {
		if (desk.selected) compare(desk.selected, file);
	});
	onClick("sample", openSample);
	onClick("remove", removeSelected);
	onClick("remove-all", () => {
		say(`${count(desk.films.length)} removed.`);
		desk.removeAll();
		element("choose").focus();
	});
	onClick("retry", () => {
		const code = desk.selected?.problem?.code; // what failed with it for the same reason goes with it
		for (const film of desk.films) if (film.problem?.code === code) again(film);
	});
	onClick("without-reference", () => compare(desk.selected, null));
	onClick("download-mask", () => download("png", "-lungs.png"));
	onClick("download-rle", () => download("rle", "-lungs.json"));
	onClick("download-overlay", () => download("overlay", "-overlay.png"));
	onClick("download-seg", () => download("dicom-seg", "-lungs.dcm"));
	onClick("copy-curl", async () => {
		say(await copy(element("curl")) ? "Copied." : "Selected. Copy it with the keyboard.");
	});
	element("theme").addEventListener("change", ({ target }) => {
		page.dataset.theme = target.value;
	});
	element("threshold").addEventListener("input", showThreshold);
	element("threshold").addEventListener("change", ({ target }) => {
		const film = desk.selected;
		const value = Number(target.value);
		if (!film) return;
		desk.change(film, { threshold: value === model?.threshold ? null : value });
		again(film);
	});
}

listen();
learnModel();
