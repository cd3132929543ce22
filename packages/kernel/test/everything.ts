import { rowsOf, sh, tcJson, type Row } from "./host.ts";

// Processes are what takes the time, where processors are emulated above all: iproute2 answers several questions in one.
const ofLinks = "link show,address show,neighbour show nud permanent,neighbour show proxy";
const ofRoutes = "route show table all,rule show";

/** All that iproute2 shows of the host and a sandbox, without what the kernel adds by itself some time later. */
export function everything(ns: string): unknown {
  return [picture("", ""), picture(`-n ${ns} `, `ip netns exec ${ns} `)];
}

/** @param where what iproute2's programs need to look there; `inside`: what others do */
function picture(where: string, inside: string): unknown {
  const batch = (family: string, questions: string): string =>
    `ip ${where}${family} -j -d -batch - <<'END'\n${questions.replaceAll(",", "\n")}\nEND\n`;
  const parts = sh(`${batch("", ofLinks)}echo '#'
    ${batch("-4", ofRoutes)}echo '#'
    ${batch("-6", ofRoutes)}echo '#'
    bridge ${where}-j -d fdb show; echo '#'
    tc ${where}-j qdisc show; echo '#'
    ${inside}cat /proc/sys/net/ipv4/ip_local_port_range`).split("#\n");
  const [about = "", four = "", six = "", forwarding = "", disciplines = "", ports] = parts;
  const [links, addresses, neighbours, proxies] = answers(about, ofLinks);
  const [routes4, rules4] = answers(four, ofRoutes);
  const [routes6, rules6] = answers(six, ofRoutes);
  const qdiscs = rowsOf(disciplines);
  return {
    links: links?.map(steady),
    addresses: addresses?.map((row) => [
      row["ifname"],
      (row["addr_info"] as Record<string, unknown>[]).filter(({ scope }) => scope !== "link").map(steady),
    ]),
    routes: [routes4, routes6].map((routes) => routes?.filter(isLasting).map(steady)),
    rules: [rules4, rules6],
    neighbours,
    proxies,
    // Learned ones have no state, and the order means nothing.
    fdb: rowsOf(forwarding)
      .filter((row) => row["state"] !== "" && isLasting(row))
      .map((row) => JSON.stringify(steady(row)))
      .toSorted(),
    qdiscs: qdiscs.map(steady),
    // Only these have any.
    filters: qdiscs
      .filter(({ kind }) => kind === "ingress" || kind === "clsact")
      .map(({ dev }) => tcJson(`${where}filter show dev ${String(dev)} ingress`).map(steady)),
    ports,
  };
}

function answers(text: string, questions: string): Row[][] {
  const lines = text.trimEnd().split("\n");
  if (lines.length !== questions.split(",").length) throw new Error(`ip has ${lines.length} answers to ${questions}`);
  return lines.map(rowsOf);
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
