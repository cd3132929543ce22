import type { IncomingMessage, ServerResponse } from "node:http";
import { readJson, sendText } from "@netkit/agent";
import { toNetkitError } from "@netkit/core";
import type { Methods } from "./method.ts";

/** As Docker's own plugins answer. */
const contentType = "application/vnd.docker.plugins.v1.2+json";

/**
 * Answers one request. What can't be done is told with status 200, `Err` for networks and `Error` for addresses, so that Docker
 * passes on no more than the words; only what is no request of the protocol has another status.
 */
export async function respond(methods: Methods, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, body: object): void =>
    sendText(response, status, contentType, `${JSON.stringify(body)}\n`);
  const name = (request.url ?? "").slice(1);
  try {
    const body = await readJson(request);
    const method = request.method === "POST" && Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (method === undefined) return send(404, failure(`netkit has no method '${name.slice(0, 80)}'`));
    send(200, await method(body));
  } catch (cause) {
    const error = toNetkitError(cause);
    send(error.code === "ARGUMENT_INVALID" ? 400 : 200, failure(textOf(error)));
  }
}

function failure(text: string): object {
  return { Err: text, Error: text };
}

function textOf({ message, hint }: { readonly message: string; readonly hint?: string | undefined }): string {
  return hint === undefined ? message : `${message}. ${hint}`;
}
