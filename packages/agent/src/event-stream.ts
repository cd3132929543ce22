import type { ServerResponse } from "node:http";
import { NetkitError } from "@netkit/core";
import type { AgentEvent, Events } from "./events.ts";

/** Who reads so slowly that this much is waiting for them is cut off; they can come back with `since`. */
const maxWaitingBytes = 1024 * 1024;

/**
 * Answers with events as they happen, a JSON document a line. `since` (ISO 8601) begins with the first one since then; `type`
 * lets only these types through, and may be given several times.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function streamEvents(events: Events, query: URLSearchParams, response: ServerResponse): void {
  const types = query.getAll("type");
  const since = query.get("since");
  if (since !== null && Number.isNaN(Date.parse(since))) {
    throw new NetkitError("ARGUMENT_INVALID", `'${since}' is no time`, { hint: "Write it as 2026-01-31T12:00:00Z." });
  }
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  response.flushHeaders();
  const write = (event: AgentEvent): void => {
    if (types.length > 0 && !types.includes(event.type)) return;
    response.write(`${JSON.stringify(event)}\n`);
    if (response.writableLength > maxWaitingBytes) response.destroy();
  };
  if (since !== null) for (const event of events.since(new Date(since).toISOString())) write(event);
  const stop = events.listen(write, () => response.end());
  response.on("close", stop);
}
