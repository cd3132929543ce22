import type { IncomingMessage, ServerResponse } from "node:http";
import { toNetkitError, type ErrorKind } from "@netkit/core";
import type { Agent } from "./agent.ts";
import { streamEvents } from "./event-stream.ts";
import { readJson, readText, sendText, serveLocally, type LocalServer } from "./local-server.ts";
import { findRoute, type Answer } from "./routes.ts";

/** What other engines say may list all that they know of. */
const maxTextBytes = 16 * 1024 * 1024;

const statuses: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  "not-found": 404,
  conflict: 409,
  exhausted: 507,
  unsupported: 422,
  permission: 403,
  unavailable: 503,
  cancelled: 499,
  drift: 409,
  kernel: 500,
  internal: 500,
};

/**
 * The local API: HTTP and JSON.
 * @throws NetkitError AGENT_UNAVAILABLE
 */
export async function serveApi(path: string, agent: Agent): Promise<LocalServer> {
  return await serveLocally(
    path,
    async (request, response) => await respond(agent, request, response),
    () => agent.events.end(),
  );
}

async function respond(agent: Agent, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? "/", "http://netkit");
    if (request.method === "GET" && url.pathname === "/v1/events") {
      streamEvents(agent.events, url.searchParams, response);
      return;
    }
    const route = findRoute(request.method ?? "", url);
    const body = route.takesText ? await readText(request, maxTextBytes) : await readJson(request);
    send(response, 200, await route.run(agent, body));
  } catch (cause) {
    const error = toNetkitError(cause);
    send(response, statuses[error.kind], { json: { error } });
  }
}

function send(response: ServerResponse, status: number, answer: Answer): void {
  const [type, text] =
    "text" in answer
      ? ["text/plain; version=0.0.4; charset=utf-8", answer.text]
      : ["application/json", `${JSON.stringify(answer.json, plainly)}\n`];
  sendText(response, status, type, text);
}

/** How many addresses an IPv6 subnet has left is more than a JSON number holds. */
function plainly(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
