/** The entry: styles, theme, and the app into the page. */
import { render } from "preact";
import { App } from "./app.tsx";
import { applyTheme } from "./shell/theme.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/controls.css";
import "./styles/data.css";
import "./styles/forms.css";

applyTheme();
const place = document.getElementById("app");
if (place === null) throw new Error("index.html has no #app");
render(<App />, place);
