import { shortId, type Ip, type SharedHost } from "@netkit/core";
import { enumerated } from "../listed.ts";

type Placed = Pick<SharedHost, "id" | "name" | "vtep">;

/** Hosts that are reached by one address: what is meant for one of them gets to either. */
export function withOneAddress(hosts: readonly Placed[]): { readonly message: string; readonly hint: string }[] {
  const each = new Map(hosts.map((host) => [host.id, host])).values();
  return [...Map.groupBy(each, ({ vtep }) => vtep)].flatMap(([vtep, those]) =>
    those.length < 2 ? [] : [sharing(vtep, those)],
  );
}

function sharing(vtep: Ip, hosts: readonly Placed[]): { readonly message: string; readonly hint: string } {
  const who = hosts.map(({ id, name }) => `'${name}' (${shortId(id)})`).toSorted();
  return {
    message: `the hosts ${enumerated(who)} have one address, ${vtep}, where their tunnels end: what is meant for one gets to another`,
    hint: "Give each host an address of its own, or have it tell others another one: netkit agent --advertise LINK",
  };
}
