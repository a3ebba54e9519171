// Parts of a page that come again from the server: fetched, and put in place of the old part without taking away what somebody is typing.

/** The server no longer gives this page to this reader: withdrawn, not hers any more, or she is signed out. */
export class Gone extends Error {}

/**
 * Fetches url and puts the element with this part's id in its place. Resolves to the new element, or null when nothing came; rejects with
 * Gone when the reader may not have it any more.
 */
export async function refetch(part: Element, url: string, signal?: AbortSignal): Promise<Element | null> {
  const answer = await fetch(url, { headers: { Accept: "text/html" }, redirect: "manual", ...(signal ? { signal } : {}) });
  // somebody who is signed out is sent to the sign-in page
  if (answer.type === "opaqueredirect" || [401, 403, 404, 410].includes(answer.status)) throw new Gone();
  return answer.ok ? swap(part, await answer.text()) : null;
}

/** Takes the element with this part's id out of html and puts it in place; null when html has none. */
export function swap(part: Element, html: string, done?: HTMLFormElement): Element | null {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const fresh = parsed.getElementById(part.id);
  if (!fresh) return null;
  const next = document.importNode(fresh, true);
  if (!done) unfoldAlike(part, next);
  if (next.isEqualNode(part) && !done) return part;
  if (!done && halfTyped(part, next)) return part;
  const typed = remember(part, done);
  part.replaceWith(next);
  restore(next, typed);
  return next;
}

/** What somebody has unfolded or folded here is no difference between two renderings. */
function unfoldAlike(part: Element, next: Element): void {
  const here = new Map([...part.querySelectorAll("details")].map((one) => [keyOf(one), one.open]));
  for (const one of next.querySelectorAll("details")) one.open = here.get(keyOf(one)) ?? one.open;
}

/** Parts that have waited once for somebody who is typing. */
const waited = new WeakSet<Element>();

/**
 * Somebody is in the middle of a date or a time, which no program can read or put back until it is whole; and it may look whole before it is,
 * after the first digit of the year. The part waits for her once, to
 * the next look, and only if what she types into will still be there: what has to disappear does not wait.
 */
function halfTyped(part: Element, next: Element): boolean {
  const active = document.activeElement;
  if (!(active instanceof HTMLInputElement) || !part.contains(active) || waited.has(part)) return false;
  const clock = ["date", "time"].includes(active.type) && changedValue(active) !== null;
  if (!active.validity.badInput && !clock) return false;
  waited.add(part);
  return controls(next).some((one) => keyOf(one) === keyOf(active));
}

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

interface Typed {
  values: Map<string, string | boolean>;
  open: Set<string>;
  focus: { key: string; start: number | null; end: number | null } | null;
}

/** What the person has changed since the server made this part, where the focus is, and what is unfolded. A form that was sent is done. */
function remember(part: Element, done?: HTMLFormElement): Typed {
  const values = new Map<string, string | boolean>();
  for (const control of controls(part)) {
    if (control.form !== null && control.form === done) continue;
    const value = changedValue(control);
    if (value !== null) values.set(keyOf(control), value);
  }
  const open = new Set([...part.querySelectorAll("details")].filter((one) => one.open).map(keyOf));
  const active = document.activeElement;
  if (!active || !part.contains(active) || active === part) return { values, open, focus: null };
  const field = isText(active) ? active : null;
  return { values, open, focus: { key: keyOf(active), start: field?.selectionStart ?? null, end: field?.selectionEnd ?? null } };
}

function restore(part: Element, { values, open, focus }: Typed): void {
  for (const control of controls(part)) {
    const value = values.get(keyOf(control));
    if (typeof value === "boolean" && control instanceof HTMLInputElement) control.checked = value;
    else if (typeof value === "string") control.value = value;
  }
  for (const one of part.querySelectorAll("details")) if (open.has(keyOf(one))) one.open = true;
  if (!focus) return;
  const target = [...part.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea, summary, [tabindex]")].find((one) => keyOf(one) === focus.key);
  if (target) {
    target.focus({ preventScroll: true });
    if (isText(target) && focus.start !== null) target.setSelectionRange(focus.start, focus.end);
  } else if (part instanceof HTMLElement) {
    // what had the focus is gone: the part itself takes it, so that the keyboard does not fall back to the top of the page
    part.tabIndex = -1;
    part.focus({ preventScroll: true });
  }
}

/** Names a control across two renderings: by id, or by its form's target, its name and, for choices, its value. */
function keyOf(element: Element): string {
  if (element.id) return `#${element.id}`;
  const form = element.closest("form");
  const own = ["name", "href", "data-key"].map((name) => element.getAttribute(name) ?? "").join("|");
  const choice = element instanceof HTMLInputElement && (element.type === "checkbox" || element.type === "radio") ? element.value : "";
  const hidden = form ? [...form.querySelectorAll<HTMLInputElement>("input[type=hidden]")].map((one) => one.value).join("|") : "";
  const words = own === "||" ? (element.textContent ?? "").trim().slice(0, 40) : "";
  return [element.tagName, form?.getAttribute("action") ?? "", hidden, own, choice, words].join("§");
}

function controls(part: Element): Control[] {
  return [...part.querySelectorAll<Control>("input:not([type=hidden], [type=file], [type=password]), textarea, select")];
}

export function changedValue(control: Control): string | boolean | null {
  if (control instanceof HTMLSelectElement) {
    const preset = [...control.options].find((one) => one.defaultSelected) ?? control.options[0];
    return control.value === preset?.value ? null : control.value;
  }
  if (control instanceof HTMLInputElement && (control.type === "checkbox" || control.type === "radio")) {
    return control.checked === control.defaultChecked ? null : control.checked;
  }
  return control.value === control.defaultValue ? null : control.value;
}

function isText(element: Element): element is HTMLInputElement | HTMLTextAreaElement {
  if (element instanceof HTMLTextAreaElement) return true;
  return element instanceof HTMLInputElement && ["text", "search", "url", "tel", "password"].includes(element.type);
}

/** Posts a form by fetch, as the browser would have: same fields, same encoding. Resolves to the page that answered. */
export async function post(form: HTMLFormElement, submitter: HTMLElement | null): Promise<{ ok: boolean; html: string }> {
  const fields = new FormData(form, submitter);
  const plain = form.enctype !== "multipart/form-data";
  const action = submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href;
  const body = plain ? new URLSearchParams([...fields].map(([name, value]): [string, string] => [name, typeof value === "string" ? value : value.name])) : fields;
  const answer = await fetch(action, { method: "POST", body, headers: { Accept: "text/html" } });
  return { ok: answer.ok, html: await answer.text() };
}
