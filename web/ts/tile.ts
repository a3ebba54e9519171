// One tile: picture or initials, name, and in words whatever there is to know about somebody's sound and picture. Its text is its only
// state; tiles.ts decides what is shown where.

import { initials, setText, type Peer } from "./people";

/** How a picture or sound arrives here: the server's `layers`, and whether its key is still on the way. */
export interface Arrival {
  state: "high" | "mid" | "low" | "paused";
  why: "" | "bandwidth" | "lastN" | "view";
  keyless: boolean;
}

/** Everything a person's tile says. */
export interface Said {
  peer: Peer;
  me: boolean;
  /** place in the order of raised hands, from 1; 0 without a hand */
  turn: number;
  pinned: boolean;
  /** nothing has confirmed that it is this person: e2ee/keys.ts */
  doubted: boolean;
  camera: Arrival;
  mic: Arrival;
  /** names of those whom this person does not hear or see at the moment */
  misses: string[];
}

export const arrives: Arrival = { state: "high", why: "", keyless: false };

/** Lives as long as its peer is in the room, or as long as a screen is shared. */
export class Tile {
  readonly root = document.createElement("li");
  readonly video: HTMLVideoElement;
  private readonly face: HTMLElement;
  private readonly lack: HTMLElement;
  private readonly marks: HTMLElement;
  private readonly name: HTMLElement;
  private readonly doubt: HTMLElement;
  private readonly sound: HTMLElement;
  private readonly role: HTMLElement;
  private readonly misses: HTMLElement;
  private readonly more: HTMLButtonElement;

  /** @param menu called with the button when somebody wants to do something about this tile */
  constructor(menu: (from: HTMLElement) => void) {
    this.root.className = "tile";
    this.video = this.root.appendChild(document.createElement("video"));
    this.video.muted = this.video.playsInline = this.video.autoplay = true;
    this.video.disablePictureInPicture = true;
    this.video.ariaHidden = "true"; // the words below say whose picture it is
    this.face = child(this.root, "span", "face");
    this.face.ariaHidden = "true";
    this.lack = child(this.root, "p", "lack");
    this.marks = child(this.root, "ul", "marks");
    const label = child(this.root, "div", "nm");
    const first = child(label, "span", "line1");
    this.name = child(first, "span", "who");
    this.doubt = child(first, "span", "doubt"); // a part of the name, and read with it
    child(first, "span", "talks").textContent = "spricht";
    const says = child(label, "span", "says");
    this.sound = child(says, "span", "sound");
    this.role = child(says, "span", "role");
    this.misses = child(label, "span", "misses");
    this.more = this.root.appendChild(document.createElement("button"));
    this.more.type = "button";
    this.more.className = "act";
    this.more.setAttribute("aria-haspopup", "true");
    this.more.addEventListener("click", () => menu(this.more));
  }

  track(): MediaStreamTrack | null {
    return this.video.srcObject instanceof MediaStream ? (this.video.srcObject.getVideoTracks()[0] ?? null) : null;
  }

  picture(track: MediaStreamTrack | null): void {
    if (this.track() !== track) this.video.srcObject = track ? new MediaStream([track]) : null;
    // autoplay of muted video is always allowed; a rejection only means that the tile has just been replaced
    if (track) this.video.play().catch(() => {});
  }

  person({ peer, me, turn, pinned, doubted, camera, mic, misses }: Said): void {
    this.root.classList.toggle("me", me);
    this.shows(peer.camera, camera);
    setText(this.face, initials(peer));
    this.label(me ? "Sie" : peer.name);
    setText(this.doubt, doubted ? "unbestätigt" : "");
    const heard = sound(peer, me, mic);
    setText(this.sound, heard);
    setText(this.role, me ? "" : `${heard && peer.role ? " · " : ""}${peer.role}`);
    setText(this.misses, misses.length ? `${me ? "Sie hören oder sehen" : "hört oder sieht"} ${listed(misses)} gerade nicht` : "");
    this.mark(
      peer.hand ? `Hand · ${turn}.` : "",
      peer.share === "asks" && !me ? "möchte den Bildschirm teilen" : "",
      pinned ? "angeheftet" : "",
    );
  }

  screen(owner: string, pinned: boolean, arrival: Arrival): void {
    this.root.classList.add("screen");
    this.shows(true, arrival);
    this.label(`Bildschirm von ${owner}`);
    this.mark(pinned ? "angeheftet" : "");
  }

  private label(name: string): void {
    setText(this.name, name);
    if (this.more.dataset["of"] === name) return;
    this.more.dataset["of"] = name;
    this.more.textContent = "Mehr";
    child(this.more, "span", "vh").textContent = name === "Sie" ? " zu Ihrem Bild" : ` zu ${name}`;
  }

  private shows(on: boolean, arrival: Arrival): void {
    const lack = on && this.video.srcObject !== null ? lacks(arrival) : "";
    this.root.classList.toggle("shows", on && this.video.srcObject !== null && !lack);
    setText(this.lack, lack);
    this.lack.hidden = !lack;
  }

  private mark(...words: string[]): void {
    const wanted = words.filter(Boolean);
    if (wanted.join("|") === [...this.marks.children].map((one) => one.textContent).join("|")) return;
    this.marks.replaceChildren(...wanted.map((word) => Object.assign(document.createElement("li"), { textContent: word })));
  }
}

function child(parent: HTMLElement, tag: string, name: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  return parent.appendChild(made);
}

/** Why a picture that is sent is not shown; empty when it is. */
function lacks({ state, why, keyless }: Arrival): string {
  if (keyless) return "wartet auf Schlüssel";
  if (state !== "paused") return "";
  return why === "bandwidth" ? "kein Bild (wenig Bandbreite)" : why === "lastN" ? "kein Bild (nur wenige Bilder)" : "Bild angehalten";
}

function sound(peer: Peer, me: boolean, { keyless }: Arrival): string {
  if (peer.muted.includes("mic")) return "stumm (Moderation)";
  if (me) return peer.mic ? "Mikrofon an" : "Mikrofon aus";
  if (!peer.mic) return "Ton aus";
  if (keyless) return "Ton wartet auf Schlüssel";
  return peer.live ? "" : "Ton wird verbunden";
}

/** "A, B und C" */
export function listed(names: string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} und ${names.at(-1)}`;
}
