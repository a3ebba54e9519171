// Registers this browser with its person's account, so that others can tell in conferences to come that it is not new.

import type { Identity } from "./identity";
import { encode, framed, utf8 } from "./notice";

/** Says which key is this browser's, and proves that it holds it. Who keeps nothing here has nothing to register. */
export async function register(identity: Identity, conference: string): Promise<void> {
  if (identity.keeper === null) return;
  const proof = await identity.sign(framed("konsil device 1", [utf8(identity.keeper), identity.raw]));
  const body = new URLSearchParams({ key: encode(identity.raw), proof: encode(proof) });
  await fetch(`/conferences/${encodeURIComponent(conference)}/device`, { method: "POST", body, redirect: "manual" });
}
