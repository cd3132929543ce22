import { shortId, type SharedHost } from "@netkit/core";

type Named = Pick<SharedHost, "id" | "name">;

/** What tells hosts apart in a line: their names, and where two have one name, their short ids beside it. */
export function hostLabels(hosts: readonly Named[]): (host: Named) => string {
  const byName = Map.groupBy(hosts, ({ name }) => name);
  const isShared = (name: string): boolean => new Set(byName.get(name)?.map(({ id }) => id)).size > 1;
  return ({ id, name }) => (isShared(name) ? `${name} (${shortId(id)})` : name);
}
