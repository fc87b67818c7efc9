import type { ChatEvent } from "../chat/events.ts";
import type { DemoHints } from "./demo-hints.ts";
import { capital } from "./demo-sentences.ts";
import type { SeededRandom } from "./demo-random.ts";
import { SUBJECTS } from "./demo-words.ts";

/** What stands beside the words of an answer: `file=…`, `sources=…`. */
export function* extrasOf(hints: DemoHints, random: SeededRandom): Generator<ChatEvent> {
  if (hints.file === "picture") yield { type: "file", url: picture(random), mediaType: "image/svg+xml" };
  if (hints.file === "table") yield { type: "file", url: table(random), mediaType: "text/csv" };
  const count = hints.sources ?? (hints.tool === "search" ? 3 : 0);
  for (let index = 1; index <= count; index++) yield source(index, random);
}

/** Each third is a document. Addresses are those that are reserved for examples. */
function source(index: number, random: SeededRandom): ChatEvent {
  const { name } = random.pick(SUBJECTS);
  const sourceId = `source-${index}`;
  if (index % 3 === 0) {
    const filename = `${name.replaceAll(" ", "-")}.pdf`;
    return { type: "source-document", sourceId, mediaType: "application/pdf", title: `All about ${name}`, filename };
  }
  const url = `https://example.com/${name.replaceAll(" ", "-")}/${random.int(1_000)}`;
  return { type: "source-url", sourceId, url, title: `${capital(name)}, an example` };
}

/** Hills under a sun. */
function picture(random: SeededRandom): string {
  const hue = random.int(360);
  const hill = (top: number): string =>
    `M0 ${top + random.int(40)}Q160 ${top - 60} 320 ${top}T640 ${top - 20 + random.int(40)}V320H0Z`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 320" width="640" height="320">` +
    `<rect width="640" height="320" fill="hsl(${hue} 60% 88%)"/>` +
    `<circle cx="${100 + random.int(440)}" cy="${60 + random.int(50)}" r="36" fill="hsl(45 90% 62%)"/>` +
    [190, 230, 270].map((top, at) => `<path d="${hill(top)}" fill="hsl(${hue} 35% ${66 - at * 16}%)"/>`).join("") +
    "</svg>";
  return `data:image/svg+xml;base64,${btoa(svg)}`;
}

function table(random: SeededRandom): string {
  const rows = SUBJECTS.map(({ name, parts }) => `${name},${parts},${1 + random.int(99)}`);
  return `data:text/csv;base64,${btoa(["subject,parts,count", ...rows, ""].join("\n"))}`;
}
