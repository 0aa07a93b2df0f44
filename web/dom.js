// Finds, creates and changes elements.

/** Returns an element of index.html. @returns {any} */
export function element(id) {
	return document.getElementById(id);
}

export function create(tag, ...content) {
	const created = document.createElement(tag);
	created.append(...content);
	return created;
}

export function setText(id, text) {
	element(id).textContent = text;
}

export function onClick(id, action) {
	element(id).addEventListener("click", action);
}
