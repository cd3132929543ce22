import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Candidate } from "./candidate.ts";

/** As `kernelName` of core makes them. */
const ofNetkit = /^nk[a-z][0-9a-z]{7,}$/;

/** The links of this host that lead somewhere, without those that netkit has made, with their addresses. */
export function links(): Candidate[] {
  // The addresses that Node lists leave out links without any.
  const names = readFileSync("/proc/net/dev", "utf8").matchAll(/^ *([^\s:]+):/gm);
  const byLink = Map.groupBy(addresses(), ({ summary }) => summary);
  return [...names].flatMap(([, name = ""]) => {
    if (name === "lo" || ofNetkit.test(name)) return [];
    const own = (byLink.get(name) ?? []).map(({ word }) => word);
    return own.length === 0 ? { word: name } : { word: name, summary: own.join(", ") };
  });
}

/** The addresses of this host that others reach, with their links. */
export function addresses(): Candidate[] {
  return Object.entries(networkInterfaces()).flatMap(([link, all = []]) => {
    const others = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"));
    return ofNetkit.test(link) ? [] : others.map(({ address }) => ({ word: address, summary: link }));
  });
}
