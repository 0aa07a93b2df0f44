// Sends a film to a Lungfield server with fetch and draws the film and its mask on a canvas.
const [server, film, status, preview] = ["server", "film", "status", "preview"].map((id) =>
	document.getElementById(id)
);
const RED = [255, 0, 0];
const OPACITY = 0.35;

async function segment(query) {
	const response = await fetch(`${server.value}/v1/segment?${query}`, {
		method: "POST",
		headers: { "Content-Type": "application/octet-stream" },
		body: film.files[0],
	});
	// Errors are JSON as well: `code` is for programs, `detail` for people.
	if (!response.ok) throw new Error((await response.json()).detail);
	return response;
}

// COCO run lengths run down the columns from left to right, and alternate between background and lung.
function drawMask(image, { size: [height], counts }) {
	let position = 0;
	counts.forEach((length, run) => {
		for (const end = position + length; position < end; position++) {
			if (run % 2 === 0) continue;
			const [x, y] = [Math.floor(position / height), position % height];
			const pixel = 4 * (y * image.width + x);
			RED.forEach((value, channel) => {
				image.data[pixel + channel] += (value - image.data[pixel + channel]) * OPACITY;
			});
		}
	});
}

async function show(file) {
	status.textContent = "Segmenting…";
	// `format=film` returns the film as PNG, because a browser cannot display DICOM.
	const [png, json] = await Promise.all([segment("format=film"), segment("format=json&rle=counts")]);
	const [bitmap, result] = [await createImageBitmap(await png.blob()), await json.json()];
	if (film.files[0] !== file) return; // another file has been chosen
	[preview.width, preview.height] = [bitmap.width, bitmap.height];
	const canvas = preview.getContext("2d");
	canvas.drawImage(bitmap, 0, 0);
	const image = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
	drawMask(image, result.mask);
	canvas.putImageData(image, 0, 0);
	const lungs = result.lungs.map((lung) => `${lung.side} lung: ${lung.area_px} pixels`);
	status.textContent = lungs.join("; ") || "No lung was found.";
}

film.addEventListener("change", async () => {
	const [file] = film.files;
	if (!file) return;
	try {
		await show(file);
	} catch (error) {
		// If the server does not allow this origin, fetch only says that it failed.
		if (film.files[0] === file) status.textContent = `The request failed: ${error.message}`;
	}
});
