import type { Cidr, FactQuery, Facts, LinkFacts } from "@netkit/core";

export function link(name: string, mtu: number, ...addresses: string[]): LinkFacts {
  return { name, kind: "", mtu, addresses: addresses as Cidr[] };
}

/** A host that answers as the kernel would. */
export function hostWith(
  links: readonly LinkFacts[],
  uplink?: LinkFacts,
): { facts(queries: readonly FactQuery[]): Facts } {
  return {
    facts: (queries) => ({
      links: Object.fromEntries(
        links
          .filter(({ name }) => queries.some((query) => query.fact === "link" && query.name === name))
          .map((one) => [one.name, one]),
      ),
      ...(queries.some(({ fact }) => fact === "uplink") && uplink !== undefined ? { uplink } : {}),
      ...(queries.some(({ fact }) => fact === "links")
        ? { names: links.flatMap(({ name }) => (name === "lo" ? [] : name)) }
        : {}),
    }),
  };
}
