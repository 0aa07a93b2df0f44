// Shows the API description in Swagger UI, with all operations ready to try.
const { SwaggerUIBundle } = /** @type {any} */ (globalThis);
SwaggerUIBundle({
	url: "/openapi.yaml",
	dom_id: "#description",
	deepLinking: true,
	tryItOutEnabled: true,
	displayRequestDuration: true,
	// Without this, Swagger UI requests a badge from a public server.
	validatorUrl: null,
});
