// Starts Swagger UI on the API's own description, in the reader's colours. It asks no other host for anything, and a key that is typed in
// is gone with the page.

const darkColours = matchMedia("(prefers-color-scheme: dark)");
const followColours = () => document.documentElement.classList.toggle("dark-mode", darkColours.matches);
followColours();
darkColours.addEventListener("change", followColours);

// Without it a browser offers what was once typed into a field again, a key too, and may have its spelling checked elsewhere.
const forgetful = (Field, { React }) =>
  function ForgetfulField(properties) {
    return React.createElement(Field, { ...properties, autoComplete: "off", spellCheck: false });
  };

/**
 * The parameter without what Swagger UI would fill in and send: a default goes without saying, and an example is none of the reader's. Both
 * are told in the description.
 */
function leftEmpty(parameter) {
  if (parameter.required || parameter.schema === undefined) return parameter;
  const { example, examples, ...rest } = parameter;
  const { default: fallback, example: sample, ...schema } = parameter.schema;
  const told = { Default: fallback, Example: example ?? sample ?? Object.values(examples ?? {})[0]?.value };
  const lines = Object.entries(told)
    .filter(([, value]) => value !== undefined)
    .map(([label, value]) => `${label}: \`${typeof value === "string" ? value : JSON.stringify(value)}\``);
  return { ...rest, schema, description: [parameter.description ?? "", ...lines].join("\n\n") };
}

/** The operation with the scopes that its key needs: Swagger UI shows those of OAuth alone. */
function withScopesTold(operation) {
  const scopes = operation.security?.flatMap(({ key }) => key ?? []) ?? [];
  const named = scopes.map((scope) => `\`${scope}\``).join(" or ");
  if (named !== "") return { ...operation, description: `${operation.description}\n\nScope: ${named}.` };
  if (!operation.security?.length) return operation;
  return { ...operation, description: `${operation.description}\n\nThe root key only.` };
}

/** Lines are typed into the form: for a text with a media type of its own Swagger UI would want a file. */
function withLinesTyped(operation) {
  const lines = operation.requestBody?.content?.["application/x-ndjson"];
  if (lines !== undefined) lines.schema = { type: "string" };
  return operation;
}

/** The description of the API with every optional parameter left empty, wherever it stands. A reference to one has no schema. */
function withEmptyForms(description) {
  const emptied = structuredClone(description);
  const named = emptied.components?.parameters ?? {};
  for (const [name, parameter] of Object.entries(named)) named[name] = leftEmpty(parameter);
  for (const item of Object.values(emptied.paths ?? {})) {
    for (const [method, operation] of Object.entries(item))
      if (operation.responses !== undefined) item[method] = withLinesTyped(withScopesTold(operation));
    for (const owner of [item, ...Object.values(item)])
      if (Array.isArray(owner.parameters)) owner.parameters = owner.parameters.map(leftEmpty);
  }
  return emptied;
}

const emptyForms = {
  statePlugins: {
    spec: { wrapActions: { updateJsonSpec: (update) => (description) => update(withEmptyForms(description)) } },
  },
};

/** NDJSON as it is sent. Swagger UI takes each type with `json` in its name for one JSON value, and would quote the text. */
const plainLines = {
  afterLoad({ fn }) {
    const { getSampleSchema } = fn;
    this.fn.getSampleSchema = (schema, type = "", ...rest) =>
      getSampleSchema(schema, type.endsWith("ndjson") ? "text/plain" : type, ...rest);
  },
};

window.SwaggerUIBundle({
  dom_id: "#reference",
  url: "/openapi.json",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false,
  plugins: [{ wrapComponents: { Input: forgetful } }, emptyForms, plainLines],
  // Without it a page at /docs?url=… would show somebody else's description.
  queryConfigEnabled: false,
  requestSnippetsEnabled: true,
  tryItOutEnabled: true,
  // The default is a badge of swagger.io, which would be told the address of the description.
  validatorUrl: null,
});
