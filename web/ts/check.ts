// The check before joining, as a dialog in the room or as a part of a guest's lobby. Sound and picture stay on this machine. Markup:
// templates/stage.html, "check".

import type { Devices } from "./devices";
import { meter, tone } from "./devicetest";
import { testNetwork, verdict, type Reach } from "./nettest";
import { setText } from "./people";

export class Check {
  private unmeter: (() => void) | null = null;
  private metered: MediaStreamTrack | null = null;

  /** @param toggle switches one of these devices on or off; resolves to a sentence when that does not work */
  constructor(
    private readonly root: HTMLElement,
    private readonly devices: Devices,
    private readonly toggle: (source: "mic" | "camera") => Promise<string | null>,
  ) {
    for (const source of ["mic", "camera"] as const) {
      this.button(source).addEventListener("click", () => void this.busy(source, () => this.switch(source)));
    }
    this.button("tone").addEventListener("click", () => void this.busy("tone", () => this.play()));
    this.button("net").addEventListener("click", () => void this.busy("net", () => this.tryNetwork()));
    this.changed();
  }

  /** Follows the devices. */
  changed(): void {
    const camera = this.devices.track("camera");
    const video = this.part("video");
    if (video instanceof HTMLVideoElement) {
      const shown = video.srcObject instanceof MediaStream ? video.srcObject.getVideoTracks()[0] : undefined;
      if (shown !== (camera ?? undefined)) video.srcObject = camera ? new MediaStream([camera]) : null;
      video.hidden = !camera;
    }
    setText(this.part("camera-says"), camera ? `an: ${camera.label || "Kamera"}. So sehen die anderen Sie, nur nicht gespiegelt.` : "aus");
    setText(this.button("camera"), camera ? "Kamera ausschalten" : "Kamera einschalten");
    const mic = this.devices.track("mic");
    setText(this.part("mic-says"), mic ? `an: ${mic.label || "Mikrofon"}. Sprechen Sie, dann bewegt sich der Balken.` : "aus");
    setText(this.button("mic"), mic ? "Mikrofon ausschalten" : "Mikrofon einschalten");
    this.measure(mic);
  }

  /** Lets go of everything. */
  stop(): void {
    this.unmeter?.();
    this.unmeter = this.metered = null;
  }

  private measure(mic: MediaStreamTrack | null): void {
    if (mic === this.metered) return;
    this.stop();
    const bar = this.part("level");
    if (!(bar instanceof HTMLMeterElement)) return;
    bar.hidden = !mic;
    if (!mic) return;
    this.metered = mic;
    this.unmeter = meter(mic, (loud) => (bar.value = loud));
  }

  private async switch(source: "mic" | "camera"): Promise<void> {
    const problem = await this.toggle(source);
    this.changed();
    if (problem) setText(this.part(`${source}-says`), problem);
  }

  private async play(): Promise<void> {
    setText(this.part("tone-says"), "Ein Ton wird gespielt …");
    await tone();
    setText(this.part("tone-says"), "Nichts gehört? Prüfen Sie Lautstärke und Ausgabe dieses Geräts.");
  }

  private async tryNetwork(): Promise<void> {
    const list = this.part("net-steps");
    const url = document.getElementById("live")?.dataset["nettest"] ?? "";
    const steps: Reach[] = [];
    setText(this.part("net-says"), "wird geprüft; das dauert ein paar Sekunden …");
    list.replaceChildren();
    try {
      for await (const step of testNetwork(url)) {
        steps.push(step);
        list.append(Object.assign(document.createElement("li"), { textContent: step.words }));
      }
      setText(this.part("net-says"), verdict(steps));
    } catch {
      setText(this.part("net-says"), "Die Prüfung ist gerade nicht möglich. Bitte versuchen Sie es gleich noch einmal.");
    }
  }

  private async busy(button: string, work: () => Promise<void>): Promise<void> {
    const pressed = this.button(button);
    if (pressed.ariaBusy === "true") return;
    pressed.ariaBusy = "true";
    try {
      await work();
    } finally {
      pressed.ariaBusy = null;
    }
  }

  private button(name: string): HTMLElement {
    return this.part(`do-${name}`);
  }

  private part(name: string): HTMLElement {
    const found = this.root.querySelector<HTMLElement>(`[data-part="${name}"]`);
    if (!found) throw new Error(`the check has no ${name}`);
    return found;
  }
}
