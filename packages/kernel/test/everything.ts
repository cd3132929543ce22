import { bridgeJson, ipJson, sh, tcJson } from "./host.ts";

/** All that iproute2 shows of the host and a sandbox, without what the kernel adds by itself some time later. */
export function everything(ns: string): unknown {
  const families = ["-4", "-6"];
  return ["", `-n ${ns} `].map((where) => ({
    links: ipJson(`${where}link show`).map(steady),
    addresses: ipJson(`${where}address show`).map((row) => [
      row["ifname"],
      (row["addr_info"] as Record<string, unknown>[]).filter(({ scope }) => scope !== "link").map(steady),
    ]),
    routes: families.map((family) => ipJson(`${where}${family} route show table all`).filter(isLasting).map(steady)),
    rules: families.map((family) => ipJson(`${where}${family} rule show`)),
    neighbours: families.map((family) => ipJson(`${where}${family} neighbour show nud permanent`)),
    proxies: families.map((family) => ipJson(`${where}${family} neighbour show proxy`)),
    // Learned ones have no state, and the order means nothing.
    fdb: bridgeJson(`${where}fdb show`)
      .filter((row) => row["state"] !== "" && isLasting(row))
      .map((row) => JSON.stringify(steady(row)))
      .toSorted(),
    qdiscs: tcJson(`${where}qdisc show`).map(steady),
    filters: ipJson(`${where}link show`).map(({ ifname }) =>
      tcJson(`${where}filter show dev ${String(ifname)} ingress`).map(steady),
    ),
    ports: sh(`${where === "" ? "" : `ip netns exec ${ns} `}sysctl -n net.ipv4.ip_local_port_range`),
  }));
}

/** False for what comes with link-local addresses and multicast groups. */
function isLasting({ dst, mac }: Record<string, unknown>): boolean {
  return !/^(fe80|ff00|33:33|01:00)/.test(String(mac ?? dst));
}

const unsteady =
  /^(ifindex|link_index|link_netnsid|updated|used|.*_timer|root_id|bridge_id|.*_no|port_id|designated_.*|tso_max_size|operstate|flags|state|pref)$/;

function steady(row: Record<string, unknown>): unknown {
  return JSON.parse(JSON.stringify(row, (key: string, value: unknown) => (unsteady.test(key) ? undefined : value)));
}
