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

window.SwaggerUIBundle({
  dom_id: "#reference",
  url: "/openapi.json",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false,
  plugins: [{ wrapComponents: { Input: forgetful } }],
  // Without it a page at /docs?url=… would show somebody else's description.
  queryConfigEnabled: false,
  requestSnippetsEnabled: true,
  tryItOutEnabled: true,
  // The default is a badge of swagger.io, which would be told the address of the description.
  validatorUrl: null,
});
