// Cards above the tiles: what waits for an answer. Each is drawn anew only when it says something else, so that nobody loses the button under
// the finger because somebody has joined.

import type { Item } from "./menu";

export interface Line {
  words: string;
  /** quieter, below */
  note?: string;
  acts: Item[];
}

export interface Card {
  title: string;
  text?: string;
  lines?: Line[];
  /** the first is the main one */
  acts: Item[];
}

/** Owns the element that all cards of the page stand in. */
export class Cards {
  private readonly shown = new Map<string, { card: Card; says: string; root: HTMLElement }>();

  constructor(private readonly parent: HTMLElement) {}

  /** Shows a card under its name, or takes it away; cards stand in the order in which they first came. */
  show(name: string, card: Card | null): void {
    const old = this.shown.get(name);
    if (!card) {
      const within = old?.root.contains(document.activeElement);
      old?.root.remove();
      this.shown.delete(name);
      if (within) this.parent.closest<HTMLElement>("[tabindex]")?.focus(); // whoever uses the keyboard goes on from here
      return;
    }
    const says = JSON.stringify(card);
    if (old?.says === says) {
      old.card = card; // the same words may be about somebody else by now
      return;
    }
    const root = this.draw(name, card);
    const focused = old?.root.contains(document.activeElement) ? document.activeElement?.getAttribute("data-act") : null;
    if (old) old.root.replaceWith(root);
    else this.parent.append(root);
    this.shown.set(name, { card, says, root });
    if (focused) (root.querySelector<HTMLElement>(`[data-act="${CSS.escape(focused)}"]`) ?? root.querySelector("h3"))?.focus();
  }

  private draw(name: string, { title, text, lines, acts }: Card): HTMLElement {
    const now = () => this.shown.get(name)?.card;
    const root = document.createElement("section");
    root.className = "card";
    const head = root.appendChild(document.createElement("h3"));
    head.id = `card-${name}`;
    head.textContent = title;
    head.tabIndex = -1; // takes the focus of a button that has done its work
    root.setAttribute("aria-labelledby", head.id);
    if (text) root.appendChild(document.createElement("p")).textContent = text;
    if (lines?.length) root.appendChild(list(lines, (line) => now()?.lines?.[line]?.acts ?? []));
    if (acts.length) root.appendChild(row(acts, "", () => now()?.acts ?? []));
    return root;
  }
}

function list(lines: Line[], now: (line: number) => Item[]): HTMLElement {
  const all = document.createElement("ul");
  lines.forEach(({ words, note, acts }, at) => {
    const one = all.appendChild(document.createElement("li"));
    const says = one.appendChild(document.createElement("p"));
    says.textContent = words;
    if (note) says.appendChild(document.createElement("small")).textContent = note;
    one.append(row(acts, words, () => now(at)));
  });
  return all;
}

/**
 * @param about whom the buttons are about, for those who hear only the button
 * @param now the acts as they are when a button is pressed
 */
function row(acts: Item[], about: string, now: () => Item[]): HTMLElement {
  const line = document.createElement("div");
  line.className = "row";
  acts.forEach(({ words, stops }, at) => {
    const button = line.appendChild(document.createElement("button"));
    button.type = "button";
    button.className = `btn slim${stops ? " stop" : at === 0 ? " go" : ""}`;
    button.textContent = words;
    button.dataset["act"] = `${words} ${about}`;
    if (about) button.ariaLabel = `${words}: ${about}`;
    button.addEventListener("click", () => now()[at]?.act());
  });
  return line;
}
