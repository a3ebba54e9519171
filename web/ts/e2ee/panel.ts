// What a person sees of the encryption: one line in the room with the code, and behind it who is how far confirmed, what this protects from
// and what not, and a test that shows what the server gets.

import type { Peer } from "../people";
import { setText } from "../people";
import { doubtful, type Member, type Trust } from "./keys";
import type { Seal } from "./seal";
import type { Sample } from "./wire";

/** What the panel asks of the room. */
export interface Sealed {
  /** null: this browser cannot encrypt */
  readonly seal: Seal | null;
  readonly self: string;
  readonly people: Peer[];
  /** for each source that is on: frames that left the encoder, and frames that the worker saw */
  passes(): Promise<{ source: string; encoded: number; passed: number }[]>;
  /** whether sound and picture go to the other of two straight */
  direct(): boolean;
}

const trust: Record<Trust, { words: string; tag: string }> = {
  verified: { words: "bestätigt", tag: "tag" },
  linked: { words: "bestätigt durch den Gästelink", tag: "tag" },
  registered: { words: "bestätigt durch ein Gerät von früher", tag: "tag" },
  known: { words: "unbestätigt · Schlüssel von vorhin, noch nicht verglichen", tag: "tag plain" },
  new: { words: "unbestätigt · noch nicht verglichen", tag: "tag plain" },
  changed: { words: "unbestätigt · Schlüssel geändert", tag: "tag warn" },
  waits: { words: "wartet auf Schlüssel", tag: "tag plain" },
};

const incapable = "Ohne Ton und Bild: Dieser Browser kann nicht Ende-zu-Ende verschlüsseln";
const changed = "Geänderter Schlüssel: Diese Person ist mit einem anderen Gerät oder neu angemeldet da, oder jemand gibt sich für sie aus. Der Vergleich des Codes klärt es.";
const unconfirmed = "„Unbestätigt“ heißt: Das Gerät ist neu, oder der Gästelink kam ohne sein Geheimnis an, und der Code ist noch nicht verglichen.";
const vouched =
  "„Gerät von früher“ heißt: Der Server nennt es als eines, mit dem diese Person schon vor dieser Konferenz hier war. Dafür steht der Server ein, kein Beweis; sicher ist erst, was verglichen wurde. Kommt jemand mit einem anderen Schlüssel als dem, den Ihr Browser kennt, sehen Sie das in jedem Fall.";
const forwarded = [
  "Ton und Bild werden in den Browsern ver- und entschlüsselt. Der Server leitet sie weiter und kann sie weder ansehen noch anhören; aufgezeichnet wird nichts.",
  "Der Server sieht, wer wann und wie lange hier ist, wie groß die Datenpakete sind und wer gerade spricht.",
];
const direct = [
  "Direkt verbunden: Bild und Ton gehen nicht über den Server. Ver- und entschlüsselt werden sie trotzdem in den Browsern; aufgezeichnet wird nichts.",
  "Die beiden Geräte erfahren dafür die Netzwerkadresse des jeweils anderen. Der Server vermittelt sie und sieht, wer wann und wie lange hier ist.",
];
const statement = [
  "Die Mitschrift ist nicht Ende-zu-Ende-verschlüsselt: Sie wird auf diesem Server lesbar gespeichert.",
  "Auch diese Seite kommt vom Server. Vor Betreibenden, die sie manipulieren, schützt die Verschlüsselung nicht.",
];
const names: Record<string, string> = { mic: "Ton", camera: "Bild", screen: "Bildschirm", probe: "Probesatz" };

/** Fills its root once; `show` brings it up to date. */
export class SealPanel {
  private readonly line: HTMLButtonElement;
  private readonly panel = document.createElement("div");
  private readonly code: HTMLElement;
  private readonly advice: HTMLElement;
  private readonly confirm: HTMLButtonElement;
  private readonly list: HTMLElement;
  private readonly alarm: HTMLElement;
  private readonly doubt: HTMLElement;
  private readonly word: HTMLElement;
  private readonly way: HTMLElement[];
  private readonly test: HTMLButtonElement;
  private readonly result: HTMLElement;

  constructor(
    private readonly root: HTMLElement,
    private readonly room: Sealed,
  ) {
    this.root.classList.add("seal");
    this.line = button(this.root, "linklike", "");
    this.panel.id = "seal-panel";
    this.panel.className = "seal-panel";
    this.panel.popover = "auto";
    this.panel.role = "dialog";
    this.panel.setAttribute("aria-labelledby", "seal-title");
    this.line.setAttribute("popovertarget", this.panel.id);
    document.body.append(this.panel); // beside the room, whose lists and colours are its own

    const title = add(this.panel, "h2", "Verschlüsselung");
    title.id = "seal-title";
    title.tabIndex = -1;
    this.code = add(this.panel, "p", "");
    this.code.className = "seal-code";
    this.advice = add(this.panel, "p", "");
    this.confirm = button(this.panel, "btn", "Code stimmt");
    this.confirm.addEventListener("click", () => void this.room.seal?.keys.confirm());
    this.list = add(this.panel, "ul", "");
    this.list.className = "seal-people";
    this.alarm = add(this.panel, "p", changed);
    this.alarm.className = "note warn";
    this.doubt = add(this.panel, "p", unconfirmed);
    this.word = add(this.panel, "p", vouched);
    this.word.className = this.doubt.className = "small";
    this.way = forwarded.map((sentence) => add(this.panel, "p", sentence));
    const rest = statement.map((sentence) => add(this.panel, "p", sentence));
    for (const part of [...this.way, ...rest]) part.className = "small";
    add(this.panel, "h3", "Was der Server sieht");
    this.test = button(this.panel, "btn quiet slim", "Selbst prüfen");
    this.test.addEventListener("click", () => void this.examine());
    this.result = add(this.panel, "div", "");
    this.result.className = "seal-result";
    this.result.setAttribute("aria-live", "polite");
    const close = button(this.panel, "btn quiet", "Schließen");
    close.setAttribute("popovertarget", this.panel.id);
    close.setAttribute("popovertargetaction", "hide");
    this.show();
  }

  /** Opens what the line leads to. */
  open(): void {
    if (this.line.disabled) return;
    this.panel.showPopover();
    this.panel.querySelector("h2")?.focus(); // it stands at the end of the page, far from where it was asked for
  }

  show(): void {
    const { seal, self } = this.room;
    this.root.hidden = !self;
    setText(this.line, this.words());
    this.line.classList.toggle("bad", !seal || seal.keys.broken);
    this.line.disabled = !seal;
    if (!seal) return;
    const { code, broken } = seal.keys;
    const members = seal.keys.list();
    setText(this.code, code?.join(" ") ?? "");
    this.code.hidden = !code;
    setText(this.advice, advice(broken, code !== null, members.length));
    const open = members.some((one) => one.trust !== "verified");
    this.confirm.hidden = !code;
    this.confirm.disabled = !open;
    setText(this.confirm, open ? "Code stimmt" : "Code verglichen");
    this.way.forEach((part, at) => setText(part, (this.room.direct() ? direct : forwarded)[at] ?? ""));
    this.alarm.hidden = !members.some((one) => one.trust === "changed");
    this.doubt.hidden = !members.some((one) => doubtful(one.trust));
    this.word.hidden = !members.some((one) => one.trust === "registered");
    this.list.replaceChildren(...members.map(({ peer, trust: state }) => this.row(peer, state)));
  }

  private words(): string {
    const { seal } = this.room;
    if (!seal) return incapable;
    if (seal.keys.broken) return "Achtung: Die Verschlüsselung lässt sich nicht bestätigen";
    const { code } = seal.keys;
    const members = seal.keys.list();
    if (code) return ["Ende-zu-Ende-verschlüsselt", `Code: ${code.join(" ")}`, ...warning(members)].join(" · ");
    return members.length ? "Ende-zu-Ende-verschlüsselt · Code wird gebildet …" : "Ende-zu-Ende-verschlüsselt";
  }

  private row(peer: string, state: Trust): HTMLElement {
    const row = document.createElement("li");
    add(row, "b", this.room.people.find((one) => one.peer === peer)?.name ?? "…");
    const { words, tag } = trust[state];
    row.append(" ");
    add(row, "span", words).className = tag;
    return row;
  }

  /** Lets the worker show the next frame of each source that is on, or a sentence where none is. */
  private async examine(): Promise<void> {
    const { seal } = this.room;
    if (!seal || this.test.ariaBusy === "true") return;
    this.test.ariaBusy = "true";
    const passes = await this.room.passes();
    const samples = await Promise.all((passes.length ? passes.map((one) => one.source) : [""]).map((source) => seal.media.sample(source)));
    const found = samples.filter((one) => one !== null);
    this.result.replaceChildren(...found.map((sample) => picture(sample, this.room.direct(), passes.find((one) => one.source === sample.source))));
    if (!found.length) add(this.result, "p", "Gerade geht nichts hinaus: Schalten Sie Mikrofon oder Kamera ein und prüfen Sie noch einmal.");
    this.test.ariaBusy = null;
  }
}

/** What the line must not keep quiet: a key that is not the one of before, and newcomers among people who have compared their code. */
function warning(members: Member[]): string[] {
  if (members.some((one) => one.trust === "changed")) return ["Schlüssel geändert"];
  const open = members.filter((one) => doubtful(one.trust)).length;
  return open && members.some((one) => one.trust === "verified") ? [`${open} noch nicht verglichen`] : [];
}

function advice(broken: boolean, known: boolean, others: number): string {
  if (broken) return "Mindestens eine Person hat etwas anderes gezeigt, als sie angekündigt hatte. Sprechen Sie nicht weiter über den Fall, laden Sie alle die Seite neu und vergleichen Sie dann den Code.";
  if (!others) return "Sobald jemand dazukommt, erscheinen hier zwei Wörter, die alle vergleichen können.";
  if (!known) return "Der Code wird gebildet, sobald von allen die Schlüssel da sind.";
  return "Lesen Sie die beiden Wörter laut vor. Steht bei allen dasselbe, hört niemand mit, auch nicht der Server. Kommt oder geht jemand, entstehen neue Wörter.";
}

/** One frame as it was and as it leaves, byte by byte. */
function picture(sample: Sample, direct: boolean, pass?: { encoded: number; passed: number }): HTMLElement {
  const part = document.createElement("section");
  add(part, "h4", `${names[sample.source] ?? sample.source}, ${sample.size} Byte`);
  const facts = part.appendChild(document.createElement("dl"));
  facts.className = "facts";
  const fact = (term: string, words: string) => {
    add(facts, "dt", term);
    return add(facts, "dd", words);
  };
  fact("Im Browser", hex(sample.plain)).className = "hex";
  const sent = fact(direct ? "Unterwegs" : "Beim Server", "");
  sent.className = "hex";
  add(sent, "mark", hex(sample.sealed.slice(0, sample.clear)));
  sent.append(` ${hex(sample.sealed.slice(sample.clear))}`);
  fact("Lesbar bleiben", `${sample.clear} Byte (${sample.clear > 3 ? "Art und Maße des Bildes" : sample.clear > 1 ? "Art des Bildes" : "Art des Pakets"})`);
  fact("Mit Schlüssel", sample.withKey ? "lässt sich öffnen" : "lässt sich nicht öffnen");
  fact("Ohne Schlüssel", sample.withoutKey ? "lässt sich öffnen – das darf nicht sein" : "lässt sich nicht öffnen");
  if (direct) fact("Weg", "Direkt verbunden: Bild und Ton gehen nicht über den Server.");
  if (pass) fact("Seit Beginn", `${pass.passed} verschlüsselt, ${pass.encoded} gesendet`);
  return part;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function add(parent: HTMLElement, tag: string, words: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = words;
  return parent.appendChild(made);
}

function button(parent: HTMLElement, className: string, words: string): HTMLButtonElement {
  const made = parent.appendChild(document.createElement("button"));
  made.type = "button";
  made.className = className;
  made.textContent = words;
  return made;
}
