import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { Requirement } from "./case.ts";

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
