// The live page: one socket, the notes and the room on it, and the end. Everything case-related on the page goes when the right to see it
// goes. Markup: templates/live.html.
//
// For tests and support the page answers from the console:
//   konsil.notes.texts()      section key → text        konsil.notes.unsaved()    changes without acknowledgement
//   konsil.notes.connected()  document loaded and connection up
//   konsil.room.stats()       frames decoded and bytes received by peer id, bytes sent, what protects the packets
//   konsil.room.seal()        the code, who is how far confirmed, frames sealed and opened by "peer/source"; null where nothing is
// It gives nothing that the person does not already see.

import { Addendum, type Rest } from "./addendum";
import { remember, wished } from "./device";
import { goodbye } from "./farewell";
import { Notes, type SaveState } from "./notes";
import { Paper } from "./paper";
import { setText } from "./people";
import { Link, type Limit, type Reason } from "./protocol";
import { Queue } from "./queue";
import { Remover, type Beginning } from "./redact";
import { byId, Stage } from "./stage";
import { post, refetch, swap } from "./swap";

function box(id: string): HTMLInputElement {
  const found = byId(id);
  if (!(found instanceof HTMLInputElement)) throw new Error(`#${id} is no box to tick`);
  return found;
}

/** What the page says when a limit has cost it its connection. */
const crowded: Record<Limit, string> = {
  flood: "Von hier kamen zu viele Änderungen auf einmal. Die Verbindung wird neu aufgebaut, Ihr Text wird dabei nachgereicht.",
  slow: "Ihre Verbindung kam mit dem, was die anderen schreiben, nicht mit. Sie wird neu aufgebaut, dabei geht nichts verloren.",
};

class LivePage {
  private readonly root = byId("live");
  private readonly link: Link;
  private readonly queue: Queue;
  private notes: Notes;
  private readonly stage: Stage;
  private readonly paper: Paper;
  private shown: Notes; // whose text the paper shows; for a moment not the same as notes
  private renewals = 0;
  private redacted = false; // the notes in the place of those shown are without something that was removed
  private readonly clock: number;
  private endsAt = Date.parse(this.data("ends"));
  private wasWritable = false;
  private saidKind: SaveState["kind"] = "saved";
  private over = false;

  constructor() {
    this.queue = new Queue(this.data("code"), this.data("person"), !wished("keepnothing"));
    this.notes = this.shown = new Notes((frame) => this.link.binary(frame), this.teller(), this.queue, Paper.keys());
    this.stage = new Stage(
      (type, data) => this.link.text(type, data),
      () => this.showCount(),
      () => this.link.restart(),
    );
    this.paper = new Paper(this.notes, wished("plain"), byId("writing"), (sentence) => this.tell(sentence), this.remover(), this.data("names"));
    this.notes.changed = () => this.showNotes();
    void this.notes.restore();
    this.bindSettings();
    this.bindMeasures();
    this.clock = setInterval(() => this.showTime(), 1000);
    this.showTime();
    this.link = new Link(this.data("ticket"), this.data("socket"), {
      open: () => this.stage.room.hello(),
      binary: (frame) => this.notes.receive(frame),
      text: (type, data) => this.receive(type, data),
      lost: (limit) => this.lost(limit),
      ended: (reason) => this.end(reason),
    });
    this.bindLeaving();
    this.expose();
  }

  private data(name: string): string {
    return this.root.dataset[name] ?? "";
  }

  // --- notes ----------------------------------------------------------------------------------------------------------------------

  private teller() {
    return {
      restart: () => this.link.restart(),
      recovered: (n: number) => this.tell(n === 1 ? "1 Änderung von vorhin nachgereicht." : `${n} Änderungen von vorhin nachgereicht.`),
      stuck: () => this.renew(),
      rewritten: (beginning: Beginning) => this.beginAnew(beginning),
    };
  }

  private remover(): Remover {
    return new Remover(this.data("redaction"), () => this.saved(), (sentence) => this.tell(sentence));
  }

  /** Goes on with a fresh document; the old one stays to be read until everything unsaved is in the new one. */
  private renew(): void {
    if (++this.renewals > 2) return this.tell("Der Server nimmt Ihre letzten Änderungen nicht an. Ihr Text steht noch da: bitte kopieren Sie, was fehlen würde, und laden Sie die Seite neu.");
    this.notes = this.shown.renewed();
    this.notes.changed = () => this.showNotes();
    this.link.restart();
  }

  /** A passage was removed: nothing of the document that had it stays, be it on the page, to be undone, or on its way. */
  private beginAnew(beginning: Beginning): void {
    this.redacted = true;
    this.notes = this.notes.begun(beginning, this.shown);
    this.notes.changed = () => this.showNotes();
  }

  private showRenewed(): void {
    if (this.notes === this.shown || !this.notes.settled()) return;
    this.paper.setNotes(this.notes);
    this.shown.destroy();
    this.shown = this.notes;
    if (this.redacted) return this.sayRedacted();
    this.tell("Der Server hat eine Änderung nicht angenommen. Ihr Text wurde neu eingesetzt, bitte sehen Sie ihn kurz durch.");
  }

  private sayRedacted(): void {
    this.redacted = false;
    setText(byId("saved-said"), "Aus der Mitschrift wurde eine Stelle entfernt.");
    if (this.shown.leftOut) this.tell("Was Sie zuletzt geschrieben haben, stand mitten in einer Stelle, die gerade entfernt wurde, und ist mit ihr weggefallen.");
  }

  /** Resolves when everything typed so far is saved, or will not be soon. */
  private async saved(): Promise<void> {
    for (let tries = 0; this.notes.unsaved() > 0 && tries < 100; tries++) await new Promise((later) => setTimeout(later, 50));
  }

  private bindSettings(): void {
    const plain = box("plain");
    plain.checked = wished("plain");
    plain.addEventListener("change", () => {
      remember("plain", plain.checked);
      this.paper.setPlain(plain.checked);
    });
    const nothing = box("keepnothing");
    nothing.checked = wished("keepnothing");
    nothing.addEventListener("change", () => {
      remember("keepnothing", nothing.checked);
      void this.queue.allow(!nothing.checked);
    });
    if (Queue.possible()) return;
    nothing.checked = nothing.disabled = true;
  }

  private showNotes(): void {
    if (this.over) return;
    this.showRenewed();
    const { kind, words } = this.notes.saveState();
    const line = byId("saved");
    line.dataset["state"] = kind;
    setText(line, words);
    this.saySaved(kind, words);
    const writable = this.notes.writable();
    if (writable === this.wasWritable) return;
    this.wasWritable = writable;
    if (kind === "refused" && this.notes === this.shown) this.tell("Ihr Text steht noch da. Bitte kopieren Sie, was fehlen würde, und laden Sie die Seite neu.");
    this.paper.setWritable(writable);
  }

  /** Reads aloud when saving stops working and when it works again; the count that changes with every letter is for the eye only. */
  private saySaved(kind: SaveState["kind"], words: string): void {
    const trouble = kind === "offline" || kind === "refused" || kind === "closing" || kind === "sealed";
    if (kind === this.saidKind || (!trouble && (this.saidKind === "saved" || kind !== "saved"))) return;
    this.saidKind = kind;
    setText(byId("saved-said"), words);
  }

  // --- room -----------------------------------------------------------------------------------------------------------------------

  private receive(type: string, data: Record<string, unknown>): void {
    if (type === "welcome" && typeof data["endsAt"] === "string") this.endsAt = Date.parse(data["endsAt"]) || this.endsAt;
    if (type === "refresh") void this.refresh(String(data["what"]));
    else this.stage.receive(type, data);
  }

  private lost(limit: Limit | null): void {
    if (limit) this.tell(crowded[limit]);
    this.notes.lost();
    this.stage.room.lost();
    if (this.notes.replaces()) this.paper.setNotes(this.notes); // empty until the server is back, rather than what was removed
  }

  private showCount(): void {
    if (this.over) return;
    const n = new Set(this.stage.room.people.map((one) => one.person)).size;
    setText(byId("count"), n === 0 ? "" : n === 1 ? "nur Sie" : `${n} Personen`);
  }

  private tell(sentence: string): void {
    if (!this.over) this.stage.tell(sentence);
  }

  // --- the line on top ------------------------------------------------------------------------------------------------------------

  private showTime(): void {
    const left = Math.round((this.endsAt - Date.now()) / 60_000);
    const time = byId("time");
    time.classList.toggle("late", left <= 0);
    if (Number.isNaN(left)) return setText(time, "");
    setText(time, left > 0 ? `noch ${left} min` : left === 0 ? "Zeit ist um" : `seit ${-left} min über der Zeit`);
  }

  // --- parts rendered by the server -----------------------------------------------------------------------------------------------

  private async refresh(what: string): Promise<void> {
    if (what === "measures") return this.fetchMeasures();
    if (what === "opinions") return this.fetchOpinions();
    if (what !== "conference") return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok || this.over) return;
      const html = await answer.text();
      for (const part of document.querySelectorAll("[data-refresh=conference]")) swap(part, html);
      const ends = new DOMParser().parseFromString(html, "text/html").getElementById("live")?.dataset["ends"];
      this.endsAt = Date.parse(ends ?? "") || this.endsAt;
    } catch (error) {
      reportError(error); // the page shows what it showed; the next change asks again
    }
  }

  /** Opinions are asked for in some conferences only; where they are not, the part stays as it is: empty. */
  private async fetchOpinions(): Promise<void> {
    const part = document.getElementById("opinions");
    if (!part) return;
    try {
      const next = await refetch(part, this.data("opinions"));
      if (this.over) next?.remove();
    } catch (error) {
      reportError(error); // the page shows what it showed; the next change asks again
    }
  }

  private async fetchMeasures(): Promise<void> {
    const part = document.getElementById("measures");
    if (!part) return;
    try {
      const next = await refetch(part, this.data("measures"));
      if (this.over) next?.remove();
      else if (!next) this.tell("Die Maßnahmen konnten nicht geladen werden.");
    } catch {
      this.tell("Die Maßnahmen konnten nicht geladen werden. Sie erscheinen mit der nächsten Änderung.");
    }
  }

  /** Forms inside #measures and #opinions stay on the page; without this script they post as forms do. */
  private bindMeasures(): void {
    void this.fetchMeasures();
    void this.fetchOpinions();
    byId("notes").addEventListener("submit", (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
      const part = form.closest("#measures, #opinions");
      if (!part) return;
      event.preventDefault();
      void this.submitMeasures(form, event.submitter, part);
    });
  }

  private async submitMeasures(form: HTMLFormElement, submitter: HTMLElement | null, part: Element): Promise<void> {
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    try {
      const { ok, html } = await post(form, submitter);
      if (this.over) return;
      this.tell("");
      const current = document.getElementById(part.id) ?? part;
      if (swap(current, html, form)) return;
      if (ok) await this.refresh(part.id);
      else this.tell("Das hat der Server nicht angenommen. Ihre Eingabe steht noch da.");
    } catch {
      this.tell("Nicht gespeichert: keine Verbindung. Ihre Eingabe steht noch da.");
    } finally {
      form.ariaBusy = null;
    }
  }

  // --- leaving and the end --------------------------------------------------------------------------------------------------------

  private bindLeaving(): void {
    addEventListener("beforeunload", (event) => {
      if (!this.over && this.notes.unsaved() > 0) event.preventDefault();
    });
    // a page out of the back/forward cache would show what its reader may no longer see
    addEventListener("pageshow", (event) => {
      if (event.persisted) location.reload();
    });
  }

  /**
   * Nothing of the case stays: not in the document, not in memory that we hold, not in the title. Only when the conference has simply ended
   * does its person keep what she had typed and the server had not, to hand it in.
   */
  private end(reason: Reason): void {
    if (this.over) return;
    this.over = true;
    const unsaved = this.notes.unsaved();
    const rest = reason === "closed" ? this.rest() : [];
    const url = this.data("addendum");
    clearInterval(this.clock);
    this.paper.destroy();
    this.stage.destroy();
    this.notes.destroy();
    // in another window the conference goes on, and with it the chance to hand in what is here
    if (reason !== "elsewhere") void this.queue.wipe();
    delete window.konsil;
    const leave = this.data("leave");
    document.title = "Konferenz beendet · konsil";
    const slip = goodbye(reason, rest.length ? 0 : unsaved, leave);
    document.body.replaceChildren(slip);
    if (rest.length) new Addendum(slip, rest, url, () => document.body.replaceChildren(goodbye("withdrawn", 0, leave)));
    document.querySelector("h1")?.focus();
  }

  private rest(): Rest[] {
    return Paper.keys()
      .map((key) => ({ section: key, title: byId(`sec-${key}`).textContent, text: this.notes.unsavedWords(key) }))
      .filter(({ text }) => text !== "");
  }

  private expose(): void {
    const keys = Paper.keys();
    window.konsil = {
      notes: {
        texts: () => Object.fromEntries(keys.map((key) => [key, this.shown.doc.getText(`s:${key}`).toString()])),
        unsaved: () => this.notes.unsaved(),
        connected: () => this.notes.connected(),
      },
      room: {
        stats: () => this.stage.stats(),
        seal: async () => (await this.stage.room.seal?.state()) ?? null,
        passes: () => this.stage.room.passes(),
      },
    };
  }
}

new LivePage();
