import type { ServerResponse } from "node:http";
import { NetkitError } from "@netkit/core";
import { checkEventTypes } from "./event-types.ts";
import type { Events } from "./events.ts";

/**
 * Answers with events as they happen, a JSON document a line. `since` (ISO 8601) begins with the first one since then; `type`
 * lets only these types through, and may be given several times. Who reads so slowly that the next event isn't known any
 * more is cut off.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function streamEvents(events: Events, query: URLSearchParams, response: ServerResponse): void {
  const types = query.getAll("type");
  checkEventTypes(types);
  const since = query.get("since");
  if (since !== null && Number.isNaN(Date.parse(since))) {
    throw new NetkitError("ARGUMENT_INVALID", `'${since}' is no time`, { hint: "Write it as 2026-01-31T12:00:00Z." });
  }
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  let seen = since === null ? events.total : events.before(new Date(since).toISOString());
  const write = (): void => {
    const next = events.after(seen);
    if (next === undefined) return void response.destroy();
    for (const event of next) {
      if (response.writableNeedDrain) return;
      seen = event.number;
      if (types.length === 0 || types.includes(event.type)) response.write(`${JSON.stringify(event)}\n`);
    }
  };
  const stop = events.listen(write, () => response.end());
  response.on("drain", write);
  response.on("close", stop);
  write();
}
