import { didYouMean, NetkitError } from "@netkit/core";
import { en } from "zod/locales";
import * as z from "zod/mini";

const schema = z.strictObject({
  $schema: z.optional(z.string()),
  root: z.optional(z.string().check(z.minLength(1), z.describe("State directory; relative to this file."))),
  firewall: z.optional(
    z.enum(["auto", "nftables", "iptables", "none"]).check(z.describe("What publishes ports and masquerades.")),
  ),
  agent: z.optional(
    z.boolean().check(z.describe("Whether an agent serves names in sandboxes and is started for that (default true).")),
  ),
  drivers: z.optional(
    z
      .array(z.string().check(z.minLength(1)))
      .check(z.describe("Driver packages, or paths of driver modules, relative to this file.")),
  ),
  "default-network-opts": z.optional(
    z
      .record(z.string(), z.record(z.string(), z.string()))
      .check(z.describe("Options of new networks by driver, where 'network create' doesn't say otherwise.")),
  ),
  store: z.optional(
    z
      .string()
      .check(
        z.minLength(1),
        z.describe(
          "The store that hosts share global networks by: etcd://HOST:PORT,..., consul://HOST:PORT, or file:PATH, relative to this file.",
        ),
      ),
  ),
  advertise: z.optional(
    z.string().check(z.minLength(1), z.describe("What other hosts reach this one by: a link or one of its addresses.")),
  ),
  "host-gateway-ip": z.optional(
    z
      .array(z.string().check(z.minLength(1)))
      .check(z.describe("What host-gateway stands for in --add-host: an address of each family at most.")),
  ),
});

export interface Config {
  readonly root?: string | undefined;
  readonly firewall?: "auto" | "nftables" | "iptables" | "none" | undefined;
  readonly agent?: boolean | undefined;
  readonly drivers?: readonly string[] | undefined;
  readonly "default-network-opts"?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
  readonly store?: string | undefined;
  readonly advertise?: string | undefined;
  readonly "host-gateway-ip"?: readonly string[] | undefined;
}

/** @throws NetkitError CONFIG_INVALID with every problem */
export function parseConfig(text: string, path: string): Config {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, [cause instanceof Error ? cause.message : String(cause)], "It holds one JSON object.");
  }
  const result = z.safeParse(schema, json, { error: en().localeError });
  if (result.success) return result.data;
  const keys = Object.keys(schema.shape);
  const hints = new Set<string>();
  const problems = result.error.issues.map((issue) => {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) hints.add(didYouMean(key, keys, `The keys are ${keys.join(", ")}.`));
      return `unknown key ${issue.keys.map((key) => `'${key}'`).join(", ")}`;
    }
    const at = issue.path.map(String).join(".");
    return at === "" ? issue.message : `${at}: ${issue.message}`;
  });
  throw invalid(path, problems, [...hints][0] ?? "netkit.schema.json describes the file.");
}

/** The JSON schema of the file, as published in `netkit.schema.json`. */
export function configSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(schema, { target: "draft-2020-12" }),
    title: "netkit's configuration file",
  };
}

function invalid(path: string, problems: readonly string[], hint: string): NetkitError {
  return new NetkitError("CONFIG_INVALID", `invalid configuration file ${path}: ${problems.join("; ")}`, {
    hint,
    details: { path, problems },
  });
}
