import { findProgram } from "./program.ts";

/** The path of one of the reference CNI plugins (containernetworking-plugins), if setup brought them or the machine has them. */
export function referencePlugin(name: string): string | undefined {
  return findProgram(name, "usr/lib/cni");
}
