import { NetkitError } from "@netkit/core";

/** What events are about. */
export const eventTypes = ["agent", "network", "sandbox", "endpoint", "port"] as const;

export type EventType = (typeof eventTypes)[number];

/** @throws NetkitError ARGUMENT_INVALID: no event will ever be of that type */
export function checkEventTypes(types: readonly string[]): void {
  const unknown = types.find((type) => !(eventTypes as readonly string[]).includes(type));
  if (unknown === undefined) return;
  throw new NetkitError("ARGUMENT_INVALID", `there are no events of type ${JSON.stringify(unknown.slice(0, 130))}`, {
    hint: `The types are ${eventTypes.join(", ")}.`,
    details: { type: unknown },
  });
}
