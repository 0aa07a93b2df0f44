// Decides which files belong together: a film and its reference mask, by their names.

const MASK = /^(.+)[-_. ](?:mask|seg)$/;

/** A name without folder and extension, in lower case. */
export function stem(name) {
	return name.replace(/^.*[\\/]/, "").replace(/(?!^)\.[^.]*$/, "").toLowerCase();
}

export function isJson(name) {
	return /\.json$/i.test(name);
}

// Whose mask a file would be, were it one.
function ownerOf(name) {
	const own = stem(name);
	const owner = MASK.exec(own)?.[1];
	return owner ?? (isJson(name) ? own : null);
}

/**
 * Sorts `files` into films with their masks, masks for films that are there already, and run lengths without a film.
 *
 * What is called a mask and has no film beside it is taken for a film, unless it is JSON: a film may be called anything.
 * @template {{name: string}} F
 * @param {{name: string}[]} present the films that are there
 * @param {F[]} files
 */
export function paired(present, files) {
	const films = files.filter(({ name }) => !isJson(name)).map((file) => ({
		file,
		reference: /** @type {F | null} */ (null),
	}));
	const result = {
		films,
		late: /** @type {{film: any, reference: F}[]} */ ([]),
		orphans: /** @type {F[]} */ ([]),
	};
	for (const mask of files.filter((file) => ownerOf(file.name) !== null)) {
		const owner = ownerOf(mask.name);
		const film = films.find(({ file, reference }) =>
			file !== mask && !reference && stem(file.name) === owner
		);
		const known = film ? null : present.findLast(({ name }) => stem(name) === owner);
		if (film) film.reference = mask;
		else if (known) result.late.push({ film: known, reference: mask });
		else if (isJson(mask.name)) result.orphans.push(mask);
		if (film || known) result.films = result.films.filter(({ file }) => file !== mask);
	}
	return result;
}
