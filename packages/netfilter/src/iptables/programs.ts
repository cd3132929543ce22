import type { Home } from "../home.ts";
import { findProgram, runProgram, type Outcome } from "../program.ts";
import type { Version } from "./chains.ts";

/** iptables-save(8) and iptables-restore(8) of both families: the only way from this package to iptables. */
export interface Iptables {
  save(version: Version): Promise<Outcome>;
  restore(version: Version, input: string): Promise<Outcome>;
}

let interpose: (iptables: Iptables) => Iptables = (iptables) => iptables;

/** As `setNft`, for {@link Iptables}. */
export function setIptables(wrap: (iptables: Iptables) => Iptables): (iptables: Iptables) => Iptables {
  const previous = interpose;
  interpose = wrap;
  return previous;
}

/** How long to wait for another user of the legacy tables' lock. */
const LOCK_S = "10";

/** Undefined where the programs aren't installed. */
export function openIptables(home: Home): Iptables | undefined {
  const [save4, save6] = [findProgram("iptables-save"), findProgram("ip6tables-save")];
  const [restore4, restore6] = [findProgram("iptables-restore"), findProgram("ip6tables-restore")];
  if (save4 === undefined || save6 === undefined || restore4 === undefined || restore6 === undefined) return undefined;
  return interpose({
    save: (version) => runProgram(home, version === 4 ? save4 : save6, []),
    restore: (version, input) =>
      runProgram(home, version === 4 ? restore4 : restore6, ["--noflush", "-w", LOCK_S], input),
  });
}
