import type { ServerResponse } from "node:http";
import { NetkitError } from "@netkit/core";
import { checkEventTypes } from "./event-types.ts";
import type { Events } from "./events.ts";

/** Of setTimeout; a longer one would be over at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Answers with events as they happen, a JSON document a line. `since` (ISO 8601) begins with the first one since then; `type`
 * lets only these types through, and may be given several times; at the time `until` it ends. Who reads so slowly that the next event isn't known any
 * more is cut off.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function streamEvents(events: Events, query: URLSearchParams, response: ServerResponse): void {
  const types = query.getAll("type");
  checkEventTypes(types);
  const [since, until] = [timeIn(query, "since"), timeIn(query, "until")];
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  let seen = since === undefined ? events.total : events.before(since);
  let timer: NodeJS.Timeout | undefined;
  const write = (): void => {
    const next = events.after(seen);
    if (next === undefined) return void response.destroy();
    for (const event of next) {
      if (response.writableNeedDrain) return;
      if (until !== undefined && event.time > until) return void response.end();
      seen = event.number;
      if (types.length === 0 || types.includes(event.type)) response.write(`${JSON.stringify(event)}\n`);
    }
    if (until === undefined) return;
    const leftMs = Date.parse(until) - Date.now();
    if (leftMs <= 0) return void response.end();
    clearTimeout(timer);
    timer = setTimeout(write, Math.min(leftMs, longestTimerMs));
  };
  const stop = events.listen(write, () => response.end());
  response.on("drain", write);
  response.on("close", () => {
    clearTimeout(timer);
    stop();
  });
  write();
}

/** ISO 8601, UTC, in milliseconds, as events have it. */
function timeIn(query: URLSearchParams, name: "since" | "until"): string | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return new Date(ms).toISOString();
  throw new NetkitError("ARGUMENT_INVALID", `'${text}' is no time`, { hint: "Write it as 2026-01-31T12:00:00Z." });
}
