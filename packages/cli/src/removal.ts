import type { ErrorCode, NetkitError } from "@netkit/core";
import type { Result } from "./command.ts";
import { forEach } from "./each.ts";

interface Named {
  readonly name: string;
}

interface Removal {
  /** What was given on the command line, with what it stood for. */
  readonly done: readonly { readonly ref: string; readonly object: Named }[];
  readonly errors: readonly NetkitError[];
}

export async function removal(refs: readonly string[], remove: (ref: string) => Promise<Named>): Promise<Removal> {
  return await forEach(refs, async (ref) => ({ ref, object: await remove(ref) }));
}

/** Each on a line as it was called, as Docker prints them; errors of the code `forgiven` don't count. */
export function removed({ done, errors }: Removal, forgiven?: ErrorCode): Result {
  return {
    data: done.map(({ object }) => object),
    text: done.map(({ ref }) => ref).join("\n"),
    errors: errors.filter(({ code }) => code !== forgiven),
  };
}
