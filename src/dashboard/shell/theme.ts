/** Light, dark, or as the system says. The styles take their colours by `color-scheme`; this sets it. */
export type Theme = "system" | "light" | "dark";

const STORED = "fantail.theme";
const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** What was chosen in this browser. */
export function chosenTheme(): Theme {
  const stored = localStorage.getItem(STORED);
  return THEMES.find((theme) => theme === stored) ?? "system";
}

/** Keeps the choice, and shows it. */
export function chooseTheme(theme: Theme): void {
  localStorage.setItem(STORED, theme);
  applyTheme();
}

/** Shows what was chosen. Charts hear of it as of a change of the attribute. */
export function applyTheme(): void {
  document.documentElement.dataset["theme"] = chosenTheme();
}

/** The one after it, in the order of the button. */
export function nextTheme(theme: Theme): Theme {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
}
