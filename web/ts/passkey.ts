// Passkeys: what the browser signs, and what it makes. WebAuthn §5.
//
//   <div data-passkey="use" data-next="PATH" [data-autofill] hidden>    its button asks for a passkey. With data-autofill the browser also
//                                                                       offers it in the field for the address. In a form that holds
//                                                                       another one (confirm_again), that one is sent afterwards
//   <div data-passkey="make" hidden>                                    its button makes one
//
// Both stay hidden in a browser that has none. What went wrong stands in the part with role="alert".

import { decode, encode } from "./e2ee/notice";

/** How long before what is to be signed expires another one is asked for, in milliseconds. The server gives five minutes. */
const renewed = 4 * 60_000;

interface Options {
  publicKey: Record<string, unknown> & {
    challenge: string;
    user?: { id: string };
    excludeCredentials?: { id: string }[];
    allowCredentials?: { id: string }[];
  };
}

export function followPasskeys(): void {
  if (!("PublicKeyCredential" in window)) return;
  for (const part of document.querySelectorAll<HTMLElement>("[data-passkey]")) {
    const button = part.querySelector("button");
    if (!button) continue;
    part.hidden = false;
    const act = part.dataset["passkey"] === "make" ? make : use;
    button.addEventListener("click", () => void pressed(part, button, act));
    if ("autofill" in part.dataset) offer(part).catch(reportError);
  }
}

/** What a page is waiting for in the field for the address; a click on the button ends it, a browser does one thing at a time. */
let offered = new AbortController();

async function pressed(part: HTMLElement, button: HTMLButtonElement, act: (part: HTMLElement) => Promise<void>): Promise<void> {
  offered.abort();
  say(part, false);
  button.disabled = true;
  try {
    await act(part);
  } catch {
    say(part, true); // cancelled, refused by the device or by the server: the way on is the same
  } finally {
    button.disabled = false;
  }
}

function say(part: HTMLElement, failed: boolean): void {
  const alert = part.querySelector<HTMLElement>("[role=alert]");
  if (alert) alert.hidden = !failed;
}

async function use(part: HTMLElement, mediation?: CredentialMediationRequirement, signal?: AbortSignal): Promise<void> {
  const options = read(await post<Options>("/passkey/ask", {}));
  const request: CredentialRequestOptions = { publicKey: options as unknown as PublicKeyCredentialRequestOptions };
  if (mediation) request.mediation = mediation;
  if (signal) request.signal = signal;
  const made = await navigator.credentials.get(request);
  if (!(made instanceof PublicKeyCredential)) throw new Error("no passkey");
  const { to } = await post<{ to: string }>("/passkey/answer", { answer: write(made), next: part.dataset["next"] ?? "/" });
  go(part, to);
}

/** Lets the browser offer passkeys in the field for the address, for as long as the page is open. */
async function offer(part: HTMLElement): Promise<void> {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  for (;;) {
    const now = (offered = new AbortController());
    let old = false;
    const timer = setTimeout(() => {
      old = true;
      now.abort();
    }, renewed);
    try {
      await use(part, "conditional", now.signal);
      return;
    } catch (error) {
      if (!old) {
        if (!now.signal.aborted) say(part, true);
        return;
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

async function make(): Promise<void> {
  const options = read(await post<Options>("/me/security/passkeys/ask", {}));
  const made = await navigator.credentials.create({ publicKey: options as unknown as PublicKeyCredentialCreationOptions });
  if (!(made instanceof PublicKeyCredential)) throw new Error("no passkey");
  const { to } = await post<{ to: string }>("/me/security/passkeys", { answer: write(made) });
  location.assign(to);
}

/** Goes on: with the form that waits, or to the page. */
function go(part: HTMLElement, to: string): void {
  const form = part.closest("form");
  const again = form?.elements.namedItem("confirm_again");
  if (form && again instanceof HTMLInputElement) {
    form.action = again.value;
    for (const field of form.querySelectorAll<HTMLInputElement>("input[name^=confirm_]")) field.disabled = true;
    form.submit();
    return;
  }
  location.assign(to);
}

/** Sends a form and reads the answer. Whoever has to show a factor first, or has been signed out, is led there. */
async function post<T>(path: string, fields: Record<string, string>): Promise<T> {
  const answer = await fetch(path, { method: "POST", body: new URLSearchParams(fields), headers: { Accept: "application/json" } });
  if (!answer.headers.get("Content-Type")?.startsWith("application/json")) {
    location.reload();
    throw new Error(`${path} answers ${answer.status}`);
  }
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
  return (await answer.json()) as T;
}

/** The options as the browser takes them: bytes instead of base64url. */
function read({ publicKey }: Options): Options["publicKey"] {
  const bytes = <T extends { id: string }>(one: T) => ({ ...one, id: decode(one.id) });
  return {
    ...publicKey,
    challenge: decode(publicKey.challenge) as unknown as string,
    ...(publicKey.user && { user: bytes(publicKey.user) as unknown as { id: string } }),
    ...(publicKey.excludeCredentials && { excludeCredentials: publicKey.excludeCredentials.map(bytes) as unknown as { id: string }[] }),
    ...(publicKey.allowCredentials && { allowCredentials: publicKey.allowCredentials.map(bytes) as unknown as { id: string }[] }),
  };
}

/** A credential as JSON. WebAuthn §5.1.7, of its own because browsers of 2024 do not have toJSON. */
function write(made: PublicKeyCredential): string {
  const { response } = made;
  const parts: Record<string, unknown> = { clientDataJSON: text(response.clientDataJSON) };
  if (response instanceof AuthenticatorAttestationResponse) {
    parts["attestationObject"] = text(response.attestationObject);
    parts["transports"] = response.getTransports();
  }
  if (response instanceof AuthenticatorAssertionResponse) {
    parts["authenticatorData"] = text(response.authenticatorData);
    parts["signature"] = text(response.signature);
    if (response.userHandle) parts["userHandle"] = text(response.userHandle);
  }
  return JSON.stringify({
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: parts,
    clientExtensionResults: made.getClientExtensionResults(),
    ...(made.authenticatorAttachment && { authenticatorAttachment: made.authenticatorAttachment }),
  });
}

const text = (bytes: ArrayBuffer) => encode(new Uint8Array(bytes));
