// The one line that says where the conference is: which phase of the agenda, whose, and how long it is still planned to take. Nobody is cut
// off by it. It stays as it was while the connection is gone, for the clock goes on. Markup: templates/agenda.html.

import type { Item } from "./menu";
import { setText } from "./people";
import { isRecord } from "./protocol";
import type { Room } from "./room";

interface Phase {
  kind: string;
  /** empty: the word for its kind */
  title: string;
  minutes: number;
  owner: string;
  /** of the owner, where that is one person */
  name: string;
  person: string;
  /** milliseconds in this phase before `since` */
  spent: number;
}

/** Made once by a page; `destroy` stops its clock. */
export class AgendaLine {
  private phases: Phase[] = [];
  private at = -1;
  private since = 0; // when the phase began, by this device's clock
  private known = false; // has heard of it in this room; what comes first is not news
  private warned = -1; // the phase whose last minute was told
  private listed = 0; // whole minutes of this phase that the list shows
  private readonly clock: number;
  private readonly words: Record<string, string>;

  /** @param root templates/agenda.html */
  constructor(
    private readonly root: HTMLElement,
    private readonly room: Room,
    private readonly tell: (sentence: string) => void,
  ) {
    this.words = Object.fromEntries([...this.part("words").querySelectorAll("dt")].map((term) => [term.textContent, term.nextElementSibling?.textContent ?? ""]));
    this.part("next").addEventListener("click", () => this.go(1));
    this.part("back").addEventListener("click", () => this.go(-1));
    this.part("guests").addEventListener("click", () => this.guests()?.act());
    this.clock = setInterval(() => this.tick(), 1000);
  }

  /** Takes what the server says about the agenda, whole. */
  receive(data: Record<string, unknown>): void {
    const before = this.at;
    this.phases = Array.isArray(data["phases"]) ? data["phases"].filter(isRecord).map(readPhase) : [];
    this.at = typeof data["at"] === "number" ? data["at"] : -1;
    this.since = Date.now() - Number(data["for"] ?? 0);
    const phase = this.phases[this.at];
    if (phase && this.known && before !== this.at) this.say(`${this.number()}: ${sentence(this.title(phase))} ${this.owner(phase)}, ${minutes(phase.minutes)}.`);
    if (this.left() <= 60_000) this.warned = this.at; // who comes in the last minute sees it
    this.known = true;
    this.changed();
  }

  /** Before the door there is no agenda. */
  clear(): void {
    this.phases = [];
    this.at = -1;
    this.known = false;
    this.changed();
  }

  /** Draws it anew: the agenda, the own part or the guests' phase has changed. */
  changed(): void {
    this.root.hidden = this.phases.length === 0;
    if (this.root.hidden) return;
    this.showTurn();
    this.showList();
    this.tick();
  }

  /** Goes one phase on or back, where that is possible. */
  go(step: 1 | -1): void {
    const to = this.at + step;
    if (!this.leads() || to < 0 || to >= this.phases.length) return;
    if (!this.room.send("mod.agenda", { from: this.at, to })) this.tell("Das geht gerade nicht: keine Verbindung.");
  }

  destroy(): void {
    clearInterval(this.clock);
  }

  private leads(): boolean {
    return this.room.part === "moderator" && this.room.self !== "";
  }

  private part(name: string): HTMLElement {
    const found = this.root.querySelector<HTMLElement>(`[data-part=${name}]`);
    if (!found) throw new Error(`the agenda has no ${name}`);
    return found;
  }

  private say(sentence: string): void {
    this.part("said").textContent = sentence;
  }

  private title(phase: Phase): string {
    return phase.title || this.words[phase.kind] || "";
  }

  private owner(phase: Phase): string {
    return phase.name || this.words[phase.owner] || "";
  }

  private number(): string {
    return `Phase ${this.at + 1} von ${this.phases.length}`;
  }

  /** Milliseconds that a phase has taken so far. */
  private took(at: number): number {
    return (this.phases[at]?.spent ?? 0) + (at === this.at ? Date.now() - this.since : 0);
  }

  /** Milliseconds that are still planned for this phase; below zero when it takes longer. */
  private left(): number {
    return (this.phases[this.at]?.minutes ?? 0) * 60_000 - this.took(this.at);
  }

  /** What changes by itself: the line, its bar, and the word to whoever leads when a minute is left. */
  private tick(): void {
    const phase = this.phases[this.at];
    if (!phase) {
      const [first] = this.phases;
      if (first) setText(this.part("line"), `Tagesordnung · ${this.phases.length} ${this.phases.length === 1 ? "Phase" : "Phasen"} · beginnt mit: ${this.title(first)}`);
      this.root.removeAttribute("data-late");
      this.bar(0);
      return;
    }
    const left = this.left();
    setText(this.part("line"), [this.number(), this.title(phase), this.owner(phase), clockWords(left)].filter(Boolean).join(" · "));
    this.root.toggleAttribute("data-late", left <= 0);
    this.bar(1 - left / (phase.minutes * 60_000));
    if (Math.round(this.took(this.at) / 60_000) !== this.listed) this.showList();
    if (left > 60_000 || this.warned === this.at) return;
    this.warned = this.at;
    if (left > 0 && (this.leads() || phase.person === this.room.me()?.person)) this.say(`Noch eine Minute: ${sentence(this.title(phase))}`);
  }

  private bar(value: number): void {
    const bar = this.part("bar");
    if (bar instanceof HTMLProgressElement) bar.value = Math.min(1, Math.max(0, value));
  }

  private showTurn(): void {
    const leads = this.leads();
    this.part("turn").hidden = !leads;
    const next = this.part("next");
    setText(next, this.at < 0 ? "Tagesordnung beginnen" : "Nächste Phase");
    next.hidden = this.at >= this.phases.length - 1;
    this.part("back").hidden = this.at <= 0;
    const guests = leads ? this.guests() : null;
    this.part("guests").hidden = !guests;
    setText(this.part("guests"), guests?.words ?? "");
    // what to recommend on stands on the page in its order: points on which opinions are furthest apart first, or part questions as asked
    const points = document.querySelector("section.opinions")?.id || document.querySelector("section.opinions [id]")?.id;
    this.part("opinions").hidden = this.phases[this.at]?.kind !== "recommendations" || !points;
    this.part("opinions").querySelector("a")?.setAttribute("href", `#${points}`);
  }

  /** The guests' phase, offered where the agenda has come to it or has left it. */
  private guests(): Item | null {
    const due = this.phases[this.at]?.kind === "with_guest";
    const open = this.room.phase === "guest";
    if (due && !open && this.room.open) return { words: "Gastphase beginnen", act: () => void this.room.send("mod.phase", { phase: "guest" }) };
    if (!due && open && this.phases.some((one) => one.kind === "with_guest")) return { words: "Gastphase beenden", act: () => void this.room.send("mod.phase", { phase: "experts" }) };
    return null;
  }

  private showList(): void {
    this.listed = Math.round(this.took(this.at) / 60_000);
    this.part("phases").replaceChildren(...this.phases.map((phase, at) => this.row(phase, at)));
  }

  private row(phase: Phase, at: number): HTMLElement {
    const row = document.createElement("li");
    if (at === this.at) row.setAttribute("aria-current", "step");
    const number = row.appendChild(document.createElement("p"));
    number.className = "num";
    number.textContent = `${at + 1}.`;
    const says = row.appendChild(document.createElement("div"));
    says.appendChild(document.createElement("p")).appendChild(document.createElement("b")).textContent = this.title(phase);
    const more = says.appendChild(document.createElement("p"));
    more.className = "soft small";
    const real = Math.round(this.took(at) / 60_000);
    more.textContent = [this.owner(phase), minutes(phase.minutes), at === this.at ? (real > 0 ? `jetzt, bisher ${real}` : "jetzt") : real > 0 ? `tatsächlich ${real}` : ""].filter(Boolean).join(" · ");
    const hint = this.words[`${phase.kind}.hint`];
    if (hint) says.appendChild(Object.assign(document.createElement("p"), { className: "soft small", textContent: hint }));
    return row;
  }
}

/** How much is left, as people say it. */
function clockWords(left: number): string {
  if (left > 0) return `noch ${Math.ceil(left / 60_000)} min`;
  const over = Math.floor(-left / 60_000);
  return over === 0 ? "Zeit ist um" : `seit ${over} min überzogen`;
}

/** A title may be a question. */
function sentence(title: string): string {
  return /[.?!]$/.test(title) ? title : `${title}.`;
}

function minutes(n: number): string {
  return n === 1 ? "1 Minute" : `${n} Minuten`;
}

function readPhase(one: Record<string, unknown>): Phase {
  const text = (name: string) => (typeof one[name] === "string" ? one[name] : "");
  return {
    kind: text("kind"),
    title: text("title"),
    minutes: Number(one["minutes"] ?? 0),
    owner: text("owner"),
    name: text("name"),
    person: text("person"),
    spent: Number(one["spent"] ?? 0),
  };
}
