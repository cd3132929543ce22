import { cniCodes, CniError } from "./cni-error.ts";
import { requiredVariables, verbs, type Verb } from "./names.ts";

/** What a runtime says by the environment; "" where it says nothing. */
export interface Environment {
  readonly verb: Verb;
  readonly containerId: string;
  /** The path of the container's network namespace. */
  readonly netns: string;
  readonly ifName: string;
  readonly args: Readonly<Record<string, string>>;
  /** CNI_NETNS_OVERRIDE: the namespace may be the plugin's own. */
  readonly mayBeOwn: boolean;
}

/** Variables by their names, as `process.env` has them. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** @throws CniError 4 */
export function parseEnvironment(variables: Variables): Environment {
  const value = (name: string): string => variables[name] ?? "";
  const command = value("CNI_COMMAND");
  const missing = command === "" ? ["CNI_COMMAND"] : [];
  for (const [name, needed] of Object.entries(requiredVariables))
    if (needed.some((verb) => verb === command) && value(name) === "") missing.push(name);
  if (missing.length > 0) throw invalid(`required env variables [${missing.join(",")}] missing`);
  const verb = verbs.find((known) => known === command);
  if (verb === undefined) throw invalid(`unknown CNI_COMMAND: ${command}`);
  const [containerId, ifName] = [value("CNI_CONTAINERID"), value("CNI_IFNAME")];
  if (requiredVariables["CNI_CONTAINERID"]?.includes(verb) === true) {
    checkContainerId(containerId);
    checkIfName(ifName);
  }
  return {
    verb,
    containerId,
    netns: value("CNI_NETNS"),
    ifName,
    args: parseArgs(value("CNI_ARGS")),
    mayBeOwn: ["TRUE", "1"].includes(value("CNI_NETNS_OVERRIDE").toUpperCase()),
  };
}

function checkContainerId(containerId: string): void {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(containerId))
    throw invalid("invalid characters in containerID", containerId);
}

function checkIfName(name: string): void {
  if (Buffer.byteLength(name) > 15) {
    throw invalid("interface name is too long", "interface name should be less than 16 characters");
  }
  if (name === "." || name === "..") throw invalid("interface name is . or ..");
  if (/[/:\s]/.test(name)) throw invalid("interface name contains / or : or whitespace characters");
}

/** `KEY=VALUE;KEY=VALUE`. Keys of other plugins of the list are none of ours. */
function parseArgs(text: string): Record<string, string> {
  if (text === "") return {};
  return Object.fromEntries(
    text.split(";").map((pair): [string, string] => {
      const [key = "", value, ...more] = pair.split("=");
      if (value === undefined || more.length > 0) throw invalid(`ARGS: invalid pair ${JSON.stringify(pair)}`);
      return [key, value];
    }),
  );
}

function invalid(message: string, details = ""): CniError {
  return new CniError(cniCodes.invalidEnvironment, message, details);
}
