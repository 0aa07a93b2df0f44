// Asks the user for an API key. The key is returned to the caller and not stored here.

import { element, onClick, setText } from "./dom.js";

const REQUIRED =
	"The operator of the server issues keys. The page keeps your key in memory until you close or reload it.";
const REJECTED = "The server rejected the key. Check that it is complete, and try again.";

onClick("key-cancel", () => element("key-dialog").close(""));

/**
 * Returns the key, or an empty string if the user cancels.
 * @param {boolean} rejected whether the server has rejected a key
 * @returns {Promise<string>}
 */
export function askForKey(rejected) {
	const dialog = element("key-dialog");
	const input = element("key");
	setText("key-message", rejected ? REJECTED : REQUIRED);
	dialog.returnValue = ""; // the submit button sets it, the Escape key does not
	dialog.showModal();
	return new Promise((resolve) => {
		dialog.addEventListener("close", () => {
			resolve(dialog.returnValue ? input.value.trim() : "");
			input.value = "";
		}, { once: true });
	});
}
