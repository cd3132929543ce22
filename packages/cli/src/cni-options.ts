import { NetkitError } from "@netkit/core";
import type { OptionValues } from "./command.ts";
import type { ListOptions } from "./cni-files.ts";

/** What a list of CNI plugins is about. */
export const listOptions = {
  network: { value: "NETWORK", summary: "The netkit network that containers are attached to", complete: "network" },
  name: { value: "NAME", summary: "What runtimes call it (default: as the network)" },
} as const;

/** Where its files are: by default where most runtimes look. */
export const folderOptions = {
  "bin-dir": {
    value: "DIR",
    default: "/opt/cni/bin",
    summary: "Folder of the plugins",
    complete: "path",
  },
  "conf-dir": {
    value: "DIR",
    default: "/etc/cni/net.d",
    summary: "Folder of the lists of plugins",
    complete: "path",
  },
} as const;

/** @throws NetkitError ARGUMENT_INVALID */
export function readList({ network, name = network }: OptionValues<typeof listOptions>): ListOptions {
  if (network === undefined || name === undefined) {
    throw new NetkitError("ARGUMENT_INVALID", "it isn't said which network containers are to be attached to", {
      hint: "Name it: --network NETWORK; 'netkit network ls' lists them.",
    });
  }
  return { network, name: checkListName(name) };
}

/** A list's name, which is part of a file's. @throws NetkitError NAME_INVALID */
export function checkListName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(name)) return name;
  throw new NetkitError("NAME_INVALID", `invalid name of a CNI network: ${JSON.stringify(name.slice(0, 130))}`, {
    hint: "It starts with a letter or digit and holds letters, digits, '_', '.' and '-'.",
  });
}
