import type { RemoteEndpoint } from "@netkit/core";
import type { Namesake } from "../api.ts";
import { endpointsOfNamespace, findSandbox, networkOf, type Reader } from "../lookup.ts";
import { keys } from "../state.ts";

/** Sandboxes of other hosts that go by the name of one of this host: names are unique on each host, not among them. */
export async function findNamesakes(reader: Reader, ref: string): Promise<Namesake[]> {
  const { name, namespace } = await findSandbox(reader, ref);
  const found: Namesake[] = [];
  for (const endpoint of await endpointsOfNamespace(reader, namespace)) {
    const network = await networkOf(reader, endpoint.network);
    if (network.scope !== "global") continue;
    const remotes = (await reader.range<RemoteEndpoint>(keys.remote(network.id, ""))).map(({ value }) => value);
    for (const { sandbox, host: id, hostName } of remotes)
      if (sandbox?.name === name) found.push({ network: network.name, host: { id, name: hostName } });
  }
  return found;
}
