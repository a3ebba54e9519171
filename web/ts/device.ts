// What is remembered about this device and not about a person: how she likes to write, and whether anything may be kept here. In cookies,
// because somebody may let the browser empty every other store of the site, and a shared computer must not start to keep things by that.

export type Wish = "plain" | "keepnothing" | "nokeys" | "nospeaker" | "captions";

const year = 365 * 24 * 60 * 60;

export function wished(wish: Wish): boolean {
  return document.cookie.split("; ").includes(`${wish}=1`);
}

export function remember(wish: Wish, yes: boolean): void {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${wish}=1; Path=/; Max-Age=${yes ? year : 0}; SameSite=Strict${secure}`;
}
