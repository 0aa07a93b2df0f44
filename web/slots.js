// Decides who may go and who waits: so many tasks at a time, in the order in which they came.

export class Slots {
	#free;
	#waiting = [];

	constructor(limit) {
		this.#free = limit;
	}

	/** Runs `task` when its turn has come. Whoever is called off while it waits gives its place up. */
	async run(task, signal) {
		await this.#turn(signal);
		try {
			return await task();
		} finally {
			this.#next();
		}
	}

	#turn(signal) {
		signal?.throwIfAborted();
		if (this.#free > 0) {
			this.#free -= 1;
			return Promise.resolve();
		}
		return new Promise((resolve, reject) => {
			const go = () => {
				signal?.removeEventListener("abort", leave);
				resolve(undefined);
			};
			const leave = () => {
				this.#waiting.splice(this.#waiting.indexOf(go), 1);
				reject(signal.reason);
			};
			this.#waiting.push(go);
			signal?.addEventListener("abort", leave, { once: true });
		});
	}

	#next() {
		const go = this.#waiting.shift();
		if (go) go();
		else this.#free += 1;
	}
}
