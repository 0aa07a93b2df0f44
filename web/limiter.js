// Limits how many tasks run at a time. Tasks start in the order in which they are submitted.

export class Limiter {
	#free;
	#queue = [];

	constructor(limit) {
		this.#free = limit;
	}

	/** Runs `task` as soon as a slot is free. A task that is aborted before that leaves the queue. */
	async run(task, signal) {
		await this.#acquire(signal);
		try {
			return await task();
		} finally {
			this.#release();
		}
	}

	#acquire(signal) {
		signal?.throwIfAborted();
		if (this.#free > 0) {
			this.#free -= 1;
			return Promise.resolve();
		}
		return new Promise((resolve, reject) => {
			const start = () => {
				signal?.removeEventListener("abort", leave);
				resolve(undefined);
			};
			const leave = () => {
				this.#queue.splice(this.#queue.indexOf(start), 1);
				reject(signal.reason);
			};
			this.#queue.push(start);
			signal?.addEventListener("abort", leave, { once: true });
		});
	}

	#release() {
		const start = this.#queue.shift();
		if (start) start();
		else this.#free += 1;
	}
}
