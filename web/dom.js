// Decides how the page's own elements are found and made.

/** An element of index.html. @returns {any} */
export function element(id) {
	return document.getElementById(id);
}

export function make(tag, ...content) {
	const made = document.createElement(tag);
	made.append(...content);
	return made;
}
