// Writes a request as a curl command. Names are quoted for the shell and for curl.

/**
 * @param {{origin: string, film: string, reference: string | null, threshold: number | null, hasKey: boolean, samples: string[][]}} request
 *   `samples` holds the server path and the local name of each sample file to fetch first
 */
export function curlCommand({ origin, film, reference, threshold, hasKey, samples }) {
	const url = `${origin}/v1/segment${threshold === null ? "" : `?threshold=${threshold}`}`;
	const lines = [`curl -F ${formField("image", film)}`];
	if (reference) lines.push(`-F ${formField("ground_truth", reference)}`);
	// Never the key itself: commands end up in shell histories and tickets.
	if (hasKey) lines.push('-H "Authorization: Bearer $LUNGFIELD_KEY"');
	lines.push(shellQuoted(url));
	const fetches = samples.map(([path, name]) =>
		`curl ${shellQuoted(`${origin}/sample/${path}`)} -o ${shellQuoted(name)}`
	);
	return [...fetches, lines.join(" \\\n  ")].join("\n");
}

// JSON is sent as a text field, as the API description shows it.
function formField(field, name) {
	const path = /[",;\\]/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : name;
	return shellQuoted(`${field}=${/\.json$/i.test(name) ? "<" : "@"}${path}`);
}

function shellQuoted(word) {
	return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
