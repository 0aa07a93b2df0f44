// Saves results as files and copies text to the clipboard.

/** Offers `content` as a download. @param {Blob} content @param {string} name */
export function saveFile(content, name) {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(content);
	link.download = name;
	link.click();
	// By then the download has started, and the browser has its own reference to the content.
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Copies the text of an element. If the browser does not allow that, selects the text.
 * @returns {Promise<boolean>} whether the text was copied
 */
export async function copyText(element) {
	try {
		await navigator.clipboard.writeText(element.textContent);
		return true;
	} catch {
		getSelection()?.selectAllChildren(element);
		return false;
	}
}
