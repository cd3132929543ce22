import { NetkitError, parseMac, type Mac } from "@netkit/core";

const key = "com.docker.network.endpoint.macaddress";

/** The MAC that was asked for: of the interface, or of the options, where Go writes its bytes as base64. */
export function wantedMac(text: string | undefined, options: Readonly<Record<string, unknown>>): Mac | undefined {
  if (text !== undefined) return parseMac(text);
  const value = options[key];
  if (value === undefined || value === null || value === "") return undefined;
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : Buffer.alloc(0);
  if (bytes.length === 6) return parseMac(bytes.toString("hex").replaceAll(/(..)(?=.)/g, "$1:"));
  throw new NetkitError("ADDRESS_INVALID", `${key} is no MAC address`);
}
