// The people on the page: one tile each, with picture or initials, name, role and state in words. Owns the list's DOM and the elements
// that play sound.

import { initials, setText, type Peer } from "./people";

interface Tile {
  root: HTMLLIElement;
  video: HTMLVideoElement;
  face: HTMLElement;
  name: HTMLElement;
  says: HTMLElement;
  up: HTMLElement;
}

export class Tiles {
  private readonly tiles = new Map<string, Tile>();
  private readonly sounds = new Map<string, HTMLAudioElement>();
  private peers: Peer[] = [];
  private self = "";

  /** @param silenced called when the browser refuses to play sound before the person has touched the page, and when it plays again */
  constructor(
    private readonly list: HTMLElement,
    private readonly silenced: (yes: boolean) => void,
  ) {}

  /** Shows these people, in this order, oneself last. */
  people(peers: Peer[], self: string): void {
    this.self = self;
    this.peers = [...peers.filter((one) => one.peer !== self), ...peers.filter((one) => one.peer === self)];
    const known = new Set(this.peers.map((one) => one.peer));
    for (const key of [...this.tiles.keys()]) if (!known.has(key.replace(/\/screen$/, ""))) this.remove(key);
    for (const peer of this.peers) this.show(peer);
    this.order();
  }

  /** A picture for a peer, or null when there is none any more. A shared screen gets a tile of its own. */
  picture(peer: string, source: "camera" | "screen", track: MediaStreamTrack | null): void {
    const key = source === "screen" ? `${peer}/screen` : peer;
    if (source === "screen" && !track) return this.remove(key);
    const tile = this.tile(key);
    const stream = tile.video.srcObject instanceof MediaStream ? tile.video.srcObject : null;
    if (stream?.getVideoTracks()[0] !== (track ?? undefined)) tile.video.srcObject = track ? new MediaStream([track]) : null;
    // autoplay of muted video is always allowed; a rejection only means that the tile has just been replaced
    if (track) tile.video.play().catch(() => {});
    const about = this.peers.find((one) => one.peer === peer);
    if (source === "screen") setText(tile.name, `Bildschirm von ${about?.name ?? "…"}`);
    if (about) this.show(about);
    tile.root.classList.toggle("shows", track !== null && (source === "screen" || about?.camera === true));
    this.order();
  }

  sound(peer: string, track: MediaStreamTrack | null): void {
    const old = this.sounds.get(peer);
    if (!track) {
      if (old) old.srcObject = null;
      this.sounds.delete(peer);
      return;
    }
    if (old?.srcObject instanceof MediaStream && old.srcObject.getAudioTracks()[0] === track) return;
    const element = old ?? document.createElement("audio");
    element.autoplay = true;
    element.srcObject = new MediaStream([track]);
    this.sounds.set(peer, element);
    element.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.silenced(true);
    });
  }

  /** Starts all sound; must be called from a click. */
  async unlock(): Promise<void> {
    await Promise.allSettled([...this.sounds.values()].map((one) => one.play()));
    this.silenced(false);
  }

  speaks(peer: string, yes: boolean): void {
    this.tiles.get(peer)?.root.classList.toggle("speaks", yes);
  }

  clear(): void {
    for (const key of [...this.tiles.keys()]) this.remove(key);
    for (const peer of [...this.sounds.keys()]) this.sound(peer, null);
    this.peers = [];
  }

  private show(peer: Peer): void {
    const tile = this.tile(peer.peer);
    const me = peer.peer === this.self;
    tile.root.classList.toggle("me", me);
    tile.root.classList.toggle("shows", peer.camera && tile.video.srcObject !== null);
    setText(tile.face, initials(peer));
    setText(tile.name, me ? "Sie" : peer.name);
    setText(tile.says, [sound(peer, me), me ? "" : peer.role].filter(Boolean).join(" · "));
    tile.up.hidden = !peer.hand;
  }

  private tile(key: string): Tile {
    const known = this.tiles.get(key);
    if (known) return known;
    const root = document.createElement("li");
    root.className = "tile";
    const video = root.appendChild(document.createElement("video"));
    video.muted = video.playsInline = video.autoplay = true;
    video.disablePictureInPicture = true;
    video.ariaHidden = "true"; // the words below say whose picture it is
    const face = child(root, "face");
    face.ariaHidden = "true";
    const label = child(root, "nm");
    const tile = { root, video, face, name: child(label, "who"), says: child(label, "says"), up: child(root, "up") };
    tile.up.textContent = "meldet sich";
    tile.up.hidden = true;
    this.tiles.set(key, tile);
    this.list.append(root);
    return tile;
  }

  private remove(key: string): void {
    const tile = this.tiles.get(key);
    if (!tile) return;
    tile.video.srcObject = null;
    tile.root.remove();
    this.tiles.delete(key);
    if (!key.endsWith("/screen")) this.sound(key, null);
  }

  /** Moves tiles only where their order changed: a moved video stutters. */
  private order(): void {
    const wanted = this.peers.flatMap((one) => [`${one.peer}/screen`, one.peer]).flatMap((key) => this.tiles.get(key)?.root ?? []);
    wanted.forEach((root, at) => {
      if (this.list.children[at] !== root) this.list.insertBefore(root, this.list.children[at] ?? null);
    });
  }
}

function child(parent: HTMLElement, name: string): HTMLElement {
  const made = document.createElement("span");
  made.className = name;
  return parent.appendChild(made);
}

function sound(peer: Peer, me: boolean): string {
  if (me) return peer.mic ? "Mikrofon an" : "Mikrofon aus";
  if (!peer.mic) return "stumm";
  return peer.live ? "" : "Ton wird verbunden";
}
