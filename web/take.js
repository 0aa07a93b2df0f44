// Decides how results leave the page: as files, and as text for the clipboard.

/** Offers `content` as a download. @param {Blob} content @param {string} name */
export function save(content, name) {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(content);
	link.download = name;
	link.click();
	// The download has begun by then, and the browser holds the content itself.
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Copies the text of an element, or where the browser does not let us, selects it. @returns {Promise<boolean>} whether it was copied */
export async function copy(element) {
	try {
		await navigator.clipboard.writeText(element.textContent);
		return true;
	} catch {
		getSelection()?.selectAllChildren(element);
		return false;
	}
}
