import { NetkitError, toNetkitError } from "@netkit/core";

/** What a call has wrong. Where netavark says the same, it is in its words. */
export function refusal(message: string, hint?: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", message, hint === undefined ? {} : { hint });
}

/** What Podman prints behind "netavark: ". */
export function failureText(thrown: unknown): string {
  const { message, hint } = toNetkitError(thrown);
  return hint === undefined ? message : `${message}. ${hint}`;
}
