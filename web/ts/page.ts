// Small comforts for pages that work without them:
//
//   <form data-guard>        asks before leaving while something in it has been changed and not sent
//   <form data-names="URL">  its text fields are looked at for names while somebody writes; see guard/fields.ts. With [data-names-strict]
//                            nothing that was found can be left as it is, because the server takes no reason for it
//   <ol data-rows>           its rows can be gone through with the arrow keys; see rows.ts
//   <form data-once>         takes one submit only; the button says that it is busy
//   <section id="x" data-poll="URL" [data-every="5000"]>   fetched again while the page is visible, put in place when it differs
//   <i data-watch hidden></i>   this page shows what may be taken away: it is loaded anew as soon as the server refuses it (or refuses the
//                               address that data-watch names, where the page itself would still be given)
//   <form data-live="URL#id">  the part with that id follows what is ticked in it; see ticks.ts
//   <details data-load="URL"><section id="x">   the part with an id is fetched when it is unfolded, and put in place
//   <form action="/sign-out"> removes what this device keeps of unsaved notes and guests' links before it goes. The keys that make it known
//                            to others again stay: they open nothing without their person's sign-in
//   <form data-draft="URL">  what somebody types is sent there while she types and when she leaves, for nobody but herself; [data-draft-said] says so
//   <div data-passkey="use">  a passkey can be shown or made here; see passkey.ts
//   <div class="errors">     takes the focus when the page opens
//   <textarea data-guest-link="CODE">   a guest's link: gets the secret after its "#", which is drawn here and sent to nobody
//
// data-poll needs an id, and the answer must contain the element with that id (a whole page will do). An answer that refuses the page makes
// the browser load it anew, so that nothing stays on a screen after the right to see it has gone.

import { drawSecret, forgetSecrets } from "./e2ee/links";
import { forgetConference, wipeDevice } from "./queue";
import { followRows } from "./rows";
import { Gone, changedValue, refetch } from "./swap";
import { followTicks } from "./ticks";

guardChanges();
loadUnfolded();
wipeAtSignOut();
wipeWithoutRight();
submitOnce();
followRows();
for (const part of document.querySelectorAll("[data-poll][id]")) poll(part);
if (document.querySelector("[data-watch]")) watch();
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-live]")) followTicks(form);
nameGuard();
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-draft]")) keepDraft(form);
if (document.querySelector("[data-passkey]")) void import("./passkey").then(({ followPasskeys }) => followPasskeys()).catch(reportError);
document.querySelector<HTMLElement>(".errors")?.focus();
for (const link of document.querySelectorAll<HTMLTextAreaElement>("textarea[data-guest-link]")) link.value += `#${drawSecret(link.dataset["guestLink"] ?? "")}`;

/** The name guard is fetched when somebody is about to write where names do not belong. */
function nameGuard(): void {
  const load = async () => (await import("./guard/fields")).followFields();
  if (document.querySelector("form[data-names]")) return void load().catch(reportError);
  const first = ({ target }: Event) => {
    if (!(target instanceof Element) || !target.closest("form[data-names]")) return;
    document.removeEventListener("focusin", first);
    void load().catch(reportError);
  };
  document.addEventListener("focusin", first);
}

/** Sends what is in a form as a draft a second after the last key, and at once when the page goes. What is sent as a form is no draft. */
function keepDraft(form: HTMLFormElement): void {
  const said = form.querySelector("[data-draft-said]");
  const url = form.dataset["draft"] ?? "";
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const say = (words: string) => {
    if (said) said.textContent = words;
  };
  const send = async (): Promise<void> => {
    clearTimeout(waiting);
    waiting = undefined;
    const typed = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string") typed.set(name, value);
    try {
      const answer = await fetch(url, { method: "POST", body: typed, keepalive: true, headers: { Accept: "application/json" }, redirect: "error" });
      say(answer.ok ? "Entwurf gespeichert. Nur Sie sehen ihn." : "Der Entwurf konnte nicht gespeichert werden.");
    } catch {
      say("Keine Verbindung: Der Entwurf ist noch nicht gespeichert.");
      waiting ??= setTimeout(() => void send(), 5000);
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => void send(), 1000);
  });
  form.addEventListener("submit", () => {
    clearTimeout(waiting);
    waiting = undefined;
  });
  addEventListener("pagehide", () => {
    if (waiting !== undefined) void send();
  });
}

function guardChanges(): void {
  let sent = false;
  document.addEventListener("submit", () => {
    sent = true;
  });
  addEventListener("pageshow", () => {
    sent = false;
  });
  addEventListener("beforeunload", (event) => {
    if (!sent && [...document.querySelectorAll<HTMLFormElement>("form[data-guard]")].some(changed)) event.preventDefault();
  });
}

function changed(form: HTMLFormElement): boolean {
  return [...form.elements].some(
    (one) => (one instanceof HTMLInputElement || one instanceof HTMLTextAreaElement || one instanceof HTMLSelectElement) && one.type !== "hidden" && changedValue(one) !== null,
  );
}

/** Fills a part when it is unfolded for the first time: whoever does not look at it is not shown it. */
function loadUnfolded(): void {
  const load = async (event: Event): Promise<void> => {
    const fold = event.target;
    if (!(fold instanceof HTMLDetailsElement) || !fold.open) return;
    const url = fold.dataset["load"];
    const part = fold.querySelector("[id]");
    if (!url || !part) return;
    delete fold.dataset["load"];
    const came = await refetch(part, url, AbortSignal.timeout(10_000)).catch(() => null);
    if (!came) fold.dataset["load"] = url;
  };
  document.addEventListener("toggle", (event) => void load(event), true); // toggle does not bubble
}

function wipeAtSignOut(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.getAttribute("action") !== "/sign-out" || event.defaultPrevented) return;
    event.preventDefault();
    forgetSecrets();
    void wipeDevice().finally(() => form.submit()); // goes without another submit event
  });
}

/** Where a live page should be and the server says that there is none for this person: what a crash left of it goes. */
function wipeWithoutRight(): void {
  const code = /^\/conferences\/([^/]+)\/room$/.exec(location.pathname)?.[1];
  const [entry] = performance.getEntriesByType("navigation");
  const status = entry instanceof PerformanceNavigationTiming ? entry.responseStatus : 0;
  if (code && [403, 404, 409, 410].includes(status)) void forgetConference(code).catch(reportError);
}

function submitOnce(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset["once"] === undefined || event.defaultPrevented) return;
    if (form.ariaBusy === "true") return event.preventDefault();
    form.ariaBusy = "true";
    // not disabled: a disabled button would neither keep the focus nor send its name and value
    if (event.submitter) event.submitter.ariaBusy = "true";
  });
  addEventListener("pageshow", () => {
    for (const one of document.querySelectorAll("form[data-once], form[data-once] [aria-busy]")) one.ariaBusy = null;
  });
}

/** Asks again and again while the page is visible; after errors more slowly, up to a minute. */
function poll(first: Element): void {
  let part = first;
  let failures = 0;
  const every = () => Math.max(1000, Number((part as HTMLElement).dataset["every"] ?? 5000) || 5000);
  const look = async (): Promise<void> => {
    const url = part.getAttribute("data-poll");
    if (!url || !part.isConnected) return;
    if (document.visibilityState === "visible") {
      try {
        const next = await refetch(part, url, AbortSignal.timeout(10_000));
        failures = next ? 0 : failures + 1;
        part = next ?? part;
      } catch (error) {
        // what this page still shows is not for this reader any more; the server's own page says why
        if (error instanceof Gone) return location.reload();
        failures++;
      }
    }
    setTimeout(() => void look(), Math.min(60_000, every() * 2 ** Math.min(failures, 5)));
  };
  document.addEventListener("visibilitychange", () => {
    failures = 0;
  });
  setTimeout(() => void look(), every());
}

/** Asks whether this page may still be seen: often while somebody looks at it, and at once when somebody looks again. */
function watch(): void {
  const address = document.querySelector<HTMLElement>("[data-watch]")?.dataset["watch"] || location.href;
  const look = async (): Promise<void> => {
    if (document.visibilityState !== "visible") return;
    const answer = await fetch(address, { method: "HEAD", redirect: "manual", cache: "no-store" }).catch(() => null);
    if (answer && (answer.type === "opaqueredirect" || [401, 403, 404, 410].includes(answer.status))) location.reload();
  };
  setInterval(() => void look(), 1500);
  document.addEventListener("visibilitychange", () => void look());
}
