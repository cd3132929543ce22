import { NetkitError, type NamespaceId } from "@netkit/core";
import * as z from "zod";
import type { Agent } from "./agent.ts";
import * as schemas from "./schemas.ts";
import { statusSchema } from "./status.ts";

export type Answer = { readonly json: unknown } | { readonly text: string };

type Parameters = Readonly<Record<string, string>>;

/** One request that the API understands. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** `{name}` stands for one part, which is decoded. */
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  /** The body is text, of up to 16 MiB, rather than JSON. */
  readonly takesText?: true;
  /** Of the query; their values are text. */
  readonly query?: readonly string[];
  /** Absent: plain text, or netkit's records as the library has them. */
  readonly answer?: z.ZodType;
  run(agent: Agent, parameters: Parameters, body: unknown): Promise<Answer>;
}

/** Checks a route's `run` against its own body. */
function route<B extends z.ZodType>(
  definition: Omit<Route, "run" | "body"> & {
    readonly body: B;
    run(agent: Agent, parameters: Parameters, body: z.infer<B>): Promise<unknown>;
  },
): Route {
  return {
    ...definition,
    run: async (agent, parameters, body) => ({
      json: await definition.run(agent, parameters, parse(definition.body, body)),
    }),
  };
}

const nothing = z.undefined();

/** The whole API but `GET /v1/events`, which is a stream. */
export const routes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/status",
    summary: "What the agent serves.",
    body: nothing,
    answer: statusSchema,
    run: async (agent) => agent.status(),
  }),
  route({
    method: "POST",
    path: "/v1/sync",
    summary: "Answers once all that was committed up to a revision is served.",
    body: schemas.revision,
    answer: schemas.revision,
    run: async (agent) => ({ revision: await agent.settle() }),
  }),
  route({
    method: "POST",
    path: "/v1/expect",
    summary: "Serves names in a namespace that will have some within two seconds. Answers whether it does.",
    body: schemas.expectation,
    answer: schemas.serving,
    run: async (agent, _, { namespace }) => ({ serving: await agent.expect(namespace as NamespaceId) }),
  }),
  route({
    method: "POST",
    path: "/v1/share",
    summary:
      "Answers once this host has a lease in the store that hosts share, and all was taken in that others wrote there.",
    body: nothing,
    answer: statusSchema,
    run: async (agent) => {
      await agent.share();
      return agent.status();
    },
  }),
  {
    method: "GET",
    path: "/v1/metrics",
    summary: "Prometheus' text format.",
    run: async (agent) => ({ text: agent.metrics() }),
  },
  route({
    method: "POST",
    path: "/v1/stop",
    summary: "Ends the agent once this is answered.",
    body: nothing,
    answer: statusSchema,
    run: async (agent) => {
      setImmediate(() => void agent.close());
      return agent.status();
    },
  }),
  route({
    method: "GET",
    path: "/v1/networks",
    summary: "All networks.",
    body: nothing,
    run: async ({ netkit }) => await netkit.networks.list(),
  }),
  route({
    method: "POST",
    path: "/v1/networks",
    summary: "Creates a network.",
    body: schemas.networkRequest,
    run: async ({ netkit }, _, request) => await netkit.networks.create(request),
  }),
  route({
    method: "GET",
    path: "/v1/networks/{network}",
    summary: "A network with its endpoints.",
    body: nothing,
    run: async ({ netkit }, { network = "" }) => await netkit.networks.inspect(network),
  }),
  route({
    method: "DELETE",
    path: "/v1/networks/{network}",
    summary: "Removes a network.",
    body: nothing,
    run: async ({ netkit }, { network = "" }) => await netkit.networks.remove(network),
  }),
  route({
    method: "GET",
    path: "/v1/sandboxes",
    summary: "All sandboxes.",
    body: nothing,
    run: async ({ netkit }) => await netkit.sandboxes.list(),
  }),
  route({
    method: "POST",
    path: "/v1/sandboxes",
    summary: "Opens a sandbox: makes, adopts or joins a namespace and connects it.",
    body: schemas.sandboxRequest,
    run: async ({ netkit }, _, request) => await (await netkit.sandboxes.open(request)).inspect(),
  }),
  route({
    method: "GET",
    path: "/v1/sandboxes/{sandbox}",
    summary: "A sandbox with its endpoints.",
    body: nothing,
    run: async ({ netkit }, { sandbox = "" }) => await (await netkit.sandboxes.get(sandbox)).inspect(),
  }),
  route({
    method: "DELETE",
    path: "/v1/sandboxes/{sandbox}",
    summary: "Removes a sandbox; with force=true its live processes are ended.",
    query: ["force"],
    body: nothing,
    run: async ({ netkit }, { sandbox = "", force }) =>
      await netkit.sandboxes.remove(sandbox, { force: force === "true" }),
  }),
  route({
    method: "POST",
    path: "/v1/sandboxes/{sandbox}/endpoints",
    summary: "Connects a sandbox to a network.",
    body: schemas.endpointRequest,
    run: async ({ netkit }, { sandbox = "" }, request) => await (await netkit.sandboxes.get(sandbox)).connect(request),
  }),
  route({
    method: "DELETE",
    path: "/v1/sandboxes/{sandbox}/endpoints/{network}",
    summary: "Disconnects a sandbox from a network.",
    body: nothing,
    run: async ({ netkit }, { sandbox = "", network = "" }) =>
      await (await netkit.sandboxes.get(sandbox)).disconnect(network),
  }),
  route({
    method: "POST",
    path: "/v1/sandboxes/{sandbox}/endpoints/{network}/ports",
    summary: "Publishes further ports.",
    body: schemas.portsRequest,
    run: async ({ netkit }, { sandbox = "", network = "" }, { ports }) =>
      await (await netkit.sandboxes.get(sandbox)).publish(network, ports),
  }),
  route({
    method: "DELETE",
    path: "/v1/sandboxes/{sandbox}/endpoints/{network}/ports",
    summary: "Takes published ports back.",
    body: schemas.portsRequest,
    run: async ({ netkit }, { sandbox = "", network = "" }, { ports }) =>
      await (await netkit.sandboxes.get(sandbox)).unpublish(network, ports),
  }),
  {
    method: "POST",
    path: "/v1/runtimes/{runtime}",
    summary: "A call of another engine's protocol that the agent speaks, and its answer, as text.",
    takesText: true,
    run: async (agent, { runtime = "" }, body) => ({
      text: await agent.callRuntime(runtime, typeof body === "string" ? body : ""),
    }),
  },
  route({
    method: "POST",
    path: "/v1/doctor",
    summary: "Compares everything stored with the kernel, and mends it if asked to.",
    body: schemas.doctorRequest,
    run: async ({ netkit }, _, { repair }) => await netkit.doctor({ repair }),
  }),
];

/** What answers a request, once its body has been read as the route takes it. */
export interface Matched {
  readonly takesText: boolean;
  run(agent: Agent, body: unknown): Promise<Answer>;
}

/** @throws NetkitError ARGUMENT_INVALID */
export function findRoute(method: string, url: URL): Matched {
  const parts = url.pathname.split("/").map(decode);
  for (const candidate of routes) {
    if (candidate.method !== method) continue;
    const parameters = match(candidate.path.split("/"), parts);
    if (parameters === undefined) continue;
    for (const [name, value] of url.searchParams) {
      if (candidate.query?.includes(name) !== true) throw invalid(`${candidate.path} has no parameter '${name}'`);
      parameters[name] = value;
    }
    return {
      takesText: candidate.takesText === true,
      run: async (agent, body) => await candidate.run(agent, parameters, body),
    };
  }
  throw invalid(`the agent's API has no ${method} ${url.pathname}`);
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, word] of pattern.entries()) {
    const part = parts[index] ?? "";
    if (word.startsWith("{")) parameters[word.slice(1, -1)] = part;
    else if (word !== part) return undefined;
  }
  return parameters;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw new NetkitError("ARGUMENT_INVALID", `'${part}' is no encoded text`, { cause });
  }
}

function parse<B extends z.ZodType>(schema: B, body: unknown): z.infer<B> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw invalid(z.prettifyError(result.error));
}

function invalid(message: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", message, {
    hint: "agent.schema.json of @netkit/agent describes the API.",
  });
}
