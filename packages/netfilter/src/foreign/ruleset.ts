import type { Family } from "@netkit/core";
import { all, type HookName, type Match, type Packet } from "./packet.ts";

/** What a rule does with a packet that it matches; `opaque`: nobody can tell from here. */
export type Verdict =
  | { readonly kind: "accept" | "drop" | "return" | "opaque" }
  | { readonly kind: "jump" | "goto"; readonly chain: string };

export interface Rule {
  readonly matches: readonly Match[];
  /** undefined: it goes on. */
  readonly verdict: Verdict | undefined;
  /** As its tool writes it. */
  readonly text: string;
}

/** Chains of one table that know each other by name. */
export type Chains = ReadonlyMap<string, readonly Rule[]>;

/** Whose rules they are, which decides what allows traffic there. */
export interface Origin {
  /** `nftables`, or the program whose rules they are. */
  readonly tool: "nftables" | "iptables" | "iptables-nft" | "iptables-legacy";
  readonly family: "inet" | "ip" | "ip6";
  readonly table: string;
}

/** A chain that the kernel enters by itself. */
export interface Entrance {
  readonly origin: Origin;
  readonly hook: HookName;
  readonly name: string;
  readonly policy: "accept" | "drop";
  /** Absent: what is in it can't be read here. */
  readonly chains?: Chains;
}

/** What drops a packet. */
export interface Hit {
  readonly entrance: Entrance;
  /** The chain that the rule is in. */
  readonly chain: string;
  /** Absent: it is the policy. */
  readonly rule?: Rule;
  /** False: it may be so, for something about it can't be judged. */
  readonly certain: boolean;
}

interface Outcome {
  readonly end: "accept" | "drop" | "through";
  readonly hit?: Omit<Hit, "entrance">;
  /** A packet may have been accepted before the end. */
  readonly mayAccept: boolean;
  /** A packet may have been dropped before the end. */
  readonly mayDrop?: Omit<Hit, "entrance">;
}

export function concerns(entrance: Entrance, family: Family): boolean {
  const { family: own } = entrance.origin;
  return own === "inet" || (own === "ip") === (family === "ipv4");
}

/** What of a base chain drops a packet; undefined when it lets it pass. */
export function judge(entrance: Entrance, packet: Packet): Hit | undefined {
  if (entrance.hook !== packet.hook || !concerns(entrance, packet.family)) return undefined;
  const policy = { chain: entrance.name, certain: entrance.chains !== undefined };
  if (entrance.chains === undefined) return entrance.policy === "drop" ? { entrance, ...policy } : undefined;
  const { end, hit = policy, mayAccept, mayDrop } = walk(entrance.chains, entrance.name, packet);
  const dropped = end === "drop" || (end === "through" && entrance.policy === "drop");
  if (dropped) return { entrance, ...hit, certain: !mayAccept };
  return mayDrop === undefined ? undefined : { entrance, ...mayDrop, certain: false };
}

function walk(chains: Chains, name: string, packet: Packet): Outcome {
  let mayAccept = false;
  let mayDrop: Outcome["mayDrop"];
  /** A rule may have ended the chain. */
  let mayHaveLeft = false;
  const end = (outcome: "accept" | "drop" | "through", hit?: Omit<Hit, "entrance">): Outcome => ({
    end: outcome,
    mayAccept,
    ...(hit === undefined ? {} : { hit }),
    ...(mayDrop === undefined ? {} : { mayDrop }),
  });
  for (const rule of chains.get(name) ?? []) {
    if (rule.verdict === undefined) continue;
    const matched = all(rule.matches.map((match) => match(packet)));
    if (matched === "no") continue;
    const sure = matched === "yes" && !mayHaveLeft;
    const hit = { chain: name, rule, certain: sure };
    const { verdict } = rule;
    switch (verdict.kind) {
      case "accept":
        if (sure) return end("accept");
        mayAccept = true;
        break;
      case "drop":
        if (sure) return end("drop", hit);
        mayDrop ??= hit;
        break;
      case "opaque":
        mayDrop ??= hit;
        mayAccept = true;
        break;
      case "return":
        if (sure) return end("through");
        mayHaveLeft = true;
        break;
      case "jump":
      case "goto": {
        const inner = walk(chains, verdict.chain, packet);
        mayAccept ||= inner.mayAccept;
        mayDrop ??= inner.mayDrop;
        if (sure && inner.end !== "through") return end(inner.end, inner.hit);
        if (inner.end === "accept") mayAccept = true;
        if (inner.end === "drop") mayDrop ??= inner.hit;
        if (verdict.kind === "goto") {
          if (sure) return end("through");
          mayHaveLeft = true;
        }
      }
    }
  }
  return end("through");
}
