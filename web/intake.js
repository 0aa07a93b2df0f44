// Decides how files come in: chosen, dropped anywhere on the page, or pasted.

import { element } from "./dom.js";

/** @param {(files: File[]) => void} take @param {(text: string) => void} notice */
export function listenForFiles(take, notice) {
	const input = element("files");
	for (const id of ["choose", "add"]) element(id).addEventListener("click", () => input.click());
	input.addEventListener("change", () => {
		take([...input.files]);
		input.value = ""; // so that the same file can be chosen again
	});
	document.addEventListener("paste", (event) => {
		const files = [...event.clipboardData?.files ?? []];
		if (files.length) take(files);
	});
	listenForDrops(take, notice);
}

/** A single file for the chosen film. @param {(file: File) => void} take */
export function listenForReference(take) {
	const input = element("reference-file");
	element("add-reference").addEventListener("click", () => input.click());
	input.addEventListener("change", () => {
		if (input.files[0]) take(input.files[0]);
		input.value = "";
	});
}

function listenForDrops(take, notice) {
	// Every element that is entered and left under the pointer says so; only the last leave ends the drag.
	let depth = 0;
	const show = (change) => {
		depth = Math.max(0, depth + change);
		document.documentElement.toggleAttribute("data-dragging", depth > 0);
	};
	addEventListener("dragenter", (event) => {
		if (holdsFiles(event)) show(1);
	});
	addEventListener("dragleave", (event) => {
		if (holdsFiles(event)) show(-1);
	});
	addEventListener("dragover", (event) => {
		if (holdsFiles(event)) event.preventDefault();
	});
	addEventListener("drop", (event) => {
		if (!holdsFiles(event)) return;
		event.preventDefault();
		show(-depth);
		const { files, folders } = contentOf(event.dataTransfer);
		if (folders) {
			notice("A folder can't be dropped. Open it, and drop the films that lie in it.");
		}
		if (files.length) take(files);
	});
}

function holdsFiles({ dataTransfer }) {
	return dataTransfer?.types.includes("Files") ?? false;
}

function contentOf(transfer) {
	const items = [...transfer.items].filter(({ kind }) => kind === "file");
	const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory ?? false;
	const files = items.filter((item) => !isFolder(item)).map((item) => item.getAsFile()).filter(
		Boolean,
	);
	return { files, folders: items.length - files.length };
}
