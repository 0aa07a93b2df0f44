// Decides how a person is asked for a key. What is typed goes to whoever asked, and stays nowhere else.

import { element } from "./dom.js";

const WANTED =
	"Its operator gives keys out. The page keeps yours until it is closed or reloaded, and stores it nowhere.";
const REFUSED =
	"The server does not know that key. Look whether it was copied whole, and try again.";

/** The key, or an empty text where the person has none. @param {boolean} refused whether one was tried @returns {Promise<string>} */
export function askForKey(refused) {
	const dialog = element("key-dialog");
	const input = element("key");
	element("key-why").textContent = refused ? REFUSED : WANTED;
	dialog.showModal();
	return new Promise((resolve) => {
		const done = new AbortController();
		const end = (key) => {
			done.abort();
			input.value = "";
			dialog.close();
			resolve(key);
		};
		const { signal } = done;
		element("key-form").addEventListener("submit", (event) => {
			event.preventDefault();
			if (input.value.trim()) end(input.value.trim());
		}, { signal });
		element("key-cancel").addEventListener("click", () => end(""), { signal });
		dialog.addEventListener("cancel", (event) => {
			event.preventDefault();
			end("");
		}, { signal });
	});
}
