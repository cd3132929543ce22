import * as z from "zod";
import { routes } from "./routes.ts";

/** The API as data, in the terms of JSON Schema: published as `agent.schema.json`. */
export function apiSchema(): Record<string, unknown> {
  return {
    title: "The local API of netkit's agent: HTTP on the Unix socket /run/netkit/<mark>.sock",
    error: {
      description: "The body of every answer whose status isn't 200.",
      ...schemaOf(
        z.strictObject({ error: z.looseObject({ code: z.string(), kind: z.string(), message: z.string() }) }),
      ),
    },
    requests: Object.fromEntries([
      ...routes.map(({ method, path, summary, query, body, answer }) => [
        `${method} ${path}`,
        {
          summary,
          ...(query === undefined ? {} : { query }),
          ...(body === undefined || body instanceof z.ZodUndefined ? {} : { body: schemaOf(body) }),
          ...(answer === undefined ? {} : { answer: schemaOf(answer) }),
        },
      ]),
      [
        "GET /v1/events",
        { summary: "Events as they happen, a JSON document a line.", query: ["since", "until", "type"] },
      ],
    ]),
  };
}

function schemaOf(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, { target: "draft-2020-12", io: "input" });
}
