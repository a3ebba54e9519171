// Single keys for the controls, and the help that lists them. A key is never taken while somebody types or a list or question is open, and
// all of them can be switched off (WCAG 2.1.4).

import { remember, wished } from "./device";

export interface Shortcut {
  key: string;
  words: string;
  act(): void;
}

/** @param help the dialog of templates/stage.html: #keys-list is filled here, #keys-off switches the keys off on this device */
export function bindShortcuts(shortcuts: Shortcut[], help: HTMLDialogElement): () => void {
  const off = help.querySelector<HTMLInputElement>("#keys-off");
  const list = help.querySelector("#keys-list");
  if (!off || !list) throw new Error("the help has no list of keys");
  const open = { key: "?", words: "diese Hilfe", act: () => help.showModal() };
  const all = [...shortcuts, open];
  list.replaceChildren(...all.flatMap(({ key, words }) => [term(key), Object.assign(document.createElement("dd"), { textContent: words })]));
  off.checked = wished("nokeys");
  off.addEventListener("change", () => remember("nokeys", off.checked));
  const pressed = (event: KeyboardEvent): void => {
    const wanted = all.find((one) => one.key === event.key.toUpperCase());
    if (!wanted || off.checked || event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || busy(event)) return;
    event.preventDefault();
    wanted.act();
  };
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}

/** Somebody types, or something over the page has its own keys. */
function busy(event: KeyboardEvent): boolean {
  if (document.querySelector("dialog[open], :popover-open")) return true;
  const [at] = event.composedPath();
  if (!(at instanceof HTMLElement)) return false;
  return at.isContentEditable || at.matches("textarea, select, [role=textbox], input:not([type=checkbox], [type=radio], [type=button], [type=submit])");
}

function term(key: string): HTMLElement {
  const made = document.createElement("dt");
  made.append(Object.assign(document.createElement("kbd"), { textContent: key }));
  return made;
}
