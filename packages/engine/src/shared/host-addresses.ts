import { familyOf, shortId, type Ip, type SharedHost } from "@netkit/core";
import { enumerated } from "../listed.ts";

type Placed = Pick<SharedHost, "id" | "name" | "vtep">;

interface Wrong {
  readonly message: string;
  readonly hint: string;
}

/** What of the addresses that hosts are reached by keeps some of them from each other. */
export function wrongAddresses(hosts: readonly Placed[]): Wrong[] {
  const each = [...new Map(hosts.map((host) => [host.id, host])).values()];
  const byVtep = Map.groupBy(each, ({ vtep }) => vtep);
  return [
    ...[...byVtep].flatMap(([vtep, those]) => (those.length < 2 ? [] : [sharing(vtep, those)])),
    ...ofTwoFamilies(each),
  ];
}

/** What is meant for one of them gets to either. */
function sharing(vtep: Ip, hosts: readonly Placed[]): Wrong {
  return {
    message: `the hosts ${named(hosts)} have one address, ${vtep}, where their tunnels end: what is meant for one gets to another`,
    hint: "Give each host an address of its own, or have it tell others another one: netkit agent --advertise LINK",
  };
}

/** A tunnel has one family. */
function ofTwoFamilies(hosts: readonly Placed[]): Wrong[] {
  const [four, six] = (["ipv4", "ipv6"] as const).map((family) =>
    hosts.filter(({ vtep }) => familyOf(vtep) === family),
  );
  if (four === undefined || six === undefined || four.length === 0 || six.length === 0) return [];
  return [
    {
      message: `${named(four)} ${four.length === 1 ? "is" : "are"} reached by IPv4, and ${named(six)} by IPv6: no tunnel joins them, and nothing gets from the ones to the others`,
      hint: "Have all hosts advertise addresses of one family: netkit agent --advertise ADDRESS",
    },
  ];
}

function named(hosts: readonly Placed[]): string {
  return enumerated(hosts.map(({ id, name }) => `'${name}' (${shortId(id)})`).toSorted());
}
