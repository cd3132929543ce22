import { NetkitError, toNetkitError } from "@netkit/core";

/** All failures as one error: what went wrong first, and what could not be taken back after it. */
export function failTogether(failures: readonly unknown[]): NetkitError {
  const errors = failures.map(toNetkitError);
  const [first] = errors;
  if (errors.length === 1 && first !== undefined) return first;
  return new NetkitError("TEARDOWN", errors.map(({ message }) => message).join("; "), {
    hint: "Run 'netkit doctor --repair' to bring the kernel back in line.",
    details: { failures: errors.map((error) => error.toJSON()) },
    cause: new AggregateError(errors, "not everything could be undone"),
  });
}
