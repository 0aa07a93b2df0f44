// Decides how the description of the API is shown: ready to be tried, and with nothing fetched from elsewhere.
const { SwaggerUIBundle } = /** @type {any} */ (globalThis);
SwaggerUIBundle({
	url: "/openapi.yaml",
	dom_id: "#description",
	deepLinking: true,
	tryItOutEnabled: true,
	displayRequestDuration: true,
	// Else a badge would be asked for from a server of Swagger's.
	validatorUrl: null,
});
