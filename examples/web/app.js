// Shows a film and its lungs: asks a Lungfield server for both by fetch, and draws the runs of the mask itself.
const [server, film, said, picture] = ["server", "film", "said", "picture"].map((id) =>
	document.getElementById(id)
);
const RED = [255, 0, 0];
const SHARE = 0.35;

async function ask(query) {
	const answer = await fetch(`${server.value}/v1/segment?${query}`, {
		method: "POST",
		headers: { "Content-Type": "application/octet-stream" },
		body: film.files[0],
	});
	// Errors are JSON too: `code` is for programs, `detail` for people.
	if (!answer.ok) throw new Error((await answer.json()).detail);
	return answer;
}

// COCO's runs go down one column after the other; every second one is lung.
function redden(image, { size: [height], counts }) {
	let place = 0;
	counts.forEach((length, run) => {
		for (const end = place + length; place < end; place++) {
			if (run % 2 === 0) continue;
			const pixel = 4 * ((place % height) * image.width + Math.floor(place / height));
			RED.forEach((colour, at) => {
				image.data[pixel + at] += (colour - image.data[pixel + at]) * SHARE;
			});
		}
	});
}

async function show(chosen) {
	said.textContent = "Segmenting…";
	// The film as the server has read it: a browser could not show DICOM.
	const [grey, answer] = await Promise.all([ask("format=film"), ask("format=json&rle=counts")]);
	const [bitmap, found] = [await createImageBitmap(await grey.blob()), await answer.json()];
	if (film.files[0] !== chosen) return; // another was chosen meanwhile
	[picture.width, picture.height] = [bitmap.width, bitmap.height];
	const canvas = picture.getContext("2d");
	canvas.drawImage(bitmap, 0, 0);
	const image = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
	redden(image, found.mask);
	canvas.putImageData(image, 0, 0);
	said.textContent =
		found.lungs.map((lung) => `${lung.side} lung: ${lung.area_px} pixels`).join("; ") ||
		"No lung was found.";
}

film.addEventListener("change", () => {
	// Where the browser may not read the answer, fetch says no more than that it failed.
	const [chosen] = film.files;
	if (chosen) {
		show(chosen).catch((error) => {
			if (film.files[0] === chosen) said.textContent = `That did not work: ${error.message}`;
		});
	}
});
