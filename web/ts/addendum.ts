// What somebody had typed when the conference ended and the server had not yet: it stays on the screen until she has handed it in as an
// addendum or thrown it away. Nobody else's words are in it.

/** Her own words of one section. */
export interface Rest {
  section: string;
  title: string;
  text: string;
}

/** The server takes this much at once, in characters. */
const most = 2000;
const look = 1500;

const refused: Record<number, string> = {
  401: "Sie sind abgemeldet. Bitte kopieren Sie den Text, wenn Sie ihn noch brauchen.",
  403: "Nachträge sind denen vorbehalten, die in der Konferenz waren.",
  409: "Nachträge sind nur bis 24 Stunden nach dem Ende möglich. Bitte wenden Sie sich an die Moderation.",
  422: "Das hat der Server nicht angenommen: höchstens 2.000 Zeichen, und keine Steuerzeichen.",
};

/** Made by the live page at the end. It takes itself off the page when everything in it is dealt with, or nobody may see it any more. */
export class Addendum {
  private readonly box = document.createElement("section");
  private readonly said = document.createElement("p");
  private readonly watch: number;

  /**
   * @param url takes the addenda
   * @param gone called when the right to add anything is gone, as after a withdrawal; the words are off the page by then
   */
  constructor(
    place: HTMLElement,
    rest: Rest[],
    private readonly url: string,
    private readonly gone: () => void,
  ) {
    this.box.className = "note stack late";
    this.box.setAttribute("aria-labelledby", "late");
    const title = add(this.box, "h2", "Diese Zeilen kamen nach dem Schluss an");
    title.id = "late";
    add(this.box, "p", "Sie stehen nicht in der Mitschrift. Als Nachtrag erscheinen sie mit Ihrem Namen und der Uhrzeit im Protokoll.").className = "soft";
    for (const [i, one] of rest.flatMap(pieces).entries()) this.box.append(this.form(one, `late-${i}`));
    this.said.setAttribute("role", "status");
    this.box.append(this.said);
    place.append(this.box);
    addEventListener("beforeunload", this.ask);
    this.watch = setInterval(() => void this.looks(), look);
  }

  private form(rest: Rest, id: string): HTMLFormElement {
    const form = document.createElement("form");
    form.className = "stack";
    const label = add(form, "label", rest.title);
    label.htmlFor = id;
    const words = add(form, "textarea", rest.text);
    words.id = id;
    words.rows = 4;
    words.maxLength = most;
    const acts = add(form, "div", "");
    acts.className = "acts";
    add(acts, "button", "Als Nachtrag einreichen").className = "btn go";
    const away = add(acts, "button", "Verwerfen");
    away.type = "button";
    away.className = "btn quiet";
    away.addEventListener("click", () => this.done(form, "Verworfen."));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.submit(form, rest.section, words.value);
    });
    return form;
  }

  private async submit(form: HTMLFormElement, section: string, text: string): Promise<void> {
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    const body = new URLSearchParams({ section, text });
    const answer = await fetch(this.url, { method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(10_000) }).catch(() => null);
    form.ariaBusy = null;
    const status = answer?.type === "opaqueredirect" ? 401 : (answer?.status ?? 0);
    if (answer?.ok) return this.done(form, "Eingereicht. Der Nachtrag steht im Protokoll.");
    if (status === 404 || status === 410) return this.end();
    this.said.textContent = refused[status] ?? "Nicht eingereicht: keine Verbindung. Ihr Text steht noch da, bitte versuchen Sie es noch einmal.";
  }

  /** One piece is dealt with; with the last of them the box is. */
  private done(form: HTMLFormElement, sentence: string): void {
    form.remove();
    this.said.textContent = sentence;
    const next = this.box.querySelector("textarea");
    if (next) return next.focus();
    this.rest();
    this.box.replaceChildren(this.said);
    this.said.tabIndex = -1;
    this.said.focus();
  }

  /** The consent may be withdrawn while this waits: then nothing of the case stays here either. The socket is gone, so the page asks. */
  private async looks(): Promise<void> {
    const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store" }).catch(() => null);
    if (answer && (answer.type === "opaqueredirect" || [401, 403, 404, 410].includes(answer.status))) this.end();
  }

  private end(): void {
    if (!this.box.isConnected) return;
    this.rest();
    this.box.remove();
    this.gone();
  }

  private rest(): void {
    clearInterval(this.watch);
    removeEventListener("beforeunload", this.ask);
  }

  private readonly ask = (event: Event) => event.preventDefault();
}

/** Cuts what is longer than the server takes, at the end of a line or a word where there is one, never within a character. */
function pieces({ section, title, text }: Rest): Rest[] {
  const found: Rest[] = [];
  let left = text;
  while (left.length > most) {
    const head = left.slice(0, most);
    let cut = Math.max(head.lastIndexOf("\n"), head.lastIndexOf(" ")) + 1 || most;
    if (/[\ud800-\udbff]$/.test(left.slice(0, cut))) cut--;
    found.push({ section, title, text: left.slice(0, cut) });
    left = left.slice(cut);
  }
  return [...found, { section, title, text: left }].filter((one) => one.text.trim() !== "");
}

function add<K extends keyof HTMLElementTagNameMap>(to: HTMLElement, tag: K, words: string): HTMLElementTagNameMap[K] {
  const made = to.appendChild(document.createElement(tag));
  made.textContent = words;
  return made;
}
