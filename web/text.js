// Writes what the user reads: messages, states, results and quantities.

const RETRY = "Try again.";
const RETRY_LATER = "Try again in a minute.";
const MISMATCH = ["The page and the server do not match.", "Reload the page. The server may have been updated."];
const OVERLOADED = ["The server is overloaded.", `The page has tried several times. ${RETRY_LATER}`];
const SHUTTING_DOWN = ["The server is shutting down.", `${RETRY_LATER} If the error persists, contact the operator.`];
const FILE_LIMIT = "The file is larger than this server accepts";
const PIXEL_LIMIT = "The film has more pixels than this server accepts";

/** Message and advice for the problem codes that a user can cause or see. The last is the page's own. */
const PROBLEMS = {
	empty_body: ["The file is empty.", "Choose another file, or export it again."],
	malformed_multipart: ["The upload arrived damaged.", RETRY],
	incomplete_body: ["The connection was lost during the upload.", RETRY],
	unauthorized: ["The server requires a valid key.", "Try again and enter the key from the operator of the server."],
	body_timeout: ["The upload took too long.", "The connection may be slow. Try again."],
	body_too_large: [`${FILE_LIMIT}.`, "Export it with compression, or ask the operator for a higher limit."],
	too_many_pixels: [`${PIXEL_LIMIT}.`, "Export it at a lower resolution, or ask the operator for a higher limit."],
	unrecognised_image: [
		"This file is not an image that Lungfield can read.",
		"Use DICOM, PNG, JPEG, or TIFF with a single page.",
	],
	undecodable_image: [
		"The film cannot be decoded.",
		"The file is damaged, incomplete or of an unsupported variant. Export it again as PNG or DICOM.",
	],
	several_frames: ["The file contains several images.", "Send one frontal film at a time."],
	image_too_small: ["The image is too small.", "Each side must have at least 32 pixels."],
	undecodable_reference: [
		"The reference mask cannot be read.",
		"Use a greyscale image, COCO RLE as JSON, or DICOM Segmentation.",
	],
	reference_true_colour: ["The reference mask is in colour.", "Use a greyscale image in which the lungs are bright."],
	reference_size_mismatch: [
		"The reference mask does not have the size of the film.",
		"Width and height must be equal. The mask is never resized.",
	],
	reference_too_fine: [
		"The reference mask is too complex to display.",
		"It has more edges than any mask drawn by hand.",
	],
	invalid_rle: ["The run lengths of the reference mask do not fit its size.", "Create the JSON file again."],
	source_not_dicom: [
		"A DICOM Segmentation requires a DICOM film.",
		"It names patient and study, which this film does not contain.",
	],
	nothing_to_segment: ["A DICOM Segmentation cannot be empty.", "No lung was found on this film."],
	internal: [
		"The server failed to process this film.",
		"Try again. If the error persists, give the request ID below to the operator.",
	],
	overloaded: OVERLOADED,
	byte_budget_spent: OVERLOADED,
	out_of_memory: ["The server ran out of memory.", RETRY_LATER],
	draining: SHUTTING_DOWN,
	engine_stopped: SHUTTING_DOWN,
	deadline_exceeded: ["The request timed out.", `The server is busy. ${RETRY_LATER}`],
	unreachable: [
		"The server cannot be reached.",
		"Check that it is running, that you are online, and that the file has not changed. Then try again.",
	],
};

/** What to do about a warning, by its code. */
const WARNING_ADVICE = {
	no_lung: "Check that this is a frontal chest film.",
	one_lung: "Check the film: a lung may be opaque or missing, or the film may be lateral.",
	implausible_area: "Check that this is a chest film and is cropped to the chest.",
	low_confidence:
		"Do not use the mask without checking it. Most films that are not frontal or are rotated by 90° get this warning.",
	touching_lungs: "If you need left and right, check where they were separated.",
	flat_film: "Check the film and send it again.",
	inverted_film: "If the film is inverted, correct it and send it again.",
	lateral_view: "Send the frontal view.",
	for_processing: "Send the image for presentation instead.",
	unexpected_modality: "Check that this is a radiograph.",
};

/**
 * Returns message and advice for a problem.
 * @param {{code: string, status: number}} problem @param {{limits?: any} | null} model
 */
export function problemText({ code, status }, model) {
	const limits = model?.limits;
	const [message, advice] = PROBLEMS[code] ?? byStatus(status);
	if (limits && code === "body_too_large") {
		return [`${FILE_LIMIT}: ${bytes(limits.max_body_bytes)}.`, advice];
	}
	if (limits && code === "too_many_pixels") {
		return [`${PIXEL_LIMIT}: ${megapixels(limits.max_pixels)}.`, advice];
	}
	return [message, advice];
}

function byStatus(status) {
	if (status === 503 || status === 429) return OVERLOADED;
	if (status === 413) return PROBLEMS.body_too_large;
	return status >= 500 ? PROBLEMS.internal : MISMATCH;
}

/** Tells whether the reference mask causes a problem, so that the film can be segmented without it. */
export function isReferenceProblem(code) {
	return /reference|invalid_rle/.test(code);
}

export function warningAdvice(code) {
	return WARNING_ADVICE[code] ?? "";
}

const numberFormat = new Intl.NumberFormat("en");

export function count(value) {
	return numberFormat.format(value);
}

/** Writes a number with its noun, such as "2 films". */
export function quantity(value, noun) {
	return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

export function score(value) {
	return value.toFixed(4);
}

function bytes(value) {
	if (value >= 1 << 20) return `${rounded(value / (1 << 20))} MiB`;
	return value >= 1024 ? `${rounded(value / 1024)} KiB` : `${value} bytes`;
}

function megapixels(value) {
	return `${rounded(value / 1e6)} megapixels`;
}

export function milliseconds(value) {
	return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function percent(fraction) {
	return `${(fraction * 100).toFixed(1)} %`;
}

/** Writes the area of a lung in cm², or as a percentage of the film if the pixel spacing is unknown. */
export function area(lung, image) {
	if (lung.area_mm2) return `${(lung.area_mm2 / 100).toFixed(1)} cm²`;
	return percent(lung.area_px / (image.width * image.height));
}

function rounded(value) {
	return value >= 10 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}

/** Describes the state of a film in a few words. */
export function stateText(film, model) {
	const texts = {
		queued: () => "Queued",
		sending: () => `Uploading, ${Math.round(film.progress * 100)} %`,
		segmenting: () => "Segmenting",
		retrying: () => `Server overloaded, next try in ${film.secondsToRetry} s`,
		failed: () => problemText(film.problem, model)[0],
		done: () => shortResult(film.result),
	};
	return texts[film.state]();
}

function shortResult({ dice, lungs, warnings }) {
	const found = lungs.length ? quantity(lungs.length, "lung") : "No lung found";
	const text = dice === undefined ? found : `Dice ${score(dice)}`;
	return warnings.length ? `${text}, ${quantity(warnings.length, "warning")}` : text;
}

/** Describes the result in a sentence, for screen readers. */
export function resultSentence({ name, result }) {
	const { lungs, dice, warnings, image } = result;
	const areas = lungs.map((lung) => `${lung.side} lung ${area(lung, image)}${lung.area_mm2 ? "" : " of the film"}`);
	const parts = dice === undefined ? [] : [`Dice ${score(dice)}`];
	parts.push(...(areas.length ? areas : ["no lung was found"]));
	const doubts = warnings.length ? `. ${quantity(warnings.length, "warning")}` : "";
	return `${name}: ${parts.join(", ")}${doubts}.`;
}
