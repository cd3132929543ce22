import { didYouMean, NetkitError } from "@netkit/core";
import type { EndpointRequest } from "@netkit/engine";
import { parsePriority } from "./endpoint-request.ts";
import { parsePairs } from "./pairs.ts";

/** The keys of Docker's advanced syntax, by the option that says the same. */
const keys = {
  name: "name",
  ip: "ip",
  ip6: "ip6",
  mac: "mac",
  "mac-address": "mac",
  alias: "aliases",
  publish: "publish",
  ifname: "ifName",
  "link-local-ip": "linkLocal",
  "gw-priority": "gatewayPriority",
  sysctl: "sysctls",
  "driver-opt": "options",
  opt: "options",
} as const;

type Field = (typeof keys)[keyof typeof keys];

/**
 * The value of `--network`: a name, or `name=NETWORK,ip=IP,alias=NAME,driver-opt=KEY=VALUE` in any order. A part that
 * holds commas stands in quotes, as in Docker: `"driver-opt=KEY=A,B"`.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parseNetworkOption(text: string): EndpointRequest {
  if (!text.includes("=")) return { network: text };
  const found = new Map<Field, string[]>();
  for (const part of splitFields(text)) {
    const at = part.indexOf("=");
    const key = part.slice(0, Math.max(at, 0)).toLowerCase();
    if (!isKey(key)) {
      throw new NetkitError("ARGUMENT_INVALID", `--network ${text} has an unknown part ${JSON.stringify(part)}`, {
        hint: didYouMean(key, Object.keys(keys), `The parts are ${Object.keys(keys).join(", ")}, each with =VALUE.`),
      });
    }
    found.set(keys[key], [...(found.get(keys[key]) ?? []), part.slice(at + 1)]);
  }
  const once = <F extends Field>(field: F): { [K in F]?: string } => {
    const values = found.get(field) ?? [];
    if (values.length < 2) return values[0] === undefined ? {} : ({ [field]: values[0] } as { [K in F]?: string });
    throw new NetkitError("ARGUMENT_INVALID", `--network ${text} has more than one ${field}`, {
      hint: "Repeat --network for another network.",
    });
  };
  const many = <F extends Field>(field: F): { [K in F]?: string[] } => {
    const values = found.get(field);
    return values === undefined ? {} : ({ [field]: values } as { [K in F]?: string[] });
  };
  const { name: network } = once("name");
  if (network === undefined || network === "") {
    throw new NetkitError("ARGUMENT_INVALID", `--network ${text} names no network`, {
      hint: "Write it as --network name=NETWORK,ip=IP.",
    });
  }
  const { gatewayPriority } = once("gatewayPriority");
  const [sysctls, options] = [found.get("sysctls"), found.get("options")];
  return {
    network,
    ...once("ip"),
    ...once("ip6"),
    ...once("mac"),
    ...once("ifName"),
    ...many("aliases"),
    ...many("publish"),
    ...many("linkLocal"),
    ...(gatewayPriority === undefined ? {} : { gatewayPriority: parsePriority(gatewayPriority) }),
    ...(sysctls === undefined ? {} : { sysctls: parsePairs("sysctl", sysctls) }),
    ...(options === undefined ? {} : { options: parsePairs("driver-opt", options) }),
  };
}

function isKey(key: string): key is keyof typeof keys {
  return Object.hasOwn(keys, key);
}

/** The fields of a line of CSV (RFC 4180). */
function splitFields(text: string): string[] {
  return [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"(?=,|$)|([^,]*))/g)].map(
    ([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain,
  );
}
