import { linksText } from "../iptables/links.ts";
import type { Packet } from "./packet.ts";
import type { Chains, Entrance, Hit, Rule } from "./ruleset.ts";

type Side = "in" | "out";

/** What is to pass: all that comes and goes by a link, or of that what is for a UDP port. */
export interface Passage {
  readonly link: string;
  readonly port?: number;
}

/** Commands that have whoever drops a passage's traffic let it pass; those who own the rules decide whether to run them. */
export function remedyOf(hit: Hit, passage: Passage, packet: Packet): string[] {
  const { port } = passage;
  const links = linksText(passage.link);
  const { origin, name, chains = new Map<string, readonly Rule[]>() } = hit.entrance;
  const reached = reachable(chains, name);
  const byFirewalld = origin.table === "firewalld" || reached.has(`${name}_direct`);
  // firewalld's policies come before its zones, and hold for a zone that lets everything pass too.
  if (byFirewalld && !hit.chain.includes("_policy_")) return firewalldCommands({ ...passage, link: links });
  if (origin.tool === "nftables") {
    const rule = `nft insert rule ${origin.family} ${origin.table} ${name}`;
    const udp = port === undefined ? "" : ` udp dport ${port}`;
    return sidesOf(packet).map(
      (side) => `${rule} ${side === "in" ? "iifname" : "oifname"} "${passage.link}"${udp} accept`,
    );
  }
  const users = [...reached].find((other) => /^ufw6?-user-(?:forward|input|output)$/.test(other));
  // What an administrator wrote into before.rules comes before what ufw's commands write.
  if (users !== undefined && !/^ufw6?-before-/.test(hit.chain)) {
    return ufwCommands(chains.get(users) ?? [], { ...passage, link: links }, packet);
  }
  const program = origin.family === "ip6" ? origin.tool.replace("iptables", "ip6tables") : origin.tool;
  const table = origin.table === "filter" ? "" : ` -t ${origin.table}`;
  const into = reached.has("DOCKER-USER") && packet.hook === "forward" ? "DOCKER-USER" : name;
  const udp = port === undefined ? "" : ` -p udp --dport ${port}`;
  return sidesOf(packet).map((side) => `${program}${table} -I ${into} ${flag(side)} ${links}${udp} -j ACCEPT`);
}

/** For now and for the next start. `--add-interface` refuses a link that is in another zone. A port is one of the default zone. */
function firewalldCommands({ link, port }: Passage): string[] {
  const change = port === undefined ? `--zone=trusted --change-interface=${link}` : `--add-port=${port}/udp`;
  return ["", "--permanent "].map((lasting) => `firewall-cmd ${lasting}${change}`);
}

const ufwWords = { ACCEPT: "allow", DROP: "deny", REJECT: "reject" } as const;

/**
 * ufw appends a rule, changes the action of an equal one where that stands, and prepends only what isn't there yet. So
 * where some of the user's rules don't allow, an equal one is deleted and the new one comes before them.
 */
function ufwCommands(rules: readonly Rule[], { link, port }: Passage, packet: Packet): string[] {
  const [to, matched] =
    port === undefined ? ["", ""] : [` to any port ${port} proto udp`, ` -p udp -m udp --dport ${port}`];
  const route = packet.hook === "forward" ? "route " : "";
  const first = rules.some(({ verdict }) => verdict !== undefined && verdict.kind !== "accept");
  return sidesOf(packet).flatMap((side) => {
    const allow = `allow ${side} on ${link}${to}`;
    if (!first) return `ufw ${route}${allow}`;
    const old = Object.entries(ufwWords).find(([target]) =>
      rules.some(({ text }) => `${text} `.startsWith(`${flag(side)} ${link}${matched} -j ${target} `)),
    );
    return [
      ...(old === undefined ? [] : [`ufw ${route}delete ${old[1]} ${side} on ${link}${to}`]),
      `ufw ${route}prepend ${allow}`,
    ];
  });
}

function flag(side: Side): string {
  return side === "in" ? "-i" : "-o";
}

/** Where a packet is forwarded both directions have to pass. */
function sidesOf({ hook }: Packet): readonly Side[] {
  return hook === "forward" ? ["in", "out"] : hook === "input" ? ["in"] : ["out"];
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
