// Receives files that the user chooses, drops anywhere on the page, or pastes.

import { element, onClick } from "./dom.js";

/** @param {(files: File[]) => void} onFiles @param {(text: string) => void} notify */
export function listenForFiles(onFiles, notify) {
	const input = element("files");
	for (const id of ["choose", "add"]) onClick(id, () => input.click());
	input.addEventListener("change", () => {
		onFiles([...input.files]);
		input.value = ""; // so that the same file can be chosen again
	});
	document.addEventListener("paste", (event) => {
		const files = [...event.clipboardData?.files ?? []];
		if (files.length) onFiles(files);
	});
	listenForDrops(onFiles, notify);
}

/** Receives a reference mask for the selected film. @param {(file: File) => void} onFile */
export function listenForReference(onFile) {
	const input = element("reference-file");
	onClick("add-reference", () => input.click());
	input.addEventListener("change", () => {
		if (input.files[0]) onFile(input.files[0]);
		input.value = "";
	});
}

function listenForDrops(onFiles, notify) {
	// Each element under the pointer fires its own dragenter and dragleave. The drag ends when all of them are left.
	let depth = 0;
	const changeDepth = (change) => {
		depth = Math.max(0, depth + change);
		document.documentElement.toggleAttribute("data-dragging", depth > 0);
	};
	onFileDrag("dragenter", () => changeDepth(1));
	onFileDrag("dragleave", () => changeDepth(-1));
	onFileDrag("dragover", (event) => event.preventDefault());
	onFileDrag("drop", (event) => {
		event.preventDefault();
		changeDepth(-depth);
		const { files, folders } = contentOf(event.dataTransfer);
		if (folders) notify("Folders cannot be dropped. Open the folder and drop its films.");
		if (files.length) onFiles(files);
	});
}

function onFileDrag(type, action) {
	addEventListener(type, (event) => {
		if (event.dataTransfer?.types.includes("Files")) action(event);
	});
}

function contentOf(transfer) {
	const items = [...transfer.items].filter(({ kind }) => kind === "file");
	const notFolders = items.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory);
	const files = notFolders.map((item) => item.getAsFile()).filter(Boolean);
	return { files, folders: items.length - files.length };
}
