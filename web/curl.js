// Decides how a request of this page is written for curl, so that a shell and curl both read every name as it is.

/**
 * @param {{origin: string, film: string, reference: string | null, threshold: number | null, keyed: boolean, samples: string[][]}} request
 *   of each sample what it is called here and there
 */
export function command({ origin, film, reference, threshold, keyed, samples }) {
	const lines = [`curl -F ${part("image", film)}`];
	if (reference) lines.push(`-F ${part("ground_truth", reference)}`);
	// The key itself never stands in a command: commands end in histories and in tickets.
	if (keyed) lines.push('-H "Authorization: Bearer $LUNGFIELD_KEY"');
	lines.push(
		quoted(`${origin}/v1/segment${threshold === null ? "" : `?threshold=${threshold}`}`),
	);
	const fetched = samples.map(([path, name]) =>
		`curl ${quoted(`${origin}/sample/${path}`)} -o ${quoted(name)}`
	);
	return [...fetched, lines.join(" \\\n  ")].join("\n");
}

// Run lengths go as the part's text, since that is how the server's description shows it.
function part(field, name) {
	const path = /[",;\\]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name;
	return quoted(`${field}=${/\.json$/i.test(name) ? "<" : "@"}${path}`);
}

function quoted(word) {
	return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
