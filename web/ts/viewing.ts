// What of the room this page shows: told to the server, so that it sends no more than can be seen. Sizes and places are looked at a few
// times a second instead of being followed, because tiles move for many reasons and one message is to cover them all.

import type { Mode } from "./room";
import type { Tiles } from "./tiles";

/** How many cameras a page gets at most. */
const lastN = 9;

/** Lines are told in steps, so that a tile that grows by a pixel is no news. */
const step = 20;

export class Viewing {
  private told = "";
  private readonly seen = new Set<Element>();
  private readonly watched = new Set<Element>();
  private readonly sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.seen.add(target);
      else this.seen.delete(target);
    }
    this.look();
  });
  private readonly turned = () => this.look();

  /**
   * @param mode what the person has chosen
   * @param send false when there is no connection, or nobody to tell yet
   */
  constructor(
    private readonly tiles: Tiles,
    private readonly mode: () => Mode,
    private readonly send: (type: string, data: object) => boolean,
  ) {
    document.addEventListener("visibilitychange", this.turned);
  }

  /** Tells the server what is shown, if that is something else than before. */
  look(): void {
    const shown = document.hidden ? [] : this.tiles.shown();
    this.watch(new Set(shown.map((one) => one.element)));
    const items = shown
      .filter((one) => this.seen.has(one.element))
      .map(({ peer, source, element, prio }) => ({ peer, source, maxH: lines(element), prio }));
    const view = { items, lastN, mode: this.mode() };
    const text = JSON.stringify(view);
    if (text !== this.told && this.send("view", view)) this.told = text;
  }

  /** A new connection knows nothing of what the one before was told. */
  forget(): void {
    this.told = "";
  }

  destroy(): void {
    document.removeEventListener("visibilitychange", this.turned);
    this.sight.disconnect();
  }

  private watch(elements: Set<Element>): void {
    for (const gone of this.watched) {
      if (elements.has(gone)) continue;
      this.sight.unobserve(gone);
      this.watched.delete(gone);
      this.seen.delete(gone);
    }
    for (const one of elements) {
      if (this.watched.has(one)) continue;
      this.watched.add(one);
      this.sight.observe(one);
    }
  }
}

/** The lines a picture of 16:9 needs to fill an element, in pixels of the device. */
function lines(element: HTMLElement): number {
  const high = Math.max(element.clientHeight, (element.clientWidth * 9) / 16) * devicePixelRatio;
  return Math.ceil(high / step) * step;
}
