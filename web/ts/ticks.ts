// <form data-live="URL#id">: as soon as something is ticked in the part with that id, the part shows what the server makes of it. What stands in
// the form goes to URL by GET, as its button without script sends it, and the part of the answer is put in place; what is ticked and where the
// focus is stays. Of several ticks in a row the last one counts.

import { refetch } from "./swap";

/** How long a hand that ticks one after the other is waited for, in milliseconds. */
const pause = 60;

export function followTicks(form: HTMLFormElement): void {
  const [url = "", id = ""] = (form.dataset["live"] ?? "").split("#");
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let asked = new AbortController();
  const ask = async (): Promise<void> => {
    asked = new AbortController();
    const part = document.getElementById(id);
    if (!part) return;
    const { signal } = asked;
    const came = await refetch(part, `${url}?${typed(form)}`, signal).catch(() => null);
    if (!came && !signal.aborted) outdated(part);
  };
  form.addEventListener("change", ({ target }) => {
    if (!(target instanceof Element) || !document.getElementById(id)?.contains(target)) return;
    asked.abort();
    clearTimeout(waiting);
    waiting = setTimeout(() => void ask(), pause);
  });
}

/** Says that the part is of an earlier moment, until it is put in place anew. */
function outdated(part: Element): void {
  if (part.querySelector("[data-outdated]")) return;
  const note = document.createElement("p");
  note.className = "small missed";
  note.dataset["outdated"] = "";
  note.setAttribute("role", "status");
  note.textContent = "Keine Antwort vom Server: Was hier steht, gilt noch für die vorige Auswahl.";
  part.prepend(note);
}

function typed(form: HTMLFormElement): string {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string" && value !== "") fields.append(name, value);
  return fields.toString();
}
