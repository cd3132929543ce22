import {
  answer,
  any,
  hooks,
  isAddress,
  isLink,
  isPort,
  not,
  type Answer,
  type HookName,
  type Match,
  type Packet,
} from "./packet.ts";
import type { Entrance, Origin, Rule, Verdict } from "./ruleset.ts";

/** Targets of iptables-extensions(8) after which a packet goes on. */
const passing = new Set(
  "LOG NFLOG ULOG MARK CONNMARK SECMARK CONNSECMARK CT NOTRACK TRACE TCPMSS CHECKSUM CLASSIFY SET DSCP TOS TTL HL TEE AUDIT".split(
    " ",
  ),
);

/** Reads the base chains of the output of iptables-save(8). */
export function parseXtables(text: string, tool: Origin["tool"], family: "ip" | "ip6"): Entrance[] {
  const entrances: Entrance[] = [];
  let chains = new Map<string, Rule[]>();
  let origin: Origin = { tool, family, table: "" };
  for (const line of text.split("\n")) {
    const [, table] = /^\*(\S+)/.exec(line) ?? [];
    if (table !== undefined) {
      chains = new Map();
      origin = { tool, family, table };
    }
    const [, declared, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (declared !== undefined) {
      chains.set(declared, []);
      const hook = declared.toLowerCase();
      // What nat drops it drops before it is a matter of passing.
      if (policy !== "-" && hook in hooks && origin.table !== "nat") {
        entrances.push({
          origin,
          hook: hook as HookName,
          name: declared,
          policy: policy === "DROP" ? "drop" : "accept",
          chains,
        });
      }
    }
    const [, chain = "", rule] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (rule !== undefined) chains.get(chain)?.push(parseRule(rule));
  }
  return entrances;
}

function parseRule(text: string): Rule {
  const words = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const matches: Match[] = [];
  let verdict: Verdict | undefined;
  let negated = false;
  for (let at = 0; at < words.length;) {
    const word = words[at++] ?? "";
    if (word === "!") {
      negated = true;
      continue;
    }
    const values: string[] = [];
    while (at < words.length && !/^(?:-|!$)/.test(words[at] ?? "")) values.push(words[at++] ?? "");
    const [value = ""] = values;
    if (word === "-j" || word === "-g") {
      verdict = verdictOf(value, word === "-g");
      break; // what follows are the target's own options
    }
    const match = parseMatch(word, values);
    if (match !== undefined) {
      const negate = negated;
      matches.push((packet) => (negate ? not(match(packet)) : match(packet)));
    }
    negated = false;
  }
  return { matches, verdict, text };
}

function verdictOf(target: string, goto: boolean): Verdict | undefined {
  if (goto) return { kind: "goto", chain: target };
  if (target === "ACCEPT") return { kind: "accept" };
  if (target === "DROP" || target === "REJECT") return { kind: "drop" };
  if (target === "RETURN") return { kind: "return" };
  if (target === "QUEUE" || target === "NFQUEUE") return { kind: "opaque" };
  return passing.has(target) ? undefined : { kind: "jump", chain: target };
}

/** undefined: it says nothing about which packets are meant. */
function parseMatch(option: string, values: readonly string[]): Match | undefined {
  const [value = ""] = values;
  switch (option) {
    case "-m":
      // Its options say what it matches; these match without any.
      return value === "rpfilter" || value === "socket" || value === "unclean" ? () => "maybe" : undefined;
    case "--comment":
      return undefined;
    case "-i":
      return (packet) => isLink(packet.in, value, "+");
    case "-o":
      return (packet) => isLink(packet.out, value, "+");
    case "-s":
    case "--src-range":
      return (packet) => isAddress(packet.source, value);
    case "-d":
    case "--dst-range":
      return (packet) => isAddress(packet.destination, value);
    case "-p":
      return ({ protocol }) => answer(value === "all" || value === protocol || value === protocolNumbers[protocol]);
    case "--dport":
    case "--dports":
      return (packet) => isOneOfPorts(packet.destinationPort, value);
    case "--sport":
    case "--sports":
      return (packet) => isOneOfPorts(packet.sourcePort, value);
    case "--ports":
      return (packet) => any([isOneOfPorts(packet.sourcePort, value), isOneOfPorts(packet.destinationPort, value)]);
    case "--ctstate":
    case "--state":
      return (packet) => answer(value.split(",").some((state) => isState(packet, state)));
    case "--ctstatus":
      return ({ translated }) => (value === "DNAT" ? answer(translated) : "maybe");
    case "--ctdir":
      return ({ state }) => (state === "new" ? answer(value === "ORIGINAL") : "maybe");
    case "--syn":
      return ({ state, protocol }) => answer(state === "new" && protocol === "tcp");
    case "--tcp-flags": {
      const [mask = "", flags = ""] = values.map((names) => names.replace("ALL", "FIN,SYN,RST,PSH,ACK,URG"));
      return ({ protocol, state }) => {
        const flag = state === "new" ? "SYN" : "ACK";
        return answer(protocol === "tcp" && flags === (mask.split(",").includes(flag) ? flag : "NONE"));
      };
    }
    case "--icmp-type":
    case "--icmpv6-type":
    case "--rt-type":
    case "--ahspi":
    case "--espspi":
    case "--fragid":
    case "--hbh-len":
    case "--dst-len":
      // Headers that none of these packets has.
      return () => "no";
    case "--mark":
      return () => isUnmarked(value);
    case "--dst-type":
      return ({ hook }) => (hook === "input" ? answer(value === "LOCAL") : answer(value === "UNICAST"));
    case "--src-type":
      return ({ hook }) => (hook === "output" ? answer(value === "LOCAL") : answer(value === "UNICAST"));
    case "--pkt-type":
      return () => answer(value === "unicast");
    case "--physdev-is-bridged":
      return (packet) => answer(packet.in === packet.out);
    default:
      return () => "maybe";
  }
}

const protocolNumbers = { tcp: "6", udp: "17", sctp: "132" } as const;

function isOneOfPorts(port: number | undefined, text: string): Answer {
  return any(
    text.split(",").map((part) => {
      const [first = 0, last = first] = part.split(":").map(Number);
      return isPort(port, first, last);
    }),
  );
}

function isState({ state, translated }: Packet, word: string): boolean {
  return word === state.toUpperCase() || (word === "DNAT" && translated);
}

/** Packets carry no mark until somebody gives them one, which is not followed. */
function isUnmarked(text: string): Answer {
  return answer(Number(text.split("/")[0]) === 0);
}
