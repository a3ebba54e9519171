// What can be done about something, as a list of buttons over the page, and the question before something that cannot be taken back.

export interface Item {
  words: string;
  act(): void;
  /** quieter, below */
  note?: string;
  /** one of several, and this one holds */
  chosen?: boolean;
  /** takes something away from somebody */
  stops?: boolean;
}

/** One list at a time, beside the button that opened it or, on a phone, at the bottom. Escape and a click elsewhere close it. */
export class Menu {
  private readonly root = document.createElement("div");
  private from: HTMLElement | null = null;

  /** @param closed called whenever the list is gone */
  constructor(parent: HTMLElement, closed: () => void = () => {}) {
    this.root.className = "menu";
    this.root.popover = "auto";
    this.root.role = "group";
    this.root.addEventListener("keydown", (event) => this.move(event));
    this.root.addEventListener("toggle", (event) => {
      if (event.newState !== "closed") return;
      this.from = null;
      closed();
    });
    parent.append(this.root);
  }

  /** Opens the list, or closes it when this button had opened it; no items, no list. */
  open(from: HTMLElement, title: string, items: Item[]): void {
    if (this.from === from || !items.length) return this.close();
    this.from = from;
    this.fill(title, items);
    this.root.showPopover();
    beside(this.root, from);
    (this.buttons().find((one) => one.ariaPressed === "true") ?? this.buttons()[0])?.focus();
  }

  /** Shows what can be done now, while the list is open. */
  refresh(title: string, items: Item[]): void {
    if (!this.from) return;
    if (!items.length) return this.close();
    const now = this.buttons().map((one) => one.textContent);
    if (now.join("|") === items.map((one) => one.words + (one.note ?? "")).join("|")) return;
    const focused = this.root.contains(document.activeElement);
    this.fill(title, items);
    if (focused) this.buttons()[0]?.focus();
  }

  close(): void {
    if (this.root.matches(":popover-open")) this.root.hidePopover();
  }

  private fill(title: string, items: Item[]): void {
    this.root.ariaLabel = title;
    const head = document.createElement("p");
    head.className = "small soft";
    head.ariaHidden = "true"; // it is the label of the list
    head.textContent = title;
    this.root.replaceChildren(head, ...items.map((item) => this.button(item)));
  }

  private button({ words, note, chosen, act, stops }: Item): HTMLElement {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    if (note) button.appendChild(document.createElement("small")).textContent = note;
    if (chosen !== undefined) button.ariaPressed = String(chosen);
    button.classList.toggle("stops", stops === true);
    button.addEventListener("click", () => {
      this.close();
      act();
    });
    return button;
  }

  private buttons(): HTMLElement[] {
    return [...this.root.querySelectorAll("button")];
  }

  private move(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = this.buttons();
    const at = all.findIndex((one) => one === document.activeElement);
    all[(at + step + all.length) % all.length]?.focus();
  }
}

/** Puts a list over the page where it touches its button and stays on the screen; a phone's style sheet puts it at the bottom instead. */
export function beside(list: HTMLElement, button: HTMLElement): void {
  const { left, top, bottom } = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = list;
  const gap = 6;
  const below = bottom + gap + height <= innerHeight;
  list.style.setProperty("--x", `${Math.max(gap, Math.min(left, innerWidth - width - gap))}px`);
  list.style.setProperty("--y", `${Math.max(gap, below ? bottom + gap : top - gap - height)}px`);
}

/** Asks before something that takes a place away; resolves to whether it is wanted. */
export function asks(title: string, what: string, yes: string): Promise<boolean> {
  const dialog = document.createElement("dialog");
  dialog.className = "ask";
  dialog.setAttribute("aria-labelledby", "ask-title");
  const head = dialog.appendChild(document.createElement("h2"));
  head.id = "ask-title";
  head.textContent = title;
  dialog.appendChild(document.createElement("p")).textContent = what;
  const form = dialog.appendChild(document.createElement("form"));
  form.method = "dialog";
  form.className = "line";
  form.append(answer("Abbrechen", "", "btn quiet"), answer(yes, "yes", "btn stop"));
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}

function answer(words: string, value: string, style: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.className = style;
  button.value = value;
  button.textContent = words;
  return button;
}
