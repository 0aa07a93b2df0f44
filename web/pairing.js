// Matches films with their reference masks by file name.

const MASK = /^(.+)[-_. ](?:mask|seg)$/;

/** Returns the name without folder and extension, in lower case. */
function stem(name) {
	return name.replace(/^.*[\\/]/, "").replace(/(?!^)\.[^.]*$/, "").toLowerCase();
}

function isJson(name) {
	return /\.json$/i.test(name);
}

// Returns the stem of the film that a mask of this name belongs to, or null if it is not the name of a mask.
function filmStem(name) {
	const own = stem(name);
	const film = MASK.exec(own)?.[1];
	return film ?? (isJson(name) ? own : null);
}

/**
 * Sorts `files` into new films with their masks, masks of films in `present`, and JSON files without a film.
 *
 * A file that is named like a mask but has no film is treated as a film, unless it is JSON: a film can have any name.
 * @template {{name: string}} F
 * @param {{name: string}[]} present the films that were added before
 * @param {F[]} files
 */
export function pairFiles(present, files) {
	const films = files.filter(({ name }) => !isJson(name)).map((file) => ({
		file,
		reference: /** @type {F | null} */ (null),
	}));
	const result = {
		films,
		references: /** @type {{film: any, reference: F}[]} */ ([]),
		unmatched: /** @type {F[]} */ ([]),
	};
	for (const mask of files.filter((file) => filmStem(file.name) !== null)) {
		const owner = filmStem(mask.name);
		const film = films.find(({ file, reference }) => file !== mask && !reference && stem(file.name) === owner);
		const known = film ? null : present.findLast(({ name }) => stem(name) === owner);
		if (film) film.reference = mask;
		else if (known) result.references.push({ film: known, reference: mask });
		else if (isJson(mask.name)) result.unmatched.push(mask);
		if (film || known) result.films = result.films.filter(({ file }) => file !== mask);
	}
	return result;
}
