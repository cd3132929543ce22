import { isNetkitError, type NetkitError } from "@netkit/core";
import type { Finding } from "../../api.ts";
import { readerOf } from "../../lookup.ts";
import type { Context } from "../../operation.ts";
import { keys } from "../../state.ts";
import type { LocalHost } from "../this-host.ts";
import { networksIn, readText } from "./following.ts";
import { planNetworks } from "./planning.ts";
import { findOutdated } from "./outdated.ts";
import { readPeersFile } from "./reading.ts";
import { requireListed } from "./this-host.ts";

/** What is wrong with the file itself, and what of this host is otherwise than it has it. */
export async function examinePeersFile(context: Context, path: string): Promise<Finding[]> {
  const reader = readerOf(context.store);
  const self = await reader.get<LocalHost>(keys.self);
  const found: NetkitError[] = [];
  try {
    const file = readPeersFile(path, await readText(path));
    await planNetworks(context, file);
    if (self !== undefined) requireListed(file, self.vtep);
  } catch (error) {
    if (!isNetkitError(error)) throw error;
    found.push(error);
  }
  found.push(...(await findOutdated(reader, path, await networksIn(await context.shared.open()))));
  return found.map(({ message, hint }) => ({
    problem: "peers-file",
    object: `file ${path}`,
    message,
    ...(hint === undefined ? {} : { hint }),
    repairable: false,
  }));
}
