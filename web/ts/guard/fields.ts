// The name guard under the text fields of a form: <form data-names="URL">, where the URL answers GET with what to look with and POST with what
// the server finds. A form may come later or again; its fields are followed once somebody enters them. Fields within [data-identity] say who
// the client is, of whom nobody but this page knows yet: they are not looked at, the others are looked at for what stands in them. Where nobody
// has agreed to anything, <form data-names-strict>, what was found can only be replaced.

import { NameList } from "./list";
import { Looker } from "./look";
import type { Identity } from "./own";
import { Standins } from "./stand";

type TextField = HTMLTextAreaElement | HTMLInputElement;

const lookers = new Map<string, Promise<Looker>>();
const standins = new WeakMap<HTMLFormElement, Standins>();
const followed = new WeakSet<TextField>();
const lists = new WeakMap<HTMLFormElement, NameList[]>();

/** Follows the fields of all forms on the page that ask for it, now and later. */
export function followFields(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-names]")) {
    for (const field of form.elements) if (isText(field) && field.value) void follow(field);
  }
  const entered = document.activeElement;
  if (isText(entered)) void follow(entered);
  document.addEventListener("focusin", ({ target }) => {
    if (isText(target)) void follow(target);
  });
}

function isText(one: EventTarget | null): one is TextField {
  return (one instanceof HTMLTextAreaElement || (one instanceof HTMLInputElement && one.type === "text")) && !one.closest("[data-identity]");
}

async function follow(field: TextField): Promise<void> {
  const { form } = field;
  const url = form?.dataset["names"];
  if (!form || !url || followed.has(field)) return;
  followed.add(field);
  const looker = lookers.get(url) ?? Looker.at(url);
  lookers.set(url, looker);
  const ready = await looker.catch(() => null);
  if (!ready) {
    lookers.delete(url); // the next field asks again; the server looks in any case before anything goes out
    followed.delete(field);
    return;
  }
  const same = standins.get(form) ?? new Standins();
  standins.set(form, same);
  const list = new NameList(ready, same, placeOf(field), field, field, form.dataset["namesStrict"] !== undefined);
  knowClient(form, ready, list);
  list.follow(field.value, true);
  field.addEventListener("input", () => list.follow(field.value, true));
}

/** Lets the first list of a form, and all that follow, look for the person whom the form itself names. */
function knowClient(form: HTMLFormElement, looker: Looker, list: NameList): void {
  const identity = form.querySelector<HTMLElement>("[data-identity]");
  if (!identity) return;
  const all = lists.get(form) ?? [];
  all.push(list);
  if (lists.has(form)) return;
  lists.set(form, all);
  const know = () => looker.know(typedIn(identity));
  know();
  identity.addEventListener("input", () => {
    know();
    for (const one of all) one.again();
  });
}

function typedIn(identity: HTMLElement): Identity {
  const value = (name: string) => identity.querySelector<HTMLInputElement>(`[name=${name}]`)?.value ?? "";
  return { name: `${value("first_name")} ${value("last_name")}`, born: value("born"), number: value("number"), contact: value("contact") };
}

function placeOf(field: TextField) {
  return {
    text: () => field.value,
    caret: () => field.selectionEnd,
    select(from: number, to: number) {
      field.focus();
      field.setSelectionRange(from, to);
    },
    replace(from: number, to: number, by: string) {
      field.focus();
      field.setSelectionRange(from, to);
      // the only way that keeps the browser's own undo; where it is gone the field is set and says so
      if (document.execCommand("insertText", false, by)) return;
      field.setRangeText(by, from, to, "end");
      field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertReplacementText", data: by }));
    },
  };
}
