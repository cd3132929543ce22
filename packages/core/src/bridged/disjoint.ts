import type { OpenResource } from "../resource.ts";
import { parseSources } from "../sources.ts";

/**
 * The same ports, those of an address and protocol in ranges that have none in common: where several are one, it is for the
 * sources of all of them.
 */
export function disjoint(ports: readonly OpenResource[]): OpenResource[] {
  const groups = Map.groupBy(ports, ({ target, protocol }) => `${target} ${protocol}`);
  return [...groups.values()].flatMap((group) => clusters(group).flatMap(pieces));
}

/** Ranges that hang together by ports that they have in common. */
function clusters(ports: readonly OpenResource[]): OpenResource[][] {
  const found: OpenResource[][] = [];
  let end = 0;
  for (const port of ports.toSorted((a, b) => a.targetPort.first - b.targetPort.first)) {
    if (port.targetPort.first > end) found.push([port]);
    else found.at(-1)?.push(port);
    end = Math.max(end, port.targetPort.last);
  }
  return found;
}

/** A cluster, cut where the sources change. */
function pieces(cluster: readonly OpenResource[]): OpenResource[] {
  const [one, another] = cluster;
  if (one === undefined || another === undefined) return [...cluster];
  const { from: _, ...port } = one;
  const starts = new Set(cluster.flatMap(({ targetPort: { first, last } }) => [first, last + 1]));
  const [start = 0, ...ends] = [...starts].toSorted((a, b) => a - b);
  const found: OpenResource[] = [];
  let first = start;
  for (const end of ends) {
    const open = cluster.filter(({ targetPort }) => targetPort.first <= first && first <= targetPort.last);
    const from = open.every((each) => each.from !== undefined)
      ? parseSources(open.flatMap((each) => each.from ?? []))
      : undefined;
    const before = found.at(-1);
    if (before !== undefined && String(before.from) === String(from)) {
      found[found.length - 1] = { ...before, targetPort: { first: before.targetPort.first, last: end - 1 } };
    } else found.push({ ...port, targetPort: { first, last: end - 1 }, ...(from === undefined ? {} : { from }) });
    first = end;
  }
  return found;
}
