import { parseArgs } from "node:util";
import { refusal } from "./refusal.ts";

/** What netavark can be told to do, as far as netkit does it. */
export type Command =
  | ({ readonly verb: "setup" | "teardown"; readonly netns: string } & Sources)
  | ({ readonly verb: "create" } & Sources)
  | { readonly verb: "update"; readonly network: string; readonly servers: readonly string[] }
  | { readonly verb: "firewall-reload" | "version" | "--version" | "--help" };

/** Where the work is described, and who else may have to do some. */
export interface Sources {
  /** In place of stdin. */
  readonly file?: string | undefined;
  /** The folders where plugins are looked for. */
  readonly plugins: readonly string[];
}

/** Options that mean something to netavark's own parts alone are taken and not looked at. */
const options = {
  file: { type: "string", short: "f" },
  "firewall-driver": { type: "string" },
  config: { type: "string", short: "c" },
  rootless: { type: "string", short: "r" },
  "aardvark-binary": { type: "string", short: "a" },
  "plugin-directory": { type: "string", multiple: true },
  "network-dns-servers": { type: "string", multiple: true },
  version: { type: "boolean", short: "V" },
  help: { type: "boolean", short: "h" },
} as const;

/** @throws NetkitError */
export function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { verb: "--help" };
  if (values.version === true) return { verb: "--version" };
  const [verb = "", operand = "", ...more] = positionals;
  const { file, "plugin-directory": plugins = [] } = values;
  if (more.length > 0) throw refusal(`unexpected argument ${JSON.stringify(more[0])}`);
  if (verb === "version") return { verb };
  if (values.rootless === "true") {
    throw refusal(
      "netkit's networks are root's",
      "Run Podman as root, or leave rootless containers their own networks.",
    );
  }
  switch (verb) {
    case "setup":
    case "teardown":
      if (operand === "") throw refusal(`${verb} needs the path of a network namespace`);
      return { verb, netns: operand, file, plugins };
    case "create":
      return { verb, file, plugins };
    case "firewall-reload":
      return { verb };
    case "update": {
      const servers = values["network-dns-servers"];
      if (operand === "" || servers === undefined) throw refusal("update needs a network and --network-dns-servers");
      // Podman writes them as one, with commas.
      const each = servers.flatMap((list) => list.split(",")).map((server) => server.trim());
      return { verb, network: operand, servers: each.filter((server) => server !== "") };
    }
    default:
      throw refusal(
        verb === "" ? "no command is given" : `netkit has no ${JSON.stringify(verb.slice(0, 80))} for Podman`,
        "It has setup, teardown, update, create, firewall-reload and version.",
      );
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (cause) {
    throw refusal(cause instanceof Error ? cause.message : String(cause));
  }
}

/** For whoever calls it by hand. */
export const usage = `Podman's network backend on netkit's networks; Podman calls it as it calls netavark.

Usage: netavark [OPTIONS] setup|teardown NAMESPACE
       netavark [OPTIONS] update NETWORK --network-dns-servers SERVERS
       netavark [OPTIONS] create
       netavark [OPTIONS] firewall-reload
       netavark version

  -f, --file FILE             read the configuration from there instead of stdin
      --plugin-directory DIR  look for plugins there, too
`;
