import { casesFor } from "@netkit/conformance";
import type { AnyDriver } from "@netkit/core";

/** Runs the case with that id against a driver. @throws what the case throws, and when the driver needn't pass it */
export async function runCases(driver: AnyDriver, id: string): Promise<void> {
  const [found] = casesFor(driver, { only: [id] });
  if (found === undefined) throw new RangeError(`${id} is no case for driver ${driver.name}`);
  await found.run({ subject: { module: new URL("drivers.ts", import.meta.url) }, driver, note: () => {} });
}
