import { useState } from "preact/hooks";
import { chooseTheme, chosenTheme, nextTheme } from "./theme.ts";

/** Goes from the system's theme to light, to dark, and back. */
export function ThemeButton() {
  const [theme, setTheme] = useState(chosenTheme);
  const change = () => {
    const next = nextTheme(theme);
    chooseTheme(next);
    setTheme(next);
  };
  return (
    <button type="button" class="quiet-button" onClick={change}>
      Theme: {theme}
    </button>
  );
}
