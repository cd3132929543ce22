import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { hasLinkKind, openNetlink } from "@netkit/netlink";
import type { Case, Requirement } from "./case.ts";

/** Kinds of links that not every kernel has. */
export type LinkKindNeeded = Parameters<typeof hasLinkKind>[1];

const programs: Readonly<Record<Requirement, readonly string[]>> = {
  root: [],
  ip: ["ip", "bridge", "nsenter"],
  nft: ["nft"],
  ping: ["ping"],
};

/** Why a case can't run on this machine, or undefined. */
export function missingRequirement(requirements: readonly Requirement[]): string | undefined {
  for (const requirement of requirements) {
    if (requirement === "root" && process.geteuid?.() !== 0) return "needs root";
    const missing = programs[requirement].find((program) => !isInstalled(program));
    if (missing !== undefined) return `needs the program ${missing}`;
  }
  return undefined;
}

/** Whether this kernel lacks the links that a driver needs; its contract is tested all the same. */
export function lacksLinks(kind: LinkKindNeeded | undefined, { tier }: Pick<Case, "tier">): boolean {
  if (kind === undefined || tier === "contract" || process.geteuid?.() !== 0) return false;
  using socket = openNetlink();
  return !hasLinkKind(socket, kind);
}

/** NETKIT_REQUIRE (`all`, or a list of requirements and tiers) turns a skip into a failure. */
export function isRequired(...words: readonly string[]): boolean {
  const required = process.env["NETKIT_REQUIRE"]?.split(",") ?? [];
  return required.includes("all") || words.some((word) => required.includes(word));
}

function isInstalled(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
