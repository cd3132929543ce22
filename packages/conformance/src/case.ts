import type { AnyDriver } from "@netkit/core";
import type { Subject } from "./lab/index.ts";

/** `contract`: pure functions alone; `kernel`: a network namespace that plays the host; `traffic`: packets through it. */
export type Tier = "contract" | "kernel" | "traffic";

export const tiers: readonly Tier[] = ["contract", "kernel", "traffic"];

/** What a case needs of the machine; see {@link missingRequirement}. */
export type Requirement = "root" | "ip" | "nft" | "ping";

export interface CaseContext {
  readonly subject: Subject;
  readonly driver: AnyDriver;
  readonly signal?: AbortSignal;
  /** A figure or remark for the report. */
  readonly note: (text: string) => void;
}

/** One rule of the contract and how it is checked. Cases are data: any runner can run them. */
export interface Case {
  /** Never given to another rule: `DRV-ATTACH-001`. */
  readonly id: string;
  /** The version of the driver contract that the rule came with. */
  readonly since: number;
  /** What must be so, in a sentence. */
  readonly rule: string;
  readonly tier: Tier;
  readonly requires: readonly Requirement[];
  /** By what the driver says of itself, never by what the caller wishes. */
  applies(driver: AnyDriver): boolean;
  /** Throws an AssertionError, or whatever the driver throws, if the rule is broken. */
  readonly run: (context: CaseContext) => Promise<void> | void;
}
