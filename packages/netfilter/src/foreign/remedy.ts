import type { Packet } from "./packet.ts";
import type { Chains, Entrance, Hit } from "./ruleset.ts";

/** Commands that have whoever drops a link's traffic let it pass; those who own the rules decide whether to run them. */
export function remedyOf({ entrance, chain }: Hit, link: string, packet: Packet): string[] {
  const { origin, name } = entrance;
  if (origin.tool === "nftables") {
    if (origin.table === "firewalld") {
      return ["", "--permanent "].map((lasting) => `firewall-cmd ${lasting}--zone=trusted --add-interface=${link}`);
    }
    const rule = `nft insert rule ${origin.family} ${origin.table} ${name}`;
    return sides(packet, (side) => `${rule} ${side === "in" ? "iifname" : "oifname"} "${link}" accept`);
  }
  const reached = entrance.chains === undefined ? new Set<string>() : reachable(entrance.chains, name);
  const byUfw = [...reached].some((other) => /^ufw6?-user-/.test(other));
  // What an administrator wrote into before.rules comes before what ufw's commands write.
  if (byUfw && !/^ufw6?-before-/.test(chain)) {
    const route = packet.hook === "forward" ? "route " : "";
    return sides(packet, (side) => `ufw ${route}allow ${side} on ${link}`);
  }
  const program = origin.family === "ip6" ? origin.tool.replace("iptables", "ip6tables") : origin.tool;
  const table = origin.table === "filter" ? "" : ` -t ${origin.table}`;
  const into = reached.has("DOCKER-USER") && packet.hook === "forward" ? "DOCKER-USER" : name;
  return sides(packet, (side) => `${program}${table} -I ${into} ${side === "in" ? "-i" : "-o"} ${link} -j ACCEPT`);
}

/** Where a packet is forwarded both directions have to pass. */
function sides({ hook }: Packet, command: (side: "in" | "out") => string): string[] {
  const wanted =
    hook === "forward" ? (["in", "out"] as const) : hook === "input" ? (["in"] as const) : (["out"] as const);
  return wanted.map(command);
}

function reachable(chains: Chains, from: string): Set<string> {
  const found = new Set([from]);
  for (const name of found) {
    for (const { verdict } of chains.get(name) ?? []) {
      if (verdict?.kind === "jump" || verdict?.kind === "goto") found.add(verdict.chain);
    }
  }
  return found;
}

/** A base chain in words: `chain FORWARD of table filter (iptables)`. */
export function describeEntrance({ origin, name }: Entrance): string {
  const { tool, family, table } = origin;
  if (tool === "nftables") return `chain ${name} of table ${family} ${table} (nftables)`;
  return `chain ${name} of table ${table} (${family === "ip6" ? tool.replace("iptables", "ip6tables") : tool})`;
}
