import { writeFileSync } from "node:fs";
import { createNamespace, openNetlink, removeNamespace, setLink, withNamespace } from "@netkit/netlink";
import { keptNumber, ownNamespace, type Box, type Contender, type Place } from "./contender.ts";

/** Namespaces that an engine would have made, for what attaches them alone. IPv6 is off, where no network here has it. */
const namespaces = {
  open: async ({ path }: Box): Promise<void> => {
    createNamespace(path);
    withNamespace(path, () => writeFileSync("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"));
    const socket = openNetlink({ namespace: path });
    socket.batchOrThrow([setLink(1, { up: true })]);
    socket.close();
    return await Promise.resolve();
  },
  close: async ({ path }: Box): Promise<void> => {
    removeNamespace(path);
    return await Promise.resolve();
  },
};

/** With the box that stays. @param addressOf tells an attached one's */
export async function inNamespaces(
  way: Pick<Contender, "attach" | "detach" | "stop">,
  addressOf?: (box: Box) => string,
): Promise<Contender> {
  const kept: Box = { number: keptNumber, ports: 0, range: false, path: pathOf(keptNumber) };
  await namespaces.open(kept);
  await way.attach(kept);
  if (addressOf === undefined) return { ...namespaces, ...way };
  const place = async (box: Box): Promise<Place> =>
    await Promise.resolve({ host: ownNamespace, box: box.path, address: addressOf(box) });
  return { ...namespaces, ...way, place };
}

/** Where a box's namespace is, on its contender's host. */
export function pathOf(number: number): string {
  return `/run/netns/box-${number}`;
}
