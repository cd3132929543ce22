import { NetkitError } from "@netkit/core";

/** What begins Docker's own words among the options of endpoints, which aren't for drivers. */
const dockers = "com.docker.";

/** The network that a Docker network stands for (`-o netkit.network=NAME`). */
export function joinedNetwork(options: Readonly<Record<string, unknown>>): string | undefined {
  return textOf("netkit.network", options["netkit.network"]);
}

/** Docker's `-o` are text; what a daemon's configuration adds may be otherwise. */
export function textsOf(options: unknown): Record<string, string> {
  if (typeof options !== "object" || options === null) return {};
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => {
      const text = textOf(name, value);
      return text === undefined ? [] : [[name, text] as const];
    }),
  );
}

/** Options of an endpoint for netkit's driver: what isn't a word of Docker's own (`--driver-opt`). */
export function endpointOptions(options: Readonly<Record<string, unknown>>): Record<string, string> {
  return textsOf(Object.fromEntries(Object.entries(options).filter(([name]) => !name.startsWith(dockers))));
}

/** Docker's option of an endpoint for the sysctls of its interface, which it sets itself where it moves that; netkit's by the same name. */
export function sysctlOption(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const name = "com.docker.network.endpoint.sysctls";
  return textsOf({ [name]: options[name] });
}

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  if (typeof value === "boolean" || typeof value === "number") return String(value);
  throw new NetkitError("OPTION_INVALID", `the option ${name} is no text`);
}
