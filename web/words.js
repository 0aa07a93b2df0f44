// Decides what a person reads: a sentence and a remedy for every code of the server, and how quantities are written.

const AGAIN = "Try again.";
const VERSIONS = [
	"The page and the server do not understand each other.",
	"Reload the page: the server may have been updated meanwhile.",
];
const BUSY = [
	"The server has more films than it can take.",
	"It was asked several times. Try again in a minute.",
];
const ENDING = [
	"The server is shutting down.",
	"Try again in a minute. If it stays away, tell its operator.",
];
const FILE_LIMIT = "The file is larger than this server accepts";
const PIXEL_LIMIT = "The film has more pixels than this server accepts";

/** Sentence and remedy by the code of a problem; what only a program can get wrong is not told apart. The last is the page's own. */
const PROBLEMS = {
	empty_body: ["The file is empty.", "Choose another, or export it again."],
	malformed_multipart: ["The film did not arrive whole.", AGAIN],
	incomplete_body: ["The connection broke off while the film was sent.", AGAIN],
	unauthorized: [
		"The server did not get a key that it knows.",
		"Try again, and enter the key that its operator gave you.",
	],
	body_timeout: ["The film took too long to arrive.", "The connection may be slow. Try again."],
	body_too_large: [
		`${FILE_LIMIT}.`,
		"Export it with compression, or ask the operator for a higher limit.",
	],
	too_many_pixels: [
		`${PIXEL_LIMIT}.`,
		"Export it at a lower resolution, or ask the operator for a higher limit.",
	],
	unrecognised_image: [
		"This is no film that can be read here.",
		"Send DICOM, PNG, JPEG or a TIFF of a single page.",
	],
	undecodable_image: [
		"The film can't be decoded.",
		"It is damaged, cut short or of a rare kind. Export it again, as PNG or as DICOM.",
	],
	several_frames: ["The file holds several images.", "Send one frontal film at a time."],
	image_too_small: ["The image is too small for a film.", "Each side needs 32 pixels at least."],
	undecodable_reference: [
		"The reference mask can't be read.",
		"It may be a grey image, COCO RLE as JSON, or a DICOM Segmentation.",
	],
	reference_true_colour: [
		"The reference mask is in colour.",
		"Send a grey image that is bright where there is lung.",
	],
	reference_size_mismatch: [
		"The reference mask is not of the film's size.",
		"It has to lie on the film's own pixel grid; it is never scaled to fit.",
	],
	reference_too_fine: [
		"The reference mask is too fine to be drawn.",
		"It has more edges than any that was drawn by hand.",
	],
	invalid_rle: [
		"The run lengths of the reference mask do not fit its size.",
		"Write the JSON again.",
	],
	source_not_dicom: [
		"A DICOM Segmentation can be made of DICOM films only.",
		"It belongs to the film's patient and study, and this film names neither.",
	],
	nothing_to_segment: [
		"There is nothing to put into a DICOM Segmentation.",
		"No lung was found on this film.",
	],
	internal: [
		"The server failed on this film.",
		"Try again. If it stays so, give the request's number below to the operator.",
	],
	overloaded: BUSY,
	byte_budget_spent: BUSY,
	out_of_memory: ["The server ran out of memory on this film.", "Try again in a minute."],
	draining: ENDING,
	engine_stopped: ENDING,
	deadline_exceeded: [
		"The mask was not there in time.",
		"The server is busy. Try again in a minute.",
	],
	unreachable: [
		"The server can't be reached.",
		"See whether it runs, you are connected and the file was not changed. Then try again.",
	],
};

/** What to do about a warning, by its code. */
const REMEDIES = {
	no_lung: "Look whether this is a frontal chest film.",
	one_lung: "A lung can be opaque or gone, or the film a lateral one: look at it.",
	implausible_area: "Look whether this is a chest film, and cropped to the chest.",
	low_confidence:
		"Do not use the mask unseen. Most films that are not frontal, or lie on their side, get this.",
	touching_lungs: "Look where they were parted, if sides matter.",
	flat_film: "Send the film again.",
	inverted_film: "If its greys are inverted, turn them round and send it again.",
	lateral_view: "Send the frontal view.",
	for_processing: "Send the image that is meant for presentation.",
	unexpected_modality: "Look whether this is a radiograph.",
};

/** @param {{code: string, status: number}} problem @param {{limits?: any} | null} model */
export function problemWords({ code, status }, model) {
	const limits = model?.limits;
	const [sentence, remedy] = PROBLEMS[code] ?? byStatus(status);
	if (limits && code === "body_too_large") {
		return [`${FILE_LIMIT}: ${bytes(limits.max_body_bytes)}.`, remedy];
	}
	if (limits && code === "too_many_pixels") {
		return [`${PIXEL_LIMIT}: ${megapixels(limits.max_pixels)}.`, remedy];
	}
	return [sentence, remedy];
}

function byStatus(status) {
	if (status === 503 || status === 429) return BUSY;
	if (status === 413) return PROBLEMS.body_too_large;
	return status >= 500 ? PROBLEMS.internal : VERSIONS;
}

/** Whether the film could be segmented if its reference mask were left out. */
export function blamesReference(code) {
	return [
		"undecodable_reference",
		"reference_true_colour",
		"reference_size_mismatch",
		"reference_too_fine",
		"invalid_rle",
	].includes(code);
}

export function remedyOf(warningCode) {
	return REMEDIES[warningCode] ?? "";
}

const grouped = new Intl.NumberFormat("en");

export function count(value) {
	return grouped.format(value);
}

export function several(value, noun) {
	return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

export function score(value) {
	return value.toFixed(4);
}

export function bytes(value) {
	if (value >= 1 << 20) return `${trimmed(value / (1 << 20))} MiB`;
	return value >= 1024 ? `${trimmed(value / 1024)} KiB` : `${value} bytes`;
}

export function megapixels(value) {
	return `${trimmed(value / 1e6)} megapixels`;
}

export function milliseconds(value) {
	return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function percent(share) {
	return `${(share * 100).toFixed(1)} %`;
}

/** The area of a lung: in the patient where the film states its pixel spacing, else on the film. */
export function area(lung, image) {
	if (lung.area_mm2) return `${(lung.area_mm2 / 100).toFixed(1)} cm²`;
	return percent(lung.area_px / (image.width * image.height));
}

function trimmed(value) {
	return value >= 10 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}

/** How a film stands, in the few words that fit into the list. */
export function standing(film, model) {
	const words = {
		waiting: () => "Waits its turn",
		sending: () => `Sending ${Math.round(film.progress * 100)} %`,
		segmenting: () => "Segmenting",
		retrying: () => `Server busy, again in ${film.retryIn} s`,
		failed: () => problemWords(film.problem, model)[0],
		done: () => outcome(film.answer),
	};
	return words[film.state]();
}

function outcome({ dice, lungs, warnings }) {
	const lung = lungs.length ? several(lungs.length, "lung") : "No lung found";
	const found = dice === undefined ? lung : `Dice ${score(dice)}`;
	return warnings.length ? `${found}, ${several(warnings.length, "warning")}` : found;
}

/** The result in a sentence, for those who don't see it. */
export function spoken({ name, answer }) {
	const { lungs, dice, warnings, image } = answer;
	const found = lungs.length === 0
		? "no lung was found"
		: lungs.map((lung) =>
			`${lung.side} lung ${area(lung, image)}${lung.area_mm2 ? "" : " of the film"}`
		).join(", ");
	const agreement = dice === undefined ? "" : `Dice ${score(dice)}, `;
	const doubts = warnings.length ? `. ${several(warnings.length, "warning")}` : "";
	return `${name}: ${agreement}${found}${doubts}.`;
}
