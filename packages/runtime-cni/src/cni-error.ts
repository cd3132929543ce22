import { exitCodes, toNetkitError, type ErrorCode } from "@netkit/core";

/** Codes of the CNI specification 1.1.0, section "Error", and 8 of its Go library. Those of netkit's own are 100 and above. */
export const cniCodes = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  io: 5,
  undecodable: 6,
  invalidConfiguration: 7,
  invalidNamespace: 8,
  tryAgainLater: 11,
  unavailable: 50,
  limited: 51,
} as const;

/** What a plugin prints in place of a result. */
export class CniError extends Error {
  readonly code: number;
  readonly details: string;

  constructor(code: number, message: string, details = "") {
    super(message);
    this.code = code;
    this.details = details;
  }
}
Object.defineProperty(CniError.prototype, "name", { value: "CniError" });

const special: Partial<Record<ErrorCode, number>> = {
  NETWORK_NOT_FOUND: cniCodes.invalidConfiguration,
  DRIVER_UNKNOWN: cniCodes.invalidConfiguration,
  NAMESPACE_NOT_FOUND: cniCodes.invalidNamespace,
  STATE_UNWRITABLE: cniCodes.io,
  STATE_CHANGED: cniCodes.tryAgainLater,
  STORE_UNAVAILABLE: cniCodes.tryAgainLater,
  LOCKED: cniCodes.tryAgainLater,
};

/** What is to be done where netkit's hint is for whoever is at its command line. */
const remedies: Partial<Record<ErrorCode, string>> = {
  NAMESPACE_ADOPTED:
    "A container's is neither the host's nor that of another sandbox: 'netkit sandbox ls' lists those.",
};

/**
 * Anything that was thrown as a CNI error: what the configuration has wrong is 7, what a later attempt may do is 11, and all
 * else is 100 and netkit's exit status. The details begin with netkit's own code.
 */
export function toCniError(thrown: unknown): CniError {
  if (thrown instanceof CniError) return thrown;
  const error = toNetkitError(thrown);
  const code =
    special[error.code] ?? (error.kind === "invalid" ? cniCodes.invalidConfiguration : 100 + exitCodes[error.kind]);
  const hint = remedies[error.code] ?? error.hint;
  return new CniError(code, error.message, [error.code, hint].filter((part) => part !== undefined).join(": "));
}
