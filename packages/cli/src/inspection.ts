import type { NetkitError } from "@netkit/core";
import type { Result } from "./command.ts";
import { formatJson } from "./json.ts";
import { template } from "./template.ts";

/** The option of every `inspect`. */
export const inspectOptions = {
  format: { short: "f", value: "FORMAT", summary: "'json', or a Go template for each object", complete: ["json"] },
} as const;

/** Objects as one JSON array, as `docker inspect` shows them, or each as --format says. */
export function inspected(
  { done, errors }: { readonly done: readonly unknown[]; readonly errors: readonly NetkitError[] },
  format: string | undefined,
): Result {
  if (format === undefined) return { data: done, text: formatJson(done), errors };
  const text = format === "json" ? formatJson(done, 0) : done.map(template(format)).join("\n");
  return { data: done, text, errors };
}
