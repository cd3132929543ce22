import type { Finding } from "@netkit/engine";

/** What is wrong after a fault. */
export interface Complaint {
  /**
   * `leak`: something is there that nothing needs. `loss`: something is gone, or otherwise than it was acknowledged. `error`: whoever
   * asked isn't told what has happened, and what to do.
   */
  readonly kind: "leak" | "loss" | "error";
  readonly message: string;
}

/** Of lines with `+` for what has come and `-` for what has gone, as `compareSnapshots` makes them. */
export function differing(lines: readonly string[]): Complaint[] {
  return lines.map((message) => ({ kind: /^[^+-]*: \+ /.test(message) ? "leak" : "loss", message }));
}

/** Of what doctor has found. */
export function examined(findings: readonly Finding[]): Complaint[] {
  return findings.map(({ problem, message }) => ({
    kind: problem === "stray" ? "leak" : "loss",
    message: `doctor: ${message}`,
  }));
}

/** The same, with where it came from. */
export function after(what: string, complaints: readonly Complaint[]): Complaint[] {
  return complaints.map(({ kind, message }) => ({ kind, message: `${what}: ${message}` }));
}
