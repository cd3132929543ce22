import { didYouMean, NetkitError } from "@netkit/core";
import type { EndpointRequest } from "@netkit/engine";
import { parsePairs } from "./pairs.ts";

/** The keys of Docker's advanced syntax, by the option that says the same. */
const keys: Readonly<Record<string, "name" | "ip" | "ip6" | "mac" | "aliases" | "publish" | "ifName" | "options">> = {
  name: "name",
  ip: "ip",
  ip6: "ip6",
  mac: "mac",
  "mac-address": "mac",
  alias: "aliases",
  publish: "publish",
  ifname: "ifName",
  "driver-opt": "options",
  opt: "options",
};

/**
 * The value of `--network`: a name, or `name=NETWORK,ip=IP,alias=NAME,driver-opt=KEY=VALUE` in any order.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function parseNetworkOption(text: string): EndpointRequest {
  if (!text.includes("=")) return { network: text };
  const found: Record<(typeof keys)[string], string[]> = {
    name: [],
    ip: [],
    ip6: [],
    mac: [],
    aliases: [],
    publish: [],
    ifName: [],
    options: [],
  };
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const key = part.slice(0, Math.max(at, 0)).toLowerCase();
    const name = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (name === undefined) {
      throw new NetkitError("ARGUMENT_INVALID", `--network ${text} has an unknown part ${JSON.stringify(part)}`, {
        hint: didYouMean(key, Object.keys(keys), `The parts are ${Object.keys(keys).join(", ")}, each with =VALUE.`),
      });
    }
    found[name].push(part.slice(at + 1));
  }
  const once = (name: (typeof keys)[string]): string | undefined => {
    if (found[name].length < 2) return found[name][0];
    throw new NetkitError("ARGUMENT_INVALID", `--network ${text} has more than one ${name}`, {
      hint: "Repeat --network for another network.",
    });
  };
  const network = once("name");
  if (network === undefined || network === "") {
    throw new NetkitError("ARGUMENT_INVALID", `--network ${text} names no network`, {
      hint: "Write it as --network name=NETWORK,ip=IP.",
    });
  }
  const [ip, ip6, mac, ifName] = [once("ip"), once("ip6"), once("mac"), once("ifName")];
  return {
    network,
    ...(ip === undefined ? {} : { ip }),
    ...(ip6 === undefined ? {} : { ip6 }),
    ...(mac === undefined ? {} : { mac }),
    ...(ifName === undefined ? {} : { ifName }),
    ...(found.aliases.length === 0 ? {} : { aliases: found.aliases }),
    ...(found.publish.length === 0 ? {} : { publish: found.publish }),
    ...(found.options.length === 0 ? {} : { options: parsePairs("driver-opt", found.options) }),
  };
}
