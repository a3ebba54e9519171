// What ical.js and node-ical make of calendar files: one line of JSON for each file and reader. The packages are in the folder that
// NODE_READERS names.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const require = createRequire(join(resolve(process.env.NODE_READERS), "package.json"));
const { default: ICAL } = await import(require.resolve("ical.js"));
const nodeIcal = require("node-ical");

const instant = (date) => date?.toISOString().replace(/[-:]|\.000/g, "") ?? "";
const say = (File, Reader, rest) => console.log(JSON.stringify({ File, Reader, ...rest }));

function withIcalJS(text) {
  const calendar = new ICAL.Component(ICAL.parse(text));
  ICAL.TimezoneService.reset();
  for (const zone of calendar.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(new ICAL.Timezone(zone));
  const event = new ICAL.Event(calendar.getFirstSubcomponent("vevent"));
  return {
    UID: event.uid, Sequence: event.sequence ?? 0, Start: instant(event.startDate?.toJSDate()), End: instant(event.startDate && event.endDate.toJSDate()),
    CN: event.attendees[0]?.getParameter("cn") ?? "",
  };
}

function withNodeIcal(text) {
  const event = Object.values(nodeIcal.sync.parseICS(text)).find((one) => one.type === "VEVENT");
  return {
    UID: event.uid, Sequence: Number(event.sequence ?? 0), Start: instant(event.start), End: instant(event.end), CN: event.attendee?.params?.CN ?? "",
  };
}

for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, "utf8");
  say(file, "ical.js", withIcalJS(text));
  say(file, "node-ical", withNodeIcal(text));
}
