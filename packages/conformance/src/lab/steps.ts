import type { AnyDriver, Instance } from "@netkit/core";

/** True if networks of the driver can be created: the others have one predefined network, or none. */
export function makesNetworks({ traits }: AnyDriver): boolean {
  return traits.namespace === "own" && !traits.exclusive;
}

/** What a sandbox asks for to be on the driver's only network; `holder` is the sandbox that a joining one joins. */
export function onlyNetwork(driver: AnyDriver, instance: Instance, holder: string): string {
  if (driver.traits.namespace === "joined") return `${driver.name}:${holder}`;
  return driver.predefined?.(instance)?.name ?? driver.name;
}

type Work = () => Promise<unknown>;

/** One operation, as it is asked for. */
export interface Step {
  readonly what: string;
  readonly run: Work;
  /** Brings back what was there before. */
  readonly back: Work;
  /** True for what can't be taken back half-way, for it removes: it is finished. */
  readonly removes: boolean;
  /** It begins with damage that somebody does by hand, and mends it. */
  readonly mends?: true;
}

export interface Pair {
  readonly make: Step;
  readonly remove: Step;
}

export function pair(what: string, make: Work, remove: Work): Pair {
  return {
    make: { what: `make ${what}`, run: make, back: remove, removes: false },
    remove: { what: `remove ${what}`, run: remove, back: make, removes: true },
  };
}

/** As {@link Pair.remove} for what is undone when it fails, as what makes something is. */
export function undone({ remove }: Pair): Step {
  return { ...remove, removes: false };
}
